import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readAllSettings, readStatuses } from '../../src/connect/bulk.ts';
import {
  parseError,
  parseInfo,
  parseJson,
  parseSettings,
  parseStatus,
  TRACE_AT_MOST,
} from '../../src/connect/parse.ts';

/** Shows what is hashed. */
const hash = (text: string): string => text;

import { connectStates } from '../../src/core/model.ts';
import { statusBody } from './worker.ts';

const RECORDED = new URL('../fixtures/connect-expand-status-info.json', import.meta.url);

function read<T>(parsed: { readonly value: T } | { readonly fault: string }): T {
  if ('fault' in parsed) assert.fail(parsed.fault);
  return parsed.value;
}

const asBody = (json: unknown): Buffer => Buffer.from(JSON.stringify(json));

describe('the status of all connectors', () => {
  test('of a real Connect 4.3 is read whole', async () => {
    const statuses = read(await readStatuses(await readFile(RECORDED)));
    assert.equal(statuses.size, 8);
    assert.ok([...statuses.values()].every((status) => status !== null));
    const failed = statuses.get('badconsumer-sink');
    assert.equal(failed?.connector.state, 'RUNNING');
    assert.equal(failed?.tasks[0]?.state, 'FAILED');
    assert.match(
      failed?.tasks[0]?.trace ?? '',
      /^org\.apache\.kafka\.common\.KafkaException: Failed to construct/,
    );
    assert.equal(statuses.get('a->b.MirrorSourceConnector')?.connector.state, 'FAILED');
  });

  const good = { status: statusBody('x', 'RUNNING', 'FAILED') };
  const rows: [why: string, entry: unknown][] = [
    ['null', null],
    ['no status', {}],
    ['no connector', { status: { tasks: [] } }],
    ['a connector without a state', { status: { connector: { worker_id: 'w' }, tasks: [] } }],
    ['a state that Connect has not', { status: { connector: { state: 'SLEEPING' }, tasks: [] } }],
    ['a state in lower case', { status: { connector: { state: 'failed' }, tasks: [] } }],
    ['no tasks', { status: { connector: { state: 'FAILED' } } }],
    ['tasks that are no list', { status: { connector: { state: 'FAILED' }, tasks: {} } }],
    ['a task that is null', { status: { connector: { state: 'FAILED' }, tasks: [null] } }],
    ['a task without an id', { status: { connector: { state: 'FAILED' }, tasks: [{ state: 'FAILED' }] } }],
    [
      'a task id that is text',
      { status: { connector: { state: 'FAILED' }, tasks: [{ id: '0', state: 'FAILED' }] } },
    ],
    ['half a task id', { status: { connector: { state: 'FAILED' }, tasks: [{ id: 0.5, state: 'FAILED' }] } }],
    [
      'a negative task id',
      { status: { connector: { state: 'FAILED' }, tasks: [{ id: -1, state: 'FAILED' }] } },
    ],
    [
      'the same task twice',
      {
        status: {
          connector: { state: 'FAILED' },
          tasks: [
            { id: 0, state: 'FAILED' },
            { id: 0, state: 'RUNNING' },
          ],
        },
      },
    ],
  ];
  for (const [why, entry] of rows) {
    test(`makes an entry null for ${why}, and no other`, async () => {
      const statuses = read(await readStatuses(asBody({ before: good, odd: entry, after: good })));
      assert.equal(statuses.get('odd'), null);
      assert.equal(statuses.get('before')?.tasks[0]?.state, 'FAILED');
      assert.equal(statuses.get('after')?.tasks[0]?.state, 'FAILED');
    });
  }

  test('takes a connector called __proto__ or constructor as any other', async () => {
    const text = `{"__proto__":${JSON.stringify(good)},"constructor":{}}`;
    const statuses = read(await readStatuses(Buffer.from(text)));
    assert.equal(statuses.get('__proto__')?.connector.state, 'RUNNING');
    assert.equal(statuses.get('constructor'), null);
    assert.equal(statuses.has('toString'), false);
  });

  for (const json of [['a', 'b'], null, 'text', 7, true]) {
    test(`is nonsense as ${JSON.stringify(json)}`, async () =>
      assert.ok('fault' in (await readStatuses(asBody(json)))));
  }

  test('never throws, whatever the JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (json) => {
        await readStatuses(asBody(json));
        await readAllSettings(asBody(json), hash);
        parseStatus('c', json);
        parseSettings('c', json, hash);
        parseInfo(json);
        parseError(Buffer.from(JSON.stringify(json)));
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), async (bytes) => {
        await readStatuses(Buffer.from(bytes));
        parseJson(Buffer.from(bytes));
        parseError(Buffer.from(bytes));
      }),
    );
  });

  test('keeps valid entries among garbage', async () => {
    const state = fc.constantFrom(...connectStates);
    const entry = fc.tuple(state, fc.array(state, { maxLength: 4 })).map(([connector, tasks]) => ({
      connector,
      tasks,
      json: { status: statusBody('n', connector, ...tasks) },
    }));
    const named = fc.dictionary(fc.string(), entry);
    await fc.assert(
      fc.asyncProperty(named, fc.dictionary(fc.string(), fc.jsonValue()), async (valid, noise) => {
        const pairs = [
          ...Object.entries(noise).filter(([name]) => !Object.hasOwn(valid, name)),
          ...Object.entries(valid).map(([name, { json }]) => [name, json] as const),
        ];
        // Written by hand: an object literal would lose a key called __proto__.
        const members = pairs.map(([name, json]) => `${JSON.stringify(name)}:${JSON.stringify(json)}`);
        const statuses = read(await readStatuses(Buffer.from(`{${members.join(',')}}`)));
        for (const [name, { connector, tasks }] of Object.entries(valid)) {
          const status = statuses.get(name);
          assert.equal(status?.connector.state, connector);
          assert.deepEqual(
            status?.tasks.map((task) => task.state),
            tasks,
          );
        }
      }),
    );
  });
});

describe('a trace', () => {
  const parsed = (trace: unknown): string | null =>
    read(parseStatus('c', { connector: { state: 'FAILED', trace }, tasks: [] })).connector.trace;

  test('is kept whole up to the limit', () => {
    const trace = 'x'.repeat(TRACE_AT_MOST);
    assert.equal(parsed(trace), trace);
  });

  test('beyond the limit keeps both ends, since the root cause stands last', () => {
    const frames = Array.from({ length: 20_000 }, (_, n) => `\tat a.b.C.d(C.java:${n})`).join('\n');
    const cut = parsed(`a.Outer: first\n${frames}\nCaused by: b.Inner: last\n\tat x.Y`) ?? '';
    assert.ok(cut.length <= TRACE_AT_MOST);
    assert.match(cut, /^a\.Outer: first\n/);
    assert.match(cut, /\nCaused by: b\.Inner: last\n\tat x\.Y$/);
    assert.ok(cut.split('\n').every((line) => /^(a\.Outer|Caused by|\tat |\t\.\.\. cut)/.test(line)));
  });

  test('of one endless line is cut as well', () => {
    assert.ok((parsed(`a.B: ${'y'.repeat(2 * TRACE_AT_MOST)}`) ?? '').length <= TRACE_AT_MOST);
  });

  test('that is no text is none', () => assert.equal(parsed({ not: 'text' }), null));
});

describe('one connector', () => {
  test('is not taken for another one', () => {
    assert.ok('fault' in parseStatus('a', statusBody('b', 'FAILED')));
    assert.ok('fault' in parseSettings('a', { name: 'b' }, hash));
    assert.ok('fault' in parseSettings('a', [], hash));
    assert.deepEqual(parseSettings('a', { name: 'a', config: {} }, hash), {
      value: { optedOut: false, connectorClass: null, configHash: '[]' },
    });
    assert.ok('fault' in parseSettings('a', { name: 'a' }, hash), 'without a configuration nobody can tell');
  });

  for (const [enabled, optedOut] of [
    ['false', true],
    [' False ', true],
    [false, true],
    ['true', false],
    ['', false],
    ['no', true],
    ['OFF', true],
    ['0', true],
    ['1', false],
    ['disabled', false],
    [null, false],
  ] as const) {
    test(`with connect.medic.enabled=${JSON.stringify(enabled)} has ${optedOut ? '' : 'not '}opted out`, () => {
      const config = { 'connect.medic.enabled': enabled, 'connector.class': 'a.B' };
      assert.deepEqual(parseSettings('a', { name: 'a', config }, hash), {
        value: { optedOut, connectorClass: 'a.B', configHash: JSON.stringify(Object.entries(config)) },
      });
    });
  }

  test('has an empty worker where Connect names none', () => {
    const status = read(parseStatus('a', { connector: { state: 'UNASSIGNED', worker_id: null }, tasks: [] }));
    assert.equal(status.connector.workerId, '');
  });
});

describe('Connect’s error body', () => {
  const error = (body: unknown) => parseError(Buffer.from(JSON.stringify(body)));

  test('has an error_code', () => {
    assert.deepEqual(error({ error_code: 404, message: 'Unknown connector: x' }), {
      message: 'Unknown connector: x',
      noSuchPath: false,
    });
    assert.equal(error({ status: 404, message: 'gateway' }), null);
    assert.equal(error('404'), null);
    assert.equal(parseError(Buffer.from('<html>')), null);
  });

  test('for a path that no resource serves says nothing about a connector', () => {
    assert.equal(error({ error_code: 404, message: 'HTTP 404 Not Found' })?.noSuchPath, true);
  });
});
