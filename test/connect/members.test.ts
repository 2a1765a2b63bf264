import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { readMembers } from '../../src/connect/members.ts';

const readAll = (text: string) =>
  readMembers(
    Buffer.from(text),
    (value) => ({ value }),
    () => 'no object',
  );

/** What JSON.parse makes of it, in the same terms. */
function asParsed(text: string): unknown {
  try {
    const json: unknown = JSON.parse(Buffer.from(text).toString('utf8'));
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return { fault: 'no object' };
    return { value: new Map(Object.entries(json).map(([name, value]) => [name, { value }])) };
  } catch {
    return { fault: 'not JSON' };
  }
}

/** Maps compare by content, whatever the order: integer-like names come first in objects. */
const same = async (text: string): Promise<void> =>
  assert.deepEqual(await readAll(text), asParsed(text), JSON.stringify(text));

describe('the members of an object', () => {
  for (const text of [
    '{}',
    ' { } ',
    '{"a":1}',
    '\t{"a" : [1, {"b": "}]"}] ,\r\n"c":null}\n',
    '{"a\\"b":"\\\\","c":"\\\\\\""}',
    '{"a":1,"a":2}',
    '{"__proto__":{"x":1},"constructor":2}',
    '{"é\u{1f600}":"\ud800"}',
    '{"a":-1.5e3,"b":true}',
    '[]',
    '7',
    '"text"',
  ]) {
    test(`are as JSON.parse reads ${JSON.stringify(text)}`, () => same(text));
  }

  for (const text of [
    '',
    '{',
    '}',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '{,}',
    '{"a" 1}',
    '{a:1}',
    '{1:1}',
    '{"a":{]}',
    '{"a":[}]',
    '{"a":"b}',
    '{"a":1}}',
    '{"a":1} x',
    '{"a":1 "b":2}',
    '{"a":\u00a01}',
    '\ufeff{"a":1}',
    '{"a":"\n"}',
    '{"a":01}',
  ]) {
    test(`are none in ${JSON.stringify(text)}`, () => same(text));
  }

  test('are as JSON.parse reads any object, in any layout', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
        fc.constantFrom(undefined, 1, '\t'),
        async (json, space) => same(JSON.stringify(json, null, space)),
      ),
    );
  });

  test('are as JSON.parse reads an object with a character too many, too few or another one', async () => {
    const part = fc.constantFrom('', '{', '}', '[', ']', '"', '\\', ',', ':', '0', ' ', 'null', '""');
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
        fc.nat(),
        fc.nat({ max: 2 }),
        part,
        async (json, where, cut, put) => {
          const text = JSON.stringify(json);
          const at = where % (text.length + 1);
          await same(text.slice(0, at) + put + text.slice(at + cut));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('leave out what is made undefined', async () => {
    const result = await readMembers(
      Buffer.from('{"a":1,"b":2,"b":null}'),
      (value) => (value === null ? undefined : value),
      () => 'no object',
    );
    assert.deepEqual(result, { value: new Map([['a', 1]]) });
  });

  test('give others a turn in between', async () => {
    const text = JSON.stringify(
      Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`n${index}`, 1])),
    );
    let turns = 0;
    let over = false;
    const others = (async () => {
      while (!over) {
        await setImmediate();
        turns += 1;
      }
    })();
    const seen: number[] = [];
    await readMembers(
      Buffer.from(text),
      (value) => {
        // Costs as much as a large member does.
        const untilMs = performance.now() + 6;
        while (performance.now() < untilMs);
        seen.push(turns);
        return value;
      },
      () => 'no object',
    );
    over = true;
    await others;
    assert.equal(new Set(seen).size, 50);
  });
});
