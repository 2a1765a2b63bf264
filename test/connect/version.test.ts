import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReadResult } from '../../src/connect/client.ts';
import { RestartApiMemory, restartApiOf } from '../../src/connect/version.ts';

describe('the restart API of a version', () => {
  const rows: [version: string, api: 'modern' | 'legacy' | null][] = [
    ['4.3.0', 'modern'],
    ['3.0.0', 'modern'], // KIP-745 came with it
    ['2.8.2', 'legacy'], // and not before
    ['0.11.0.3', 'legacy'],
    ['2.8.1-cp1', 'legacy'], // Confluent's build with Kafka's number
    ['5.5.0-ccs', 'legacy'], // Confluent Platform's number: Kafka 2.5
    ['6.2.15-ce', 'legacy'], // Kafka 2.8
    ['7.0.0-ccs', 'modern'], // Kafka 3.0
    ['7.5.0-ccs', 'modern'],
    ['8.0.0-ce', 'modern'],
    ['3.9.0-SNAPSHOT', 'modern'],
    ['10.1.0', 'modern'],
    ['unknown', null], // what Kafka says when its build does not know
    ['', null],
    ['v3', null],
  ];
  for (const [version, api] of rows) {
    test(`of ${JSON.stringify(version)} is ${api ?? 'not known'}`, () =>
      assert.equal(restartApiOf(version), api));
  }
});

describe('the memory of the restart API', () => {
  const MINUTE = 60_000;

  function memory(answers: (string | null)[]) {
    const state = { nowMs: 0, asked: 0 };
    const info = async (): Promise<ReadResult<{ version: string }>> => {
      const version = answers[Math.min(state.asked, answers.length - 1)];
      state.asked += 1;
      if (typeof version === 'string') return { outcome: 'ok', value: { version } };
      return { outcome: 'timeout', detail: 'hangs' };
    };
    return { state, memory: new RestartApiMemory(info, () => state.nowMs) };
  }

  test('asks once in ten minutes', async () => {
    const { state, memory: api } = memory(['2.8.0', '3.1.0']);
    assert.equal(await api.get(), 'legacy');
    state.nowMs = 10 * MINUTE - 1;
    assert.equal(await api.get(), 'legacy');
    assert.equal(state.asked, 1);
    state.nowMs = 10 * MINUTE;
    assert.equal(await api.get(), 'modern');
    assert.equal(state.asked, 2);
  });

  test('is modern where nothing can be read, and asks again after a minute', async () => {
    const { state, memory: api } = memory([null, '2.0.0']);
    assert.equal(await api.get(), 'modern');
    state.nowMs = MINUTE - 1;
    assert.equal(await api.get(), 'modern');
    state.nowMs = MINUTE;
    assert.equal(await api.get(), 'legacy');
  });

  test('keeps what it learned while the version cannot be read', async () => {
    const { state, memory: api } = memory([null]);
    await api.get();
    api.isLegacy();
    state.nowMs = 11 * MINUTE;
    assert.equal(await api.get(), 'legacy');
    assert.equal(state.asked, 2);
  });
});
