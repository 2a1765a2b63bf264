import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { ConnectorStatus } from '../../src/core/model.ts';
import { HOUR, MINUTE, pausedEvent, SECOND } from '../core/given.ts';
import { type Harness, harness, quiet } from './harness.ts';

const part = (state: 'RUNNING' | 'FAILED', trace: string | null) => ({ state, workerId: 'w:8083', trace });
const failing = (trace: string | null): ConnectorStatus => ({
  connector: part('RUNNING', null),
  tasks: [{ id: 0, ...part('FAILED', trace) }],
});
const fine: ConnectorStatus = {
  connector: part('RUNNING', null),
  tasks: [{ id: 0, ...part('RUNNING', null) }],
};
const outage = (host = 'db-1.example:5432'): string =>
  `org.apache.kafka.connect.errors.ConnectException: cannot connect\n\tat a.B.c(B.java:1)\nCaused by: java.net.ConnectException: Connection to ${host} refused after 17 ms`;

const named = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(3, '0')}`);

describe('a storm', () => {
  let h: Harness;
  /** What a restarted connector shows from then on. */
  let after: (connector: string) => ConnectorStatus;
  afterEach(async () => {
    await h.close();
    assert.deepEqual(h.faults, []);
  });

  async function begin(names: readonly string[], trace: (connector: string) => string | null, options = {}) {
    h = await harness({ start: false, maxUnverified: 100, ...options });
    after = (connector) => failing(trace(connector));
    h.connect.answer = ({ connector }) => {
      h.connect.show(connector, after(connector));
      return { outcome: 'accepted', detail: '' };
    };
    for (const name of names) h.connect.show(name, failing(trace(name)));
    await Promise.all(names.map((connector) => h.alert({ connector, fingerprint: connector })));
    h.remediator.start();
    await quiet();
  }
  const calls = (): string[] => h.connect.calls.map(({ connector }) => connector);
  const heldAs = async (reason: string): Promise<number> =>
    (await h.ledger.overview()).filter(({ hold }) => hold === reason).length;

  it('restarts one of five that fail alike, and holds the others as canary, uncharged', async () => {
    await begin(named('c', 5), () => outage());
    assert.deepEqual(calls(), ['c000']);
    await h.clock.advance(10 * SECOND);
    assert.equal(calls().length, 1);
    assert.equal(await heldAs('canary'), 4);
    const held = await h.record('c003');
    assert.equal(held?.attempts, 0);
    assert.equal(held?.chargedAtMs.length, 0);
    assert.match(
      held?.phase.state === 'held' ? (held.phase.hold.detail ?? '') : '',
      /5 connectors fail alike/,
    );
  });

  it('is none below the threshold: four are restarted each by itself', async () => {
    await begin(named('c', 4), () => outage());
    assert.equal(calls().length, 4);
  });

  it('is none where grouping is off, nor for failures without a trace', async () => {
    await begin(named('c', 8), () => null);
    assert.equal(calls().length, 8);
    await h.close();
    const storm = { threshold: null, proofMs: MINUTE, everyAtMostMs: MINUTE };
    await begin(named('c', 8), () => outage(), { policy: { storm } });
    assert.equal(calls().length, 8);
  });

  it('goes round its members, at least every five minutes, through a night, and exhausts nobody', async () => {
    const names = named('c', 50);
    await begin(names, () => outage());
    await h.clock.advance(5 * HOUR);
    // 2m, then every 5m: some sixty probes, where each by itself would have been restarted ten times.
    assert.ok(calls().length <= 65, `${calls().length} restarts`);
    assert.ok(calls().length >= 55, `${calls().length} restarts`);
    const times = h.connect.calls.map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
    assert.ok(Math.max(...gaps) <= 6 * MINUTE, `a gap of ${Math.max(...gaps) / MINUTE} minutes`);
    assert.deepEqual(new Set(calls()).size, 50, 'each of them had its turn');
    assert.equal((await h.ledger.overview()).filter(({ escalation }) => escalation !== null).length, 0);
  });

  it('is over within minutes of the outage, by 1, 2, 4 … at a time', async () => {
    const names = named('c', 40);
    await begin(names, () => outage());
    await h.clock.advance(3 * HOUR);
    const during = calls().length;
    after = () => fine;
    await h.clock.advance(25 * MINUTE);
    const recoveredOnes = (await h.ledger.overview()).filter(
      ({ state }) => state === 'stabilising' || state === 'recovered',
    );
    assert.equal(recoveredOnes.length, 40);
    assert.equal(calls().length - during, 40, 'each of them once');
    await h.clock.advance(10 * MINUTE);
    assert.equal((await h.ledger.overview()).filter(({ state }) => state === 'recovered').length, 40);
  });

  it('is still probed after a day by the five that it has, within their budgets, and heals then', async () => {
    const names = named('c', 5);
    await begin(names, () => outage());
    await h.clock.advance(26 * HOUR);
    for (const name of names) {
      const times = h.connect.calls.filter(({ connector }) => connector === name).map(({ atMs }) => atMs);
      for (const [index, atMs] of times.entries()) {
        const inWindow = times.filter((other, at) => at <= index && other > atMs - 24 * HOUR).length;
        assert.ok(inWindow <= 20, `${name}: ${inWindow} restarts in a day (P3)`);
      }
    }
    after = () => fine;
    const before = calls().length;
    await h.clock.advance(45 * MINUTE);
    assert.ok(calls().length > before);
    assert.ok(
      (await h.ledger.overview()).every(({ state }) => state === 'stabilising' || state === 'recovered'),
    );
  });

  it('of two causes is two groups, also where only the host tells them apart', async () => {
    await begin([...named('a', 5), ...named('b', 5)], (name) =>
      outage(name.startsWith('a') ? 'db-1:5432' : 'db-2:5432'),
    );
    assert.deepEqual(calls().sort(), ['a000', 'b000']);
  });

  it('elects another where the first may not act: silenced, paused, deleted', async () => {
    h = await harness({ start: false, maxUnverified: 100 });
    const names = named('c', 8);
    await h.ledger.putPause(
      { cluster: 'a', connector: 'c000', reason: 'r', untilMs: null, by: 'ann', atMs: h.clock.now() },
      pausedEvent(0, { cluster: 'a', connector: 'c000', actor: 'a' }),
    );
    const labels = { alertname: 'A', connect_cluster: 'a', connector: 'c001' };
    const silenced = { fingerprint: 's', labels, silencedBy: ['s'], inhibitedBy: [], unreadable: false };
    h.world.suppression = {
      alertmanagers: [{ name: 'am', silences: [], suppressed: [silenced] }],
      unknown: null,
    };
    for (const name of names) h.connect.show(name, failing(outage()));
    await Promise.all(
      names.map((connector) =>
        h.alert({ connector, fingerprint: connector, labels: { ...labels, connector, alertname: 'A' } }),
      ),
    );
    h.remediator.start();
    await quiet();
    await h.clock.advance(MINUTE);
    assert.deepEqual(
      h.connect.calls.map(({ connector }) => connector),
      ['c002'],
    );
  });

  it('goes on where a probe fails for another reason: it neither counts nor blocks', async () => {
    const names = named('c', 6);
    await begin(names, () => outage());
    assert.deepEqual(calls(), ['c000']);
    h.connect.show('c000', failing('java.lang.OutOfMemoryError: Java heap space'));
    await h.clock.advance(30 * SECOND);
    assert.deepEqual(calls().slice(0, 2), ['c000', 'c001'], 'no failed probe, so nothing to wait for');
  });

  it('goes on where the connector that is probed is paused in Connect', async () => {
    const names = named('c', 6);
    await begin(names, () => outage());
    const paused = part('RUNNING', null);
    h.connect.show('c000', {
      connector: { ...paused, state: 'PAUSED' },
      tasks: [{ id: 0, ...paused, state: 'PAUSED' }],
    });
    await h.clock.advance(MINUTE);
    assert.equal(calls()[1], 'c001');
  });

  it('leaves those alone that heal by themselves', async () => {
    const names = named('c', 10);
    await begin(names, () => outage());
    await h.clock.advance(MINUTE);
    for (const name of names) h.connect.show(name, fine);
    await h.clock.advance(30 * MINUTE);
    assert.equal(calls().length, 1);
    assert.ok((await h.ledger.overview()).every(({ state }) => state === 'recovered'));
  });
});
