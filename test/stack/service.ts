/**
 * connect-medic as a process of its own beside the stack: started as a user starts it, and seen only from outside (HTTP
 * and the log on standard output).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { RemediationJson } from '../../src/api/remediation-json.ts';
import { ROOT } from './parts.ts';
import { answersOk, logTail, ManagedProcess, onExit, waitFor } from './process.ts';

/** Configuration as a user writes it; `server.port` and `ledger.url` are added where they are missing. */
export type ServiceConfig = Readonly<Record<string, unknown>>;

export interface ServiceOptions {
  /** For file names and messages. Default `connect-medic`. */
  name?: string;
  /** Where configuration, log and ledger are written. */
  directory: string;
  /** On 127.0.0.1. */
  port: number;
  config: ServiceConfig;
}

/** One line of the service's log. Only what it says of every line; the rest is read by name. */
export interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** What `GET /api/v1/remediations/{cluster}/{connector}` answers. */
export interface RemediationDetail extends RemediationJson {
  readonly attemptLog: readonly {
    readonly number: number;
    readonly at: string;
    readonly outcome: string | null;
    readonly detail: string | null;
  }[];
}

const MAIN = join(ROOT, 'src/main.ts');
const START_TIMEOUT_MS = 60_000;
const REQUEST_TIMEOUT_MS = 5_000;

/** The service, started and stopped as often as one likes on the same configuration and ledger. */
export class Service {
  readonly url: string;
  readonly configFile: string;
  readonly logFile: string;
  readonly process: ManagedProcess;

  constructor(name: string, directory: string, port: number, configFile: string) {
    this.url = `http://127.0.0.1:${port}`;
    this.configFile = configFile;
    this.logFile = join(directory, `${name}.log`);
    this.process = new ManagedProcess({
      name,
      command: process.execPath,
      args: [MAIN, '--config', configFile],
      cwd: directory,
      logFile: this.logFile,
      ready: () => answersOk(`${this.url}/readyz`),
      startTimeoutMs: START_TIMEOUT_MS,
      graceMs: 25_000,
    });
  }

  /** All remediations. Throws on an error answer. */
  async remediations(): Promise<readonly RemediationJson[]> {
    const response = await this.get('/api/v1/remediations');
    if (!response.ok) throw new Error(`remediations: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { remediations: RemediationJson[] }).remediations;
  }

  /** undefined where there is none. Throws on any other error answer. */
  async remediation(connector: string, cluster = 'default'): Promise<RemediationDetail | undefined> {
    const names = [cluster, connector].map(encodeURIComponent).join('/');
    const response = await this.get(`/api/v1/remediations/${names}`);
    if (response.status === 404) return undefined;
    if (!response.ok)
      throw new Error(`remediation of ${connector}: ${response.status} ${await response.text()}`);
    return (await response.json()) as RemediationDetail;
  }

  /** Waits until the connector's remediation is in one of `states`; the error says where it is instead. */
  async waitForState(
    connector: string,
    states: string | readonly string[],
    timeoutMs: number,
  ): Promise<RemediationDetail> {
    const wanted: readonly string[] = typeof states === 'string' ? [states] : states;
    let last: RemediationDetail | undefined;
    try {
      return await waitFor(
        `${connector} to be ${wanted.join(' or ')}`,
        async () => {
          last = await this.remediation(connector);
          return last !== undefined && wanted.includes(last.state) ? last : undefined;
        },
        timeoutMs,
      );
    } catch (error) {
      const where = last === undefined ? 'there is no remediation' : `it is ${last.state} (${last.reason})`;
      throw new Error(`${error instanceof Error ? error.message : error}; ${where}`, { cause: error });
    }
  }

  /** The samples of one metric in `/metrics`: labels and value of each. */
  async samples(metric: string): Promise<{ labels: Record<string, string>; value: number }[]> {
    const response = await this.get('/metrics');
    if (!response.ok) throw new Error(`metrics: ${response.status}`);
    return samplesOf(await response.text(), metric);
  }

  /** The log's JSON lines so far, over all starts. */
  async log(): Promise<LogLine[]> {
    return parseLog(await readFile(this.logFile, 'utf8').catch(() => ''));
  }

  /** The last lines of the log, for messages. */
  tail(lines = 40): string {
    return logTail(this.logFile, lines);
  }

  send(method: 'PUT' | 'DELETE' | 'POST', path: string, body?: unknown): Promise<Response> {
    return fetch(this.url + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
  }

  get(path: string): Promise<Response> {
    return fetch(this.url + path, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  }
}

/** Writes the configuration file and returns the service, not started yet. */
export async function prepareService(options: ServiceOptions): Promise<Service> {
  const { name = 'connect-medic', directory, port, config } = options;
  const configFile = join(directory, `${name}.yml`);
  const complete = {
    server: { port },
    ledger: { url: `sqlite:${join(directory, `${name}.db`)}` },
    ...config,
  };
  await writeFile(configFile, stringify(complete));
  return new Service(name, directory, port, configFile);
}

/** Runs the service until it ends by itself, at most `timeoutMs`: for starts that are refused. */
export async function runToEnd(
  configFile: string,
  timeoutMs = START_TIMEOUT_MS,
): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, [MAIN, '--config', configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const forget = onExit(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [status] = (await once(child, 'close').finally(forget)) as [number | null];
  return { status, output };
}

/** Lines that are no JSON (a crash's stack) are passed over. */
export function parseLog(text: string): LogLine[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      return [JSON.parse(line) as LogLine];
    } catch {
      return []; // The line is still being written.
    }
  });
}

/** Reads the text format as far as the service's own metrics need it. */
function samplesOf(text: string, metric: string): { labels: Record<string, string>; value: number }[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match?.[1] !== metric) return [];
    const labels: Record<string, string> = {};
    for (const [, name = '', value = ''] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    }
    return [{ labels, value: Number(match[3]) }];
  });
}
