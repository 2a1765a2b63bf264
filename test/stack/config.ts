/**
 * Configuration files of the stack. Rules and Alertmanager routes are the shipped ones from `rules/`, read at
 * each start: what runs here is what a user gets. Only what cannot stay is replaced: addresses, and
 * times where the caller wants them shorter.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { ROOT } from './parts.ts';

/** Times in Prometheus' notation (`250ms`, `2s`, `1m`). What is absent stays as shipped. */
export interface Timings {
  /** Default 15s. */
  scrapeInterval?: string;
  /** Default 15s. */
  evaluationInterval?: string;
  /** `for` of the alerts that drive restarts; those for humans keep theirs. */
  alertFor?: string;
  /** `keep_firing_for` of the alerts that drive restarts. */
  keepFiringFor?: string;
  groupWait?: string;
  groupInterval?: string;
  repeatInterval?: string;
}

/** A failure reaches the webhook within about five seconds. */
export const FAST: Timings = {
  scrapeInterval: '1s',
  evaluationInterval: '1s',
  alertFor: '2s',
  keepFiringFor: '5s',
  groupWait: '500ms',
  groupInterval: '2s',
  repeatInterval: '10s',
};

export const RULES = join(ROOT, 'rules');
const RULE_FILES = ['kafka-connect.yml', 'kafka-connect-humans.yml', 'connect-medic.yml'];

/** KRaft, broker and controller in one process, one replica of everything. */
export function brokerProperties(port: number, controllerPort: number, dataDir: string): string {
  return properties({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': dataDir,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    // Workers want a session of four seconds; the default minimum is six.
    'group.min.session.timeout.ms': 1_000,
    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
    'num.network.threads': 2,
    'num.io.threads': 2,
  });
}

/** A distributed worker that is missed after four seconds, and whose tasks move three seconds later. */
export function workerProperties(bootstrap: string, port: number): string {
  return properties({
    'bootstrap.servers': bootstrap,
    'group.id': 'connect',
    listeners: `http://127.0.0.1:${port}`,
    'rest.advertised.host.name': '127.0.0.1',
    'rest.advertised.port': port,
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'config.storage.topic': 'connect-configs',
    'config.storage.replication.factor': 1,
    'offset.storage.topic': 'connect-offsets',
    'offset.storage.replication.factor': 1,
    'offset.storage.partitions': 1,
    'status.storage.topic': 'connect-status',
    'status.storage.replication.factor': 1,
    'status.storage.partitions': 1,
    'offset.flush.interval.ms': 1_000,
    'session.timeout.ms': 4_000,
    'heartbeat.interval.ms': 1_000,
    'rebalance.timeout.ms': 10_000,
    'scheduled.rebalance.max.delay.ms': 3_000,
    'task.shutdown.graceful.timeout.ms': 2_000,
    'connector.client.config.override.policy': 'All',
    // Connectors are on the class path and declare themselves: no scan of every class at the start.
    'plugin.discovery': 'service_load',
    // A sink sees a topic that is made after it within two seconds.
    'consumer.metadata.max.age.ms': 2_000,
  });
}

export interface ScrapeTargets {
  clusterName: string;
  workerMetricsPorts: readonly number[];
  medicPorts: readonly number[];
  alertmanagerPort: number;
}

/** prometheus.yml; `ruleFiles` are the ones that {@link shippedRules} made. */
export function prometheusConfig(targets: ScrapeTargets, ruleFiles: string[], timings: Timings): string {
  return stringify({
    global: {
      scrape_interval: timings.scrapeInterval ?? '15s',
      // No target may be asked longer than the interval is.
      scrape_timeout: timings.scrapeInterval ?? '10s',
      evaluation_interval: timings.evaluationInterval ?? '15s',
    },
    rule_files: ruleFiles,
    alerting: {
      alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${targets.alertmanagerPort}`] }] }],
    },
    scrape_configs: [
      {
        job_name: 'kafka-connect',
        static_configs: [
          {
            targets: targets.workerMetricsPorts.map((port) => `127.0.0.1:${port}`),
            labels: { connect_cluster: targets.clusterName },
          },
        ],
      },
      {
        job_name: 'connect-medic',
        honor_labels: true,
        static_configs: [{ targets: targets.medicPorts.map((port) => `127.0.0.1:${port}`) }],
      },
    ],
  });
}

/**
 * The shipped rule files by name, with the times of `timings`.
 * Throws when a shipped file has not the expected shape.
 */
export async function shippedRules(timings: Timings): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of RULE_FILES) {
    const document: unknown = parse(await readFile(join(RULES, name), 'utf8'));
    for (const group of list(document, 'groups')) {
      for (const rule of list(group, 'rules')) {
        if (!('labels' in rule) || !('remediation' in record(rule['labels'], 'labels'))) continue;
        replace(rule, 'for', timings.alertFor);
        replace(rule, 'keep_firing_for', timings.keepFiringFor);
      }
    }
    files.set(name, stringify(document));
  }
  return files;
}

export interface Receivers {
  /** connect-medic's webhook; each notification goes to all of them. */
  webhookUrls: readonly string[];
  /** Sent as a bearer token to the webhook. */
  webhookToken?: string;
  /** Gets what a human would get, as a webhook; absent: nobody does. */
  pageUrl?: string;
}

/**
 * The shipped Alertmanager example with other addresses and times.
 * Throws when the shipped file has not the expected shape.
 */
export async function alertmanagerConfig(receivers: Receivers, timings: Timings): Promise<string> {
  const document: unknown = parse(await readFile(join(RULES, 'alertmanager.example.yml'), 'utf8'));
  const root = record(document, 'the document');
  const route = record(root['route'], 'route');
  for (const each of [route, ...list(route, 'routes')]) {
    replace(each, 'group_wait', timings.groupWait);
    replace(each, 'group_interval', timings.groupInterval);
    replace(each, 'repeat_interval', timings.repeatInterval);
  }
  for (const receiver of list(root, 'receivers')) {
    if (receiver['name'] === 'connect-medic') {
      const [shipped] = list(receiver, 'webhook_configs');
      receiver['webhook_configs'] = receivers.webhookUrls.map((url) => {
        const webhook = { ...structuredClone(record(shipped, 'the webhook')), url };
        const http = record(record(webhook, 'the webhook')['http_config'], 'http_config');
        // The shipped one reads the token from a file, without which nothing is sent.
        if (receivers.webhookToken === undefined) delete http['authorization'];
        else http['authorization'] = { type: 'Bearer', credentials: receivers.webhookToken };
        return webhook;
      });
    } else {
      // No mail leaves a test: the human's channel becomes a webhook, or nothing.
      for (const key of Object.keys(receiver)) if (key !== 'name') delete receiver[key];
      if (receivers.pageUrl !== undefined) {
        receiver['webhook_configs'] = [{ url: receivers.pageUrl, send_resolved: true }];
      }
    }
  }
  return stringify(document);
}

function properties(values: Record<string, string | number>): string {
  return `${Object.entries(values)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`;
}

function replace(target: Record<string, unknown>, key: string, value: string | undefined): void {
  if (value !== undefined && key in target) target[key] = value;
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (value === null || typeof value !== 'object') throw new Error(`${what} is not a mapping`);
  return value as Record<string, unknown>;
}

function list(parent: unknown, key: string): Record<string, unknown>[] {
  const value = record(parent, `the parent of ${key}`)[key];
  if (!Array.isArray(value)) throw new Error(`${key} is not a list`);
  return value.map((each) => record(each, `an entry of ${key}`));
}
