import type { ConnectorStatus } from '../../src/core/model.ts';
import { statusVerdict } from '../../src/core/verdict.ts';
import type { Life } from './life.ts';

interface Read {
  readonly begunMs: number;
  readonly status: ConnectorStatus | null;
}

interface Bulk {
  readonly begunMs: number;
  /** Of what fails; none where the cluster could not be read. */
  readonly traces: ReadonlyMap<string, string>;
}

const READS_KEPT = 12;
/** The contract's number, on purpose not the one of the code under test. */
const READ_AGE_AT_MOST_MS = 2_000;
/** What was read of a cluster in this time has to show a storm: a process may act on any of it. */
const STORM_TOLD_MS = 10_000;

/** What each process was told of Connect, and when it had asked. */
export class Told {
  readonly #nowMs: () => number;
  readonly #reads = new WeakMap<Life, Map<string, Read[]>>();
  readonly #lastReadMs = new Map<string, number>();
  readonly #bulks = new WeakMap<Life, Map<string, Bulk[]>>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A status of one connector; null: Connect's own 404. */
  saw(life: Life, cluster: string, connector: string, begunMs: number, status: ConnectorStatus | null): void {
    const key = `${cluster}/${connector}`;
    const ofLife = this.#reads.get(life) ?? new Map<string, Read[]>();
    this.#reads.set(life, ofLife);
    const reads = ofLife.get(key) ?? [];
    reads.push({ begunMs, status });
    if (reads.length > READS_KEPT) reads.shift();
    ofLife.set(key, reads);
    this.lookedAt(cluster, connector, begunMs);
  }

  /** Somebody looked, whether or not there was anything to be seen. */
  lookedAt(cluster: string, connector: string, begunMs: number): void {
    const key = `${cluster}/${connector}`;
    this.#lastReadMs.set(key, Math.max(begunMs, this.#lastReadMs.get(key) ?? 0));
  }

  /** The status of a whole cluster; null: it could not be read. */
  sawAll(
    life: Life,
    cluster: string,
    begunMs: number,
    statuses: ReadonlyMap<string, ConnectorStatus | null> | null,
  ): void {
    const ofLife = this.#bulks.get(life) ?? new Map<string, Bulk[]>();
    this.#bulks.set(life, ofLife);
    const traces = new Map<string, string>();
    for (const [connector, status] of statuses ?? []) {
      if (status === null || statusVerdict(status) !== 'failed') continue;
      const trace =
        [status.connector, ...status.tasks].find((part) => part.state === 'FAILED')?.trace ?? null;
      if (trace !== null) traces.set(connector, trace);
    }
    const lately = (ofLife.get(cluster) ?? []).filter((one) => this.#nowMs() - one.begunMs <= STORM_TOLD_MS);
    ofLife.set(cluster, [...lately, { begunMs, traces }]);
  }

  /** The FAILED parts in each read that this process began in the last two seconds; null is the connector instance. */
  failedLately(life: Life, key: string): (number | null)[][] {
    const sinceMs = this.#nowMs() - READ_AGE_AT_MOST_MS;
    const fresh = (this.#reads.get(life)?.get(key) ?? []).filter(({ begunMs }) => begunMs >= sinceMs);
    return fresh.flatMap(({ status }) => (status === null ? [] : [failedIn(status)]));
  }

  hasReadSince(life: Life, key: string, sinceMs: number): boolean {
    return (this.#reads.get(life)?.get(key) ?? []).some(({ begunMs }) => begunMs >= sinceMs);
  }

  /** When anybody's last read of a connector was begun. */
  lastReadMs(key: string): number {
    return this.#lastReadMs.get(key) ?? Number.NEGATIVE_INFINITY;
  }

  /** Whether all that this process was told of the cluster lately shows so many connectors failing as this one does. */
  knowsStorm(life: Life, cluster: string, connector: string, threshold: number): boolean {
    const sinceMs = this.#nowMs() - STORM_TOLD_MS;
    const lately = (this.#bulks.get(life)?.get(cluster) ?? []).filter(({ begunMs }) => begunMs >= sinceMs);
    return lately.length > 0 && lately.every(({ traces }) => isStorm(traces, connector, threshold));
  }
}

/** Whether so many connectors fail with the trace of this one. */
function isStorm(traces: ReadonlyMap<string, string>, connector: string, threshold: number): boolean {
  const own = traces.get(connector);
  return own !== undefined && [...traces.values()].filter((trace) => trace === own).length >= threshold;
}

function failedIn(status: ConnectorStatus): (number | null)[] {
  if (statusVerdict(status) !== 'failed') return [];
  return [
    ...(status.connector.state === 'FAILED' ? [null] : []),
    ...status.tasks.flatMap(({ id, state }) => (state === 'FAILED' ? [id] : [])),
  ];
}
