import { defaultPolicy, type Policy } from '../../src/core/policy.ts';
import type { AlertTraits } from './alertmanager-model.ts';
import type { ConnectTraits } from './connect-model.ts';
import { CALM, type Weather } from './life.ts';
import type { Rng } from './random.ts';

const SECOND = 1_000;

/** What a seed makes of a run: how large the world is, and how bad. */
export interface Scenario {
  readonly replicas: number;
  readonly clusters: readonly {
    readonly name: string;
    readonly connectors: readonly { name: string; tasks: number }[];
  }[];
  readonly alertmanagers: number;
  readonly policy: Policy;
  readonly maxUnverified: number;
  readonly claimsAtOnce: number;
  readonly statusEveryMs: number;
  readonly resyncEveryMs: number;
  readonly onClusterAlert: 'look' | 'remediate';
  readonly connect: ConnectTraits;
  readonly alerts: AlertTraits;
  /** Faults come until then, milliseconds. */
  readonly faultsUntilMs: number;
  readonly ledgerWeather: Weather;
  readonly connectWeather: Weather;
  /** Share of waits at which a process dies. */
  readonly mortality: number;
  /** Incidents of each kind. */
  readonly incidents: Readonly<Record<IncidentKind, number>>;
  /** Nothing else goes wrong, but cluster `b` answers nobody: cluster `a` must not notice. */
  readonly hangingNeighbour: boolean;
  /** Share of failures with the one trace that many have. */
  readonly alike: number;
  /** Share of failures that no restart heals. */
  readonly hopeless: number;
}

export const incidentKinds = [
  'failure',
  'rest',
  'rebalance',
  'worker_lost',
  'operator',
  'configuration',
  'silence',
  'inhibition',
  'alertmanager',
  'ledger',
  'crash',
  'freeze',
  'clock',
  'ledger_clock',
  'nonsense',
  'relapse',
] as const;
export type IncidentKind = (typeof incidentKinds)[number];

/** Times are a tenth or less of the shipped ones: a run has to come to its end. */
function drawPolicy(rng: Rng): Policy {
  return {
    ...defaultPolicy,
    delaysMs: rng.pick([
      [0, 10 * SECOND, 25 * SECOND],
      [0, 8 * SECOND],
      [3 * SECOND, 12 * SECOND, 20 * SECOND, 30 * SECOND],
    ]),
    thenEveryMs: rng.pick([60 * SECOND, 60 * SECOND, 40 * SECOND, null]),
    stableForMs: rng.pick([20 * SECOND, 40 * SECOND]),
    settleMs: 2 * SECOND,
    stuckAfterMs: 20 * SECOND,
    budget: { restarts: rng.pick([4, 6, 8]), perMs: rng.pick([120, 240]) * SECOND },
    permanent: { restarts: 1, thenEveryMs: 80 * SECOND },
    storm: {
      threshold: rng.pick([null, 3, 3, 4]),
      proofMs: 10 * SECOND,
      everyAtMostMs: 20 * SECOND,
    },
    jitter: rng.pick([0, 0.1]),
  };
}

/** Swarm testing: each kind of fault is absent from about half of the runs, so that the others are seen by themselves. */
export function drawScenario(rng: Rng): Scenario {
  const some = (atMost: number, share = 0.5): number => (rng.chance(share) ? rng.between(1, atMost) : 0);
  const stormy = rng.chance(0.35);
  const connectors = (cluster: string) => ({
    name: cluster,
    connectors: Array.from({ length: stormy ? rng.between(4, 7) : rng.between(1, 3) }, (_, index) => ({
      name: `c${index}`,
      tasks: rng.between(1, 2),
    })),
  });
  const weather = (): Weather => ({
    latencyMs: rng.pick([2, 20, 200]),
    late: rng.pick([0, 0, 0.01, 0.05]),
    lateMs: rng.pick([1_000, 2_500, 8_000]),
    lost: rng.pick([0, 0, 0.005, 0.03]),
  });
  const hangingNeighbour = rng.chance(0.05);
  const namesNoConnector = !hangingNeighbour && rng.chance(0.15);
  const relapses = some(1, 0.12);
  const scenario: Scenario = {
    replicas: rng.pick([1, 2, 2, 3]),
    clusters: hangingNeighbour || rng.chance(0.25) ? [connectors('a'), connectors('b')] : [connectors('a')],
    alertmanagers: rng.pick([0, 1, 1, 2]),
    policy: drawPolicy(rng),
    maxUnverified: rng.pick([1, 2, 10]),
    claimsAtOnce: rng.pick([1, 2, 24]),
    statusEveryMs: rng.pick([10, 20]) * SECOND,
    resyncEveryMs: 20 * SECOND,
    onClusterAlert: namesNoConnector ? 'remediate' : rng.pick(['look', 'remediate']),
    connect: {
      statusLagMs: rng.pick([0, 50, 800]),
      lieMs: rng.pick([0, 1_200]),
      forgets: rng.pick([0, 0, 0.15]),
    },
    alerts: {
      evaluateEveryMs: 2 * SECOND,
      groupBy: rng.pick(['connector', 'cluster', 'everything']),
      groupIntervalMs: 5 * SECOND,
      repeatEveryMs: rng.pick([15, 30]) * SECOND,
      resolveLost: rng.pick([0, 0, 0.5]),
      duplicates: rng.pick([0, 0.2]),
      namesNoConnector,
    },
    // Who is always healed and always fails again needs time for it.
    faultsUntilMs: (relapses > 0 ? rng.between(150, 260) : rng.between(40, 110)) * SECOND,
    ledgerWeather: rng.chance(0.5) ? weather() : CALM,
    connectWeather: rng.chance(0.5) ? weather() : CALM,
    mortality: rng.pick([0, 0, 0.001, 0.005]),
    incidents: {
      failure: rng.between(1, 5),
      rest: some(3),
      rebalance: some(2, 0.3),
      worker_lost: some(1, 0.25),
      operator: some(2),
      configuration: some(3, 0.4),
      silence: some(2),
      inhibition: some(1, 0.3),
      alertmanager: some(2, 0.3),
      ledger: some(2, 0.3),
      crash: some(2, 0.3),
      freeze: some(2, 0.3),
      clock: some(2, 0.3),
      ledger_clock: some(3, 0.3),
      nonsense: some(3, 0.3),
      relapse: relapses,
    },
    hangingNeighbour,
    alike: stormy ? 0.9 : 0.2,
    hopeless: rng.pick([0, 0.3, 0.6]),
  };
  if (!hangingNeighbour) return scenario;
  const { failure, operator, silence, configuration } = scenario.incidents;
  const none = Object.fromEntries(incidentKinds.map((kind) => [kind, 0])) as Record<IncidentKind, number>;
  return {
    ...scenario,
    ledgerWeather: CALM,
    connectWeather: CALM,
    mortality: 0,
    incidents: { ...none, failure, operator, silence, configuration },
  };
}
