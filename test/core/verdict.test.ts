import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ConnectState, connectStates } from '../../src/core/model.ts';
import { failedParts, isMixed } from '../../src/core/verdict.ts';
import { status } from './given.ts';

describe('half failed and half on its way', () => {
  for (const one of connectStates) {
    for (const other of connectStates) {
      const onItsWay = (state: ConnectState): boolean => state === 'UNASSIGNED' || state === 'RESTARTING';
      const expected = (one === 'FAILED' && onItsWay(other)) || (other === 'FAILED' && onItsWay(one));
      it(`${one} and ${other} ${expected ? 'is' : 'is not'}, whichever parts they are`, () => {
        assert.equal(isMixed(status(one, other)), expected);
        assert.equal(isMixed(status('RUNNING', one, other)), expected);
        assert.equal(isMixed(status(one, 'RUNNING', other)), expected);
      });
    }
  }

  it('needs two parts', () => {
    for (const state of connectStates) assert.equal(isMixed(status(state)), false, state);
  });
});

describe('the parts that are FAILED', () => {
  const cases: readonly (readonly [ConnectState, readonly ConnectState[], readonly (number | null)[]])[] = [
    ['RUNNING', [], []],
    ['FAILED', [], [null]],
    ['RUNNING', ['RUNNING', 'RUNNING'], []],
    ['FAILED', ['RUNNING', 'RUNNING'], [null]],
    ['FAILED', ['RUNNING', 'FAILED'], [null, 1]],
    ['RUNNING', ['FAILED', 'RUNNING', 'FAILED'], [0, 2]],
    ['FAILED', ['FAILED', 'FAILED'], [null, 0, 1]],
    ['UNASSIGNED', ['RESTARTING', 'PAUSED', 'STOPPED', 'UNASSIGNED'], []],
    ['PAUSED', ['PAUSED', 'FAILED'], [1]],
  ];
  for (const [connector, tasks, expected] of cases) {
    it(`of ${connector} with tasks ${tasks.join(', ') || 'none'}`, () => {
      const found = failedParts(status(connector, ...tasks));
      assert.deepEqual(
        found.map(({ task }) => task),
        expected,
      );
      for (const { trace } of found) assert.match(trace ?? '', /no such file/);
    });
  }

  it("are named by Connect's ids, each with its own trace, or none", () => {
    const workerId = 'w:8083';
    const failed = (trace: string | null) => ({ state: 'FAILED', workerId, trace }) as const;
    assert.deepEqual(
      failedParts({
        connector: failed('of the connector'),
        tasks: [
          { id: 3, ...failed('of 3') },
          { id: 7, ...failed(null) },
        ],
      }),
      [
        { task: null, trace: 'of the connector' },
        { task: 3, trace: 'of 3' },
        { task: 7, trace: null },
      ],
    );
  });
});
