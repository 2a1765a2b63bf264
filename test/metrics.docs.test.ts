/** The check of docs/operations.md finds what it is there for. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { metricProblems } from '../docs/metrics.check.ts';

const operations = readFileSync(new URL('../docs/operations.md', import.meta.url), 'utf8');

describe('the section “Metrics” of docs/operations.md', () => {
  it('explains every metric, label and value of a closed label set', async () => {
    assert.deepEqual(await metricProblems(operations), []);
  });

  const cases: readonly (readonly [what: string, from: RegExp, to: string, problem: RegExp])[] = [
    [
      'a metric that is left out',
      /^\| `ledger_up`.*\n/m,
      '',
      /does not explain the metric connect_medic_ledger_up/,
    ],
    [
      'a metric that does not exist',
      /^\| `ledger_up` /m,
      '| `ledger_down` ',
      /no metric connect_medic_ledger_down/,
    ],
    ['another type', /^(\| `tasks` +\| )gauge/m, '$1counter', /connect_medic_tasks is a gauge/],
    ['a label that is left out', /, `node_version`/, '', /build_info has the label node_version/],
    [
      'a label that does not exist',
      /^(\| `limit_hits_total` .*?)`limit`/m,
      '$1`limits`',
      /has no label limits/,
    ],
    ['a value that is left out', /^\| `nothing_open`.*\n/m, '', /alerts_total\{outcome="nothing_open"\}/],
    ['the metrics of the process', /`nodejs_\*`/, 'others', /does not explain the metric nodejs_/],
  ];
  for (const [what, from, to, problem] of cases) {
    it(`is not taken for whole with ${what}`, async () => {
      assert.match(operations, from);
      assert.match((await metricProblems(operations.replace(from, to))).join('\n'), problem);
    });
  }
});
