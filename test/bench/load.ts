/** Sends webhooks as fast as they are taken. */
import { Pool } from 'undici';

/** Alertmanagers and their dispatch groups that send at once. */
export const CONNECTIONS = 10;
const REQUEST_TIMEOUT_MS = 60_000;

export interface LoadResult {
  /** Answered 202. */
  readonly accepted: number;
  /** Answered otherwise. */
  readonly refused: number;
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
}

/** Posts to one service over a fixed number of connections; the same bodies in the same order to each. */
export class Load {
  readonly #pool: Pool;
  #next = 0;

  constructor(url: string) {
    this.#pool = new Pool(url, {
      connections: CONNECTIONS,
      pipelining: 1,
      headersTimeout: REQUEST_TIMEOUT_MS,
      bodyTimeout: REQUEST_TIMEOUT_MS,
    });
  }

  /** Bodies in turn, over and over, for so long: each connection sends the next one when it has its answer. */
  forMs(bodies: readonly string[], ms: number): Promise<LoadResult> {
    const untilMs = performance.now() + ms;
    return this.#run(bodies, () => performance.now() < untilMs);
  }

  /** Each body once. */
  once(bodies: readonly string[]): Promise<LoadResult> {
    let left = bodies.length;
    this.#next = 0;
    return this.#run(bodies, () => left-- > 0);
  }

  async post(body: string): Promise<number> {
    const answer = await this.#pool.request({
      path: '/webhook',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    await answer.body.dump();
    return answer.statusCode;
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #run(bodies: readonly string[], more: () => boolean): Promise<LoadResult> {
    const latenciesMs: number[] = [];
    let accepted = 0;
    let refused = 0;
    const beganMs = performance.now();
    const connection = async (): Promise<void> => {
      while (more()) {
        const body = bodies[this.#next++ % bodies.length] ?? '';
        const sentMs = performance.now();
        if ((await this.post(body)) === 202) accepted += 1;
        else refused += 1;
        latenciesMs.push(performance.now() - sentMs);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, connection));
    return { accepted, refused, seconds: (performance.now() - beganMs) / 1_000, latenciesMs };
  }
}
