import { setImmediate as othersFirst } from 'node:timers/promises';
import { type Dispatcher, errors } from 'undici';
import { codeOf, inWords, oneLine } from './detail.ts';

/** One HTTP request. */
export interface ExchangeRequest {
  readonly method: 'GET' | 'POST';
  /** Sent as it is: nothing normalises `..` or decodes `%2F`. */
  readonly path: string;
  readonly authorization: string | null;
  /** For everything from now to the last byte of the answer, waiting for a free connection included. */
  readonly timeoutMs: number;
  readonly bodyLimitBytes: number;
  /** Asked once a connection stands, right before the first byte is written; false: nothing is sent. */
  readonly mayLeave?: () => boolean;
}

/** Why no whole answer came. */
export interface Fault {
  /** `stale`: `mayLeave` said no. `nonsense`: not HTTP, or too large. `network`: no connection, TLS, reset. */
  readonly cause: 'timeout' | 'network' | 'nonsense' | 'stale';
  readonly text: string;
}

export type Exchange =
  /** A status line came; `body` is a fault where the rest of the answer did not come whole. */
  | { readonly kind: 'answer'; readonly status: number; readonly body: Buffer | Fault }
  /** `sent: false` is certain: no byte of the request was written. */
  | { readonly kind: 'none'; readonly sent: boolean; readonly fault: Fault };

/** A millisecond or so of copying. */
const JOINED_AT_ONCE_BYTES = 2 * 1024 * 1024;

/**
 * Makes one HTTP request, once: no redirect is followed and nothing is retried.
 *
 * Whether the request left is not guessed from error codes: undici calls `onRequestStart` when a connection (with TLS, the
 * handshake) stands and the request is about to be written. A failure before that never left; a failure after it may have.
 */
export function exchange(dispatcher: Dispatcher, request: ExchangeRequest): Promise<Exchange> {
  return new Promise((resolve) => {
    const { timeoutMs, bodyLimitBytes } = request;
    const chunks: Buffer[] = [];
    let bytes = 0;
    let sent = false;
    let settled = false;
    let status: number | null = null;
    let controller: Dispatcher.DispatchController | null = null;

    const settle = (result: Exchange): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      resolve(result);
    };
    const fail = (cause: Fault['cause'], text: string): void => {
      const fault: Fault = { cause, text };
      settle(status === null ? { kind: 'none', sent, fault } : { kind: 'answer', status, body: fault });
    };
    const timer = setTimeout(() => {
      fail('timeout', `no whole answer within ${timeoutMs} ms`);
      controller?.abort(new Error('deadline'));
    }, timeoutMs);

    const tooLarge = (active: Dispatcher.DispatchController): void => {
      fail('nonsense', `an answer of more than ${bodyLimitBytes} bytes`);
      active.abort(new Error('too large'));
    };

    dispatcher.dispatch(
      {
        path: request.path,
        method: request.method,
        idempotent: request.method === 'GET',
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          ...(request.authorization !== null && { authorization: request.authorization }),
        },
      },
      {
        onRequestStart(active) {
          controller = active;
          if (!settled && request.mayLeave?.() === false) fail('stale', 'the connection took too long');
          // Given up before a connection stood: aborting here keeps undici from writing it.
          if (settled) active.abort(new Error('given up'));
          else sent = true;
        },
        onResponseStart(active, statusCode, headers) {
          if (statusCode < 200) return;
          status = statusCode;
          if (Number(headers['content-length']) > bodyLimitBytes) tooLarge(active);
        },
        onResponseData(active, chunk) {
          bytes += chunk.length;
          if (bytes > bodyLimitBytes) tooLarge(active);
          else if (!settled) chunks.push(chunk);
        },
        onResponseEnd() {
          const answered = status;
          if (answered === null) fail('nonsense', 'an answer without a status');
          else if (bytes <= JOINED_AT_ONCE_BYTES) {
            settle({ kind: 'answer', status: answered, body: Buffer.concat(chunks, bytes) });
          } else
            void joined(chunks, bytes).then((body) => settle({ kind: 'answer', status: answered, body }));
        },
        onResponseError(_active, error) {
          if (error instanceof errors.HTTPParserError) fail('nonsense', oneLine(error.message));
          else if (codeOf(error) === 'UND_ERR_HEADERS_OVERFLOW') fail('nonsense', inWords(error));
          else fail('network', inWords(error));
        },
      },
    );
  });
}

/** The chunks of a large body in one piece, with room for others in between; the chunks are given up on the way. */
async function joined(chunks: Buffer[], bytes: number): Promise<Buffer> {
  const body = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  let copied = 0;
  for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
    at += chunk.copy(body, at);
    copied += chunk.length;
    if (copied < JOINED_AT_ONCE_BYTES) continue;
    copied = 0;
    await othersFirst();
  }
  return body;
}
