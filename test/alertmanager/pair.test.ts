/** connect-medic as a process beside two real Alertmanagers that do not see each other, so that both send everything. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { FakeConnect } from '../replicas/connect.ts';
import { freePorts } from '../stack/ports.ts';
import { waitFor } from '../stack/process.ts';
import { prepareService, type Service } from '../stack/service.ts';
import { type RealAlertmanager, startAlertmanager } from './real.ts';

const SOON_MS = 60_000;
const labels = (connector: string) => ({
  alertname: 'KafkaConnectTaskFailed',
  remediation: 'kafka-connect',
  connect_cluster: 'default',
  connector,
  task: '0',
  replica: 'external',
});

describe('beside a pair of Alertmanagers that both send', { timeout: 4 * SOON_MS }, () => {
  const connect = new FakeConnect();
  let directory: string;
  let service: Service;
  let pair: RealAlertmanager[];

  before(async () => {
    await connect.start();
    directory = await mkdtemp(join(tmpdir(), 'connect-medic-pair-'));
    const [port = 0] = await freePorts(1);
    pair = await Promise.all([1, 2].map(() => startAlertmanager(`http://127.0.0.1:${port}/webhook`)));
    service = await prepareService({
      directory,
      port,
      config: {
        alertmanagers: pair.map(({ url }) => ({ url })),
        clusters: [{ urls: [connect.url] }],
        statusEvery: '1s',
        resyncEvery: '1s',
        policy: {
          delays: ['0s', '4s', '4s'],
          thenEvery: 'off',
          settle: '500ms',
          stableFor: '1h',
          jitter: '0%',
        },
      },
    });
    await service.process.start();
  });
  after(async () => {
    await service?.process.stop();
    await Promise.all((pair ?? []).map((one) => one.stop()));
    await connect.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const restarts = (connector: string): number => connect.restartsOf(connector).length;
  const attempts = (connector: string, count: number) =>
    waitFor(
      `attempt ${count} of ${connector} to have failed`,
      async () => {
        const seen = await service.remediation(connector);
        return seen?.state === 'waiting' && seen.attempts === count ? seen : undefined;
      },
      SOON_MS,
    );

  test('a silence in one of them, made after the alert had vanished, holds the third attempt until it expires', async () => {
    connect.show(['orders'], 'FAILED');
    await Promise.all(pair.map((one) => one.post([labels('orders')])));
    await attempts('orders', 1);
    // As a restart does: the alert ends for a while, and no Alertmanager lists it.
    await Promise.all(pair.map((one) => one.resolve([labels('orders')])));
    const waiting = await attempts('orders', 2);
    assert.equal(restarts('orders'), 2, 'both Alertmanagers sent, and each attempt was one restart');
    const matchers = [
      { name: 'connector', value: 'ord.*', isRegex: true },
      { name: 'replica', value: 'external', isRegex: false },
    ];
    const id = (await pair[1]?.silence(matchers)) ?? '';
    const held = await service.waitForState('orders', 'held', SOON_MS);
    assert.equal(held.hold?.reason, 'silenced');
    assert.match(held.hold?.detail ?? '', new RegExp(`${id} by anna: maintenance`));
    const dueAtMs = Date.parse(waiting.nextAt ?? '');
    await waitFor('well past its time', () => Date.now() > dueAtMs + 5_000, SOON_MS);
    assert.equal(restarts('orders'), 2);
    await pair[1]?.expire(id);
    const escalated = await service.waitForState('orders', 'escalated', SOON_MS);
    assert.equal(escalated.attempts, 3);
    assert.equal(restarts('orders'), 3);
  });

  test('a silence that does not match stops nothing', async () => {
    const id = (await pair[0]?.silence([{ name: 'connector', value: 'other', isRegex: false }])) ?? '';
    connect.show(['unmatched'], 'FAILED');
    await Promise.all(pair.map((one) => one.post([labels('unmatched')])));
    await waitFor('two restarts', () => restarts('unmatched') === 2, SOON_MS);
    await pair[0]?.expire(id);
  });

  test('one that is inhibited is held until the inhibiting alert ends', async () => {
    connect.show(['inhibited'], 'FAILED');
    const worker = { alertname: 'WorkerDown', connect_cluster: 'default' };
    await Promise.all(pair.map((one) => one.post([worker])));
    await service.send('POST', '/webhook', {
      version: '4',
      alerts: [{ status: 'firing', labels: labels('inhibited'), fingerprint: 'f' }],
    });
    await Promise.all(pair.map((one) => one.post([labels('inhibited')])));
    const held = await waitFor(
      'it to be held',
      async () => {
        const seen = await service.remediation('inhibited');
        return seen?.hold?.reason === 'inhibited' ? seen : undefined;
      },
      SOON_MS,
    );
    assert.match(held.hold?.detail ?? '', /inhibited by alert [0-9a-f]{16}/);
    const before = restarts('inhibited');
    await Promise.all(pair.map((one) => one.resolve([worker])));
    await waitFor('the next restart', () => restarts('inhibited') > before, SOON_MS);
  });

  test('while none of them answers nothing is restarted, and it goes on when one is back', async () => {
    await Promise.all(pair.map((one) => one.process.stop()));
    const stoppedAtMs = Date.now();
    await waitFor('what they last said to be out of date', () => Date.now() > stoppedAtMs + 4_000, SOON_MS);
    connect.show(['blind'], 'FAILED');
    const seen = await waitFor(
      'it to be held',
      async () => {
        await service.send('POST', '/webhook', {
          version: '4',
          alerts: [{ status: 'firing', labels: labels('blind'), fingerprint: 'b' }],
        });
        const known = await service.remediation('blind');
        return known?.state === 'held' ? known : undefined;
      },
      SOON_MS,
    );
    assert.equal(seen.hold?.reason, 'alertmanager_unreachable');
    assert.match(seen.hold?.detail ?? '', /refused/);
    const reads = connect.bulkReads;
    await waitFor('further reads of the cluster', () => connect.bulkReads > reads + 5, SOON_MS);
    assert.equal(restarts('blind'), 0);
    await pair[0]?.process.start();
    await waitFor('its restart', () => restarts('blind') === 1, SOON_MS);
  });
});
