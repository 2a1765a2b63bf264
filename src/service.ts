import { createHmac } from 'node:crypto';
import { Server as TlsServer } from 'node:https';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { AlertmanagerClient } from './alertmanager/client.ts';
import { createAlertmanagerClient } from './alertmanager/http-client.ts';
import { pullAlerts } from './alertmanager/pull.ts';
import { createSuppression } from './alertmanager/suppression.ts';
import { buildApp } from './app.ts';
import type { Credential } from './auth.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Authorization, type Config, policyFor } from './config/config.ts';
import { matches } from './config/matcher.ts';
import type { ConnectClient } from './connect/client.ts';
import { createConnectClient } from './connect/http-client.ts';
import type { Pack } from './core/diagnosis.ts';
import type { SignalRules } from './core/signals.ts';
import type { Ledger } from './ledger/ledger.ts';
import { openLedger } from './ledger/open.ts';
import { createTlsRenewal, type ListenerTlsFiles, readListenerTls, TLS_CHECK_MS } from './listener-tls.ts';
import { createReporter, describeError } from './log.ts';
import { Metrics } from './metrics.ts';
import { Remediator } from './remediator/remediator.ts';
import { Intake } from './webhook/intake.ts';

/** How long a shutdown waits for what is in flight; the rest is left to its lease. */
const STOP_WITHIN_MS = 20_000;
/** How long a shutdown waits for requests under way to be answered. */
const ANSWER_WITHIN_MS = 3_000;

export interface Service {
  readonly app: FastifyInstance;
  /** Begins to listen and to act; resolves with the address. */
  start(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Everything joined. Rejects with `LedgerOpenError` when the ledger cannot be opened: nothing is listening then.
 */
export async function buildService(
  config: Config,
  pack: Pack,
  log: Logger,
  version: string,
): Promise<Service> {
  const clock: Clock = systemClock;
  const clusterNames = config.clusters.map(({ name }) => name);
  const metrics = new Metrics(clusterNames, version);
  const reporter = createReporter(metrics, log);
  const policy = (cluster: string, connector: string) => policyFor(config, cluster, connector);

  const ledger: Ledger = await openLedger(config.ledger, {
    limits: config.limits,
    now: clock.now,
    onDamage: (key, error) => {
      log.error({ ...key, error: describeError(error) }, 'a damaged record was set aside');
    },
    onWarning: (text) => log.warn(text),
  });

  const hash = keyedHash(() => ledger.hashKey());
  const clients = config.clusters.map((cluster) => ({
    client: connectClient(cluster, metrics, hash),
    requestTimeoutMs: cluster.requestTimeoutMs,
    maxUnverified: cluster.maxUnverified,
  }));
  const alertmanagers = config.alertmanagers.map((one) => alertmanagerClient(one, metrics));
  const suppression = createSuppression({
    clients: alertmanagers,
    clock,
    onChange: (name, readable, detail) => reporter.alertmanagerReadable(name, readable, detail),
  });
  const rules: SignalRules = {
    labels: config.labels,
    clusters: clusterNames,
    isForRemediation: (labels) => matches(config.remediationLabel, labels),
  };
  const intake: Intake = new Intake({
    ledger,
    clock,
    metrics,
    reporter,
    policyFor: policy,
    alertsPerRemediation: config.limits.alertsPerRemediation,
    onClusterAlert: config.onClusterAlert,
    onDue: (cluster, connectors) => remediator.wake(cluster, connectors),
    onClusterSignal: (cluster) => remediator.poke(cluster),
  });
  const remediator: Remediator = new Remediator({
    ledger,
    clock,
    reporter,
    clusters: clients,
    policyFor: policy,
    statusEveryMs: config.statusEveryMs,
    labels: config.labels,
    takeIn: async (signals) => {
      await intake.takeSignals(signals);
    },
    pack,
    world: { suppression: () => suppression.view(), rules },
    resync:
      alertmanagers.length === 0
        ? null
        : {
            everyMs: config.resyncEveryMs,
            pull: () => pullAlerts(alertmanagers, config.remediationLabel, rules),
            takeIn: (reading) => intake.take(reading),
          },
  });

  let open = true;
  const ended = new AbortController();
  const { tls: listenerTls } = config.server;
  const app = buildApp({
    intake,
    ledger,
    metrics,
    clock,
    log,
    pack,
    policyFor: policy,
    rules,
    clusters: clusterNames,
    onOperator: ({ cluster, connector, reason, actor, detail }) => {
      const scope = { ...(cluster === '' ? {} : { cluster }), ...(connector === '' ? {} : { connector }) };
      log.info(
        { ...scope, actor, detail },
        reason === 'paused' ? 'paused by an operator' : 'an operator acted',
      );
    },
    onResumed: (scope) => {
      // It is looked at again in seconds in any case: a ledger that is down now costs no more than that.
      remediator.resumed(scope).catch((error: unknown) => reporter.fault('after a pause', error));
    },
    onRetried: (cluster, connector) => remediator.wake(cluster, [connector]),
    version,
    credentials: credentialsOf(config),
    bodyLimitBytes: config.server.bodyLimitBytes,
    tls: listenerTls === null ? null : readListenerTls(listenerTls),
    snapshots: () => remediator.snapshots(),
    isOpen: () => open,
  });

  return {
    app,
    start: async () => {
      const address = await app.listen({ host: config.server.host, port: config.server.port });
      remediator.start();
      if (listenerTls !== null && app.server instanceof TlsServer) {
        renewTls(app.server, listenerTls, log, ended.signal);
      }
      // Connected, and complained about, before the first restart needs it.
      void suppression.view();
      return address;
    },
    // Written order: not ready any more, and the loop begins nothing new; requests under way are answered; the loop
    // finishes what it has in hand; then what it worked with is closed.
    stop: async () => {
      open = false;
      ended.abort();
      const acted = within(STOP_WITHIN_MS, remediator.stop());
      await within(ANSWER_WITHIN_MS, app.close());
      // Whoever is still sending by then, or never began, is cut off: Alertmanager sends again.
      app.server.closeAllConnections();
      await acted;
      await Promise.all([
        ...clients.map(({ client }) => client.close()),
        ...alertmanagers.map((one) => one.close()),
      ]);
      await ledger.close();
    },
  };
}

/** Waits for work, but not for ever. */
async function within(ms: number, work: PromiseLike<unknown>): Promise<void> {
  const ended = new AbortController();
  await Promise.race([work, systemClock.sleep(ms, ended.signal)]);
  ended.abort();
}

/** HMAC-SHA256 with a key that is fetched when it is first needed; null until it is there. */
function keyedHash(fetchKey: () => Promise<string>): (text: string) => string | null {
  let key: string | null = null;
  let underWay = false;
  return (text) => {
    if (key !== null) return createHmac('sha256', key).update(text).digest('base64url');
    if (!underWay) {
      underWay = true;
      fetchKey()
        .then((fetched) => {
          key = fetched;
        })
        // The ledger is down, which others say; the next one who asks tries again.
        .catch(() => {})
        .finally(() => {
          underWay = false;
        });
    }
    return null;
  };
}

/** A client for one configured cluster; requests are counted where metrics are given. */
export function connectClient(
  cluster: Config['clusters'][number],
  metrics: Metrics | null,
  hash: (text: string) => string | null = () => null,
): ConnectClient {
  const { name, urls, requestTimeoutMs, auth, tls } = cluster;
  return createConnectClient({
    cluster: name,
    urls,
    requestTimeoutMs,
    authorization: auth === null ? null : () => authorizationHeader(auth),
    tls,
    hash,
    onRequest: (operation, outcome) => metrics?.connectRequest(name, operation, outcome),
  });
}

/** A client for one configured Alertmanager; requests are counted where metrics are given. */
export function alertmanagerClient(
  { url, auth, tls }: Config['alertmanagers'][number],
  metrics: Metrics | null,
): AlertmanagerClient {
  return createAlertmanagerClient(
    {
      url,
      authorization: auth === null ? null : () => authorizationHeader(auth),
      tls,
      onRequest: (operation, outcome) => metrics?.alertmanagerRequest(operation, outcome),
    },
    systemClock,
  );
}

/** Read at each request, so that a rotated secret is used at once. */
export function authorizationHeader(auth: Authorization): string {
  if (auth.kind === 'bearer') return `Bearer ${auth.token.reveal()}`;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password.reveal()}`).toString('base64')}`;
}

function credentialsOf({ server }: Config): Credential[] | null {
  if (server.auth === 'none') return null;
  return server.auth.map(({ name, roles, auth }) => ({
    name,
    roles,
    scheme:
      auth.kind === 'bearer'
        ? { kind: 'bearer', token: () => auth.token.reveal() }
        : { kind: 'basic', username: auth.username, password: () => auth.password.reveal() },
  }));
}

/**
 * Takes over a certificate that was renewed, while the service runs. Ends with `ended`; a file that cannot be used is told
 * once, and tried again.
 */
function renewTls(server: TlsServer, files: ListenerTlsFiles, log: Logger, ended: AbortSignal): void {
  const renew = createTlsRenewal(server, files);
  let told = '';
  const timer = setInterval(() => {
    try {
      if (renew() === 'renewed') log.info('the certificate of the listener was renewed');
      told = '';
    } catch (error) {
      const text = describeError(error);
      if (text !== told) log.error({ error: text }, 'the renewed certificate of the listener cannot be used');
      told = text;
    }
  }, TLS_CHECK_MS);
  timer.unref();
  ended.addEventListener('abort', () => clearInterval(timer));
}
