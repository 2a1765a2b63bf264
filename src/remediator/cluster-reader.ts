import type { Clock } from '../clock.ts';
import type { ConnectClient, ReadOutcome, ReadResult } from '../connect/client.ts';
import { afterRefusalMs } from '../core/holds.ts';
import type { ConnectorSettings, ConnectorStatus } from '../core/model.ts';

const SETTINGS_AT_LEAST_MS = 10_000;
const UNKNOWN_AT_LEAST_MS = 1_000;

/** One bulk read of a cluster, and when it was begun: its content is at least that fresh. */
export interface BulkRead {
  readonly result: ReadResult<ReadonlyMap<string, ConnectorStatus | null>>;
  /** Monotonic milliseconds. */
  readonly begunAtMs: number;
}

export type Snapshot = ReadonlyMap<string, ConnectorStatus | null>;

/**
 * Reads a cluster's status in bulk, for the lane and for the gauges alike. A cluster that cannot be read is asked again
 * after 1s growing to 1min only, whoever asks: one that hangs gets fewer calls, not more.
 */
export class ClusterReader {
  readonly cluster: string;
  readonly #client: ConnectClient;
  readonly #clock: Clock;
  readonly #onChange: (readable: boolean, outcome: ReadOutcome, detail: string) => void;
  #underWay: Promise<BulkRead> | null = null;
  #latest: BulkRead | null = null;
  #snapshot: Snapshot | null = null;
  #settings = new Map<string, ConnectorSettings>();
  #settingsReadAtMs = Number.NEGATIVE_INFINITY;
  #settingsVersion = 0;
  #settingsUnderWay: Promise<ReadonlySet<string>> | null = null;
  #failures = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  /** `onChange` is called when the cluster becomes unreadable, or readable again. */
  constructor(
    client: ConnectClient,
    clock: Clock,
    onChange: (readable: boolean, outcome: ReadOutcome, detail: string) => void,
  ) {
    this.cluster = client.cluster;
    this.#client = client;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** What the last read said where it succeeded, else null: gauges show no stale truth. */
  snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  /**
   * A read that begins after this call (a read already under way began before what the caller wants to see). While the
   * cluster is left alone after a failure, that failure is the answer.
   */
  async read(): Promise<BulkRead> {
    const before = this.#underWay;
    if (before !== null) await before;
    if (this.#underWay !== null) return this.#underWay;
    if (this.#latest !== null && this.#clock.monotonic() < this.#notBeforeMs) return this.#latest;
    this.#underWay = this.#read().finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  /** Another one after each read that found a class or a configuration of a connector that was not known so. */
  get settingsVersion(): number {
    return this.#settingsVersion;
  }

  /** What a connector's configuration says, as last read in bulk; null: not read yet. */
  settingsOf(connector: string): ConnectorSettings | null {
    return this.#settings.get(connector) ?? null;
  }

  /**
   * Read by themselves just now, which is newer than the last bulk read. What no bulk read has shown stays unknown: the class
   * is part of a signature, and of those that fail alike all have to be known, or none.
   */
  learn(connector: string, settings: ConnectorSettings): void {
    const known = this.#settings.get(connector);
    if (known === undefined) return;
    if (differs(known, settings)) this.#settingsVersion += 1;
    this.#settings.set(connector, settings);
  }

  /**
   * Reads the settings of all connectors, at most every ten seconds, and every second where it is `about` a connector that may be
   * newer than the last read. Answers with those whose configuration is another one than at the last read. A read that fails
   * changes nothing.
   */
  readSettings(about: string | null = null): Promise<ReadonlySet<string>> {
    const isUnknown = about !== null && !this.#settings.has(about);
    const atLeastMs = isUnknown ? UNKNOWN_AT_LEAST_MS : SETTINGS_AT_LEAST_MS;
    if (this.#settingsUnderWay !== null) return this.#settingsUnderWay;
    if (this.#clock.monotonic() - this.#settingsReadAtMs < atLeastMs) return Promise.resolve(new Set());
    this.#settingsReadAtMs = this.#clock.monotonic();
    this.#settingsUnderWay = this.#readSettings().finally(() => {
      this.#settingsUnderWay = null;
    });
    return this.#settingsUnderWay;
  }

  async #readSettings(): Promise<ReadonlySet<string>> {
    const changed = new Set<string>();
    const result = await this.#client.allSettings();
    if (result.outcome !== 'ok') return changed;
    let isNews = false;
    for (const [connector, settings] of result.value) {
      const known = this.#settings.get(connector);
      const before = known?.configHash ?? null;
      if (before !== null && settings.configHash !== null && before !== settings.configHash)
        changed.add(connector);
      isNews ||= known === undefined || differs(known, settings);
    }
    if (isNews) this.#settingsVersion += 1;
    this.#settings = new Map(result.value);
    return changed;
  }

  async #read(): Promise<BulkRead> {
    const begunAtMs = this.#clock.monotonic();
    const result = await this.#client.statuses();
    const wasReadable = this.#failures === 0;
    if (result.outcome === 'ok') {
      this.#failures = 0;
      this.#notBeforeMs = Number.NEGATIVE_INFINITY;
      this.#snapshot = withoutTraces(result.value);
      if (!wasReadable) this.#onChange(true, 'ok', '');
      // Only a failure is answered from memory; a success would be old when it is asked for.
      this.#latest = null;
      return { result, begunAtMs };
    } else {
      this.#snapshot = null;
      this.#failures += 1;
      this.#notBeforeMs = this.#clock.monotonic() + afterRefusalMs(this.#failures);
      if (wasReadable) this.#onChange(false, result.outcome, result.detail);
    }
    this.#latest = { result, begunAtMs };
    return this.#latest;
  }
}

/** What gauges need is kept between reads; thousands of stack traces are not. */
function withoutTraces(statuses: ReadonlyMap<string, ConnectorStatus | null>): Snapshot {
  const kept = new Map<string, ConnectorStatus | null>();
  for (const [connector, status] of statuses) {
    const traced = status !== null && [status.connector, ...status.tasks].some(({ trace }) => trace !== null);
    // Most run and have none: tens of thousands of tasks need not be copied.
    kept.set(connector, traced ? withoutItsTraces(status) : status);
  }
  return kept;
}

function withoutItsTraces({ connector, tasks }: ConnectorStatus): ConnectorStatus {
  return {
    connector: { ...connector, trace: null },
    tasks: tasks.map((task) => ({ ...task, trace: null })),
  };
}

/** Whether what follows from the settings, a signature or a new start, may be another one. */
function differs(one: ConnectorSettings, other: ConnectorSettings): boolean {
  return one.connectorClass !== other.connectorClass || one.configHash !== other.configHash;
}
