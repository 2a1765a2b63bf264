/**
 * The demonstration: a real Kafka Connect cluster with Prometheus and Alertmanager, connect-medic beside it, and four
 * connectors, of which two fail. Everything is on loopback and in a temporary directory, and gone at the end.
 *
 *   npm run demo            tells the story and ends
 *   npm run demo -- --keep  stays afterwards, to look around, until Ctrl-C
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fileSink, fileSource, jsonSink } from '../stack/connectors.ts';
import { MissingParts } from '../stack/parts.ts';
import { freePorts } from '../stack/ports.ts';
import { waitFor } from '../stack/process.ts';
import { provision } from '../stack/provision.ts';
import { prepareService, type Service } from '../stack/service.ts';
import { type Stack, startStack } from '../stack/stack.ts';
import { heading, print, style, Timeline, table } from './timeline.ts';
import { watch } from './watch.ts';
import type { Told } from './words.ts';

const HELP = `Usage: npm run demo [-- --keep]

Starts a real Kafka Connect cluster (one broker, two workers), Prometheus, Alertmanager and connect-medic, lets two of
four connectors fail, and shows who says what: Connect, Prometheus, Alertmanager and connect-medic. One failure is
healed by a restart once its cause is mended; the other never can be, and ends with a call for a human.
Takes about a minute; the first time it downloads what it needs into .stack/.

  --keep   stay when the story is over, until Ctrl-C
  --help   show this`;

const STORY_AT_MOST_MS = 4 * 60_000;
const HEALTHY = ['orders-source', 'orders-sink'];
const MENDABLE = 'invoices-sink';
const HOPELESS = 'payments-sink';

/** Short times: what takes hours by default takes half a minute here. */
const CONFIG = {
  statusEvery: '5s',
  policy: {
    delays: ['0s', '10s', '20s'],
    thenEvery: 'off',
    settle: '3s',
    stableFor: '15s',
    jitter: '0%',
  },
};

/** Says by itself all that is to be said. */
class Expected extends Error {}

async function main(): Promise<void> {
  const values = readFlags();
  if (values.help) return print(HELP);

  print(style('bold', 'connect-medic: a demonstration with real parts'));
  heading('Preparing');
  const log = (line: string): void => print(`  ${line}`);
  await provision(log);
  const [medicPort = 0] = await freePorts(1);
  const stack = await startStack({ medicPorts: [medicPort], log });
  let service: Service | undefined;
  try {
    service = await startService(stack, medicPort);
    log('connect-medic is up');
    whereToLook(stack, service);
    heading('The story');
    await tellStory(stack, service);
    await summary(stack, service);
    if (values.keep) await stay();
  } finally {
    await service?.process.stop();
    await stack.stop();
  }
}

function readFlags(): { keep?: boolean; help?: boolean } {
  try {
    const options = { keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
    return parseArgs({ options }).values;
  } catch (error) {
    throw new Expected(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
  }
}

async function startService(stack: Stack, port: number): Promise<Service> {
  const service = await prepareService({
    directory: stack.directory,
    port,
    config: {
      clusters: [{ name: stack.clusterName, urls: stack.connectUrls }],
      alertmanagers: [{ url: stack.alertmanagerUrl }],
      ...CONFIG,
    },
  });
  await service.process.start();
  return service;
}

function whereToLook(stack: Stack, service: Service): void {
  heading('Look yourself while it runs');
  table([
    ['part', 'address', ''],
    ['connect-medic', `${service.url}/api/v1/remediations`, 'what it does, and why'],
    ['', `${service.url}/metrics`, ''],
    ['Prometheus', `${stack.prometheusUrl}/alerts`, ''],
    ['Alertmanager', `${stack.alertmanagerUrl}/#/alerts`, ''],
    ['Kafka Connect', `${stack.connectUrls[0]}/connectors?expand=status`, ''],
  ]);
}

async function tellStory(stack: Stack, service: Service): Promise<void> {
  // Connectors get relative paths, short enough to read in a cause: the workers run in this directory.
  const inStack = (path: string): string => join(stack.directory, path);
  const timeline = new Timeline();
  const ended = new AbortController();
  const seen: Told[] = [];
  const alerted = new Set<string>();
  const happened = (connector: string, test: (told: Told) => boolean): boolean =>
    seen.some((told) => told.connector === connector && test(told));

  const deadlineMs = Date.now() + STORY_AT_MOST_MS;
  const until = (what: string, condition: () => boolean): Promise<unknown> =>
    waitFor(what, condition, deadlineMs - Date.now(), 100);

  timeline.begin();
  const listeners = {
    onDecision: (told: Told) => seen.push(told),
    onAlert: (connector: string, receiver: string) => alerted.add(`${connector} to ${receiver}`),
  };
  const watching = watch(stack, service, timeline, listeners, ended.signal);
  const script = async (): Promise<void> => {
    timeline.say('demo', `creates ${HEALTHY.join(' and ')}: a file into a topic, and the topic into a file`);
    await writeFile(inStack('files/orders.txt'), 'order 1\norder 2\norder 3\n');
    await stack.connect.put('orders-source', fileSource('files/orders.txt', 'orders'));
    await stack.connect.put('orders-sink', fileSink('files/orders-copy.txt', 'orders'));
    for (const name of HEALTHY) await stack.connect.waitForState(name, 'RUNNING');

    timeline.say('demo', `creates ${MENDABLE}: it writes into a directory that does not exist`);
    await stack.connect.put(MENDABLE, fileSink('files/invoices/out.txt', 'orders'));
    timeline.say(
      'demo',
      `creates ${HOPELESS}: it expects JSON and gets plain text, which no restart can mend`,
    );
    await stack.connect.put(HOPELESS, jsonSink('files/payments.txt', 'orders'));

    await until(`${MENDABLE} to fail again after a restart`, () =>
      happened(MENDABLE, ({ reason }) => reason === 'failed_again'),
    );
    timeline.say('demo', `mends the cause: creates the directory that ${MENDABLE} writes to`, 'act');
    await mkdir(inStack('files/invoices'));
    await until(`${MENDABLE} to recover`, () => happened(MENDABLE, ({ state }) => state === 'recovered'));
    await until(`${HOPELESS} to be escalated`, () =>
      happened(HOPELESS, ({ state }) => state === 'escalated'),
    );
    await until(`a human to be called for ${HOPELESS}`, () => alerted.has(`${HOPELESS} to humans`));
  };
  try {
    await Promise.race([script(), watching]);
  } finally {
    ended.abort();
  }
  await watching;
}

/** Connect's own count of restarts beside what connect-medic says; throws where they differ. */
async function summary(stack: Stack, service: Service): Promise<void> {
  heading('What happened');
  const rows = [['connector', 'restarts, counted by Connect', 'what connect-medic says']];
  const problems: string[] = [];
  for (const name of [...HEALTHY, MENDABLE, HOPELESS]) {
    const { requests } = await stack.restartsSeen(name);
    const told = await service.remediation(name);
    const expected = told?.attempts ?? 0;
    if (requests !== expected) {
      problems.push(`${name}: Connect counts ${requests} restarts, connect-medic ${expected}`);
    }
    const says =
      told === undefined
        ? 'nothing: it never touched it'
        : told.escalation === null
          ? `${told.state} after ${told.attempts} of at most ${told.attemptsMax} attempts`
          : `${told.state} (${told.escalation.reason}) after ${told.attempts} of ${told.attemptsMax} attempts`;
    rows.push([name, String(requests), says]);
  }
  table(rows);
  if (problems.length > 0) throw new Expected(problems.join('\n'));
  print();
  print(
    `  ${style('green', 'As told.')} Where a restart could help it was made, and the connector left alone once it ran.`,
  );
  print('  Where restarts do not help they end, and a human is called, once, with the cause.');
  print('  What to look at: rules/ for the alerts on both sides, test/e2e/ for the same stack as a test.');
}

async function stay(): Promise<void> {
  print();
  print('Everything stays up at the addresses above. Ctrl-C ends it.');
  for (;;) await sleep(60_000);
}

// stack/process.ts ends everything and exits with 128 + signal; what fails on the way there is no news.
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    interrupted = true;
    print('\nEnding everything …');
  });
}

try {
  await main();
} catch (error) {
  if (!interrupted) {
    print();
    const message = error instanceof Error ? error.message : String(error);
    const expected = error instanceof MissingParts || error instanceof Expected;
    print(style('red', expected ? message : `The story did not go as told: ${message}`));
    // What still waits for something would keep the process; its children are gone.
    process.exit(1);
  }
}
