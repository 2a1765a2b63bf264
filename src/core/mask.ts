/**
 * What may leave the process: texts without credentials, and messages in which everything that differs between two failures
 * of the same cause is masked. Masking too much costs a word, masking too little a password: in doubt it is masked.
 *
 * The patterns run on JavaScript's backtracking engine. So each repetition is bounded, and texts are cut first.
 */

/** A masked message is cut, in characters. */
const MESSAGE_LENGTH = 300;
/** `maskCredentials` keeps at most this many characters: details are read by people. */
const DETAIL_LENGTH = 8_000;
/** A cut can go through a credential, which no pattern knows by its first half: so much before the cut is not trusted. */
const TOKEN_LENGTH = 600;

type Replacement = readonly [pattern: RegExp, replacement: string];

/** Words after which a credential comes. `sig` and `pass` only at the beginning of a word: `config`, `bypass`. */
const SECRET_KEY =
  '(?:pass(?:word|wd|phrase|code)s?|(?<![a-z])pass|pwd|(?<![a-z])pw|secrets?|tokens?|credentials?|api[._ -]?keys?|' +
  '(?:access|account|private|shared|encryption|master|signing|license|licence|client|auth|storage|primary|secondary)[._ -]?' +
  '(?:access[._ -]?)?keys?(?:[._ -]?(?:id|value|data))?|jaas[._-]config|user[._-]?info|connection[._-]?string|' +
  'x-functions-key|ocp-apim-subscription-key|signature|(?<![a-z])sig|cookie)';

/** After a key: `=`, `:`, `=>`, `>` (XML), with the quotes of JSON around it, which can be escaped; or URL-encoded. */
const ASSIGN = String.raw`(?:[\w.-]{0,40}["'\\]{0,4}\s{0,4}(?:=>|[=:>]|%3D)\s{0,4})`;

/**
 * A value: quoted (up to the end of the text where the closing quote is missing), in CDATA, or a run of non-blanks. A separator
 * ends the run only where the next pair begins or the text goes on with a blank: it can be part of a password.
 */
const VALUE = [
  String.raw`\\+"(?:[^"\\]|\\(?!"))[\s\S]{0,2000}?(?:\\+"|$)`,
  String.raw`"(?:[^"\\]|\\[\s\S]){0,2000}(?:"|\\?$)`,
  String.raw`'(?:[^'\\]|\\[\s\S]){0,2000}(?:'|\\?$)`,
  String.raw`\[[^\]]{0,2000}(?:\]|$)`,
  String.raw`[^\s<]{1,2000}?(?=$|[\s<]|[,;](?=\s|[\w.-]{1,60}\s{0,2}[=:])|[&?](?=[\w.%-]{1,60}=)|["')\]}]{1,6}(?:[\s,;.:&]|$))`,
].join('|');

const credentials: readonly Replacement[] = [
  [/-----BEGIN [^-]{1,60}-----[\s\S]{0,20000}?(?:-----END [^-]{1,60}-----|(?=-----BEGIN)|$)/g, '***'],
  // A JAAS line is nothing but credentials.
  [/(LoginModule)\s[^;]{0,4000};?/g, '$1 ***'],
  // What a configuration check complains about may be the secret itself.
  [/(Invalid value )(?!null for )[\s\S]{1,2000}?( for configuration )/g, '$1***$2'],
  // Up to the last @: a password can hold any character.
  [/(:\/\/)[^\s"'<>]{0,500}@/g, '$1***@'],
  [/(jdbc:oracle:\w{1,10}:)[^\s@]{1,200}@/gi, '$1***@'],
  [
    /((?:proxy-)?authorization["'\\]{0,4}\s{0,4}[=:]\s{0,4}["'[\\]{0,4})(?:[\w-]{1,30} {1,4})?[^\s"'\],]{1,4000}/gi,
    '$1***',
  ],
  [
    /\b(Bearer|Basic|ApiKey|Splunk|SharedKey|Digest|Negotiate)(\s{1,4}|%20)(?=[\w.~+/-]*[\d=+/.A-Z_-])[\w.~+/=:-]{6,4000}/g,
    '$1 ***',
  ],
  [/(set-cookie:\s{0,4})[^;]{1,4000}/gi, '$1***'],
  // `{"name": "password", "value": "…"}`
  [
    new RegExp(
      String.raw`(["'\\]{0,2}(?:name|key)["'\\]{0,2}\s?[:=]\s?["'\\]{0,2}[\w.-]{0,60}?${SECRET_KEY}[\w.-]{0,40}["'\\]{0,2}\s?,\s?["'\\]{0,2}value["'\\]{0,2}\s?[:=]\s?)(?:${VALUE})`,
      'gi',
    ),
    '$1***',
  ],
  // `(using password: YES)` is MySQL's way to say that there was one.
  [
    new RegExp(`(${SECRET_KEY}${ASSIGN})(?!(?:YES|NO)\\))(?:(?:Bearer|Basic)\\s{1,4})?(?:${VALUE})`, 'gi'),
    '$1***',
  ],
  [
    /(\b(?:IDENTIFIED BY|PASSWORD|--?(?:password|token|secret|api-?key))\s{1,4})(?:'[^']{0,500}(?:'|$)|"[^"]{0,500}(?:"|$)|(?<=--?\w{1,12}\s{1,4}|BY\s{1,4})\S{1,500})/gi,
    '$1***',
  ],
  [/(\s-u\s{1,4})[^\s:]{1,100}:\S{1,500}/g, '$1***'],
  // Credentials that are known by their own form.
  [/\beyJ[\w-]{5,}(?:\.[\w-]{0,4000}){0,4}/g, '***'],
  [/\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,128}\b/g, '***'],
  [
    /\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|[srp]k_(?:live|test)_|AIza|ya29\.|SG\.|hvs\.|dop_v1_|dapi|npm_|ATATT)[\w.-]{10,400}/g,
    '***',
  ],
  [/\bPMAK-[\w-]{10,100}|\bAC[0-9a-f]{32}\b/g, '***'],
  // Base64 of 240 bits or more with all three kinds of characters; a path has dots, dashes or underscores sooner.
  [
    /(?<![\w+/.-])(?=[a-z+/]{0,200}[A-Z\d])(?=[A-Z\d+/]{0,200}[a-z])(?=[A-Za-z+/]{0,200}\d)[A-Za-z0-9+/]{40,2000}={0,2}/g,
    '***',
  ],
  [/\b(?=[a-f]{0,31}\d)[0-9a-f]{32,512}\b/gi, '***'],
];

/** Addresses first: they are full of numbers. `$1` of an address pattern stays. */
const addresses: readonly RegExp[] = [
  // Java's InetSocketAddress: `db.example.com/10.0.0.7:5432`, `/10.0.0.7:5432`, `db/<unresolved>:5432`
  /(?<![\w.])([\w.-]{1,253})?\/(?:<unresolved>|\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}\]?)(?::\d{1,5})?/gi,
  /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b/g,
  /\[[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}\](?::\d{1,5})?/gi,
  /(?<![\w:.])(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}(?![\w:])/gi,
  // The host of a URL.
  /(?<=:\/\/(?:\*\*\*@)?)[\w.-]{1,253}(?::\d{1,5})?(?:,[\w.-]{1,253}(?::\d{1,5})?){0,20}/g,
  /(?<![\w.-])[A-Za-z][\w-]{0,62}(?:\.[\w-]{1,63}){0,10}:\d{2,5}(?![\w.:])/g,
  // A name whose look-up failed has no form of its own.
  /(?<![\w.-])[\w.-]{1,253}(?=: (?:Name or service not known|Temporary failure in name resolution|No such host|No address associated|nodename nor servname|Try again|Name does not resolve))/gi,
  // A domain name: the endings in use, so that a class or a file is not taken for one.
  /(?<![\w.$@-])(?:[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?\.){1,9}(?:com|net|org|io|cloud|dev|app|ai|co|info|biz|eu|de|fr|uk|us|nl|ch|at|it|es|pl|se|no|fi|cz|br|in|jp|kr|cn|au|ca|ru|internal|intranet|local|localdomain|lan|corp|home|svc|test|example|invalid)\b(?!\.?\w|\(|-)/g,
  /(?<![\w.-])localhost(?![\w.-])/g,
];

const month = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}';
const zone = String.raw`(?:\s?(?:Z|UTC|GMT|CES?T|[A-Z]{1,2}[SD]T|[+-]\d\d:?\d\d)\b){0,2}`;

/** Identifiers, times and numbers: what differs between two failures of the same cause. */
const particulars: readonly Replacement[] = [
  [/\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b/g, '<address>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>'],
  [
    new RegExp(String.raw`\b\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?${zone})?`, 'g'),
    '<time>',
  ],
  [
    new RegExp(
      String.raw`\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},?\s)?(?:\d{1,2}[\s-]${month}|${month}\s\d{1,2},?)(?:[\s-]\d{4})?,?(?:\s\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?)?${zone}(?:\s(?:19|20)\d\d)?\b`,
      'g',
    ),
    '<time>',
  ],
  [/\b\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\b/g, '<time>'],
  // Java's default toString, and pointers.
  [/@[0-9a-f]{5,16}\b/g, '@<id>'],
  [/\b0x[0-9a-f]{1,64}\b/gi, '<id>'],
  // Long runs of letters and digits mixed are identifiers or keys.
  [/\b(?=[A-Za-z_+-]{0,200}\d)(?=[\d_+-]{0,200}[A-Za-z])[A-Za-z0-9+_-]{20,400}={0,2}/g, '<id>'],
  [/\b(?=[0-9]{0,64}[a-f])(?=[a-f]{0,64}\d)[0-9a-f]{8,64}\b/g, '<id>'],
  // So long a run is one also where chance gave it letters or digits only: no word is spelled so.
  [/\b[0-9a-f]{12,64}\b/g, '<id>'],
  // Digits with letters between them; `JMSWMQ0018` is a code.
  [/\b(?=[A-Z]{0,40}\d{1,40}[A-Z]{1,40}\d)[A-Z0-9]{10,40}\b/g, '<id>'],
];

/**
 * Numbers, except those that name the cause: codes (`ORA-00942`, `Status Code: 503`, `504 Gateway`) and types (`INT64`).
 * The first group is what stays.
 */
const NUMBER =
  /((?:\b(?:ORA-|TNS-|DB2 SQL error: |SQLSTATE\W{0,3}|SQLCODE\W{0,3}|HTTP[ /]|TLSv|UTF-|SHA-?|AES-?|U?INT|FLOAT|DECIMAL|V)|\b(?:error|status|reply|vendor|response)?[ _-]?code\W{1,3}|\bstatus\W{1,2})-?\d{1,6}(?:\.\d)?\b|\b[45]\d\d(?= [A-Z][a-z])|\b[A-Z]{2,10}\d{4,5}[A-Z]?(?=:)|\b(?:S|EC)[23]\b)|\d{1,300}(?:[.,]\d{1,300}){0,40}/gi;

/** A masked message, and what was masked in it as an address: two databases that fail alike are two causes. */
export interface Masked {
  readonly text: string;
  /** Lower case, each once, sorted. */
  readonly hosts: readonly string[];
}

/** A text that may leave the process: one line, cut to 300, with credentials, addresses, identifiers and numbers masked. */
export function mask(text: string): string {
  return maskMessage(text).text;
}

/**
 * As `mask`, and the addresses that were masked. They are no secrets, and are used only to tell groups apart.
 * `beginsWithHost`: the first word is an address whatever it looks like, as in the message of an `UnknownHostException`.
 */
export function maskMessage(text: string, beginsWithHost = false): Masked {
  const hosts = new Set<string>();
  let masked = replaceAll(credentials, shorten(oneLine(text), 4 * MESSAGE_LENGTH));
  if (beginsWithHost) {
    masked = masked.replace(/^[\w.-]{1,253}(?=:|\s*$)/, (found) => {
      hosts.add(found.toLowerCase());
      return '<host>';
    });
  }
  for (const pattern of addresses) {
    masked = masked.replace(pattern, (found: string) => {
      hosts.add(found.toLowerCase());
      return '<host>';
    });
  }
  masked = replaceAll(particulars, masked);
  masked = masked.replace(NUMBER, (_found, kept: string | undefined) => kept ?? '<n>');
  return { text: cutTo(MESSAGE_LENGTH, masked.trim()), hosts: [...hosts].sort() };
}

/** As `mask`, but addresses and numbers stay: for what an operator has to find. One line, at most 8,000 characters. */
export function maskCredentials(text: string): string {
  return replaceAll(credentials, shorten(oneLine(text.slice(0, 2 * DETAIL_LENGTH)), DETAIL_LENGTH));
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return text.replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ');
}

/** Cuts before a word that would be cut in two; see TOKEN_LENGTH. */
function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const start = length - TOKEN_LENGTH;
  const blank = text.slice(start, length).lastIndexOf(' ');
  const end = blank < 0 ? start : start + blank;
  return `${text.slice(0, end)} …`;
}

function replaceAll(patterns: readonly Replacement[], text: string): string {
  let masked = text;
  for (const [pattern, replacement] of patterns) masked = masked.replace(pattern, replacement);
  return masked;
}

function cutTo(length: number, text: string): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
