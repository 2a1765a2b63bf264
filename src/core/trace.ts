/**
 * Reads the stack trace of a FAILED part as Connect's REST API gives it: `Throwable.printStackTrace` of Java. The text can
 * be anything, up to many MiB: reading it takes bounded work and never throws.
 */

/** One exception of a trace. */
export interface Thrown {
  /** Fully qualified class, or `unknown` where the text names none. */
  readonly class: string;
  /** Its message on one line, cut; not masked. */
  readonly message: string;
}

/** What stands for a class that the text does not name. */
export const UNKNOWN_CLASS = 'unknown';

/** Of a longer trace only the beginning and the end are read, in characters: the innermost cause stands at the end. */
const HALF_READ_AT_MOST = 64 * 1024;
/** A longer message is cut, in characters. The rest is most often a page of HTML or a whole record. */
export const MESSAGE_READ_AT_MOST = 2_000;
/** Of a longer chain the first half and the innermost half of this many are kept. */
const CHAIN_AT_MOST = 40;
/** So many classes named inside one message are taken for exceptions of the chain. */
const NAMED_AT_MOST = 8;

/** `org.example.Outer$Inner`; the last part begins with a capital, or `db.example.com: refused` would be a class. */
const CLASS = String.raw`(?:[\p{L}_][\p{L}\p{N}_$-]{0,100}\.){1,20}\p{Lu}[\p{L}\p{N}_$]{0,150}`;
/** A class of the default package is known by its ending only. */
const BARE_CLASS = String.raw`\p{Lu}[\p{L}\p{N}_$]{0,100}(?:Exception|Error)`;
/** Hadoop writes `RemoteException(java.io.IOException): no space`: the class in parentheses is left to the message. */
const HEAD = new RegExp(String.raw`^(${CLASS}|${BARE_CLASS})(?::\s*|$|(?=\(${CLASS}\):))`, 'u');
/** An exception that was printed into the message of another one: `Write failed: java.io.IOException: Broken pipe`. */
const NAMED = new RegExp(
  String.raw`(?<![\p{L}\p{N}_$.-])(${CLASS}(?<=Exception|Error|Throwable|Failure))(?::\s*|(?=[\s,;)\]]|$))`,
  'gu',
);

/** `\tat a.b.C.d(E.java:1)`, `\t... 12 more`: what is no part of a message. */
const FRAME =
  /^\s*(?:at [^\s(]{1,500}\(|(?<=\s)at \S{1,500}\s*$|\.{3} \d+ (?:more|common frames omitted)|\[CIRCULAR REFERENCE)/;
const CAUSE = /^(\s*)(Caused by|Suppressed):\s*/;

/**
 * The exceptions of a trace from the outermost to the innermost. Suppressed ones are left out, with their own causes: they
 * happened while the failure was being handled. A line after `Caused by:` that names no class belongs to the message before
 * it. Without any class the text as a whole is the message of one exception of class `unknown`; a trace without text is
 * the empty list.
 */
export function readTrace(trace: string | null): readonly Thrown[] {
  if (trace === null) return [];
  const chain: { class: string; message: string }[] = [];
  /** The indentation of the `Suppressed:` that we are in. */
  let suppressed: number | null = null;
  for (const line of linesOf(trace)) {
    if (line.trim() === '' || FRAME.test(line)) continue;
    const cause = CAUSE.exec(line);
    if (cause !== null) {
      const indent = cause[1]?.length ?? 0;
      if (cause[2] === 'Suppressed') {
        suppressed = suppressed === null ? indent : Math.min(suppressed, indent);
        continue;
      }
      // The causes of a suppressed exception are indented as far as it is.
      if (suppressed !== null && indent >= Math.max(1, suppressed)) continue;
      suppressed = null;
    } else if (suppressed !== null) continue;
    const text = line.slice(cause?.[0].length ?? 0).trim();
    const thrown = cause !== null || chain.length === 0 ? thrownOf(text) : null;
    const last = chain.at(-1);
    if (thrown !== null) push(chain, thrown);
    else if (last === undefined) push(chain, { class: UNKNOWN_CLASS, message: cut(text) });
    else if (last.message.length < MESSAGE_READ_AT_MOST) last.message = cut(`${last.message} ${text}`.trim());
  }
  return chain;
}

/** The innermost exception: what the others came from. One that only repeats its cause is unwrapped. */
export function innermost(chain: readonly Thrown[]): Thrown {
  let thrown: Thrown = chain.at(-1) ?? { class: UNKNOWN_CLASS, message: '' };
  for (let depth = 0; depth < NAMED_AT_MOST; depth += 1) {
    const inner = thrownOf(thrown.message);
    if (inner === null) break;
    thrown = inner;
  }
  return thrown;
}

/** Every class that a chain names, also inside messages; each once. */
export function classesOf(chain: readonly Thrown[]): readonly string[] {
  const classes = new Set<string>();
  for (const thrown of chain) {
    classes.add(thrown.class);
    let named = 0;
    for (const match of thrown.message.matchAll(NAMED)) {
      if (match[1] !== undefined) classes.add(match[1]);
      named += 1;
      if (named === NAMED_AT_MOST) break;
    }
  }
  return [...classes];
}

function thrownOf(text: string): { class: string; message: string } | null {
  const start = text.replace(/^Exception in thread "[^"]{0,200}" /, '');
  const head = HEAD.exec(start);
  if (head?.[1] === undefined) return null;
  const message = start.slice(head[0].length).replace(/^\(([^)]{1,300})\):/, '$1:');
  return { class: head[1], message: cut(message) };
}

function push<T>(chain: T[], thrown: T): void {
  chain.push(thrown);
  if (chain.length > CHAIN_AT_MOST) chain.splice(CHAIN_AT_MOST / 2, 1);
}

function cut(text: string): string {
  return text.slice(0, MESSAGE_READ_AT_MOST);
}

/** The lines that are read; where the middle is left out, the halves end and begin at a line's end. */
function* linesOf(trace: string): Generator<string> {
  if (trace.length <= 2 * HALF_READ_AT_MOST) {
    yield* split(trace);
    return;
  }
  const headEnd = trace.indexOf('\n', HALF_READ_AT_MOST);
  yield* split(headEnd < 0 ? trace : trace.slice(0, headEnd));
  const tail = trace.slice(-HALF_READ_AT_MOST);
  const lineEnd = tail.indexOf('\n');
  // One line without an end: its middle tells nothing.
  if (lineEnd >= 0) yield* split(tail.slice(lineEnd + 1));
}

function* split(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    yield text.slice(start, Math.min(end, start + 2 * MESSAGE_READ_AT_MOST));
    start = end + 1;
  }
}
