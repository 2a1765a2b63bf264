import type { Policy } from '../core/policy.ts';
import { type Matcher, matchesAll } from './matcher.ts';
import type { logLevels, roles } from './schema.ts';
import type { Secret } from './secret.ts';

/** How somebody shows who he is, to connect-medic or connect-medic to others. */
export type Authorization =
  | { readonly kind: 'bearer'; readonly token: Secret }
  | { readonly kind: 'basic'; readonly username: string; readonly password: Secret };

/** What a caller may do. */
export type Role = (typeof roles)[number];

/** One caller of connect-medic. `name` is the actor in the audit trail. */
export interface ServerCredential {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly auth: Authorization;
}

/** TLS towards others; paths are absolute, the files were readable when the configuration was loaded. */
export interface ClientTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** Which ledger, as `ledger.url` names it. */
export type LedgerConfig =
  | { readonly kind: 'sqlite' /** Absolute. */; readonly path: string }
  | { readonly kind: 'memory' }
  | {
      readonly kind: 'redis';
      readonly mode: 'single' | 'sentinel' | 'cluster';
      readonly tls: boolean;
      /** The whole URL: there may be a password in it. */
      readonly url: Secret;
      readonly keyPrefix: string;
      /** Wait for so many replicas on each write. */
      readonly replicas: number;
    };

/** One Kafka Connect cluster. */
export interface ClusterConfig {
  readonly name: string;
  /** Without a slash at the end; never empty. */
  readonly urls: readonly string[];
  readonly auth: Authorization | null;
  readonly tls: ClientTls | null;
  readonly requestTimeoutMs: number;
  readonly maxUnverified: number;
}

/** One Alertmanager. */
export interface AlertmanagerConfig {
  /** Without a slash at the end. */
  readonly url: string;
  readonly auth: Authorization | null;
  readonly tls: ClientTls | null;
}

/** A policy for the connectors that fit every matcher. */
export interface Override {
  /** Over the labels `cluster` and `connector`. */
  readonly match: readonly Matcher[];
  /** Complete: the override's keys laid over the configuration's policy. */
  readonly policy: Policy;
}

/** The configuration, ready for use: checked, complete, spans in milliseconds, secrets wrapped. */
export interface Config {
  readonly server: {
    readonly host: string;
    /** 0: any free one. */
    readonly port: number;
    /** `none`: everybody may do everything. */
    readonly auth: 'none' | readonly ServerCredential[];
    readonly tls: {
      readonly certFile: string;
      readonly keyFile: string;
      readonly clientCaFile: string | null;
    } | null;
    readonly bodyLimitBytes: number;
  };
  readonly ledger: LedgerConfig;
  readonly alertmanagers: readonly AlertmanagerConfig[];
  readonly clusters: readonly ClusterConfig[];
  /** Which alert labels name the target; `cluster` may be empty where there is one cluster. */
  readonly labels: { readonly cluster: string; readonly connector: string; readonly task: string };
  readonly remediationLabel: Matcher;
  readonly onClusterAlert: 'look' | 'remediate';
  readonly resyncEveryMs: number;
  readonly statusEveryMs: number;
  readonly policy: Policy;
  readonly overrides: readonly Override[];
  /** Absolute. */
  readonly diagnosisFile: string | null;
  readonly limits: {
    readonly remediations: number;
    readonly alertsPerRemediation: number;
    readonly events: number;
  };
  readonly log: { readonly level: (typeof logLevels)[number] };
}

/** Connectors come and go by other people's hands: the cache is emptied at this size. */
const CACHED_AT_MOST = 20_000;
const caches = new WeakMap<Config, Map<string, Policy>>();

/** The policy of a connector: the first override that matches, else the configuration's. The same object each time. */
export function policyFor(config: Config, cluster: string, connector: string): Policy {
  if (config.overrides.length === 0) return config.policy;
  let cache = caches.get(config);
  if (cache === undefined || cache.size >= CACHED_AT_MOST) {
    cache = new Map();
    caches.set(config, cache);
  }
  // Neither name has a newline: cluster names are checked, so the first one ends the cluster's.
  const key = `${cluster}\n${connector}`;
  let policy = cache.get(key);
  if (policy === undefined) {
    const labels = { cluster, connector };
    policy = config.overrides.find(({ match }) => matchesAll(match, labels))?.policy ?? config.policy;
    cache.set(key, policy);
  }
  return policy;
}
