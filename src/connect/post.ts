import type { RestartResult } from './client.ts';
import { said, URL_NOT_ACCEPTED } from './detail.ts';
import { type Exchange, exchange } from './exchange.ts';
import { parseError } from './parse.ts';
import type { Wire } from './read.ts';
import type { Worker } from './workers.ts';

const ANSWER_LIMIT_BYTES = 1024 * 1024;

/**
 * What a worker that cannot reach the leader says: Kafka's `RestClient` wraps Java's `ConnectException`. The leader never saw
 * the request.
 */
const NOT_FORWARDED = /^IO Error trying to forward REST request:.*Connection refused/s;

/** What became of one restart call at one worker. */
export type Posted =
  | {
      readonly kind: 'done';
      readonly result: RestartResult;
      readonly status: number | null;
      readonly slow: boolean;
    }
  /** Certain: this worker did not act. Another one may be asked. */
  | { readonly kind: 'not_handled'; readonly detail: string; readonly slow: boolean }
  /** The connection stood only when `mayLeave` said no any more; nothing was sent. */
  | { readonly kind: 'stale' };

/**
 * Sends one restart call to one worker, once, over a connection of its own: on a kept one, the other side's closing it can
 * cross the request, and an attempt would be charged for a call that was never read.
 */
export async function post(
  wire: Wire,
  worker: Worker,
  path: string,
  authorization: string | null,
  mayLeave: () => boolean,
): Promise<Posted> {
  const client = worker.fresh();
  try {
    const answer = await exchange(client, {
      method: 'POST',
      path: worker.prefix + path,
      authorization,
      timeoutMs: wire.requestTimeoutMs,
      bodyLimitBytes: ANSWER_LIMIT_BYTES,
      mayLeave,
    });
    return classify(answer, authorization);
  } finally {
    void client.destroy();
  }
}

function classify(answer: Exchange, authorization: string | null): Posted {
  if (answer.kind === 'none') {
    const { sent, fault } = answer;
    if (fault.cause === 'stale') return { kind: 'stale' };
    const slow = fault.cause === 'timeout';
    if (!sent) return { kind: 'not_handled', detail: fault.text, slow };
    return { kind: 'done', result: { outcome: 'ambiguous', detail: fault.text }, status: null, slow };
  }
  const { status, body } = answer;
  const whole = Buffer.isBuffer(body);
  const error = whole && status >= 400 ? parseError(body) : null;
  const done = (outcome: RestartResult['outcome']): Posted => {
    const more = whole
      ? error === null
        ? ''
        : ` ${said(error.message, authorization)}`
      : `, then ${body.text}`;
    const slow = !whole && body.cause === 'timeout';
    const detail = status === 400 && whole && error === null ? URL_NOT_ACCEPTED : `${status}${more}`;
    return { kind: 'done', result: { outcome, detail }, status, slow };
  };
  switch (status) {
    case 200:
    case 202:
    case 204:
      return done('accepted');
    case 401:
    case 403:
      return done('unauthorized');
    case 409:
      return done('conflict');
    case 404:
      if (!whole) return done('ambiguous');
      if (error !== null && !error.noSuchPath) return done('not_found');
      return {
        kind: 'not_handled',
        detail:
          error === null ? "404 without Connect's error body: is the worker starting?" : '404: no such path',
        slow: false,
      };
    case 500:
      return done(error !== null && NOT_FORWARDED.test(error.message) ? 'refused' : 'ambiguous');
    default:
      return done('ambiguous');
  }
}
