import type { Cause } from './model.ts';

const MESSAGE_LENGTH = 300;
const UNKNOWN_CLASS = 'unknown';

/**
 * The root cause of a Java stack trace as Connect's REST API gives it: class and masked message of the innermost
 * exception, which is the last `Caused by:` that is not indented (those of suppressed exceptions are). Any text is
 * taken: what is no Java trace gives the class `unknown` and its first line.
 */
export function rootCause(trace: string | null): Pick<Cause, 'class' | 'message'> {
  if (trace === null || trace.trim() === '') return { class: UNKNOWN_CLASS, message: '' };
  let line = '';
  for (const candidate of trace.split('\n')) {
    if (candidate.startsWith('Caused by: ')) line = candidate.slice('Caused by: '.length);
    else if (line === '') line = candidate.trim();
  }
  const found = /^((?:[\w$]+\.)+[\w$]+)(?::\s*(.*))?$/s.exec(line.trim());
  if (found?.[1] === undefined) return { class: UNKNOWN_CLASS, message: mask(line) };
  return { class: found[1], message: mask(found[2] ?? '') };
}

/** The class without its package: short, and bounded enough to be a metric's label. */
export function simpleClassName(className: string): string {
  return className.slice(className.lastIndexOf('.') + 1).slice(0, 80);
}

/**
 * Each pattern and what stands in its place. The order matters: credentials go before the addresses and numbers inside
 * them. No pattern can backtrack over more than its own run of characters, and texts are cut before.
 */
const credentials: readonly (readonly [RegExp, string])[] = [
  // A JAAS line is nothing but credentials.
  [/(\S*LoginModule)\s[^;]*;?/g, '$1 ***'],
  [/(\w+:\/\/)[^\s/@]+@/g, '$1***@'],
  [
    /((?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|api[._-]?key|access[._-]?key(?:[._-]?id)?|account[._-]?key|private[._-]?key|sasl[._]jaas[._]config|authorization|signature|sig)["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|(?:Bearer |Basic )?[^\s,;&}\])]+)/gi,
    '$1***',
  ],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, '$1 ***'],
  [/\beyJ[\w-]+(?:\.[\w-]*)*/g, '***'],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g, '***'],
  // What a configuration check complains about may be the secret itself.
  [/(Invalid value )(?:"[^"]*"|'[^']*'|\S+)( for configuration )/g, '$1***$2'],
];

/** Addresses, identifiers and numbers: what differs between two failures of the same cause. */
const particulars: readonly (readonly [RegExp, string])[] = [
  [/\b[\w.+-]+@[\w-]+\.[\w.-]+\b/g, '<address>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, '<host>'],
  [/\b[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*:\d{2,5}\b/g, '<host>'],
  // Long runs of letters and digits mixed are identifiers or keys.
  [/\b(?=[A-Za-z0-9+_-]*\d)(?=[A-Za-z0-9+_-]*[A-Za-z])[A-Za-z0-9+_-]{20,}={0,2}/g, '<id>'],
  [/\b0x[0-9a-f]+\b/gi, '<id>'],
  [/@[0-9a-f]{5,}\b/gi, '@<id>'],
  [/\d+(?:[.,]\d+)*/g, '<n>'],
];

/** A text that may leave the process: one line, cut, with credentials, addresses, identifiers and numbers masked. */
export function mask(text: string): string {
  return cutTo(MESSAGE_LENGTH, replaceAll(particulars, maskCredentials(text.slice(0, 4 * MESSAGE_LENGTH))));
}

/** As `mask`, but addresses and numbers stay: for what an operator has to find. Not cut. */
export function maskCredentials(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return replaceAll(credentials, text.replace(/[\u0000-\u001f\u007f]+/g, ' '));
}

function replaceAll(patterns: readonly (readonly [RegExp, string])[], text: string): string {
  let masked = text;
  for (const [pattern, replacement] of patterns) masked = masked.replace(pattern, replacement);
  return masked;
}

function cutTo(length: number, text: string): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/**
 * The diagnosis of a failure. Without a pack of rules every cause is `unknown`, which is treated as transient: a restart
 * is tried.
 */
export function diagnose(parts: readonly { readonly trace: string | null }[]): Cause | null {
  const first = parts.find(({ trace }) => trace !== null) ?? parts[0];
  if (first === undefined) return null;
  return { ...rootCause(first.trace), verdict: 'unknown', rule: null };
}
