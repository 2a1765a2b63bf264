import { isIP } from 'node:net';
import { formatDuration, parseDuration } from './duration.ts';
import { ledgerUrlProblem } from './ledger-url.ts';
import { MatcherError, parseMatcher } from './matcher.ts';
import type { Node } from './nodes.ts';

/** What a value of a schema is called: the end of a sentence that begins with "expected". */
export function expectationOf(node: Node): string {
  const word = node.word === undefined ? '' : ` or ${node.word}`;
  switch (node.type) {
    case 'object':
      return 'a mapping';
    case 'array':
      return `a list${word}`;
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `a whole number from ${node.minimum} to ${node.maximum}${word}`;
    case 'string':
      return stringExpectation(node, word);
    default:
      return node satisfies never;
  }
}

function stringExpectation(node: Node, word: string): string {
  switch (node.kind) {
    case 'duration':
      return `a duration such as 5s or 1h30m${word}`;
    case 'choice':
      return `one of ${(node.choices ?? []).join(', ')}`;
    case 'percent':
      return 'a percentage from 0% to 100%, such as 10%';
    case 'url':
      return 'a URL such as http://127.0.0.1:8083';
    case 'matcher':
      return 'a matcher such as connector=~"legacy-.*"';
    case 'ledger':
      return 'sqlite:PATH, memory:, redis://…, rediss://…, redis+sentinel://… or redis+cluster://…';
    case 'path':
      return 'the path of a file';
    case 'label':
      return `a label name (letters, digits and _, no digit first)${node.mayBeEmpty === true ? ' or nothing ("")' : ''}`;
    case 'host':
      return 'a host name or an IP address, without port and brackets';
    case 'prefix':
      return 'letters, digits and . _ : -';
    case 'token':
      return 'a token of printable ASCII characters without spaces, not empty';
    case 'password':
      return 'a password without control characters, not empty';
    case 'username':
      return 'a user name without colon and control characters, not empty';
    default:
      return 'text without control characters, not empty (numbers in quotes)';
  }
}

/** Whether a text is of its kind: null, or what was expected. Words and lengths are not looked at here. */
export function checkString(node: Node, text: string): string | null {
  const expected = expectationOf(node);
  switch (node.kind) {
    case 'duration':
      return checkDuration(node, text, expected);
    case 'choice':
      return node.choices?.includes(text) === true ? null : expected;
    case 'percent':
      return parsePercent(text) === null ? expected : null;
    case 'url':
      return checkUrl(text);
    case 'matcher':
      return checkMatcher(text, expected);
    case 'ledger':
      return ledgerUrlProblem(text);
    case 'label':
      if (text === '') return node.mayBeEmpty === true ? null : expected;
      return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) ? null : expected;
    case 'host':
      return isIP(text) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text) ? null : expected;
    case 'prefix':
      // No braces: in a Redis cluster they would decide which node a key is on.
      return /^[A-Za-z0-9._:-]+$/.test(text) ? null : expected;
    case 'token':
      return /^[\x21-\x7e]+$/.test(text) ? null : expected;
    case 'username':
      return isPrintable(text) && !text.includes(':') ? null : expected;
    default:
      return isPrintable(text) ? null : expected;
  }
}

function isPrintable(text: string): boolean {
  return /^\P{Cc}+$/u.test(text) && text.trim() !== '';
}

function checkDuration(node: Node, text: string, expected: string): string | null {
  const reading = parseDuration(text);
  if (!reading.ok) return `${expected}, ${reading.why}`;
  const { minMs = 0, maxMs } = node;
  if (reading.ms === 0 && node.zeroIsWord === true) return null;
  if (reading.ms < minMs)
    return `${expected}, ${minMs === 1 ? 'longer than 0s' : `at least ${formatDuration(minMs)}`}`;
  if (maxMs !== undefined && reading.ms > maxMs) return `${expected}, at most ${formatDuration(maxMs)}`;
  return null;
}

/** `10%` as 0.1; null when it is no percentage from 0% to 100%. */
export function parsePercent(text: string): number | null {
  const number = /^(\d{1,3}(?:\.\d{1,6})?) ?%$/.exec(text)?.[1];
  if (number === undefined || Number(number) > 100) return null;
  return Number(number) / 100;
}

function checkMatcher(text: string, expected: string): string | null {
  try {
    parseMatcher(text);
    return null;
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    return `${expected}: ${error.message}`;
  }
}

/** A base URL. Each thing that would be dropped or sent where it does not belong is refused by name. */
function checkUrl(text: string): string | null {
  const expected = 'a URL that begins with http:// or https://';
  // Before the parser, which repairs what it can: `http:host` and `http:\\host` would pass.
  if (!/^https?:\/\/[^/\\]/i.test(text)) return expected;
  const authority = text.slice(text.indexOf('//') + 2).split(/[/?#]/, 1)[0] ?? '';
  if (authority.includes('@') || /^[^/?#]*:[^@]*@/.test(text.slice(text.indexOf('//') + 2))) {
    return 'a URL without user name and password: give them under auth';
  }
  if (text.includes('?') || text.includes('#')) return 'a URL without query and fragment';
  if (/[\s\p{Cc}\\]/u.test(text)) return `${expected}, without spaces and backslashes`;
  const url = URL.parse(text);
  return url === null || url.hostname === '' ? 'a URL such as http://127.0.0.1:8083' : null;
}
