/** connect-medic as several real processes on one ledger. */
import { rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RemediationJson } from '../../src/api/remediation-json.ts';
import { freePorts } from '../stack/ports.ts';
import { answersOk, ManagedProcess, onExit, waitFor } from '../stack/process.ts';
import { prepareService, type Service } from '../stack/service.ts';
import type { FakeConnect } from './connect.ts';

export interface ReplicasOptions {
  readonly count: number;
  readonly ledgerUrl: string;
  /** By cluster name. */
  readonly clusters: Readonly<Record<string, FakeConnect>>;
  readonly policy: Readonly<Record<string, unknown>>;
  /** `ledger.replicas`. Default 0. */
  readonly ledgerReplicas?: number;
  /** `ledger.keyPrefix`. Default the configuration's own. */
  readonly keyPrefix?: string;
  /** Added to a replica's environment, by its number from 0. */
  readonly env?: (index: number) => NodeJS.ProcessEnv;
  /** Where started ones count as up: `/readyz`, or `/livez` for those whose ledger is down. Default `/readyz`. */
  readonly upAt?: '/readyz' | '/livez';
}

/** Short, so that a lease is: it lasts half a minute and three times this. */
const REQUEST_TIMEOUT = '1s';
const START_TIMEOUT_MS = 60_000;
const POST_TIMEOUT_MS = 10_000;
const RETRY_EVERY_MS = 100;

/** One replica: seen through HTTP and its log, and killed as one likes. */
export class Replica {
  readonly service: Service;
  readonly process: ManagedProcess;

  constructor(service: Service, env: NodeJS.ProcessEnv, upAt: string) {
    this.service = service;
    this.process = new ManagedProcess({
      ...service.process.spec,
      env: { ...process.env, ...env },
      startTimeoutMs: START_TIMEOUT_MS,
      ready: () => answersOk(service.url + upAt),
    });
  }

  /** The status of an answer, or `refused` when there is none. */
  async status(path: string): Promise<number | 'refused'> {
    try {
      const response = await this.service.get(path);
      await response.body?.cancel();
      return response.status;
    } catch {
      return 'refused';
    }
  }

  /** Sends one webhook, once. `refused`: no answer came, so nobody knows whether it was taken. */
  async post(connectors: readonly string[], cluster = 'default'): Promise<number | 'refused'> {
    try {
      const response = await fetch(`${this.service.url}/webhook`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(webhook(connectors, cluster)),
        signal: AbortSignal.timeout(POST_TIMEOUT_MS),
      });
      await response.body?.cancel();
      return response.status;
    } catch {
      return 'refused';
    }
  }

  /** Sends one webhook as Alertmanager does: again after a 503 and after no answer, until it is taken. */
  async deliver(connectors: readonly string[], withinMs: number, cluster = 'default'): Promise<void> {
    let last: number | 'refused' = 'refused';
    await waitFor(
      `a 202 for ${connectors.join(', ')} from ${this.service.url}`,
      async () => {
        last = await this.post(connectors, cluster);
        if (last === 202) return true;
        if (last === 503 || last === 'refused') return false;
        throw new Error(`the webhook was answered ${last}`);
      },
      withinMs,
      RETRY_EVERY_MS,
    );
  }
}

/** All replicas of a test, and their directory. */
export class Replicas {
  readonly all: readonly Replica[];
  readonly #remove: () => void;

  constructor(all: readonly Replica[], remove: () => void) {
    this.all = all;
    this.#remove = remove;
  }

  at(index: number): Replica {
    const replica = this.all[index];
    if (replica === undefined) throw new Error(`there is no replica ${index}`);
    return replica;
  }

  async start(): Promise<void> {
    await Promise.all(this.all.map(({ process }) => process.start()));
  }

  /** Waits until every one of these connectors has a remediation that is as wanted; the error says which are not. */
  async waitForAll(
    connectors: readonly string[],
    isSo: (remediation: RemediationJson) => boolean,
    withinMs: number,
  ): Promise<readonly RemediationJson[]> {
    let missing: readonly string[] = connectors;
    try {
      return await waitFor(
        'all remediations',
        async () => {
          const known = await this.remediations();
          if (known === undefined) return undefined;
          const byName = new Map(known.map((one) => [one.connector, one]));
          missing = connectors.flatMap((connector) => {
            const one = byName.get(connector);
            if (one !== undefined && isSo(one)) return [];
            return [one === undefined ? `${connector}: none` : `${connector}: ${describe(one)}`];
          });
          return missing.length === 0 ? known : undefined;
        },
        withinMs,
      );
    } catch (error) {
      const some = missing.slice(0, 5).join('; ');
      throw new Error(
        `${error instanceof Error ? error.message : error}; ${missing.length} are not: ${some}`,
        {
          cause: error,
        },
      );
    }
  }

  /** As the first replica that answers says. */
  async remediations(): Promise<readonly RemediationJson[] | undefined> {
    for (const { service, process } of this.all) {
      if (!process.running) continue;
      try {
        return await service.remediations();
      } catch {
        // Down, or its ledger is: the next one may know.
      }
    }
    return undefined;
  }

  /** Waits until each cluster was read a few times more by those that run: whoever wanted to act would have acted. */
  async goOn(clusters: Iterable<FakeConnect>, withinMs: number): Promise<void> {
    for (const connect of clusters) {
      const until = connect.bulkReads + 3 * this.all.length;
      await waitFor('further reads', () => connect.bulkReads >= until, withinMs);
    }
  }

  /** What no replica should ever write: unexpected errors, and lines that are none of the log's (a crash's stack). */
  async faults(): Promise<string[]> {
    const logs = await Promise.all(
      this.all.map(({ service }) => readFile(service.logFile, 'utf8').catch(() => '')),
    );
    const lines = logs.flatMap((text) => text.split('\n').filter((line) => line !== ''));
    return lines.filter((line) => !line.startsWith('{') || /"msg":"unexpected error"/.test(line));
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map(({ process }) => process.stop()));
    this.#remove();
  }
}

/** Replicas that are set up and not started yet. */
export async function prepareReplicas(options: ReplicasOptions): Promise<Replicas> {
  const directory = await mkdtemp(join(tmpdir(), 'connect-medic-replicas-'));
  const remove = (): void =>
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  const forget = onExit(remove);
  const ports = await freePorts(options.count);
  const clusters = Object.entries(options.clusters).map(([name, connect]) => ({
    name,
    urls: [connect.url],
    requestTimeout: REQUEST_TIMEOUT,
    maxUnverified: 1_000,
  }));
  const config = {
    ledger: {
      url: options.ledgerUrl,
      replicas: options.ledgerReplicas ?? 0,
      ...(options.keyPrefix === undefined ? {} : { keyPrefix: options.keyPrefix }),
    },
    clusters,
    statusEvery: '1s',
    policy: options.policy,
    // Many connectors that fail alike: each is to be restarted by itself here.
    storm: { threshold: 'off' },
  };
  const all = await Promise.all(
    ports.map(async (port, index) => {
      const service = await prepareService({ name: `replica-${index + 1}`, directory, port, config });
      return new Replica(service, options.env?.(index) ?? {}, options.upAt ?? '/readyz');
    }),
  );
  return new Replicas(all, () => {
    remove();
    forget();
  });
}

/** Replicas that are ready. */
export async function startReplicas(options: ReplicasOptions): Promise<Replicas> {
  const replicas = await prepareReplicas(options);
  try {
    await replicas.start();
    return replicas;
  } catch (error) {
    await replicas.stop();
    throw error;
  }
}

/** `name-001` and so on. */
export function named(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${String(index + 1).padStart(3, '0')}`);
}

/** What Alertmanager sends for these connectors' first tasks. */
export function webhook(connectors: readonly string[], cluster: string): unknown {
  const alerts = connectors.map((connector) => ({
    status: 'firing',
    labels: {
      alertname: 'KafkaConnectTaskFailed',
      connect_cluster: cluster,
      connector,
      remediation: 'kafka-connect',
      task: '0',
    },
    annotations: {},
    startsAt: '2026-01-01T00:00:00Z',
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: '',
    fingerprint: Buffer.from(`${cluster}/${connector}`).toString('hex').slice(-16),
  }));
  return {
    version: '4',
    groupKey: '{}:{}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'connect-medic',
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: '',
    alerts,
  };
}

function describe({ state, reason, attempts }: RemediationJson): string {
  return `${state} (${reason}), ${attempts} attempts`;
}
