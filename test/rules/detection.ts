/**
 * Detection on the real stack: `node test/rules/detection.ts` (about three minutes). Each kind of failure has to raise the right
 * alert for the right connector in time, what is paused or stopped none, and after healing nothing may go on firing. The
 * contract between exporters and rules and the dashboards' queries are checked on the way. Exit status 0 or 1.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkPanels } from '../grafana/panels.ts';
import {
  type ConnectorConfig,
  fileSink,
  fileSource,
  jsonSink,
  lostMirror,
  unbuildableSink,
} from '../stack/connectors.ts';
import { freePorts } from '../stack/ports.ts';
import { waitFor } from '../stack/process.ts';
import { prepareService, type Service } from '../stack/service.ts';
import { type Stack, startStack } from '../stack/stack.ts';
import { contractProblems } from './series.ts';

const SECOND = 1_000;
const SOON_MS = 90 * SECOND;
/** `for`, two scrapes, one evaluation of the stack's short times (2 s, 1 s, 1 s); and `statusEvery` of the service. */
const DETECTED_WITHIN_MS = (2 + 2 * 1 + 1 + 1) * SECOND;
/** What asking adds, on a loaded machine with two cores. */
const ASKING_MS = SECOND;
const POLL_MS = 100;

/** Enough attempts for a recovery, few enough for an escalation within a minute. */
const POLICY = {
  delays: ['0s', '6s', '6s'],
  thenEvery: 'off',
  stableFor: '6s',
  settle: '2s',
  jitter: '0%',
};

interface Failure {
  readonly name: string;
  readonly config: ConnectorConfig;
  readonly alert: 'KafkaConnectConnectorFailed' | 'KafkaConnectTaskFailed';
  /** Whether JMX names the task. */
  readonly inJmx: boolean;
}

const problems: string[] = [];

function failuresOf(stack: Stack): Failure[] {
  const file = (...names: string[]): string => join(stack.directory, 'files', ...names);
  const deadLetters = (topic: string, replicas: number): ConnectorConfig => ({
    'errors.tolerance': 'all',
    'errors.deadletterqueue.topic.name': topic,
    'errors.deadletterqueue.topic.replication.factor': String(replicas),
  });
  const task = { alert: 'KafkaConnectTaskFailed', inJmx: true } as const;
  return [
    { name: 'missing-directory', config: fileSink(file('missing', 'out.txt'), 'lines'), ...task },
    { name: 'not-json', config: jsonSink(file('json.txt'), 'text'), ...task },
    { name: 'unbuildable', config: unbuildableSink(file('u.txt'), 'lines'), ...task, inJmx: false },
    {
      name: 'a->b.MirrorSourceConnector',
      config: lostMirror(stack.bootstrap),
      alert: 'KafkaConnectConnectorFailed',
      inJmx: true,
    },
    {
      name: 'dead-letters-of-three',
      config: { ...jsonSink(file('dlq.txt'), 'text'), ...deadLetters('dlq-3', 3) },
      ...task,
    },
    // Quotes, an asterisk, a question mark, spaces and angle brackets: JMX escapes the first three.
    { name: 'odd "n*me?" <x>', config: jsonSink(file('odd.txt'), 'text'), ...task },
  ];
}

async function createHealthy(stack: Stack): Promise<void> {
  const file = (...names: string[]): string => join(stack.directory, 'files', ...names);
  await stack.produce('text', ['no JSON', 'nor this']);
  await writeFile(file('lines.txt'), 'one\ntwo\n');
  await stack.connect.put('source', fileSource(file('lines.txt'), 'lines'));
  // From Kafka 4.1 on transformations and predicates have beans of their own, beside the task's.
  await stack.connect.put('sink', {
    ...fileSink(file('copy.txt'), 'lines'),
    transforms: 't',
    'transforms.t.type': 'org.apache.kafka.connect.transforms.InsertHeader',
    'transforms.t.header': 'header',
    'transforms.t.value.literal': 'value',
    'transforms.t.predicate': 'p',
    predicates: 'p',
    'predicates.p.type': 'org.apache.kafka.connect.transforms.predicates.TopicNameMatches',
    'predicates.p.pattern': 'lines',
  });
  await stack.connect.put('tolerant-sink', {
    ...jsonSink(file('tolerant.txt'), 'text'),
    'errors.tolerance': 'all',
    'errors.deadletterqueue.topic.name': 'dlq',
    'errors.deadletterqueue.topic.replication.factor': '1',
  });
  for (const name of ['source', 'sink', 'tolerant-sink']) await stack.connect.waitForState(name, 'RUNNING');
}

/** Both fail or would work, and are switched off by somebody: neither may raise anything. */
async function createSwitchedOff(stack: Stack): Promise<void> {
  const file = (name: string): string => join(stack.directory, 'files', name);
  await stack.connect.put('paused', fileSink(join(file('nowhere'), 'x.txt'), 'lines'));
  await stack.connect.waitForState('paused', 'FAILED');
  await stack.connect.pause('paused');
  await stack.connect.waitForState('paused', 'PAUSED');
  await stack.connect.put('stopped', fileSink(file('stopped.txt'), 'lines'));
  await stack.connect.waitForState('stopped', 'RUNNING');
  await stack.connect.stop('stopped');
  await stack.connect.waitForState('stopped', 'STOPPED');
}

interface FiringAlert {
  readonly alertname: string;
  readonly connector?: string;
  readonly task?: string;
}

async function firing(stack: Stack): Promise<FiringAlert[]> {
  const alerts = await stack.query('ALERTS{alertstate="firing",remediation="kafka-connect"}');
  return alerts.map(({ metric }) => metric as unknown as FiringAlert);
}

/** Creates the connector and measures from the moment at which Connect says FAILED until its alert fires. */
async function detect(stack: Stack, { name, config, alert, inJmx }: Failure): Promise<void> {
  await stack.connect.put(name, config);
  const isFailed = async (): Promise<boolean> => {
    const status = await stack.connect.status(name).catch(() => undefined);
    if (status === undefined) return false;
    return [status.connector, ...status.tasks].some(({ state }) => state === 'FAILED');
  };
  await waitFor(`${name} to be FAILED`, isFailed, SOON_MS, POLL_MS);
  const failedAtMs = Date.now();
  const found = await waitFor(
    `an alert for ${name}`,
    async () => {
      const own = (await firing(stack)).filter(({ connector }) => connector === name);
      return own.length > 0 ? own : undefined;
    },
    SOON_MS,
    POLL_MS,
  );
  const tookMs = Date.now() - failedAtMs;
  const names = [...new Set(found.map(({ alertname }) => alertname))];
  console.log(`${name}: ${names.join(', ')} after ${tookMs} ms`);
  if (names.length !== 1 || names[0] !== alert)
    problems.push(`${name} raised ${names.join(', ')}, not ${alert}`);
  if (tookMs > DETECTED_WITHIN_MS + ASKING_MS) problems.push(`${name} was detected only after ${tookMs} ms`);
  const withTask = found.some(({ task }) => task !== undefined);
  if (withTask && !inJmx) problems.push(`${name}: JMX was thought not to show it`);
}

async function check(stack: Stack, service: Service): Promise<void> {
  const workers = await Promise.all(
    stack.workers.map(async ({ metricsUrl }) => await (await fetch(metricsUrl)).text()),
  );
  const own = await (await service.get('/metrics')).text();
  const breaches = await contractProblems({ workers, service: own, connectors: await stack.connect.names() });
  console.log(`contract: ${breaches.length} breaches`);
  problems.push(...breaches);
  const panels = await checkPanels(stack.prometheusUrl, 60 * SECOND);
  console.log(`dashboards: ${panels.queries} queries, ${panels.withData} with data`);
  problems.push(...panels.problems);
}

async function main(): Promise<void> {
  const [port = 0] = await freePorts(1);
  const stack = await startStack({ medicPorts: [port], log: console.log });
  const service = await prepareService({
    directory: stack.directory,
    port,
    config: {
      clusters: [{ name: stack.clusterName, urls: stack.connectUrls }],
      alertmanagers: [{ url: stack.alertmanagerUrl }],
      statusEvery: '1s',
      policy: POLICY,
    },
  });
  try {
    await service.process.start();
    await createHealthy(stack);
    const failures = failuresOf(stack);
    for (const failure of failures) {
      await detect(stack, failure);
      // One heals, by the restart that comes next.
      await mkdir(join(stack.directory, 'files', 'missing'), { recursive: true });
    }
    await createSwitchedOff(stack);
    await service.waitForState('not-json', 'escalated', SOON_MS);
    await waitFor(
      'a recovery',
      async () => (await service.samples('connect_medic_time_to_recovery_seconds_count'))[0]?.value === 1,
      SOON_MS,
    );
    await check(stack, service);
    const wrong = (await firing(stack)).filter(({ connector }) =>
      ['paused', 'stopped', 'source', 'sink', 'tolerant-sink'].includes(connector ?? ''),
    );
    for (const { alertname, connector } of wrong) problems.push(`${connector} raised ${alertname}`);

    for (const { name } of failures) if (name !== 'missing-directory') await stack.connect.delete(name);
    await waitFor(
      'everything that names a connector to end',
      async () => (await firing(stack)).every(({ connector }) => connector === undefined),
      SOON_MS,
    );
    console.log('nothing names a connector any more');
  } finally {
    await service.process.stop();
    await stack.stop();
  }
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

await main();
