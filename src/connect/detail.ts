/**
 * The one line that an operator reads when something did not work. What servers write is not trusted: it is cut, freed of
 * control characters, and of the credentials that the request carried (a server may echo them).
 */

/** Characters kept of what one server said. */
const SAID_AT_MOST = 200;
/** Characters of a whole detail: several workers, or several parts. */
const DETAIL_AT_MOST = 1_000;

/** `text` in one line of at most `atMost` characters, without control, format and lone surrogate characters. */
export function oneLine(text: string, atMost = SAID_AT_MOST): string {
  // Cut first, since a message can be a megabyte; twice the length leaves room for what is dropped.
  const line = text
    .slice(0, 2 * atMost)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return line.length > atMost ? `${line.slice(0, atMost - 1).replace(/[\ud800-\udbff]$/, '')}…` : line;
}

/** Several parts as one detail. */
export function joined(parts: readonly string[]): string {
  return oneLine(parts.join('; '), DETAIL_AT_MOST);
}

/** What a server said, fit to be shown: credentials out, then one short line. */
export function said(text: string, authorization: string | null): string {
  let safe = text;
  for (const secret of secretsIn(authorization)) safe = safe.replaceAll(secret, '[redacted]');
  return oneLine(safe);
}

/** The header value itself, what follows its scheme and, of Basic, what is encoded in it; longest first. */
function secretsIn(authorization: string | null): string[] {
  if (authorization === null) return [];
  const credentials = authorization.slice(authorization.indexOf(' ') + 1).trim();
  const secrets = [authorization, credentials];
  if (/^basic /i.test(authorization)) {
    const pair = Buffer.from(credentials, 'base64').toString('utf8');
    secrets.push(pair, pair.slice(pair.indexOf(':') + 1));
  }
  return secrets.filter((secret) => secret !== '').sort((a, b) => b.length - a.length);
}

/**
 * For a 400 that is not Connect's own. Measured on Connect 4.3 (Jetty 12): a name with a slash, a backslash or a percent
 * sign, or of one or two dots, can be created, but no URL that holds it is accepted, however it is encoded.
 */
export const URL_NOT_ACCEPTED =
  '400 from the HTTP server, not from Connect: newer ones accept no name with / \\ or %, or of dots alone';

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name could not be resolved',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_SOCKET: 'connection closed by the other side',
  UND_ERR_CLOSED: 'this client is closed',
  UND_ERR_DESTROYED: 'this client is closed',
  UND_ERR_HEADERS_OVERFLOW: 'response headers too large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'response shorter or longer than it said',
};

/** The code of an error of Node's or undici's; an empty string where it has none. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  // Several addresses were tried (happy eyeballs): the first failure stands for all.
  return error instanceof AggregateError ? codeOf(error.errors[0]) : '';
}

/** An error of Node's or undici's in words. Their messages hold addresses and file names, never headers. */
export function inWords(error: unknown): string {
  const code = codeOf(error);
  const words = WORDS[code] ?? oneLine(error instanceof Error ? error.message : String(error));
  return code === '' || words.includes(code) ? words : `${words} (${code})`;
}
