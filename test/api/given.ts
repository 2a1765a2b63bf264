import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { buildApp } from '../../src/app.ts';
import type { Credential } from '../../src/auth.ts';
import { systemClock } from '../../src/clock.ts';
import { emptyPack } from '../../src/core/diagnosis.ts';
import type { PauseScope } from '../../src/core/model.ts';
import { type Ledger, LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite.ts';
import type { ListenerTls } from '../../src/listener-tls.ts';
import { Metrics } from '../../src/metrics.ts';
import type { Reporter } from '../../src/remediator/report.ts';
import { Intake } from '../../src/webhook/intake.ts';
import { policy } from '../core/given.ts';

/** Tells nobody. */
export const silent: Reporter = {
  decided: () => undefined,
  opened: () => undefined,
  ignored: () => undefined,
  news: () => undefined,
  restarted: () => undefined,
  reacted: () => undefined,
  recovered: () => undefined,
  limitHit: () => undefined,
  ledgerUp: () => undefined,
  clusterReadable: () => undefined,
  alertmanagerReadable: () => undefined,
  alertsReadable: () => undefined,
  breaker: () => undefined,
  fault: () => undefined,
};

export interface Built {
  readonly app: FastifyInstance;
  readonly ledger: Ledger;
  readonly woken: string[];
  readonly poked: string[];
  readonly resumed: PauseScope[];
  readonly retried: string[];
  /** Calls of the ledger, by the names of its methods. */
  readonly calls: (keyof Ledger)[];
  /** Lines of the log. */
  readonly logged: string[];
  down: boolean;
}

/** The real application on a ledger in memory, which can be taken down. */
export async function build(
  options: {
    credentials?: readonly Credential[];
    remediations?: number;
    bodyLimitBytes?: number;
    clusters?: readonly string[];
    tls?: ListenerTls;
  } = {},
): Promise<Built> {
  const limits = { remediations: options.remediations ?? 20_000, events: 1_000 };
  const real = await openSqliteLedger({ path: ':memory:', limits, now: Date.now });
  const built = {
    down: false,
    woken: [] as string[],
    poked: [] as string[],
    resumed: [] as PauseScope[],
    retried: [] as string[],
    calls: [] as (keyof Ledger)[],
    logged: [] as string[],
  };
  const ledger: Ledger = new Proxy(real, {
    get: (target, name) => {
      const own = target[name as keyof Ledger];
      if (typeof own !== 'function') return own;
      built.calls.push(name as keyof Ledger);
      return built.down && name !== 'close'
        ? () => Promise.reject(new LedgerUnavailable('disk full'))
        : own.bind(target);
    },
  });
  const metrics = new Metrics(['a'], 'test');
  const intake = new Intake({
    ledger,
    clock: systemClock,
    metrics,
    reporter: silent,
    policyFor: (_cluster, connector) => ({ ...policy, enabled: connector !== 'legacy' }),
    alertsPerRemediation: 20,
    onClusterAlert: 'look',
    onDue: (_cluster, connectors) => built.woken.push(...connectors),
    onClusterSignal: (cluster) => built.poked.push(cluster),
  });
  const app = buildApp({
    intake,
    ledger,
    metrics,
    clock: systemClock,
    rules: {
      labels: { cluster: 'connect_cluster', connector: 'connector', task: 'task' },
      clusters: ['a'],
      isForRemediation: (labels) => labels['remediation'] === 'kafka-connect',
    },
    log: pino({ level: 'info' }, { write: (line) => built.logged.push(line) }),
    credentials: options.credentials ?? null,
    bodyLimitBytes: options.bodyLimitBytes ?? 8_388_608,
    tls: options.tls ?? null,
    pack: emptyPack,
    policyFor: () => policy,
    clusters: options.clusters ?? ['a'],
    onOperator: () => undefined,
    onResumed: (scope) => built.resumed.push(scope),
    onRetried: (cluster, connector) => built.retried.push(`${cluster}/${connector}`),
    version: '0.0.0-test',
    snapshots: () => new Map(),
    isOpen: () => true,
  });
  await app.ready();
  return Object.assign(built, { app, ledger });
}
