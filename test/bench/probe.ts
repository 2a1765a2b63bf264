/** Asks one path over and over, to see for how long a process answers nobody. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';

/** Between an answer and the next question. */
const EVERY_MS = 2;

export interface ProbeRequest {
  readonly url: string;
  readonly path: string;
  /** Sent by POST; default: a GET. */
  readonly body?: string;
}

/** Latencies in milliseconds, in order, until `ended`. Throws on an answer that is no 2xx. */
export async function probe({ url, path, body }: ProbeRequest, ended: AbortSignal): Promise<number[]> {
  const client = new Client(url);
  const tookMs: number[] = [];
  try {
    while (!ended.aborted) {
      const beganMs = performance.now();
      const answer = await client.request({
        path,
        method: body === undefined ? 'GET' : 'POST',
        ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
      });
      await answer.body.dump();
      if (answer.statusCode >= 300) throw new Error(`${path}: ${answer.statusCode}`);
      tookMs.push(performance.now() - beganMs);
      await sleep(EVERY_MS);
    }
  } finally {
    await client.destroy();
  }
  return tookMs;
}
