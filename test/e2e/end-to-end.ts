/**
 * End to end: Kafka Connect, its JMX agent, Prometheus and Alertmanager with the shipped rules and routes, and
 * connect-medic as processes of their own, each of which gets every webhook. Restarts are counted by Connect
 * (stack.restartsSeen), never by the service.
 *
 * One stack for all; times are short, and everything is waited for, never slept for.
 */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { checkPanels } from '../grafana/panels.ts';
import { contractProblems } from '../rules/series.ts';
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
import {
  prepareService,
  type RemediationDetail,
  runToEnd,
  type Service,
  type ServiceConfig,
} from '../stack/service.ts';
import { type Stack, startStack } from '../stack/stack.ts';
import type { RestartsSeen } from '../stack/witness.ts';
import { holdsAreHonoured } from './holds.ts';
import { stormsShareTheirRestarts } from './storm.ts';

const SECOND = 1_000;
const STACK_TIMEOUT_MS = 240 * SECOND;
/** From a failure to a state that takes the alert's way and a few restarts; generous for a loaded two-core machine. */
const SOON_MS = 60 * SECOND;
/** A delay runs from the decision; Connect logs the request when it has got round to it. */
const LOGGED_LATE_MS = SECOND;
const HEALTHY = ['healthy-source', 'healthy-sink'];
const MIRROR = 'a->b.MirrorSourceConnector';

/** Short, and exact: no jitter, no attempt after the list. */
const POLICY = {
  delays: ['0s', '4s', '4s'],
  thenEvery: 'off',
  stableFor: '6s',
  settle: '2s',
  jitter: '0%',
};

const OVERRIDES = [
  // One restart is enough to see that it is asked for.
  { match: [`connector=~"${MIRROR}|unbuildable-sink"`], policy: { delays: ['0s'] } },
  // Time to pause or delete it before its first restart is due.
  { match: ['connector=~"waits-.*"'], policy: { delays: ['25s'] } },
  // Time to mend the cause, to make a silence, or to kill the service, between two attempts.
  {
    match: ['connector=~"mendable-sink|survivor-sink|silenced-sink"'],
    policy: { delays: ['0s', '8s', '8s'] },
  },
];

export interface EndToEnd {
  readonly name: string;
  readonly replicas: 1 | 2;
  /** Starts what the ledger needs. Default: a file. */
  readonly ledger?: () => Promise<{ readonly url: string; readonly stop: () => Promise<void> }>;
}

export function endToEnd({ name, replicas, ledger }: EndToEnd): void {
  describe(name, { timeout: 2 * STACK_TIMEOUT_MS }, () => scenarios(replicas, ledger ?? null));
}

function scenarios(replicas: number, startLedger: EndToEnd['ledger'] | null): void {
  let stack: Stack;
  let services: Service[] = [];
  /** The one that is asked and killed. */
  let service: Service;
  let ledger: Awaited<ReturnType<NonNullable<EndToEnd['ledger']>>> | null = null;
  const startsBefore = new Map<string, unknown>();
  const file = (...names: string[]): string => join(stack.directory, 'files', ...names);
  const create = (name: string, config: ConnectorConfig): Promise<void> => stack.connect.put(name, config);
  const requests = async (name: string): Promise<number> => (await stack.restartsSeen(name)).requests;

  before(
    async () => {
      const ports = await freePorts(replicas);
      ledger = (await startLedger?.()) ?? null;
      stack = await startStack({ medicPorts: ports });
      for (const port of ports) {
        const config = { ...configOf(stack), ...(ledger === null ? {} : { ledger: { url: ledger.url } }) };
        const name = `connect-medic-${services.length + 1}`;
        services.push(await prepareService({ name, directory: stack.directory, port, config }));
      }
      const [first] = services;
      assert.ok(first);
      service = first;
      await Promise.all(services.map(({ process }) => process.start()));
      await stack.produce('text', ['no JSON', 'nor this']);
      await writeFile(file('lines.txt'), 'a line\n');
      await create('healthy-source', fileSource(file('lines.txt'), 'lines'));
      await create('healthy-sink', fileSink(file('copy.txt'), 'lines'));
      await waitFor(
        'a line to pass the healthy connectors',
        async () => (await readFile(file('copy.txt'), 'utf8').catch(() => '')).includes('a line'),
        SOON_MS,
      );
      // Connect may start a new task twice by itself, when its configuration is written again.
      for (const name of HEALTHY) startsBefore.set(name, startsOf(await stack.restartsSeen(name)));
    },
    { timeout: STACK_TIMEOUT_MS },
  );

  after(async () => {
    await Promise.all(services.map(({ process }) => process.stop()));
    services = [];
    await stack?.stop();
    await ledger?.stop();
  });

  afterEach((context) => {
    // The types lack it (Node 24): whether the test went well.
    if (!('passed' in context) || context.passed !== false || !('diagnostic' in context)) return;
    for (const each of services) context.diagnostic(`the end of a service's log:\n${each.tail()}`);
  });

  describe('several failures at once', { concurrency: true }, () => {
    test('a sink whose directory is missing is restarted once, healed by the restart after the directory is there, and then left alone', async () => {
      const name = 'mendable-sink';
      await create(name, fileSink(file('missing', 'copy.txt'), 'lines'));
      await stack.connect.waitForState(name, 'FAILED');

      const failedAgain = await waitForAttempt(service, name, 1);
      assert.equal(failedAgain.reason, 'failed_again');
      assert.equal(await requests(name), 1);
      assert.ok(failedAgain.alerts.some(({ labels }) => labels['alertname'] === 'KafkaConnectTaskFailed'));

      await mkdir(file('missing'));
      const recovered = await service.waitForState(name, 'recovered', SOON_MS);
      assert.equal(recovered.attempts, 2);
      assert.equal(recovered.escalation, null);
      await stack.connect.waitForState(name, 'RUNNING');
      const seen = await stack.restartsSeen(name);
      assert.equal(seen.requests, 2);
      assert.equal(seen.plans, 2);
      assert.equal(seen.emptyPlans, 0);
      const [first = 0, second = 0] = seen.requestTimesMs;
      const gapMs = second - first;
      assert.ok(gapMs >= 8 * SECOND - LOGGED_LATE_MS, `the second restart came after ${gapMs} ms`);
    });

    test('a sink that a restart cannot heal is restarted once, and then a human is called with the cause', async () => {
      const name = 'hopeless-sink';
      await create(name, jsonSink(file('hopeless.txt'), 'text'));

      const escalated = await service.waitForState(name, 'escalated', SOON_MS);
      assert.equal(escalated.reason, 'permanent');
      assert.equal(escalated.escalation?.reason, 'permanent');
      assert.equal(escalated.attempts, 1);
      assert.equal(escalated.cause?.verdict, 'permanent');
      assert.equal(escalated.cause?.class, 'com.fasterxml.jackson.core.JsonParseException');
      assert.ok(escalated.cause?.because && escalated.cause.do, 'in words, and with advice');
      assert.equal((await stack.restartsSeen(name)).requests, 1);
      const shown = (await service.samples('connect_medic_escalated')).filter(
        ({ labels }) => labels['connector'] === name,
      );
      assert.deepEqual(shown, [
        {
          labels: { cluster: 'default', connector: name, reason: 'permanent', cause: 'JsonParseException' },
          value: 1,
        },
      ]);
    });

    test('a sink whose directory never comes is restarted as often as the list says, and then a human is called', async () => {
      const name = 'exhausted-sink';
      await create(name, fileSink(file('never', 'exhausted.txt'), 'lines'));

      const escalated = await service.waitForState(name, 'escalated', SOON_MS);
      assert.equal(escalated.reason, 'exhausted');
      assert.equal(escalated.escalation?.reason, 'exhausted');
      assert.equal(escalated.attempts, 3);
      assert.equal(escalated.attemptsMax, 3);
      assert.equal(escalated.nextAt, null);
      assert.equal(escalated.cause?.class, 'java.nio.file.NoSuchFileException');
      assert.deepEqual(numbersOf(escalated), [1, 2, 3]);

      const seen = await stack.restartsSeen(name);
      assert.equal(seen.requests, 3);
      assert.equal(seen.emptyPlans, 0);
      const [first = 0, second = 0, third = 0] = seen.requestTimesMs;
      for (const gapMs of [second - first, third - second]) {
        assert.ok(gapMs >= 4 * SECOND - LOGGED_LATE_MS, `a restart came ${gapMs} ms after the one before`);
      }

      const shown = (await service.samples('connect_medic_escalated')).filter(
        ({ labels }) => labels['connector'] === name,
      );
      assert.deepEqual(shown, [
        {
          labels: { cluster: 'default', connector: name, reason: 'exhausted', cause: 'NoSuchFileException' },
          value: 1,
        },
      ]);
      let accepted = 0;
      for (const each of services) {
        const own = (await each.samples('connect_medic_restarts_total')).find(
          ({ labels }) => labels['connector'] === name && labels['outcome'] === 'accepted',
        );
        accepted += own?.value ?? 0;
      }
      assert.equal(accepted, 3);
    });

    test('a MirrorMaker 2 connector that is itself FAILED is restarted under its odd name', async () => {
      await create(MIRROR, lostMirror(stack.bootstrap));
      const failed = await stack.connect.waitForState(MIRROR, 'FAILED');
      assert.equal(failed.connector.state, 'FAILED');

      const escalated = await service.waitForState(MIRROR, 'escalated', SOON_MS);
      assert.equal(escalated.connector, MIRROR);
      assert.equal(await requests(MIRROR), 1);
      assert.ok(escalated.alerts.some(({ labels }) => labels['alertname'] === 'KafkaConnectConnectorFailed'));
    });

    test('a task that fails while it is built, which JMX does not show, is found through the REST gauges and restarted', async () => {
      const name = 'unbuildable-sink';
      await create(name, unbuildableSink(file('unbuildable.txt'), 'lines'));

      const escalated = await service.waitForState(name, 'escalated', SOON_MS);
      assert.equal(await requests(name), 1);
      assert.ok(escalated.alerts.length > 0);
      for (const { labels } of escalated.alerts) {
        assert.equal(labels['alertname'], 'KafkaConnectTaskFailed');
        assert.equal(
          labels['task'],
          undefined,
          'only the gauges, which do not name the task, can have raised it',
        );
      }
      const beans = await stack.query(`kafka_connect_connector_task_status{connector="${name}"}`);
      assert.deepEqual(beans, []);
    });

    test('a connector that is paused while it waits is closed and not restarted', async () => {
      const name = 'waits-paused';
      await create(name, fileSink(file('nowhere', 'paused.txt'), 'lines'));
      await service.waitForState(name, 'waiting', SOON_MS);
      await stack.connect.pause(name);

      const closed = await service.waitForState(name, 'closed', SOON_MS);
      assert.equal(closed.reason, 'off');
      assert.equal(closed.attempts, 0);
      assert.equal(await requests(name), 0);
    });

    holdsAreHonoured(() => ({ stack, service }));
  });

  test('from the webhook to the restart call it takes little time (reported, not judged)', async (t) => {
    const value = async (metric: string): Promise<number> => {
      const values = await Promise.all(services.map(async (each) => (await each.samples(metric))[0]?.value));
      return values.reduce((total: number, one) => total + (one ?? Number.NaN), 0);
    };
    const sum = await value('connect_medic_webhook_to_restart_seconds_sum');
    const count = await value('connect_medic_webhook_to_restart_seconds_count');
    t.diagnostic(
      `webhook to restart call by the service's own clock: ${count} calls, mean ${milliseconds(sum / count)}`,
    );
    for (const name of ['mendable-sink', 'exhausted-sink', MIRROR, 'unbuildable-sink']) {
      const openedAtMs = Date.parse((await service.remediation(name))?.history[0]?.at ?? '');
      const [requestAtMs = Number.NaN] = (await stack.restartsSeen(name)).requestTimesMs;
      const tookMs = requestAtMs - openedAtMs;
      t.diagnostic(`first signal in the ledger to the request in Connect's log: ${name} ${tookMs} ms`);
    }
  });

  test('killed between two attempts and right after one, and started again, the service goes on counting where it was', async () => {
    const name = 'survivor-sink';
    await create(name, fileSink(file('nowhere', 'survivor.txt'), 'lines'));
    const waiting = await waitForAttempt(service, name, 1);
    await service.process.kill9();
    await service.process.start();

    const onDisk = await service.remediation(name);
    assert.equal(onDisk?.attempts, 1);
    assert.equal(onDisk?.nextAt, waiting.nextAt);

    // Once more, as soon as Connect has the second restart and before anybody saw what came of it. (A crash before the
    // call would cost an attempt: it is written down first.)
    await waitFor('the second restart', async () => (await requests(name)) === 2, SOON_MS, 50);
    await service.process.kill9();
    await service.process.start();

    // With another replica the dead one's lease has to end first.
    const escalated = await service.waitForState(name, 'escalated', replicas * SOON_MS);
    assert.equal(escalated.escalation?.reason, 'exhausted');
    assert.deepEqual(numbersOf(escalated), [1, 2, 3]);
    const seen = await stack.restartsSeen(name);
    assert.equal(seen.requests, 3);
    assert.ok(
      (seen.requestTimesMs[1] ?? 0) >= Date.parse(waiting.nextAt ?? ''),
      'the wait did not begin anew or end early',
    );
  });

  if (startLedger === null) {
    test('what failed while the service was off is restarted after it starts, without a webhook', async () => {
      const name = 'unnoticed-sink';
      await service.process.stop();
      await create(name, fileSink(file('nowhere', 'unnoticed.txt'), 'lines'));
      await waitFor(
        'its alert to fire',
        async () => (await stack.amtool('alert', 'query', `connector=${name}`, '-o', 'json')).includes(name),
        SOON_MS,
      );
      // On another port, which Alertmanager does not know.
      const [port = 0] = await freePorts(1);
      const deaf = await prepareService({
        name: 'connect-medic-deaf',
        directory: stack.directory,
        port,
        config: {
          ...configOf(stack),
          ledger: { url: `sqlite:${join(stack.directory, 'connect-medic-1.db')}` },
        },
      });
      await deaf.process.start();
      try {
        await waitFor('its restart', async () => (await requests(name)) === 1, SOON_MS);
        const webhooks = (await deaf.samples('connect_medic_webhooks_total')).map(({ value }) => value);
        assert.ok(webhooks.length > 0 && webhooks.every((value) => value === 0));
      } finally {
        await deaf.process.stop();
        await service.process.start();
      }
    });

    test('a second process on the same ledger file refuses to start', async () => {
      const second = await runToEnd(service.configFile);
      assert.equal(second.status, 1);
      assert.match(second.output, /ledger .*connect-medic-1\.db/);
      assert.match(second.output, /another process|in use|held/i);
      assert.ok(service.process.running);
      assert.equal((await service.get('/readyz')).status, 200);
    });
  }

  test('SIGTERM ends the service with exit status 0', async () => {
    await service.process.stop();
    assert.equal(service.process.ended, 0);
    await service.process.start();
  });

  test('workers and service produce every series that rules and dashboards ask for, and no panel that must have data is empty', async (t) => {
    const workers = await Promise.all(
      stack.workers.map(async ({ metricsUrl }) => await (await fetch(metricsUrl)).text()),
    );
    const own = await (await service.get('/metrics')).text();
    const connectors = await stack.connect.names();
    assert.deepEqual(await contractProblems({ workers, service: own, connectors }), []);

    const { problems, queries, withData } = await checkPanels(stack.prometheusUrl, SOON_MS);
    assert.deepEqual(problems, []);
    t.diagnostic(`of ${queries} queries of the dashboards ${withData} have data`);
  });

  test('what was healthy, healed, paused or escalated got no restart beyond what was due', async (t) => {
    for (const name of HEALTHY) {
      const seen = await stack.restartsSeen(name);
      assert.equal(seen.requests, 0, name);
      assert.equal(seen.legacyRequests, 0, name);
      assert.deepEqual(startsOf(seen), startsBefore.get(name), name);
      assert.equal(await service.remediation(name), undefined, name);
    }
    const due: Record<string, number> = {
      'mendable-sink': 2,
      'hopeless-sink': 1,
      'exhausted-sink': 3,
      [MIRROR]: 1,
      'unbuildable-sink': 1,
      'waits-paused': 0,
      'survivor-sink': 3,
    };
    const paused = await service.remediation('waits-paused');
    const wouldBeDueMs = Date.parse(paused?.history[0]?.at ?? '') + 25 * SECOND;
    await waitFor(
      'the time at which the paused connector would have been due',
      () => Date.now() > wouldBeDueMs,
      SOON_MS,
    );
    for (const [name, expected] of Object.entries(due)) {
      const seen = await stack.restartsSeen(name);
      assert.equal(seen.requests, expected, name);
      assert.equal(seen.emptyPlans, 0, name);
      assert.equal(seen.legacyRequests, 0, name);
      const told = await service.remediation(name);
      assert.equal(told?.attempts, expected, name);
    }
    t.diagnostic(`restart requests by Connect's own count: ${JSON.stringify(due)}; healthy ones: 0`);
  });

  stormsShareTheirRestarts(() => ({ stack, service }));

  test('a worker that dies starts no storm: nobody restarts what only moves', async () => {
    const all = [...HEALTHY, 'mendable-sink', 'exhausted-sink', MIRROR, 'unbuildable-sink', 'survivor-sink'];
    const before = new Map(await Promise.all(all.map(async (name) => [name, await requests(name)] as const)));
    const dead = stack.workers[1];
    assert.ok(dead);
    const lost = new URL(dead.url).host;
    await dead.process.kill9();
    await waitFor(
      'everything to run on the other worker',
      async () => {
        const statuses = await Promise.all(
          HEALTHY.map((name) => stack.connect.status(name).catch(() => undefined)),
        );
        const parts = statuses.flatMap((status) => (status ? [status.connector, ...status.tasks] : []));
        return (
          parts.length >= 4 && parts.every((part) => part.state === 'RUNNING' && part.worker_id !== lost)
        );
      },
      SOON_MS,
    );
    await dead.process.start();
    await stack.connect.ready(2);
    for (const name of all) assert.equal(await requests(name), before.get(name), name);
    for (const name of HEALTHY) assert.equal(await service.remediation(name), undefined, name);
  });

  // Last: a deletion can make Connect move the tasks of others, and each move is a start.
  test('a connector that is deleted while it waits is closed as gone', async () => {
    const name = 'waits-deleted';
    await create(name, fileSink(file('nowhere', 'deleted.txt'), 'lines'));
    await service.waitForState(name, 'waiting', SOON_MS);
    await stack.connect.delete(name);

    const closed = await service.waitForState(name, 'closed', SOON_MS);
    assert.equal(closed.reason, 'gone');
    assert.equal(await requests(name), 0);
  });
}

function configOf(stack: Stack): ServiceConfig {
  return {
    // Short, since what a killed replica had in hand rests for three of these and half a minute.
    clusters: [{ name: stack.clusterName, urls: stack.connectUrls, requestTimeout: '3s' }],
    alertmanagers: [{ url: stack.alertmanagerUrl }],
    statusEvery: '1s',
    resyncEvery: '2s',
    policy: POLICY,
    // More than fail alike elsewhere here.
    storm: { threshold: 10, proof: '2s', everyAtMost: '3s' },
    overrides: OVERRIDES,
  };
}

function milliseconds(seconds: number): string {
  return `${(seconds * 1_000).toFixed(1)} ms`;
}

function startsOf({
  connectorStarts,
  taskStarts,
}: RestartsSeen): Pick<RestartsSeen, 'connectorStarts' | 'taskStarts'> {
  return { connectorStarts, taskStarts };
}

function numbersOf({ attemptLog }: RemediationDetail): number[] {
  return attemptLog.map(({ number }) => number);
}

/** Waits until the n-th attempt of a connector has been judged a failure and the next one is waited for. */
async function waitForAttempt(service: Service, name: string, attempt: number): Promise<RemediationDetail> {
  return await waitFor(
    `attempt ${attempt} of ${name} to have failed`,
    async () => {
      const seen = await service.remediation(name);
      return seen?.state === 'waiting' && seen.attempts === attempt ? seen : undefined;
    },
    SOON_MS,
  );
}
