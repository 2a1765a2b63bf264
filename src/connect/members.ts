import { setImmediate as othersFirst } from 'node:timers/promises';
import { type Parsed, parseJson } from './parse.ts';

/**
 * The status of thousands of connectors is tens of megabytes of JSON. Parsed in one go it would hold up everything else
 * for a good part of a second, and be in memory three times (bytes, text, objects). So it is parsed one member at a time,
 * with room for others in between.
 */

/** Work done in one go, in milliseconds; a single member is never divided. */
const PIECE_MS = 5;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

const NOT_JSON = { fault: 'not JSON' } as const;

/**
 * The members of a JSON object, each as `take` makes it of its value; those of which it makes undefined are left out. Takes
 * what `JSON.parse` takes and nothing else. `otherwise` says what is wrong with JSON that is no object.
 */
export async function readMembers<T>(
  body: Buffer,
  take: (value: unknown, name: string) => T | undefined,
  otherwise: (json: unknown) => string,
): Promise<Parsed<ReadonlyMap<string, T>>> {
  let at = skipSpace(body, 0);
  if (body[at] !== OPEN_BRACE) {
    const json = parseJson(body);
    return json === null ? NOT_JSON : { fault: otherwise(json.value) };
  }
  // A Map, since a connector may be called `__proto__` or `constructor`.
  const members = new Map<string, T>();
  at = skipSpace(body, at + 1);
  let isLast = body[at] === CLOSE_BRACE;
  let begunAtMs = performance.now();
  while (!isLast) {
    const nameEnd = endOfString(body, at);
    const colon = skipSpace(body, nameEnd);
    const from = skipSpace(body, colon + 1);
    const to = endOfValue(body, from);
    const name = parseJson(body.subarray(at, nameEnd));
    const value = parseJson(body.subarray(from, to));
    if (typeof name?.value !== 'string' || body[colon] !== COLON || value === null) return NOT_JSON;
    const member = take(value.value, name.value);
    if (member === undefined) members.delete(name.value);
    else members.set(name.value, member);
    at = skipSpace(body, to);
    isLast = body[at] === CLOSE_BRACE;
    if (!isLast && body[at] !== COMMA) return NOT_JSON;
    if (!isLast) at = skipSpace(body, at + 1);
    if (performance.now() - begunAtMs < PIECE_MS) continue;
    await othersFirst();
    begunAtMs = performance.now();
  }
  return skipSpace(body, at + 1) === body.length ? { value: members } : NOT_JSON;
}

/** JSON's own four kinds of space. */
function skipSpace(body: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = body[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at += 1;
  }
}

/** One after the closing quote; the end of the body where there is none. */
function endOfString(body: Buffer, from: number): number {
  let quote = body.indexOf(QUOTE, from + 1);
  while (quote >= 0) {
    let before = quote - 1;
    while (before > from && body[before] === BACKSLASH) before -= 1;
    // An even number of backslashes escape each other.
    if ((quote - before) % 2 === 1) return quote + 1;
    quote = body.indexOf(QUOTE, quote + 1);
  }
  return body.length;
}

/** One after a value. Only where it ends is looked for: whether it is one is JSON.parse's to say. */
function endOfValue(body: Buffer, from: number): number {
  let depth = 0;
  let at = from;
  while (at < body.length) {
    const byte = body[at];
    if (byte === QUOTE) {
      at = endOfString(body, at);
      if (depth === 0) return at;
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      // The end of the object around a number or a word.
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (byte === COMMA && depth === 0) return at;
    at += 1;
  }
  return at;
}
