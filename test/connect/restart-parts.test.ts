import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { RestartResult } from '../../src/connect/client.ts';
import type { RestartPlan } from '../../src/core/model.ts';
import {
  ask,
  connectError,
  empty,
  type FakeWorker,
  hang,
  html,
  json,
  type Reply,
  reset,
  type Script,
  SHORT,
  states,
  statusBody,
  worker,
} from './worker.ts';

const FAILED: RestartPlan = { kind: 'failed' };
const KIP_745 = 'POST /connectors/c/restart?includeTasks=true&onlyFailed=true';
const CONNECTOR_ONLY = 'POST /connectors/c/restart?includeTasks=false&onlyFailed=true';
const STATUS = 'GET /connectors/c/status';
const MODERN: Script = { 'GET /': json(200, { version: '4.3.0' }) };
const LEGACY: Script = { 'GET /': json(200, { version: '2.8.1-cp1' }) };
const accepted = json(202, statusBody('c', 'RUNNING', 'RESTARTING'));
const oneFailed = states('RUNNING', 'FAILED');

type Outcome = RestartResult['outcome'];

/** What was posted, and what was read to do so; the question for the version left out. */
function calls(fake: FakeWorker): string[] {
  return fake.requests.filter((request) => request !== 'GET /');
}

describe('which calls a plan needs', () => {
  const status = states('FAILED', 'FAILED', 'RUNNING', 'FAILED');
  const task = (id: number): string => `POST /connectors/c/tasks/${id}/restart`;
  const parts = (connector: boolean, ...tasks: number[]): RestartPlan => ({
    kind: 'parts',
    connector,
    tasks,
  });
  const rows: [what: string, version: Script, plan: RestartPlan, expected: string[]][] = [
    ['everything, from Kafka 3.0', MODERN, FAILED, [KIP_745]],
    ['everything, before', LEGACY, FAILED, ['POST /connectors/c/restart', task(0), task(2)]],
    ['everything, version unreadable', { 'GET /': hang }, FAILED, [KIP_745]],
    ['everything, version garbled', { 'GET /': json(200, { version: 'x' }) }, FAILED, [KIP_745]],
    ['the connector instance, from 3.0', MODERN, parts(true), [CONNECTOR_ONLY]],
    ['the connector instance, before', LEGACY, parts(true), ['POST /connectors/c/restart']],
    ['one task', MODERN, parts(false, 2), [task(2)]],
    ['parts, one of them running', MODERN, parts(true, 0, 1), [CONNECTOR_ONLY, task(0)]],
    ['the same task twice', LEGACY, parts(false, 0, 0), [task(0)]],
    ['a task that does not exist', MODERN, parts(false, 7), []],
  ];
  for (const [what, version, plan, expected] of rows) {
    test(what, async (t) => {
      const fake = await worker(t, {
        ...version,
        [KIP_745]: accepted,
        [CONNECTOR_ONLY]: accepted,
        'POST *': empty(204),
      });
      const { client } = ask(t, [fake.url], SHORT);
      const result = await client.restart('c', plan, status);
      assert.deepEqual(calls(fake), expected);
      assert.equal(result.outcome, expected.length === 0 ? 'not_sent' : 'accepted', result.detail);
    });
  }

  test('a connector instance that runs is left alone before Kafka 3.0', async (t) => {
    const fake = await worker(t, { ...LEGACY, 'POST *': empty(204) });
    await ask(t, [fake.url]).client.restart('c', FAILED, states('RUNNING', 'FAILED'));
    assert.deepEqual(calls(fake), [task(0)]);
  });

  test('nothing FAILED, nothing called', async (t) => {
    const fake = await worker(t, { ...MODERN, 'POST *': accepted });
    const result = await ask(t, [fake.url]).client.restart('c', FAILED, states('RUNNING', 'RUNNING'));
    assert.deepEqual(result, { outcome: 'not_sent', detail: 'nothing was FAILED, nothing was called' });
    assert.deepEqual(calls(fake), []);
  });

  test('the version is asked for once in ten minutes', async (t) => {
    let nowMs = 0;
    const fake = await worker(t, { ...MODERN, 'POST *': accepted });
    const { client } = ask(t, [fake.url], {}, () => nowMs);
    const asked = (): number => fake.requests.filter((request) => request === 'GET /').length;
    await client.restart('c', FAILED, oneFailed);
    nowMs = 599_999;
    await client.restart('c', FAILED, oneFailed);
    assert.equal(asked(), 1);
    nowMs = 600_000;
    await client.restart('c', FAILED, oneFailed);
    assert.equal(asked(), 2);
  });
});

describe('a 204 to a KIP-745 call', () => {
  const task0 = 'POST /connectors/c/tasks/0/restart';
  const script: Script = { 'GET /': json(200, { version: 'unknown' }), 'POST *': empty(204) };

  test('means that it was ignored: the tasks that are still FAILED are restarted one by one', async (t) => {
    const fake = await worker(t, {
      ...script,
      [STATUS]: json(200, statusBody('c', 'RUNNING', 'FAILED', 'RESTARTING')),
    });
    const { client } = ask(t, [fake.url]);
    const result = await client.restart('c', FAILED, states('FAILED', 'FAILED', 'FAILED'));
    assert.deepEqual(calls(fake), [KIP_745, STATUS, task0]);
    assert.equal(result.outcome, 'accepted');
    assert.match(result.detail, /all failed parts: .*204; task 0: .*204; task 1: not FAILED any more$/);
  });

  test('is remembered', async (t) => {
    const fake = await worker(t, { ...script, [STATUS]: json(200, statusBody('c', 'RUNNING', 'FAILED')) });
    const { client } = ask(t, [fake.url]);
    await client.restart('c', FAILED, oneFailed);
    await client.restart('c', FAILED, oneFailed);
    assert.deepEqual(calls(fake), [KIP_745, STATUS, task0, task0]);
  });

  test('stays accepted where the status cannot be read again', async (t) => {
    const fake = await worker(t, { ...script, [STATUS]: connectError(500, 'x') });
    const result = await ask(t, [fake.url]).client.restart('c', FAILED, oneFailed);
    assert.equal(result.outcome, 'accepted');
    assert.match(result.detail, /its status could not be read again/);
    assert.deepEqual(calls(fake), [KIP_745, STATUS]);
  });
});

describe('several calls of one decision', () => {
  const plan: RestartPlan = { kind: 'parts', connector: true, tasks: [0, 1] };
  const all = states('FAILED', 'FAILED', 'FAILED');
  const body = json(200, statusBody('c', 'FAILED', 'FAILED', 'FAILED'));
  const task0 = 'POST /connectors/c/tasks/0/restart';
  const task1 = 'POST /connectors/c/tasks/1/restart';
  const no = connectError(409, 'busy');
  const gone = connectError(404, 'Unknown task: c-0');
  const rows: [what: string, replies: [Reply, Reply, Reply], outcome: Outcome, posted: number][] = [
    ['all accepted', [accepted, empty(204), empty(204)], 'accepted', 3],
    ['a conflict first', [no, empty(204), empty(204)], 'conflict', 1],
    ['unauthorized first', [html(401), empty(204), empty(204)], 'unauthorized', 1],
    ['nobody to take the first', [html(404), empty(204), empty(204)], 'refused', 1],
    ['a conflict after an accepted one', [accepted, no, empty(204)], 'accepted', 2],
    ['unauthorized after an accepted one', [accepted, html(403), empty(204)], 'accepted', 2],
    ['nobody to take one after an accepted one', [accepted, html(404), empty(204)], 'accepted', 2],
    // The status is read before anything further, which is the caller's next look.
    ['an ambiguous one first', [html(500), empty(204), empty(204)], 'ambiguous', 1],
    ['an ambiguous one after an accepted one', [accepted, reset, empty(204)], 'ambiguous', 2],
    [
      'the connector unknown',
      [connectError(404, 'Unknown connector: c'), empty(204), empty(204)],
      'not_found',
      1,
    ],
    ['a task unknown after an accepted one', [accepted, gone, empty(204)], 'accepted', 3],
  ];
  for (const [what, [first, second, third], outcome, posted] of rows) {
    test(`${what}: ${outcome}`, async (t) => {
      const fake = await worker(t, {
        ...MODERN,
        [STATUS]: body,
        [CONNECTOR_ONLY]: first,
        [task0]: second,
        [task1]: third,
      });
      const { client } = ask(t, [fake.url]);
      const result = await client.restart('c', plan, all);
      assert.equal(result.outcome, outcome, result.detail);
      assert.equal(calls(fake).filter((call) => call.startsWith('POST')).length, posted);
      assert.match(result.detail, /^connector: 127/);
      if (posted < 3)
        assert.match(result.detail, new RegExp(`; ${3 - posted} more left for the next attempt$`));
    });
  }

  test('begin within the request timeout; the rest is left for the next attempt', async (t) => {
    let nowMs = 0;
    const slow: Reply = (request, response) => {
      nowMs += 6_000;
      empty(204)(request, response);
    };
    const fake = await worker(t, { ...LEGACY, [STATUS]: body, 'POST *': slow });
    const { client } = ask(t, [fake.url], { requestTimeoutMs: 10_000 }, () => nowMs);
    const result = await client.restart('c', plan, all);
    assert.equal(result.outcome, 'accepted');
    assert.match(result.detail, /task 1: no time was left for the call$/);
    assert.deepEqual(calls(fake), ['POST /connectors/c/restart', STATUS, task0]);
  });
});

describe('P1: no restart of anything that was not FAILED in a read at most two seconds before', () => {
  const task0 = 'POST /connectors/c/tasks/0/restart';
  const task1 = 'POST /connectors/c/tasks/1/restart';
  const plan: RestartPlan = { kind: 'parts', connector: false, tasks: [0, 1] };
  const both = states('RUNNING', 'FAILED', 'FAILED');
  const bothBody = json(200, statusBody('c', 'RUNNING', 'FAILED', 'FAILED'));
  const firstOnly = json(200, statusBody('c', 'RUNNING', 'FAILED', 'RUNNING'));
  const nothing = json(200, statusBody('c', 'RUNNING', 'RUNNING', 'RUNNING'));

  async function run(
    t: TestContext,
    script: Script,
    ageMs: number,
    takesMs = 0,
  ): Promise<{ fake: FakeWorker; result: RestartResult }> {
    let nowMs = 0;
    const taking: Reply = (request, response) => {
      nowMs += takesMs;
      empty(204)(request, response);
    };
    const fake = await worker(t, { ...MODERN, [KIP_745]: accepted, 'POST *': taking, ...script });
    const { client } = ask(t, [fake.url], {}, () => nowMs);
    const how = KIP_745 in script ? FAILED : plan;
    return { fake, result: await client.restart('c', how, both, ageMs) };
  }

  test('a status of two seconds is fresh', async (t) => {
    const { fake } = await run(t, {}, 2_000);
    assert.deepEqual(calls(fake), [task0, task1]);
  });

  test('an older one is read again, once for all that follows within two seconds', async (t) => {
    const { fake, result } = await run(t, { [STATUS]: bothBody }, 2_001);
    assert.deepEqual(calls(fake), [STATUS, task0, task1]);
    assert.equal(result.outcome, 'accepted');
  });

  test('it is read again between parts where the calls take long', async (t) => {
    const { fake } = await run(t, { [STATUS]: bothBody }, 0, 2_001);
    assert.deepEqual(calls(fake), [task0, STATUS, task1]);
  });

  test('what is not FAILED any more by then is skipped', async (t) => {
    const { fake, result } = await run(t, { [STATUS]: firstOnly }, 0, 2_001);
    assert.deepEqual(calls(fake), [task0, STATUS]);
    assert.equal(result.outcome, 'accepted');
    assert.match(result.detail, /task 1: not FAILED any more$/);
  });

  test('nothing FAILED any more: nothing is called or charged', async (t) => {
    const { fake, result } = await run(t, { [STATUS]: nothing }, 5_000);
    assert.deepEqual(calls(fake), [STATUS]);
    assert.deepEqual(result, {
      outcome: 'not_sent',
      detail: 'task 0: not FAILED any more; task 1: not FAILED any more',
    });
  });

  test('a connector that was paused by then is left alone, its FAILED tasks too', async (t) => {
    const paused = json(200, statusBody('c', 'PAUSED', 'FAILED', 'FAILED'));
    const { fake, result } = await run(t, { [KIP_745]: accepted, [STATUS]: paused }, 2_001);
    assert.deepEqual(calls(fake), [STATUS]);
    assert.deepEqual(result, { outcome: 'not_sent', detail: 'all failed parts: paused or stopped by now' });
  });

  test('the one KIP-745 call is held to it as well', async (t) => {
    const { fake } = await run(t, { [KIP_745]: accepted, [STATUS]: nothing }, 2_001);
    assert.deepEqual(calls(fake), [STATUS]);
  });

  const unread: [reply: Reply, outcome: Outcome][] = [
    [connectError(500, 'x'), 'refused'],
    [connectError(404, 'No status found for connector c'), 'refused'],
    [connectError(409, 'x'), 'refused'],
    [html(401), 'unauthorized'],
  ];
  for (const [reply, outcome] of unread) {
    test(`a status that cannot be read again is ${outcome}, without a call`, async (t) => {
      const { fake, result } = await run(t, { [STATUS]: reply }, 2_001);
      assert.equal(result.outcome, outcome);
      assert.deepEqual(calls(fake), [STATUS]);
    });
  }
});
