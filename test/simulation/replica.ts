import { pullAlerts } from '../../src/alertmanager/pull.ts';
import { createSuppression } from '../../src/alertmanager/suppression.ts';
import { createMatcher, matches } from '../../src/config/matcher.ts';
import type { Pack } from '../../src/core/diagnosis.ts';
import type { Policy } from '../../src/core/policy.ts';
import { readPayload, type SignalRules } from '../../src/core/signals.ts';
import { type Ledger, LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { Metrics } from '../../src/metrics.ts';
import { Remediator } from '../../src/remediator/remediator.ts';
import type { Reporter } from '../../src/remediator/report.ts';
import { Intake } from '../../src/webhook/intake.ts';
import type { AlertmanagerLink } from './alertmanager-link.ts';
import { type ConnectLink, REQUEST_TIMEOUT_MS } from './connect-link.ts';
import type { Life } from './life.ts';
import type { Witness } from './witness.ts';

const REMEDIATION_LABEL = createMatcher('remediation', '=', 'kafka-connect');
/** Never read here, and costly to make: one for all runs. */
const metrics = new Metrics(['a', 'b'], 'simulation');

/** Permanent is what a class says; everything else is transient until it has proved otherwise. */
export const PACK: Pack = {
  judge: (chain) =>
    chain.some((one) => one.class === 'org.example.HopelessException')
      ? { id: 'hopeless', verdict: 'permanent', because: 'It is.', do: 'Mend it.' }
      : null,
  advice: () => null,
};

export interface ReplicaOptions {
  readonly life: Life;
  readonly ledger: Ledger;
  readonly connects: readonly ConnectLink[];
  readonly alertmanagers: readonly AlertmanagerLink[];
  readonly policy: Policy;
  readonly maxUnverified: number;
  readonly statusEveryMs: number;
  readonly resyncEveryMs: number;
  readonly onClusterAlert: 'look' | 'remediate';
  readonly witness: Witness;
}

/** One process: the real parts, joined as the service joins them. */
export interface Replica {
  readonly life: Life;
  readonly remediator: Remediator;
  /** What `POST /webhook` answers. */
  webhook(body: unknown): Promise<202 | 400 | 503>;
}

export function startReplica(of: ReplicaOptions): Replica {
  const { life, ledger, connects, alertmanagers, policy, witness } = of;
  const { clock } = life;
  const rules: SignalRules = {
    labels: { cluster: 'connect_cluster', connector: 'connector', task: 'task' },
    clusters: connects.map(({ cluster }) => cluster),
    isForRemediation: (labels) => matches(REMEDIATION_LABEL, labels),
  };
  const reporter: Reporter = {
    decided: () => {},
    opened: () => {},
    ignored: () => {},
    news: (story) => witness.tells(life, story),
    restarted: ({ detail }) => witness.shows(detail),
    reacted: () => {},
    recovered: () => {},
    limitHit: () => {},
    ledgerUp: (_up, detail) => witness.shows(detail),
    clusterReadable: () => {},
    alertmanagerReadable: () => {},
    alertsReadable: () => {},
    breaker: () => {},
    fault: (what, error) => witness.fault(life, what, error),
  };
  const suppression = createSuppression({ clients: alertmanagers, clock });
  const policyFor = () => policy;
  const intake: Intake = new Intake({
    ledger,
    clock,
    metrics,
    reporter,
    policyFor,
    alertsPerRemediation: 20,
    onClusterAlert: of.onClusterAlert,
    onDue: (cluster, connectors) => remediator.wake(cluster, connectors),
    onClusterSignal: (cluster) => remediator.poke(cluster),
  });
  const remediator: Remediator = new Remediator({
    ledger,
    clock,
    reporter,
    clusters: connects.map((client) => ({
      client,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      maxUnverified: of.maxUnverified,
    })),
    policyFor,
    statusEveryMs: of.statusEveryMs,
    labels: { cluster: 'connect_cluster', connector: 'connector', task: 'task' },
    takeIn: async (signals) => {
      await intake.takeSignals(signals);
    },
    pack: PACK,
    world: { suppression: () => suppression.view(), rules },
    resync:
      alertmanagers.length === 0
        ? null
        : {
            everyMs: of.resyncEveryMs,
            pull: () => pullAlerts(alertmanagers, REMEDIATION_LABEL, rules),
            takeIn: (reading) => intake.take(reading),
          },
  });
  remediator.start();
  return {
    life,
    remediator,
    // As src/webhook/route.ts does it.
    webhook: async (body) => {
      const reading = readPayload(body, rules);
      if (!reading.ok) return 400;
      const sinceMs = witness.nowMs;
      try {
        await intake.take(reading);
      } catch (error) {
        if (!(error instanceof LedgerUnavailable)) throw error;
        return 503;
      }
      const signals = reading.readings.flatMap((one) => (one.kind === 'signal' ? [one.signal] : []));
      witness.accepted(life, signals, sinceMs);
      return 202;
    },
  };
}
