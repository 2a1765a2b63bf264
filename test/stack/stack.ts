/**
 * The real stack on loopback: one Kafka broker, Connect workers with the JMX exporter, Prometheus with the shipped
 * rules, Alertmanager with the shipped route. Used by the end-to-end test and by the demonstration.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  alertmanagerConfig,
  brokerProperties,
  FAST,
  prometheusConfig,
  RULES,
  shippedRules,
  type Timings,
  workerProperties,
} from './config.ts';
import { ConnectClient } from './connect.ts';
import { command } from './debian.ts';
import type { Log } from './parts.ts';
import { accepts, freePorts } from './ports.ts';
import { answersOk, ManagedProcess, onExit, type ProcessSpec } from './process.ts';
import { type KafkaParts, type MonitoringParts, provision } from './provision.ts';
import { type RestartsSeen, readWitness } from './witness.ts';

export interface StackOptions {
  /** Ports on 127.0.0.1 where connect-medic's replicas listen or will listen; see {@link freePorts}. */
  medicPorts: readonly number[];
  /** Bearer token that Alertmanager sends to the webhook. Default none. */
  webhookToken?: string;
  /** Gets the alerts meant for humans, as Alertmanager webhooks. Default: nobody. */
  pageUrl?: string;
  /** Connect workers. Default 2. */
  workers?: number;
  /** Value of the label connect_cluster, and the cluster's name in connect-medic's configuration. Default `default`. */
  clusterName?: string;
  /** Default {@link FAST}; `{}` is the shipped times. */
  timings?: Timings;
  /** Keep the data and log directory after `stop()`. Default false. */
  keepData?: boolean;
  /** Takes a line for each step. */
  log?: Log;
}

export interface Worker {
  readonly url: string;
  readonly metricsUrl: string;
  /** start() waits until its REST API answers; kill9() and signal('SIGSTOP') make a crash and a hang. */
  readonly process: ManagedProcess;
  readonly logFile: string;
}

const HEAP = '-Xmx400m';
/** Quick starts matter more than peak speed: no second compiler, no parallel collector on few cores. */
const JVM_FLAGS = [
  HEAP,
  '-Xms64m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:-UsePerfData',
  '-Djava.net.preferIPv4Stack=true',
  '-Djava.awt.headless=true',
  `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'log4j2.properties')}`,
];
const TOOL_TIMEOUT_MS = 60_000;
/** Data is thrown away: a clean shutdown is worth little. */
const GRACE_MS = 3_000;

/** The running stack. Everything listens on 127.0.0.1. */
export class Stack {
  readonly clusterName: string;
  readonly bootstrap: string;
  readonly workers: readonly Worker[];
  readonly prometheusUrl: string;
  readonly alertmanagerUrl: string;
  readonly broker: ManagedProcess;
  readonly prometheus: ManagedProcess;
  readonly alertmanager: ManagedProcess;
  /** Calls Connect's REST API through whichever worker runs. */
  readonly connect: ConnectClient;
  /** Data, logs and a place for connectors' files; removed by stop(). */
  readonly directory: string;
  readonly #kafka: KafkaParts & MonitoringParts;
  readonly #keepData: boolean;
  readonly #forgetDirectory: () => void;

  constructor(parts: StackParts) {
    this.clusterName = parts.clusterName;
    this.bootstrap = parts.bootstrap;
    this.workers = parts.workers;
    this.prometheusUrl = parts.prometheusUrl;
    this.alertmanagerUrl = parts.alertmanagerUrl;
    this.broker = parts.broker;
    this.prometheus = parts.prometheus;
    this.alertmanager = parts.alertmanager;
    this.directory = parts.directory;
    this.#kafka = parts.kafka;
    this.#keepData = parts.keepData;
    this.connect = new ConnectClient(() =>
      this.workers.filter((worker) => worker.process.running).map((worker) => worker.url),
    );
    const { directory } = parts;
    this.#forgetDirectory = parts.keepData ? () => {} : onExit(() => removeDirectory(directory));
  }

  get connectUrls(): string[] {
    return this.workers.map((worker) => worker.url);
  }

  get processes(): ManagedProcess[] {
    return [this.broker, ...this.workers.map((worker) => worker.process), this.prometheus, this.alertmanager];
  }

  /** Makes a topic; one partition, one replica by default. Takes a JVM's start, about two seconds. Throws if it exists. */
  async createTopic(topic: string, partitions = 1): Promise<void> {
    await this.#tool('org.apache.kafka.tools.TopicCommand', [
      '--create',
      '--topic',
      topic,
      '--partitions',
      String(partitions),
    ]);
  }

  /** Writes each line as one record without a key; makes the topic if need be. Takes about two seconds. */
  async produce(topic: string, lines: readonly string[]): Promise<void> {
    const input = lines.map((line) => `${line}\n`).join('');
    await this.#tool('org.apache.kafka.tools.ConsoleProducer', ['--topic', topic], input);
  }

  /** What Connect itself carried out for a connector since the stack's start, from the workers' logs. */
  restartsSeen(connector: string): Promise<RestartsSeen> {
    return readWitness(
      this.workers.map((worker) => worker.logFile),
      connector,
    );
  }

  /** Result of an instant PromQL query: labels and value of each series. Throws on an error answer. */
  async query(promql: string): Promise<{ metric: Record<string, string>; value: number }[]> {
    const url = `${this.prometheusUrl}/api/v1/query?query=${encodeURIComponent(promql)}`;
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${promql}: ${response.status} ${await response.text()}`);
    const body = (await response.json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    return body.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** Runs amtool against the stack's Alertmanager; answers what it printed. Throws when it fails. */
  async amtool(...args: readonly string[]): Promise<string> {
    const { amtool } = this.#kafka;
    return (await command(amtool, [`--alertmanager.url=${this.alertmanagerUrl}`, ...args])).trim();
  }

  /** Ends all processes and removes the directory. Idempotent. */
  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
    if (!this.#keepData) removeDirectory(this.directory);
    this.#forgetDirectory();
  }

  async #tool(mainClass: string, args: string[], input = ''): Promise<void> {
    await runJava(this.#kafka, mainClass, ['--bootstrap-server', this.bootstrap, ...args], input);
  }
}

interface StackParts {
  clusterName: string;
  bootstrap: string;
  workers: Worker[];
  prometheusUrl: string;
  alertmanagerUrl: string;
  broker: ManagedProcess;
  prometheus: ManagedProcess;
  alertmanager: ManagedProcess;
  directory: string;
  kafka: KafkaParts & MonitoringParts;
  keepData: boolean;
}

/**
 * Provisions and starts everything; resolves once all REST APIs answer and the workers have formed one group.
 * When a part fails, all are stopped, and the error carries the tail of that part's log.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { workers: workerCount = 2, timings = FAST, clusterName = 'default', log = () => {} } = options;
  const parts = await provision(log);
  const directory = await mkdtemp(join(tmpdir(), 'connect-medic-stack-'));
  for (const name of ['kafka', 'prometheus', 'alertmanager', 'logs', 'files'])
    mkdirSync(join(directory, name));
  const ports = await freePorts(4 + 2 * workerCount);
  const [brokerPort = 0, controllerPort = 0, prometheusPort = 0, alertmanagerPort = 0, ...rest] = ports;
  const restPorts = rest.slice(0, workerCount);
  const metricsPorts = rest.slice(workerCount);
  const bootstrap = `127.0.0.1:${brokerPort}`;
  const logFile = (name: string) => join(directory, 'logs', `${name}.log`);
  const write = async (name: string, text: string) => {
    await writeFile(join(directory, name), text);
    return join(directory, name);
  };
  const processOf = (name: string, spec: Omit<ProcessSpec, 'name' | 'logFile' | 'graceMs'>) =>
    new ManagedProcess({ name, logFile: logFile(name), graceMs: GRACE_MS, cwd: directory, ...spec });
  const java = (mainClass: string, args: string[], flags: string[] = []) => ({
    command: parts.java,
    args: [...JVM_FLAGS, ...flags, '-cp', join(parts.libsDir, '*'), mainClass, ...args],
  });

  const brokerFile = await write(
    'broker.properties',
    brokerProperties(brokerPort, controllerPort, join(directory, 'kafka')),
  );
  const broker = processOf('broker', {
    ...java('kafka.Kafka', [brokerFile]),
    ready: () => accepts(brokerPort),
  });

  const workers: Worker[] = [];
  for (const [index, port] of restPorts.entries()) {
    const name = `worker-${index + 1}`;
    const metricsPort = metricsPorts[index] ?? 0;
    const file = await write(`${name}.properties`, workerProperties(bootstrap, port));
    const agent = `-javaagent:${parts.agentJar}=127.0.0.1:${metricsPort}:${join(RULES, 'jmx-exporter.yml')}`;
    const url = `http://127.0.0.1:${port}`;
    const worker = processOf(name, {
      ...java('org.apache.kafka.connect.cli.ConnectDistributed', [file], [agent]),
      ready: () => answersOk(`${url}/connectors`),
    });
    const metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`;
    workers.push({ url, metricsUrl, process: worker, logFile: logFile(name) });
  }

  const ruleFiles: string[] = [];
  for (const [name, text] of await shippedRules(timings)) ruleFiles.push(await write(`rules-${name}`, text));
  const targets = {
    clusterName,
    workerMetricsPorts: metricsPorts,
    medicPorts: options.medicPorts,
    alertmanagerPort,
  };
  const prometheusFile = await write('prometheus.yml', prometheusConfig(targets, ruleFiles, timings));
  const prometheusUrl = `http://127.0.0.1:${prometheusPort}`;
  const prometheus = processOf('prometheus', {
    command: parts.prometheus,
    args: [
      `--config.file=${prometheusFile}`,
      `--storage.tsdb.path=${join(directory, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${prometheusPort}`,
      '--storage.tsdb.retention.time=1d',
    ],
    ready: () => answersOk(`${prometheusUrl}/-/ready`),
  });

  const receivers = {
    webhookUrls: options.medicPorts.map((port) => `http://127.0.0.1:${port}/webhook`),
    ...(options.webhookToken === undefined ? {} : { webhookToken: options.webhookToken }),
    ...(options.pageUrl === undefined ? {} : { pageUrl: options.pageUrl }),
  };
  const alertmanagerFile = await write('alertmanager.yml', await alertmanagerConfig(receivers, timings));
  const alertmanagerUrl = `http://127.0.0.1:${alertmanagerPort}`;
  const alertmanager = processOf('alertmanager', {
    command: parts.alertmanager,
    cwd: parts.alertmanagerCwd,
    args: [
      `--config.file=${alertmanagerFile}`,
      `--storage.path=${join(directory, 'alertmanager')}`,
      `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
      '--cluster.listen-address=',
    ],
    ready: () => answersOk(`${alertmanagerUrl}/-/ready`),
  });

  const stack = new Stack({
    clusterName,
    bootstrap,
    workers,
    prometheusUrl,
    alertmanagerUrl,
    broker,
    prometheus,
    alertmanager,
    directory,
    kafka: parts,
    keepData: options.keepData ?? false,
  });
  const begin = Date.now();
  const started = async (process: ManagedProcess) => {
    await process.start();
    log(`${process.spec.name} is up after ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  };
  try {
    log(`starting the stack in ${directory}`);
    // One in 64 begins with a dash, which the tool takes for an option; Kafka draws none of those either.
    const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
    await runJava(parts, 'kafka.tools.StorageTool', [
      'format',
      '--standalone',
      '-t',
      clusterId,
      '-c',
      brokerFile,
    ]);
    // Workers load for seconds before they need the broker, and then wait for it.
    await Promise.all(stack.processes.map(started));
    await stack.connect.ready(workerCount);
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function runJava(kafka: KafkaParts, mainClass: string, args: string[], input = ''): Promise<void> {
  const child = spawn(
    kafka.java,
    ['-Xmx200m', ...JVM_FLAGS.slice(1), '-cp', join(kafka.libsDir, '*'), mainClass, ...args],
    { stdio: ['pipe', 'pipe', 'pipe'], timeout: TOOL_TIMEOUT_MS },
  );
  const forget = onExit(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stdin.on('error', () => {}); // It ended early: its exit status says why.
  child.stdin.end(input);
  const [status] = (await once(child, 'close').finally(forget)) as [number | null];
  if (status !== 0) throw new Error(`${mainClass} ended with ${status}: ${output.trim().slice(-2_000)}`);
}

function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
