import { resolve } from 'node:path';
import type { Policy } from '../core/policy.ts';
import type { StormPolicy } from '../core/storm.ts';
import type { Authorization, ClientTls, Config, LedgerConfig } from './config.ts';
import type { Secrets, WrittenCredentials } from './credentials.ts';
import { parseDuration } from './duration.ts';
import { parsePercent } from './kinds.ts';
import { parseLedgerUrl } from './ledger-url.ts';
import { parseMatcher } from './matcher.ts';
import { DEFAULT_LEDGER_URL, type PartialPolicy, type RawConfig, type RawPolicy } from './schema.ts';
import type { Secret } from './secret.ts';

/** Turns a configuration without problems into the one that is used. `cwd`: what relative paths begin at. */
export function compileConfig(raw: RawConfig, secrets: Secrets, cwd: string): Config {
  const { server, storm } = raw;
  const stormPolicy: StormPolicy = {
    threshold: storm.threshold === 'off' ? null : storm.threshold,
    proofMs: ms(storm.proof),
    everyAtMostMs: ms(storm.everyAtMost),
  };
  const auth = server.auth === undefined || server.auth.length === 0 ? 'none' : server.auth;
  return {
    server: {
      host: server.host,
      port: server.port,
      auth:
        auth === 'none'
          ? 'none'
          : auth.map((entry, index) => ({
              name: entry.name,
              roles: entry.roles,
              auth: authorization(entry, `server.auth[${index}]`, secrets),
            })),
      tls: serverTls(server.tls, cwd),
      bodyLimitBytes: server.bodyLimitBytes,
    },
    ledger: compileLedger(raw, secrets, cwd),
    alertmanagers: raw.alertmanagers.map((one, index) => ({
      url: trimSlash(one.url),
      ...client(one, `alertmanagers[${index}]`, secrets, cwd),
    })),
    clusters: raw.clusters.map((one, index) => ({
      name: one.name,
      urls: one.urls.map(trimSlash),
      ...client(one, `clusters[${index}]`, secrets, cwd),
      requestTimeoutMs: ms(one.requestTimeout),
      maxUnverified: one.maxUnverified,
    })),
    labels: raw.labels,
    remediationLabel: parseMatcher(raw.remediationLabel),
    onClusterAlert: raw.onClusterAlert,
    resyncEveryMs: ms(raw.resyncEvery),
    statusEveryMs: ms(raw.statusEvery),
    policy: compilePolicy(raw.policy, stormPolicy),
    overrides: raw.overrides.map(({ match, policy }) => ({
      match: match.map(parseMatcher),
      policy: compilePolicy(layOver(raw.policy, policy), stormPolicy),
    })),
    diagnosisFile: raw.diagnosisFile === undefined ? null : resolve(cwd, raw.diagnosisFile),
    limits: raw.limits,
    log: raw.log,
  };
}

/** What is allowed and probably not meant. */
export function warningsOf(raw: RawConfig): string[] {
  const warnings: string[] = [];
  if (raw.ledger.url === undefined || !/^rediss?[:+]/i.test(raw.ledger.url)) {
    if (raw.ledger.urlFile === undefined && raw.ledger.replicas > 0) {
      warnings.push('ledger.replicas is for Redis only and has no effect');
    }
  }
  const clients = [
    ...raw.clusters.map((one, index) => ({ ...one, path: `clusters[${index}]` })),
    ...raw.alertmanagers.map((one, index) => ({ ...one, urls: [one.url], path: `alertmanagers[${index}]` })),
  ];
  for (const { path, urls, auth, tls } of clients) {
    const plain = urls.filter((url) => /^http:/i.test(url));
    if (auth !== undefined && plain.some((url) => !/^http:\/\/(127\.|localhost\b|\[::1\])/i.test(url))) {
      warnings.push(`${path}.auth is sent over plain http: everybody on the way can read it`);
    }
    if (tls !== undefined && plain.length === urls.length) {
      warnings.push(`${path}.tls has no effect: there is no https URL`);
    }
  }
  return warnings;
}

/** A policy with the keys of another laid over it; lists are replaced. */
function layOver(base: RawPolicy, over: PartialPolicy): RawPolicy {
  const given = Object.fromEntries(Object.entries(over).filter(([, value]) => value !== undefined));
  return {
    ...base,
    ...given,
    budget: { ...base.budget, ...over.budget },
    permanent: { ...base.permanent, ...over.permanent },
  };
}

function compilePolicy(raw: RawPolicy, storm: StormPolicy): Policy {
  return {
    enabled: raw.enabled,
    dryRun: raw.dryRun,
    delaysMs: raw.delays.map(ms),
    thenEveryMs: msOrNull(raw.thenEvery),
    stableForMs: raw.stableFor === 'auto' ? 'auto' : ms(raw.stableFor),
    settleMs: ms(raw.settle),
    stuckAfterMs: ms(raw.stuckAfter),
    budget: { restarts: raw.budget.restarts, perMs: ms(raw.budget.per) },
    permanent: { restarts: raw.permanent.restarts, thenEveryMs: msOrNull(raw.permanent.thenEvery) },
    storm,
    jitter: parsePercent(raw.jitter) ?? 0,
  };
}

function compileLedger({ ledger }: RawConfig, secrets: Secrets, cwd: string): LedgerConfig {
  const given = secrets.get('ledger.url');
  const parsed = parseLedgerUrl(given?.reveal() ?? DEFAULT_LEDGER_URL);
  if (parsed === null) throw new Error('ledger.url was checked before');
  if (parsed.kind === 'sqlite') return { kind: 'sqlite', path: resolve(cwd, parsed.path) };
  if (parsed.kind === 'memory') return parsed;
  const { keyPrefix, replicas } = ledger;
  return { ...parsed, url: known(given, 'ledger.url'), keyPrefix, replicas };
}

function client(
  { auth, tls }: Pick<RawConfig['clusters'][number], 'auth' | 'tls'>,
  path: string,
  secrets: Secrets,
  cwd: string,
): { auth: Authorization | null; tls: ClientTls | null } {
  return {
    auth: auth === undefined ? null : authorization(auth, `${path}.auth`, secrets),
    tls:
      tls === undefined
        ? null
        : Object.fromEntries(Object.entries(tls).map(([key, file]) => [key, resolve(cwd, file)])),
  };
}

function serverTls(tls: RawConfig['server']['tls'], cwd: string): Config['server']['tls'] {
  if (tls?.certFile === undefined || tls.keyFile === undefined) return null;
  return {
    certFile: resolve(cwd, tls.certFile),
    keyFile: resolve(cwd, tls.keyFile),
    clientCaFile: tls.clientCaFile === undefined ? null : resolve(cwd, tls.clientCaFile),
  };
}

function authorization({ basic }: WrittenCredentials, path: string, secrets: Secrets): Authorization {
  if (basic === undefined) {
    return { kind: 'bearer', token: known(secrets.get(`${path}.bearerToken`), path) };
  }
  const password = known(secrets.get(`${path}.basic.password`), path);
  return { kind: 'basic', username: basic.username, password };
}

/** The check that went before guarantees it; a program error otherwise. */
function known(secret: Secret | undefined, path: string): Secret {
  if (secret === undefined) throw new Error(`${path} was checked before`);
  return secret;
}

function trimSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function ms(text: string): number {
  const reading = parseDuration(text);
  if (!reading.ok) throw new Error('durations were checked before');
  return reading.ms;
}

function msOrNull(text: string): number | null {
  return text === 'off' ? null : ms(text);
}
