import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { RestartResult } from '../../src/connect/client.ts';
import type { ConnectorStatus } from '../../src/core/model.ts';
import type { SuppressionView } from '../../src/core/suppression.ts';
import { compilePack } from '../../src/diagnosis/pack.ts';
import { HOUR, MINUTE, policy, SECOND } from '../core/given.ts';
import { type Harness, harness, quiet } from './harness.ts';

type Options = NonNullable<Parameters<typeof harness>[0]>;

const part = (state: 'RUNNING' | 'FAILED' | 'UNASSIGNED', trace: string | null = null) => ({
  state,
  workerId: 'w:8083',
  trace,
});
const of = (task: ReturnType<typeof part>): ConnectorStatus => ({
  connector: part('RUNNING'),
  tasks: [{ id: 0, ...task }],
});
const failing = of(part('FAILED', 'java.net.ConnectException: Connection to db-1.example:5432 refused'));
const fine = of(part('RUNNING'));
const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `c${String(index).padStart(3, '0')}`);

/** What one member of a storm does must not be the others' fate. */
describe('the members of a storm', () => {
  let h: Harness;
  let begunAtMs = 0;
  /** What a restarted connector shows from then on. */
  let after: (connector: string) => ConnectorStatus;
  let outcomeOf: (connector: string) => RestartResult['outcome'];
  afterEach(async () => {
    await h.close();
    assert.deepEqual(h.faults, []);
  });

  async function begin(members: readonly string[], options: Options = {}): Promise<void> {
    h = await harness({ start: false, maxUnverified: 100, ...options });
    after = () => failing;
    outcomeOf = () => 'accepted';
    h.connect.answer = ({ connector }) => {
      const outcome = outcomeOf(connector);
      if (outcome === 'accepted') h.connect.show(connector, after(connector));
      return { outcome, detail: '' };
    };
    await fail(members);
    begunAtMs = h.clock.now();
    h.remediator.start();
    await quiet();
  }
  async function fail(members: readonly string[]): Promise<void> {
    for (const name of members) h.connect.show(name, failing);
    await Promise.all(members.map((connector) => h.alert({ connector, fingerprint: connector })));
    await quiet();
  }
  const calls = (): { connector: string; atMs: number }[] =>
    h.connect.calls.map(({ connector, atMs }) => ({ connector, atMs: atMs - begunAtMs }));

  function silencing(silenced: readonly string[]): SuppressionView {
    const silence = {
      id: 's1',
      author: 'ada',
      comment: '',
      endsAtMs: null,
      fit: (labels: Readonly<Record<string, string>>) =>
        silenced.includes(labels['connector'] ?? '') ? ('yes' as const) : ('no' as const),
    };
    return { unknown: null, alertmanagers: [{ name: 'am', suppressed: [], silences: [silence] }] };
  }

  for (const count of [1, 2, 3]) {
    it(`go on though ${count} of them, first in order, are silenced`, async () => {
      const members = names(8);
      await begin([], {});
      h.world.suppression = silencing(members.slice(0, count));
      h.remediator.start();
      for (const name of members) h.connect.show(name, failing);
      for (const connector of members) {
        await h.alert({ connector, fingerprint: connector, labels: { alertname: 'X', connector } });
      }
      await h.clock.advance(HOUR);
      assert.ok(calls().length >= 8, `${calls().length} probes in an hour`);
      assert.ok(calls().every(({ connector }) => !members.slice(0, count).includes(connector)));
    });
  }

  for (const outcome of ['conflict', 'unauthorized', 'refused'] as const) {
    it(`go on though every call for one of them ends as ${outcome}`, async () => {
      await begin(names(8));
      outcomeOf = (connector) => (connector === 'c000' ? outcome : 'accepted');
      await h.clock.advance(2 * HOUR);
      const others = new Set(calls().map(({ connector }) => connector));
      others.delete('c000');
      assert.equal(others.size, 7);
    });
  }

  it('go on though the settings of one of them can never be read', async () => {
    await begin([]);
    const { settings } = h.connect;
    Object.assign(h.connect, {
      settings: (connector: string) =>
        connector === 'c000'
          ? Promise.resolve({ outcome: 'nonsense', detail: '400' })
          : settings.call(h.connect),
    });
    await fail(names(8));
    await h.clock.advance(2 * HOUR);
    assert.equal(new Set(calls().map(({ connector }) => connector)).size, 7);
  });

  it('go on though a probe that ran has been UNASSIGNED ever since', async () => {
    await begin(names(8));
    after = (connector) => (connector === 'c000' ? fine : failing);
    h.connect.show('c000', fine);
    await h.clock.advance(10 * SECOND);
    h.connect.show('c000', of(part('UNASSIGNED')));
    await h.clock.advance(3 * HOUR);
    assert.ok(calls().length > 10, `${calls().length} probes`);
  });

  it('begin with one probe again in a second outage of the day', async () => {
    const members = names(40);
    await begin(members);
    after = () => fine;
    h.connect.show('c000', fine);
    await h.clock.advance(3 * HOUR);
    assert.ok((await h.ledger.overview()).every(({ state }) => state === 'recovered'));
    const before = calls().length;
    after = () => failing;
    await fail(members);
    await h.clock.advance(10 * SECOND);
    assert.equal(calls().length - before, 1);
  });

  it('that run longer than a proof and fail again keep their own delays, and are exhausted in the end', async () => {
    const restarts = async (threshold: number | null): Promise<number> => {
      await begin([], { policy: { storm: { ...policy.storm, threshold } } });
      const failsAtMs = new Map<string, number>();
      after = (connector) => {
        failsAtMs.set(connector, h.clock.now() + 3 * MINUTE);
        return fine;
      };
      h.connect.beforeBulk = () => {
        for (const [connector, atMs] of failsAtMs) {
          if (h.clock.now() < atMs) continue;
          h.connect.show(connector, failing);
          failsAtMs.delete(connector);
        }
      };
      await fail(names(20));
      await h.clock.advance(90 * MINUTE);
      return h.connect.calls.length;
    };
    const alone = await restarts(null);
    await h.close();
    const together = await restarts(5);
    assert.ok(together <= 1.1 * alone, `${together} restarts, and ${alone} without storms`);
  });

  it('that are only played through take nobody’s turn', async () => {
    const members = names(8);
    await begin([], { policyOf: (connector) => ({ dryRun: connector < 'c006' }) });
    after = () => fine;
    await fail(members);
    await h.clock.advance(3 * MINUTE);
    assert.deepEqual(
      calls().map(({ connector }) => connector),
      ['c006', 'c007'],
    );
  });

  it('wait for the first delay as one alone does', async () => {
    await begin(names(5), { policy: { delaysMs: [10 * MINUTE, 20 * MINUTE], jitter: 0 } });
    await h.clock.advance(10 * MINUTE - SECOND);
    assert.deepEqual(calls(), []);
    await h.clock.advance(2 * SECOND);
    assert.equal(calls().length, 1);
  });

  it('are restarted no more once the list is used up, where nothing comes after it', async () => {
    await begin(names(5), { policy: { delaysMs: [0, MINUTE], thenEveryMs: null, jitter: 0 } });
    await h.clock.advance(12 * HOUR);
    const each = names(5).map((name) => calls().filter(({ connector }) => connector === name).length);
    assert.deepEqual(each, [2, 2, 2, 2, 2]);
    assert.ok((await h.ledger.overview()).every(({ escalation }) => escalation === 'exhausted'));
  });
});

describe('a cluster that refuses the credentials', () => {
  it('is asked by one call at a time, not by one for each connector', async () => {
    const h = await harness({ maxUnverified: 100, policy: { storm: { ...policy.storm, threshold: null } } });
    h.connect.answer = () => ({ outcome: 'unauthorized', detail: '403' });
    for (const connector of names(10)) {
      h.connect.show(connector, failing);
      await h.alert({ connector, fingerprint: connector });
    }
    await h.clock.advance(5 * MINUTE);
    assert.ok(h.connect.calls.length <= 12, `${h.connect.calls.length} calls`);
    const rows = await h.ledger.overview();
    assert.ok(rows.every(({ hold, attempts }) => hold === 'unauthorized' && attempts === 0));
    h.connect.answer = ({ connector }) => {
      h.connect.show(connector, fine);
      return { outcome: 'accepted', detail: '' };
    };
    await h.clock.advance(3 * MINUTE);
    assert.ok(names(10).every((name) => h.connect.calls.some(({ connector }) => connector === name)));
    await h.close();
    assert.deepEqual(h.faults, []);
  });
});

describe('a configuration that changed while nobody looked', () => {
  it('is one new start, not one with each look (P3)', async () => {
    const h = await harness();
    const configure = (configHash: string): void => {
      h.connect.configured = { outcome: 'ok', value: { optedOut: false, connectorClass: 'x.Y', configHash } };
    };
    configure('H1');
    h.connect.show('orders', failing);
    await h.alert();
    await h.clock.advance(3 * MINUTE);
    h.connect.show('orders', fine);
    await h.clock.advance(30 * MINUTE);
    configure('H2');
    await h.clock.advance(2 * HOUR + 7 * SECOND);
    const before = h.connect.calls.length;
    const failedAtMs = h.clock.now();
    h.connect.show('orders', failing);
    await h.alert();
    await h.clock.advance(10 * MINUTE);
    const at = h.connect.calls.slice(before).map(({ atMs }) => Math.round((atMs - failedAtMs) / MINUTE));
    assert.deepEqual(at, [0, 2, 8]);
    await h.close();
    assert.deepEqual(h.faults, []);
  });
});

describe('a connector that is deleted', () => {
  const remove = (h: Harness): void => {
    assert.ok(h.connect.bulk.outcome === 'ok');
    h.connect.bulk.value.delete('orders');
    h.connect.configured = { outcome: 'ok', value: 'missing' };
  };

  for (const [state, delaysMs] of [
    ['escalated', [0]],
    ['waiting', [0, HOUR]],
  ] as const) {
    it(`is seen to be gone within two bulk reads where it was ${state}`, async () => {
      const h = await harness({ policy: { delaysMs, jitter: 0 } });
      h.connect.show('orders', failing);
      await h.alert();
      await h.clock.advance(MINUTE);
      assert.equal((await h.record())?.phase.state, state);
      remove(h);
      await h.clock.advance(90 * SECOND);
      assert.equal((await h.record())?.phase.state, 'closed');
      await h.close();
      assert.deepEqual(h.faults, []);
    });
  }

  it('takes its series along where it had recovered', async () => {
    const h = await harness();
    h.connect.show('orders', failing);
    h.connect.answer = () => {
      h.connect.show('orders', fine);
      return { outcome: 'accepted', detail: '' };
    };
    await h.alert();
    await h.clock.advance(10 * MINUTE);
    const page = async (): Promise<string> =>
      h.metrics.page(await h.ledger.overview(), h.remediator.snapshots());
    assert.equal((await h.record())?.phase.state, 'recovered');
    assert.match(await page(), /connector="orders"/);
    remove(h);
    await h.clock.advance(MINUTE);
    assert.doesNotMatch(await page(), /connector="orders"/);
    await h.close();
    assert.deepEqual(h.faults, []);
  });
});

describe('a rule about the class of a connector', () => {
  it('holds at the first look, before anything else was read', async () => {
    const pack = compilePack([
      {
        id: 'mine',
        connectorClass: 'com\\.acme\\..*',
        message: 'refused',
        verdict: 'permanent',
        because: 'x',
        do: 'y',
      },
    ]);
    const h = await harness({ pack, policy: { permanent: { restarts: 0, thenEveryMs: 6 * HOUR } } });
    const settings = { optedOut: false, connectorClass: 'com.acme.Sink', configHash: 'k' };
    h.connect.configured = { outcome: 'ok', value: settings };
    h.connect.show('orders', failing);
    await h.alert();
    assert.deepEqual(h.connect.calls, []);
    assert.equal((await h.record())?.escalation?.reason, 'permanent');
    await h.close();
    assert.deepEqual(h.faults, []);
  });
});

describe('connectors whose settings no bulk read shows', () => {
  it('cost a read a second at most, however many they are', async () => {
    const h = await harness({ maxUnverified: 100 });
    let reads = 0;
    Object.assign(h.connect, {
      allSettings: async () => {
        reads += 1;
        return { outcome: 'ok', value: new Map() };
      },
    });
    for (const name of names(40)) h.connect.show(name, failing);
    for (const connector of names(40)) await h.alert({ connector, fingerprint: connector });
    assert.equal(reads, 1);
    await h.clock.advance(9 * SECOND);
    assert.ok(reads <= 10, `${reads} reads`);
    await h.close();
    assert.deepEqual(h.faults, []);
  });
});
