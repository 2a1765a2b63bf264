/** The scripted Kafka Connect, as the benchmarks hold it; it runs in a thread of its own, see connect-thread.ts. */
import { Worker } from 'node:worker_threads';

/** What it shows. */
export interface ConnectScript {
  readonly connectors: number;
  readonly tasks: number;
  /** So many of the connectors, the first ones, have all their tasks FAILED; the rest runs. */
  readonly failed: number;
  /** Of each FAILED task. */
  readonly trace: string;
  readonly afterRestart: 'RUNNING' | 'FAILED';
  /** Before each answer. */
  readonly latencyMs: number;
}

export interface ConnectCounts {
  readonly bulkReads: number;
  /** Of one connector's status. */
  readonly reads: number;
  readonly settings: number;
  readonly allSettings: number;
  readonly restarts: number;
}

export type ToConnect =
  | { readonly kind: 'show'; readonly script: ConnectScript }
  | { readonly kind: 'some'; readonly from: number; readonly to: number; readonly failed: boolean }
  | { readonly kind: 'afterRestart'; readonly state: ConnectScript['afterRestart'] }
  | { readonly kind: 'counts' | 'reset' };

export type FromConnect =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'counts'; readonly counts: ConnectCounts }
  /** `atMs` is the machine's monotonic clock, see {@link monotonicMs}. */
  | { readonly kind: 'restart'; readonly connector: string; readonly atMs: number };

/** Milliseconds of a clock that all threads and processes of this machine share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** About three kilobytes, as a sink whose database is down writes it. */
export const TRACE = [
  'org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask due to unrecoverable exception.',
  ...frames('org.apache.kafka.connect.runtime.WorkerSinkTask', 12),
  'Caused by: org.apache.kafka.connect.errors.RetriableException: java.sql.SQLException: write failed',
  ...frames('io.example.connect.jdbc.sink.JdbcSinkTask', 10),
  'Caused by: java.sql.SQLException: Connection to db-7.example:5432 refused',
  ...frames('org.postgresql.core.v3.ConnectionFactoryImpl', 14),
  '',
].join('\n');

function frames(className: string, count: number): string[] {
  const simple = className.slice(className.lastIndexOf('.') + 1);
  return Array.from(
    { length: count },
    (_, index) => `\tat ${className}.step${index}(${simple}.java:${100 + index})`,
  );
}

/** A scripted Connect that answers. */
export class ScriptedConnect {
  readonly url: string;
  /** When each connector's restart call came, the first one. */
  readonly restartedAtMs = new Map<string, number>();
  readonly #worker: Worker;
  readonly #waiting: (() => void)[] = [];
  readonly #asked: ((counts: ConnectCounts) => void)[] = [];

  private constructor(worker: Worker, port: number) {
    this.#worker = worker;
    this.url = `http://127.0.0.1:${port}`;
    worker.on('message', (message: FromConnect) => {
      if (message.kind === 'counts') this.#asked.shift()?.(message.counts);
      if (message.kind === 'restart') {
        if (!this.restartedAtMs.has(message.connector)) {
          this.restartedAtMs.set(message.connector, message.atMs);
        }
        for (const wake of this.#waiting.splice(0)) wake();
      }
    });
  }

  static async start(script: Partial<ConnectScript>): Promise<ScriptedConnect> {
    const workerData = complete(script);
    const worker = new Worker(new URL('./connect-thread.ts', import.meta.url), { workerData });
    const port = await new Promise<number>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', (message: FromConnect) => {
        if (message.kind === 'listening') resolve(message.port);
      });
    });
    return new ScriptedConnect(worker, port);
  }

  async show(script: Partial<ConnectScript>): Promise<void> {
    this.restartedAtMs.clear();
    await this.#ask({ kind: 'show', script: complete(script) });
  }

  /** The connectors from one index to before another fail, or run, from now on. */
  async showSome(from: number, to: number, failed: boolean): Promise<void> {
    await this.#ask({ kind: 'some', from, to, failed });
  }

  /** What restarted connectors show from now on. */
  async afterRestart(state: ConnectScript['afterRestart']): Promise<void> {
    await this.#ask({ kind: 'afterRestart', state });
  }

  counts(): Promise<ConnectCounts> {
    return this.#ask({ kind: 'counts' });
  }

  async reset(): Promise<void> {
    this.restartedAtMs.clear();
    await this.#ask({ kind: 'reset' });
  }

  /** Waits until so many connectors have had a restart call. Throws after `withinMs`. */
  async restarted(count: number, withinMs: number): Promise<void> {
    const untilMs = performance.now() + withinMs;
    while (this.restartedAtMs.size < count) {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0)
        throw new Error(`${this.restartedAtMs.size} of ${count} were restarted in ${withinMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(message: ToConnect): Promise<ConnectCounts> {
    return new Promise((resolve) => {
      this.#asked.push(resolve);
      this.#worker.postMessage(message);
    });
  }
}

function complete(script: Partial<ConnectScript>): ConnectScript {
  return {
    connectors: 0,
    tasks: 1,
    failed: 0,
    trace: TRACE,
    afterRestart: 'RUNNING',
    latencyMs: 0,
    ...script,
  };
}
