import { type buildConnector, Client, Pool } from 'undici';

/** Connections per worker for reads; further reads wait for a free one, within their own time. */
const READ_CONNECTIONS = 4;
/** A worker that did not answer in time is asked last for this long. */
const LAST_FOR_MS = 30_000;

/** One REST URL of a cluster. */
export interface Worker {
  /** `host:port`, all that a detail shows of a URL. */
  readonly label: string;
  /** What stands before `/connectors`; empty or `/…` without a slash at its end. */
  readonly prefix: string;
  readonly reads: Pool;
  /** A connection for one request only; destroy it afterwards. */
  readonly fresh: () => Client;
}

interface Known extends Worker {
  lastUntilMs: number;
}

/**
 * The workers of a cluster, and in which order to ask them: the one that answered last first, then as configured; one that
 * just timed out comes last for half a minute, so that a hanging worker does not cost its timeout on every call.
 */
export class Workers {
  readonly #workers: readonly Known[];
  readonly #monotonic: () => number;
  #good: Worker | null = null;

  /** Throws a TypeError for what is no http or https URL. */
  constructor(urls: readonly string[], connect: buildConnector.connector, monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#workers = urls.map((text) => {
      const url = new URL(text);
      const { origin } = url;
      // The call's own deadline covers headers and body.
      const timeouts = { headersTimeout: 0, bodyTimeout: 0 };
      return {
        label: url.port === '' ? `${url.hostname}:${url.protocol === 'https:' ? 443 : 80}` : url.host,
        prefix: url.pathname.replace(/\/+$/, ''),
        reads: new Pool(origin, { connect, connections: READ_CONNECTIONS, ...timeouts }),
        // `pipelining: 0` is undici's way of saying: no keep-alive.
        fresh: () => new Client(origin, { connect, pipelining: 0, ...timeouts }),
        lastUntilMs: Number.NEGATIVE_INFINITY,
      };
    });
  }

  inOrder(): readonly Worker[] {
    const nowMs = this.#monotonic();
    const rank = (worker: Known): number => (worker.lastUntilMs > nowMs ? 2 : worker === this.#good ? 0 : 1);
    return [...this.#workers].sort((a, b) => rank(a) - rank(b));
  }

  /** It gave an answer of Connect's. */
  worked(worker: Worker): void {
    this.#good = worker;
    this.#setLast(worker, Number.NEGATIVE_INFINITY);
  }

  timedOut(worker: Worker): void {
    this.#setLast(worker, this.#monotonic() + LAST_FOR_MS);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.reads.close()));
  }

  #setLast(worker: Worker, untilMs: number): void {
    const known = this.#workers.find((candidate) => candidate === worker);
    if (known !== undefined) known.lastUntilMs = untilMs;
  }
}
