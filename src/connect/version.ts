import type { ReadResult } from './client.ts';

/** `modern`: `POST …/restart` knows `includeTasks` and `onlyFailed` (KIP-745, Kafka 3.0). `legacy`: it ignores them. */
export type RestartApi = 'modern' | 'legacy';

const CACHED_FOR_MS = 10 * 60_000;
/** A version that could not be read is asked for again after this. */
const ASK_AGAIN_AFTER_MS = 60_000;

/**
 * Which restart API a version has; null where the version says nothing.
 *
 * Versions seen: `4.3.0`, `2.8.1-cp1` (Confluent's build, with Kafka's number), `7.5.0-ccs` (Confluent Platform's own
 * number). There is no Kafka 5 or 6, and Confluent Platform 5 and 6 hold Kafka 2.0 to 2.8, 7.0 holds Kafka 3.0.
 */
export function restartApiOf(version: string): RestartApi | null {
  const major = /^(\d{1,4})\./.exec(version)?.[1];
  if (major === undefined) return null;
  const number = Number(major);
  return number < 3 || number === 5 || number === 6 ? 'legacy' : 'modern';
}

/**
 * Remembers which restart API a cluster has: ten minutes, since a cluster may be upgraded meanwhile. Where the version cannot
 * be read, what was known last goes on to count; at the very first it is `modern`.
 */
export class RestartApiMemory {
  readonly #info: () => Promise<ReadResult<{ version: string }>>;
  readonly #monotonic: () => number;
  #api: RestartApi = 'modern';
  #untilMs = Number.NEGATIVE_INFINITY;
  #underWay: Promise<RestartApi> | null = null;

  constructor(info: () => Promise<ReadResult<{ version: string }>>, monotonic: () => number) {
    this.#info = info;
    this.#monotonic = monotonic;
  }

  async get(): Promise<RestartApi> {
    if (this.#monotonic() < this.#untilMs) return this.#api;
    this.#underWay ??= this.#ask().finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  async #ask(): Promise<RestartApi> {
    const info = await this.#info();
    const api = info.outcome === 'ok' ? restartApiOf(info.value.version) : null;
    if (api === null) this.#keep(this.#api, ASK_AGAIN_AFTER_MS);
    else this.#keep(api, CACHED_FOR_MS);
    return this.#api;
  }

  /** A restart with a query was answered in the way of a Connect that ignores the query. */
  isLegacy(): void {
    this.#keep('legacy', CACHED_FOR_MS);
  }

  #keep(api: RestartApi, forMs: number): void {
    this.#api = api;
    this.#untilMs = this.#monotonic() + forMs;
  }
}
