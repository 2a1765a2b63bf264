/**
 * Two real Alertmanagers that gossip with each other, and a network between them that is cut and mended. What one that stands
 * alone says and does, silences that expire, inhibitions and both being down: see test/alertmanager/pair.test.ts.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type RealAlertmanager, startAlertmanager } from '../alertmanager/real.ts';
import { FakeConnect } from '../replicas/connect.ts';
import { freePorts } from '../stack/ports.ts';
import { waitFor } from '../stack/process.ts';
import { prepareService, type Service } from '../stack/service.ts';
import { Link } from './link.ts';

const SOON_MS = 120_000;
/** What an Alertmanager has said is acted on for three seconds. */
const OUT_OF_DATE_MS = 4_000;
/** Partitions are noticed and mended in a second or two. */
const QUICK = [
  '--cluster.peer-timeout=2s',
  '--cluster.gossip-interval=100ms',
  '--cluster.pushpull-interval=1s',
  '--cluster.probe-interval=300ms',
  '--cluster.probe-timeout=200ms',
  '--cluster.tcp-timeout=1s',
  '--cluster.reconnect-interval=1s',
];

const labels = (connector: string) => ({
  alertname: 'KafkaConnectTaskFailed',
  remediation: 'kafka-connect',
  connect_cluster: 'default',
  connector,
  task: '0',
});

export function alertmanagersMayBeCutOff(): void {
  describe(
    'beside a pair of Alertmanagers whose network is cut',
    { concurrency: 1, timeout: 6 * SOON_MS },
    scenarios,
  );
}

function scenarios(): void {
  const connect = new FakeConnect();
  let directory: string;
  let service: Service;
  let links: readonly Link[] = [];
  let pair: readonly RealAlertmanager[] = [];

  before(async () => {
    await connect.start();
    directory = await mkdtemp(join(tmpdir(), 'connect-medic-partition-'));
    const [port = 0, ...ports] = await freePorts(5);
    // Each is known to the other by its link only.
    const [first = 0, second = 0, toFirst = 0, toSecond = 0] = ports;
    links = await Promise.all([new Link(toFirst, first).start(), new Link(toSecond, second).start()]);
    const ends = [first, second].map((own, index) => {
      const [mine, theirs] = index === 0 ? links : links.toReversed();
      return [
        `--cluster.listen-address=127.0.0.1:${own}`,
        `--cluster.advertise-address=${mine?.address}`,
        `--cluster.peer=${theirs?.address}`,
        ...QUICK,
      ];
    });
    pair = await Promise.all(ends.map((end) => startAlertmanager(`http://127.0.0.1:${port}/webhook`, end)));
    service = await prepareService({
      directory,
      port,
      config: {
        alertmanagers: pair.map(({ url }) => ({ url })),
        clusters: [{ urls: [connect.url] }],
        statusEvery: '1s',
        resyncEvery: '1s',
        policy: { delays: ['0s', '5s'], thenEvery: 'off', settle: '500ms', stableFor: '1h', jitter: '0%' },
      },
    });
    await service.process.start();
    await see(2);
  });
  after(async () => {
    await service?.process.stop();
    for (const { process } of pair) process.signal('SIGCONT');
    await Promise.all(pair.map((one) => one.stop()));
    await Promise.all(links.map((link) => link.close()));
    await connect.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const see = (count: number): Promise<unknown> =>
    waitFor(
      `each Alertmanager to see ${count}`,
      async () => (await Promise.all(pair.map((one) => one.peers()))).every((peers) => peers === count),
      SOON_MS,
    );
  const fire = async (connector: string): Promise<void> => {
    connect.show([connector], 'FAILED');
    // As Prometheus does: each of them is told.
    await Promise.all(pair.map((one) => one.post([labels(connector)])));
  };
  const restarts = (connector: string): number => connect.restartsOf(connector).length;
  const sent = (): Promise<number[]> => Promise.all(pair.map((one) => one.sent()));
  /** All of its two attempts made, all of them failed. */
  const ended = async (connector: string): Promise<void> => {
    const { attempts } = await service.waitForState(connector, 'escalated', SOON_MS);
    assert.equal(attempts, 2);
    assert.equal(restarts(connector), 2);
  };
  const further = async (): Promise<void> => {
    const reads = connect.bulkReads;
    await waitFor('further reads', () => connect.bulkReads >= reads + 4, SOON_MS);
  };

  test('cut off from each other both send the same alert, and it is one attempt', async () => {
    for (const link of links) link.cut();
    await see(1);
    const before = await sent();
    await fire('twice-told');
    await waitFor(
      'both to have sent',
      async () => (await sent()).every((count, index) => count > (before[index] ?? 0)),
      SOON_MS,
    );
    await ended('twice-told');
  });

  test('a silence that only one of them knows of holds the restart, and so does its copy, until it ends on the other side', async () => {
    const [here, there] = pair;
    assert.ok(here && there);
    for (const link of links) link.cut();
    await see(1);
    const id = await there.silence([{ name: 'connector', value: 'silenced', isRegex: false }]);
    const madeAtMs = Date.now();
    await waitFor('older answers to be out of date', () => Date.now() > madeAtMs + OUT_OF_DATE_MS, SOON_MS);
    await fire('silenced');
    const held = await service.waitForState('silenced', 'held', SOON_MS);
    assert.equal(held.hold?.reason, 'silenced');
    assert.match(held.hold?.detail ?? '', new RegExp(id));
    assert.ok(!(await here.silences()).includes(id), 'the other one never heard of it');
    for (const link of links) link.mend();
    await see(2);
    await waitFor('the silence to come over', async () => (await here.silences()).includes(id), SOON_MS);
    await further();
    assert.equal(restarts('silenced'), 0);
    await here.expire(id);
    await ended('silenced');
  });

  test('while one of them hangs the other one is enough; while both hang nothing is restarted', async () => {
    const [here, there] = pair;
    assert.ok(here && there);
    here.process.signal('SIGSTOP');
    connect.show(['half-blind', 'blind'], 'FAILED');
    await there.post([labels('half-blind')]);
    await ended('half-blind');
    there.process.signal('SIGSTOP');
    const tell = () =>
      service.send('POST', '/webhook', {
        version: '4',
        alerts: [{ status: 'firing', labels: labels('blind'), fingerprint: 'b' }],
      });
    // What they said last may be acted on for a few seconds; this is said when a read of either has timed out.
    await waitFor(
      'the service to see it',
      async () => (await service.log()).some(({ msg }) => msg.startsWith('no Alertmanager lists its alerts')),
      SOON_MS,
    );
    assert.equal((await tell()).status, 202);
    const held = await service.waitForState('blind', 'held', SOON_MS);
    assert.equal(held.hold?.reason, 'alertmanager_unreachable');
    await further();
    assert.equal(restarts('blind'), 0);
    there.process.signal('SIGCONT');
    await ended('blind');
    here.process.signal('SIGCONT');
  });
}
