import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type State, states } from '../../src/core/model.ts';
import { deservesLook } from '../../src/core/news.ts';

const seen = ['failed', 'running', 'unsettled', 'off'] as const;
/** What a bulk read has to show for a remediation in this state to be looked at out of its turn. */
const news: Readonly<Record<State, readonly (typeof seen)[number][]>> = {
  waiting: ['running', 'off'],
  held: ['running', 'off'],
  escalated: ['running', 'off'],
  restarting: [],
  stabilising: [],
  recovered: [],
  closed: ['failed', 'running'],
};

describe('what a bulk read shows is news', () => {
  for (const state of states) {
    it(`of what is ${state}: ${news[state].join(', ') || 'never'}`, () => {
      assert.deepEqual(
        seen.filter((verdict) => deservesLook(state, verdict)),
        news[state],
      );
    });
  }
});
