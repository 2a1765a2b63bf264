/** The part of the contract between exporters and rules that needs no running worker; the end-to-end test has the rest. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Metrics } from '../../src/metrics.ts';
import { contractProblems, seriesIn, seriesUsed, unknownSeries } from './series.ts';

const cases: { why: string; promql: string; expected: string[] }[] = [
  { why: 'a selector', promql: 'a_total{b="c",d=~"e"}', expected: ['a_total'] },
  {
    why: 'functions and labels of a grouping are none',
    promql: 'sum by (x, y) (rate(a[5m]))',
    expected: ['a'],
  },
  {
    why: 'operators, offsets and the labels of a match are none',
    promql: 'a:b:c > bool 0 and on (x) d offset 30m unless ignoring (y) e',
    expected: ['a:b:c', 'd', 'e'],
  },
  {
    why: 'strings and variables are none',
    promql: 'label_replace(a, "b", "$1", "c", "(d)") * $e',
    expected: ['a'],
  },
  { why: 'a window that is a variable', promql: 'increase(a{b=~"$c"}[$__rate_interval])', expected: ['a'] },
];

describe('the series of an expression', () => {
  for (const { why, promql, expected } of cases) {
    test(why, () => {
      assert.deepEqual([...seriesIn(promql)], expected);
    });
  }
});

describe('rules and dashboards', () => {
  test('ask for no series of the service that it does not export', async () => {
    const page = await new Metrics(['default'], 'test').page([], new Map());
    const declared = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
    );
    assert.ok(declared.length > 10);
    assert.deepEqual(await unknownSeries(new Set(declared), /^connect_medic_/), []);
  });

  test('ask for no recorded series that nothing records', async () => {
    assert.deepEqual(await unknownSeries(new Set(), /:/), []);
  });

  test('use what is recorded', async () => {
    const { used, recorded } = await seriesUsed();
    assert.deepEqual(
      [...recorded].filter((series) => !used.has(series)),
      [],
    );
  });
});

describe('the contract', () => {
  const page = (line: string): string => `# HELP x\n${line} 1.0\n`;
  const breaches = async (line: string): Promise<string[]> =>
    (
      await contractProblems({ workers: [page(line)], service: '', connectors: ['orders', 'a->b', 'what?'] })
    ).filter((problem) => !problem.includes('nothing produces'));

  const lines: { why: string; line: string; breached: boolean }[] = [
    { why: 'a plain name holds', line: 'kafka_connect_x{connector="orders",task="0"}', breached: false },
    { why: 'a name without its quotes holds', line: 'kafka_connect_x{connector="a->b"}', breached: false },
    {
      why: 'a name with escapes holds as JMX writes it',
      line: String.raw`kafka_connect_x{connector="\"what\\?\""}`,
      breached: false,
    },
    { why: 'a name that was cut is a breach', line: 'kafka_connect_x{connector="ord"}', breached: true },
    {
      why: 'a transformation taken for a task is a breach',
      line: 'kafka_connect_x{connector="orders",task="0, transform=t"}',
      breached: true,
    },
    {
      why: 'two beans with the same labels are a breach',
      line: 'kafka_connect_x{connector="orders",_objectname="y"}',
      breached: true,
    },
    { why: 'an unknown label is a breach', line: 'kafka_connect_x{topic="t"}', breached: true },
  ];
  for (const { why, line, breached } of lines) {
    test(why, async () => {
      assert.equal((await breaches(line)).length > 0, breached);
    });
  }
});
