/** A real Alertmanager on loopback, with one inhibition rule and a receiver that sends nothing unless told where to. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../stack/ports.ts';
import { answersOk, ManagedProcess } from '../stack/process.ts';
import { provisionMonitoring } from '../stack/provision.ts';
import type { Labels } from './given.ts';

const config = (webhookUrl: string | null): string => `
route: { receiver: medic, group_wait: 1s, group_interval: 1s, repeat_interval: 1h, group_by: [connector] }
receivers:
  - name: medic
    webhook_configs: ${webhookUrl === null ? '[]' : `[{ url: '${webhookUrl}', send_resolved: true }]`}
inhibit_rules:
  - source_matchers: ['alertname="WorkerDown"']
    target_matchers: ['connector=~".+"']
    equal: [connect_cluster]
`;

export interface Matcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual?: boolean;
}

export interface RealAlertmanager {
  readonly url: string;
  /** Makes alerts fire for an hour. */
  post(alerts: readonly Labels[]): Promise<void>;
  /** Makes alerts end now. */
  resolve(alerts: readonly Labels[]): Promise<void>;
  /** Makes a silence and says its id. Default: from now, for an hour. Throws what Alertmanager refuses. */
  silence(matchers: readonly Matcher[], fromMs?: number): Promise<string>;
  expire(id: string): Promise<void>;
  /** The ids of the silences that are active here. */
  silences(): Promise<string[]>;
  /** Members of its cluster, itself included; 0 for one that stands alone. */
  peers(): Promise<number>;
  /** Webhooks that it has sent. */
  sent(): Promise<number>;
  readonly process: ManagedProcess;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

const HOUR_MS = 3_600_000;

/** @param cluster command line arguments of its cluster; default: it stands alone */
export async function startAlertmanager(
  webhookUrl: string | null = null,
  cluster: readonly string[] = ['--cluster.listen-address='],
): Promise<RealAlertmanager> {
  const { alertmanager, alertmanagerCwd } = await provisionMonitoring();
  const directory = await mkdtemp(join(tmpdir(), 'connect-medic-alertmanager-'));
  await writeFile(join(directory, 'alertmanager.yml'), config(webhookUrl));
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}/am`;
  const child = new ManagedProcess({
    name: 'alertmanager',
    command: alertmanager,
    cwd: alertmanagerCwd,
    args: [
      `--config.file=${join(directory, 'alertmanager.yml')}`,
      `--storage.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--web.external-url=${url}`,
      ...cluster,
    ],
    logFile: join(directory, 'log'),
    ready: () => answersOk(`${url}/-/ready`),
  });
  await child.start();

  const send = async (method: string, path: string, body?: unknown): Promise<string> => {
    const response = await fetch(`${url}/api/v2${path}`, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text;
  };
  return {
    url,
    post: async (alerts) => {
      const endsAt = new Date(Date.now() + HOUR_MS).toISOString();
      await send(
        'POST',
        '/alerts',
        alerts.map((labels) => ({ labels, endsAt })),
      );
    },
    resolve: async (alerts) => {
      const endsAt = new Date().toISOString();
      await send(
        'POST',
        '/alerts',
        alerts.map((labels) => ({ labels, endsAt })),
      );
    },
    process: child,
    silence: async (matchers, fromMs = 0) => {
      const startsAt = new Date(Date.now() + fromMs);
      const endsAt = new Date(startsAt.getTime() + HOUR_MS);
      const body = { matchers, startsAt, endsAt, createdBy: 'anna', comment: 'maintenance' };
      const { silenceID } = JSON.parse(await send('POST', '/silences', body)) as { silenceID: string };
      return silenceID;
    },
    expire: async (id) => {
      await send('DELETE', `/silence/${id}`);
    },
    silences: async () => {
      const all = JSON.parse(await send('GET', '/silences')) as { id: string; status: { state: string } }[];
      return all.filter(({ status }) => status.state === 'active').map(({ id }) => id);
    },
    peers: async () => {
      const { cluster: seen } = JSON.parse(await send('GET', '/status')) as {
        cluster: { peers?: unknown[] };
      };
      return seen.peers?.length ?? 0;
    },
    sent: async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^alertmanager_notifications_total\{integration="webhook"\} (\d+)/m.exec(text)?.[1] ?? 0);
    },
    stop: async () => {
      await child.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
