/** Real Prometheus and Alertmanager, with the shipped rules and the shipped Alertmanager example or what a test makes of them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../stack/ports.ts';
import { answersOk, ManagedProcess, waitFor } from '../stack/process.ts';
import { provisionMonitoring } from '../stack/provision.ts';

export interface Installed {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts an Alertmanager with this configuration; port 0 picks one. */
export async function startAlertmanagerWith(configuration: string, port = 0): Promise<Installed> {
  const { alertmanager, alertmanagerCwd } = await provisionMonitoring();
  return start('alertmanager', { 'alertmanager.yml': configuration }, port, (directory, at) => ({
    command: alertmanager,
    cwd: alertmanagerCwd,
    args: [
      `--config.file=${join(directory, 'alertmanager.yml')}`,
      `--storage.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${at}`,
      '--cluster.listen-address=',
    ],
  }));
}

/** Starts a Prometheus with these files, one of them `prometheus.yml`. */
export async function startPrometheusWith(files: Readonly<Record<string, string>>): Promise<Installed> {
  const { prometheus } = await provisionMonitoring();
  return start('prometheus', files, 0, (directory, at) => ({
    command: prometheus,
    cwd: directory,
    args: [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${at}`,
      // What fired before it had found its Alertmanager would be sent a minute later.
      '--rules.alert.resend-delay=1s',
    ],
  }));
}

async function start(
  name: string,
  files: Readonly<Record<string, string>>,
  port: number,
  program: (
    directory: string,
    port: number,
  ) => { readonly command: string; readonly cwd: string; readonly args: readonly string[] },
): Promise<Installed> {
  const directory = await mkdtemp(join(tmpdir(), `connect-medic-check-${name}-`));
  for (const [file, text] of Object.entries(files)) await writeFile(join(directory, file), text);
  const [free = 0] = port === 0 ? await freePorts(1) : [port];
  const url = `http://127.0.0.1:${free}`;
  const child = new ManagedProcess({
    name,
    ...program(directory, free),
    logFile: join(directory, 'log'),
    ready: () => answersOk(`${url}/-/ready`),
  });
  await child.start();
  return {
    url,
    stop: async () => {
      await child.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Waits until a query of Prometheus finds something. */
export async function untilFound(url: string, promql: string): Promise<void> {
  await waitFor(
    promql,
    async () => {
      const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: promql })}`);
      const { data } = (await response.json()) as { data?: { result?: unknown[] } };
      return (data?.result?.length ?? 0) > 0;
    },
    60_000,
  );
}
