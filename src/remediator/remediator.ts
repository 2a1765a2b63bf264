import type { PullResult } from '../alertmanager/pull.ts';
import type { Clock } from '../clock.ts';
import type { ConnectClient } from '../connect/client.ts';
import type { Pack } from '../core/diagnosis.ts';
import type { ConnectorStatus, PauseScope } from '../core/model.ts';
import type { Policy } from '../core/policy.ts';
import type { PayloadReading, Signal } from '../core/signals.ts';
import { closing } from '../core/transitions.ts';
import { type Ledger, LedgerUnavailable } from '../ledger/ledger.ts';
import { ClusterReader } from './cluster-reader.ts';
import { Failures } from './failures.ts';
import { Lane } from './lane.ts';
import { Poller, type TargetLabels } from './poller.ts';
import { auditOf, type Reporter } from './report.ts';
import { Resync } from './resync.ts';
import type { WorldSources } from './world.ts';

export interface RemediatorOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly clusters: readonly {
    readonly client: ConnectClient;
    readonly requestTimeoutMs: number;
    readonly maxUnverified: number;
  }[];
  readonly policyFor: (cluster: string, connector: string) => Policy;
  readonly statusEveryMs: number;
  readonly labels: TargetLabels;
  /** Takes signals in, as the webhook does. */
  readonly takeIn: (signals: readonly Signal[]) => Promise<void>;
  /** Rules about what traces mean. */
  readonly pack: Pack;
  /** What else is asked before a restart. */
  readonly world: WorldSources;
  /** The pull path; null: no Alertmanager is configured. */
  readonly resync: {
    readonly everyMs: number;
    readonly pull: () => Promise<PullResult>;
    readonly takeIn: (reading: Extract<PayloadReading, { ok: true }>) => Promise<unknown>;
  } | null;
}

interface ClusterWork {
  readonly reader: ClusterReader;
  readonly lane: Lane;
  readonly poller: Poller;
}

/** All clusters' lanes and pollers: what acts on the ledger's records. */
export class Remediator {
  readonly #options: RemediatorOptions;
  readonly #ended = new AbortController();
  readonly #work = new Map<string, ClusterWork>();
  readonly #resync: Resync | null;

  constructor(options: RemediatorOptions) {
    this.#options = options;
    const { ledger, clock, reporter, statusEveryMs, takeIn, labels } = options;
    for (const { client, requestTimeoutMs, maxUnverified } of options.clusters) {
      const { cluster } = client;
      const reader = new ClusterReader(client, clock, (readable, _outcome, detail) =>
        reporter.clusterReadable(cluster, readable, detail),
      );
      const lane = new Lane({
        client,
        reader,
        failures: new Failures(reader, options.pack),
        ledger,
        clock,
        reporter,
        policyFor: (connector) => options.policyFor(cluster, connector),
        world: options.world,
        maxUnverified,
        requestTimeoutMs,
      });
      const onDue = (): void => lane.wake();
      const poller = new Poller({ reader, ledger, clock, reporter, statusEveryMs, takeIn, onDue, labels });
      this.#work.set(cluster, { reader, lane, poller });
    }
    const { resync } = options;
    this.#resync =
      resync && new Resync({ ...resync, resyncEveryMs: resync.everyMs, ledger, clock, reporter });
  }

  start(): void {
    for (const { lane, poller } of this.#work.values()) {
      lane.start();
      poller.start();
    }
    this.#resync?.start();
    void this.#closeUnconfiguredOnce();
  }

  /** The ledger may be down while the process starts: tried until it is not. */
  async #closeUnconfiguredOnce(): Promise<void> {
    const { clock, reporter } = this.#options;
    while (!this.#ended.signal.aborted) {
      try {
        return await this.#closeUnconfigured();
      } catch (error) {
        if (!(error instanceof LedgerUnavailable)) {
          return reporter.fault('closing remediations of clusters that are configured no more', error);
        }
        await clock.sleep(1_000, this.#ended.signal);
      }
    }
  }

  /** No new work; what is in flight is finished. */
  async stop(): Promise<void> {
    this.#ended.abort();
    const ends = [...this.#work.values()].flatMap(({ lane, poller }) => [lane.stop(), poller.stop()]);
    await Promise.all([...ends, this.#resync?.stop()]);
  }

  /** These connectors of a cluster are due now. */
  wake(cluster: string, connectors: readonly string[]): void {
    const lane = this.#work.get(cluster)?.lane;
    for (const connector of connectors) lane?.wake(connector);
  }

  /** An alert named this cluster, but no connector: read it soon. */
  poke(cluster: string): void {
    this.#work.get(cluster)?.poller.poke();
    this.#resync?.poke();
  }

  /** A pause was ended: what it held is due now. */
  async resumed(scope: PauseScope): Promise<void> {
    const { ledger } = this.#options;
    const held = (await ledger.overview()).filter(
      ({ cluster, connector, hold }) =>
        hold === 'paused' &&
        (scope.cluster === null || scope.cluster === cluster) &&
        (scope.connector === null || scope.connector === connector),
    );
    await ledger.wake(held);
    for (const cluster of new Set(held.map((row) => row.cluster))) this.#work.get(cluster)?.lane.wake();
  }

  /** The clusters whose last read succeeded, with what it said. */
  snapshots(): ReadonlyMap<string, ReadonlyMap<string, ConnectorStatus | null>> {
    const snapshots = new Map<string, ReadonlyMap<string, ConnectorStatus | null>>();
    for (const [cluster, { reader }] of this.#work) {
      const snapshot = reader.snapshot();
      if (snapshot !== null) snapshots.set(cluster, snapshot);
    }
    return snapshots;
  }

  /** No lane serves a cluster that is configured no more: its records would be forgotten, so they are closed. */
  async #closeUnconfigured(): Promise<void> {
    const { ledger, clock, policyFor } = this.#options;
    const forgotten = new Set<string>();
    for (const { version, remediation } of await ledger.list()) {
      const { cluster, connector, phase } = remediation;
      if (this.#work.has(cluster)) continue;
      forgotten.add(cluster);
      if (phase.state === 'closed') continue;
      const nowMs = clock.now();
      const decision = closing(remediation, 'unconfigured', policyFor(cluster, connector), nowMs);
      if (decision.next === null) continue;
      await ledger.store([
        {
          key: { cluster, connector },
          expectedVersion: version,
          next: decision.next,
          events: auditOf(remediation, decision, nowMs),
        },
      ]);
    }
    for (const cluster of forgotten) {
      // What is due among closed records is those whose window is over.
      const { claims } = await ledger.claim({ cluster, limit: 10_000, leaseMs: 60_000 });
      for (const claim of claims) {
        const over = claim.remediation.phase.state === 'closed';
        if (!over || (await ledger.commit(claim, null, [])) === null) await ledger.release(claim);
      }
    }
  }
}
