import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { holdReasons, reasons, states } from '../src/core/model.ts';
import type { OverviewRow } from '../src/ledger/ledger.ts';
import { Metrics } from '../src/metrics.ts';
import { status } from './core/given.ts';

const row = (over: Partial<OverviewRow> = {}): OverviewRow => ({
  cluster: 'a',
  connector: 'orders',
  state: 'waiting',
  attempts: 2,
  lastRestartAtMs: 1_700_000_000_000,
  escalation: null,
  causeClass: null,
  hold: null,
  ...over,
});
const reported = new Map([['a', new Map([['orders', status('RUNNING', 'FAILED', 'RUNNING')]])]]);
const lines = (page: string, name: string): string[] =>
  page.split('\n').filter((line) => line.startsWith(`connect_medic_${name}`));

describe('the metrics page', () => {
  it('has every metric of the contract with its labels', async () => {
    const metrics = new Metrics(['a'], '1.0.0');
    metrics.restarted('a', 'orders', 'accepted');
    const page = await metrics.page(
      [
        row({
          state: 'escalated',
          escalation: 'exhausted',
          causeClass: 'org.x.SomeException',
          hold: 'rebalancing',
        }),
      ],
      reported,
    );
    const expected: readonly (readonly [name: string, labels: string])[] = [
      ['webhooks_total', 'outcome'],
      ['alerts_total', 'status,outcome'],
      ['decisions_total', 'cluster,reason'],
      ['restarts_total', 'cluster,connector,outcome'],
      ['remediations', 'cluster,state'],
      ['last_restart_timestamp_seconds', 'cluster,connector'],
      ['attempts', 'cluster,connector'],
      ['escalated', 'cluster,connector,reason,cause'],
      ['held', 'cluster,reason'],
      ['webhook_to_restart_seconds_count', ''],
      ['time_to_recovery_seconds_count', ''],
      ['connector_state', 'cluster,connector,state'],
      ['tasks', 'cluster,connector,state'],
      ['connect_requests_total', 'cluster,operation,outcome'],
      ['ledger_up', ''],
      ['limit_hits_total', 'limit'],
      ['last_webhook_timestamp_seconds', ''],
      ['last_watchdog_timestamp_seconds', ''],
      ['build_info', 'version,node_version'],
    ];
    for (const [name, labels] of expected) {
      const found = page.split('\n').find((line) => new RegExp(`^connect_medic_${name}[{ ]`).test(line));
      assert.ok(found !== undefined, `${name} is there`);
      const names = [...found.matchAll(/[{,](\w+)="/g)].map(([, label]) => label).join(',');
      assert.equal(names, labels, name);
    }
    assert.ok(
      page.includes('escalated{cluster="a",connector="orders",reason="exhausted",cause="SomeException"} 1'),
    );
  });

  it('starts closed label sets at 0', async () => {
    const page = await new Metrics(['a'], '1.0.0').page([], new Map());
    const zero = (name: string, count: number): void => {
      const found = lines(page, `${name}{`);
      assert.equal(found.length, count, name);
      assert.ok(
        found.every((line) => line.endsWith(' 0')),
        name,
      );
    };
    zero('decisions_total', reasons.length);
    zero('remediations', states.length);
    zero('held', holdReasons.length);
    zero('webhooks_total', 7);
    zero('limit_hits_total', 6);
  });

  it('counts restarts from 0 as soon as a remediation is open', async () => {
    const page = await new Metrics(['a'], '1.0.0').page([row()], reported);
    assert.ok(page.includes('restarts_total{cluster="a",connector="orders",outcome="accepted"} 0'));
  });

  it('shows every state that Connect has, also those that are 0', async () => {
    const page = await new Metrics(['a'], '1.0.0').page([], reported);
    assert.equal(lines(page, 'connector_state{').length, 6);
    assert.ok(page.includes('connector_state{cluster="a",connector="orders",state="running"} 1'));
    assert.ok(page.includes('tasks{cluster="a",connector="orders",state="failed"} 1'));
    assert.ok(page.includes('tasks{cluster="a",connector="orders",state="running"} 1'));
    assert.ok(page.includes('tasks{cluster="a",connector="orders",state="unassigned"} 0'));
  });

  it('forgets what a failed read makes unknown, and connectors that Connect reports no more', async () => {
    const metrics = new Metrics(['a'], '1.0.0');
    metrics.restarted('a', 'orders', 'accepted');
    await metrics.page([row()], reported);
    const blind = await metrics.page([row()], new Map());
    assert.deepEqual(lines(blind, 'connector_state{'), []);
    assert.deepEqual(lines(blind, 'tasks{'), []);
    assert.equal(lines(blind, 'attempts{').length, 1);
    const starting = await metrics.page([row()], new Map([['a', new Map()]]));
    assert.equal(lines(starting, 'attempts{').length, 1, 'a worker that is just starting reports nothing');
    assert.ok(starting.includes('restarts_total{cluster="a",connector="orders",outcome="accepted"} 1'));
    const deleted = await metrics.page([row({ state: 'closed' })], new Map([['a', new Map()]]));
    for (const name of ['attempts{', 'restarts_total{', 'last_restart_timestamp_seconds{']) {
      assert.deepEqual(lines(deleted, name), [], name);
    }
    assert.ok(deleted.includes('remediations{cluster="a",state="closed"} 1'));
  });

  it('escapes what a name may hold', async () => {
    const name = 'a"b\\c\nd';
    const metrics = new Metrics(['a'], '1.0.0');
    const snapshot = new Map([['a', new Map([[name, status('RUNNING', 'RUNNING')]])]]);
    const page = await metrics.page([row({ connector: name })], snapshot);
    const wanted = 'cluster="a",connector="a\\"b\\\\c\\nd"';
    for (const series of ['attempts{', 'restarts_total{', 'connector_state{', 'tasks{']) {
      const found = lines(page, series);
      assert.ok(found.length > 0 && found.every((line) => line.includes(wanted)), series);
    }
  });

  it('is made in pieces, with others in between', async () => {
    const rows = Array.from({ length: 20_000 }, (_, index) => row({ connector: `c${index}` }));
    let turns = 0;
    let over = false;
    const others = (async () => {
      for (; !over; turns += 1) await setImmediate();
    })();
    const seen = new Set<number>();
    for await (const piece of new Metrics(['a'], '1.0.0').pieces(rows, new Map())) {
      assert.equal(typeof piece, 'string');
      seen.add(turns);
    }
    over = true;
    await others;
    assert.ok(seen.size > 2);
  });

  it('shows nothing of a ledger that cannot be read', async () => {
    const metrics = new Metrics(['a'], '1.0.0');
    await metrics.page([row()], reported);
    assert.deepEqual(lines(await metrics.page(null, reported), 'remediations{'), []);
  });

  it('serves two scrapes at once the same whole page', async () => {
    const metrics = new Metrics(['a'], '1.0.0');
    const [one, two] = await Promise.all([metrics.page([row()], reported), metrics.page([row()], reported)]);
    assert.equal(lines(one, 'connector_state{').length, 6);
    assert.equal(lines(two, 'connector_state{').length, 6);
  });
});
