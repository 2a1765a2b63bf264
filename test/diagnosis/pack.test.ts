import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { diagnose, emptyPack } from '../../src/core/diagnosis.ts';
import { readTrace } from '../../src/core/trace.ts';
import { type Judged, judgeAll, parseLabelled, scoreOf } from '../../src/diagnosis/confusion.ts';
import { loadPack } from '../../src/diagnosis/load.ts';
import { compilePack } from '../../src/diagnosis/pack.ts';
import { renderReport } from '../../src/diagnosis/render.ts';
import type { Rule } from '../../src/diagnosis/rule.ts';

const loaded = loadPack(null);
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
const { pack, rules } = loaded;

const text = readFileSync(new URL('../fixtures/traces.jsonl', import.meta.url), 'utf8');
const examples = parseLabelled(text);
/** Which rule each example is for. */
const ruleOf = new Map<string, string>(
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { id: string; rule: string })
    .map(({ id, rule }) => [id, rule]),
);

const rule = (over: Partial<Rule> & { id: string }): Rule => ({
  verdict: 'permanent',
  because: 'b',
  do: 'd',
  ...over,
});

/** The trace of an example as Connect gives it: frames between the lines, a suppressed exception, and the rest. */
function framed(trace: string): string {
  const frames =
    '\n\tat org.example.Some.method(Some.java:12)\n\tat java.base/java.lang.Thread.run(Thread.java:833)';
  return `${trace.split('\nCaused by: ').join(`${frames}\nCaused by: `)}\n\t... 12 more\n\tSuppressed: java.lang.IllegalStateException: Access denied\n`;
}

describe('a pack of rules', () => {
  it('holds where all patterns of a rule do, the first rule wins', () => {
    const own = compilePack([
      rule({ id: 'all', class: 'a\\.B', message: 'x+', connectorClass: 'io\\.C' }),
      rule({ id: 'class', class: 'a\\.B' }),
      rule({ id: 'message', message: 'xx' }),
      rule({ id: 'connector', connectorClass: 'io\\..*' }),
    ]);
    const judge = (trace: string, connectorClass: string | null) =>
      own.judge(readTrace(trace), connectorClass)?.id ?? null;
    assert.equal(judge('a.B: x', 'io.C'), 'all');
    assert.equal(judge('a.B: y', 'io.C'), 'class');
    assert.equal(judge('a.B: x', null), 'class', 'a connector class that is not known fits no pattern');
    assert.equal(judge('a.B: x', 'io.CC'), 'class', 'anchored');
    assert.equal(judge('x.a.BB: axxa', null), 'message', 'classes are anchored, messages are not');
    assert.equal(judge('a.A: y\nCaused by: a.B: z', null), 'class', 'any exception of the chain');
    assert.equal(judge('a.A: xx\nCaused by: a.C: z', null), 'message', 'any message of the chain');
    assert.equal(judge('a.A: y', 'io.D'), 'connector');
    assert.equal(judge('a.A: y', null), null);
  });

  it('does not take the name of a connector for a cause', () => {
    const own = compilePack([
      rule({ id: 'name', message: 'invalid' }),
      rule({ id: 'start', message: 'Failed to start' }),
    ]);
    const judge = (trace: string) => own.judge(readTrace(trace), null)?.id ?? null;
    assert.equal(judge('a.B: Failed to start connector: invalid-orders\nCaused by: a.C: x'), 'start');
    assert.equal(judge('a.B: Failed to start connector: x\nCaused by: a.C: invalid'), 'name');
  });

  it('answers a trace that it has seen before as the first time', () => {
    const own = compilePack([rule({ id: 'a', message: 'x' })]);
    for (let round = 0; round < 3; round += 1) {
      assert.equal(own.judge(readTrace('a.B: x'), null)?.id, 'a');
      assert.equal(own.judge(readTrace('a.B: y'), null), null);
    }
  });

  it('gives because and do of a rule by its id', () => {
    const own = compilePack([rule({ id: 'a', message: 'x' })]);
    assert.deepEqual(own.advice('a'), { id: 'a', verdict: 'permanent', because: 'b', do: 'd' });
    assert.equal(own.advice('b'), null);
  });
});

describe('the shipped pack', () => {
  it('has rules that say why and what to do, in short sentences', () => {
    assert.ok(rules.length > 50);
    for (const { id, because, do: todo } of rules) {
      assert.match(because, /^[A-Z].{10,160}\.$/, id);
      assert.match(todo, /^[A-Z].{10,160}\.$/, id);
    }
  });

  for (const { id, verdict } of rules) {
    const own = examples.filter((example) => ruleOf.get(example.id) === id);
    it(`${id} matches its examples (two at least), and no earlier rule does`, () => {
      assert.ok(own.length >= 2);
      for (const { trace, connectorClass, label } of own) {
        for (const shape of [trace, framed(trace)]) {
          const cause = diagnose([{ trace: shape }], connectorClass, pack);
          assert.deepEqual([cause?.rule, cause?.verdict], [id, label]);
          assert.equal(label, verdict);
        }
      }
    });
  }

  it('has no example for a rule that is gone', () => {
    const ids = new Set(rules.map(({ id }) => id));
    assert.deepEqual(
      [...ruleOf.values()].filter((id) => !ids.has(id)),
      [],
    );
  });

  it('judges a trace of 1 MiB by its innermost cause', () => {
    const frames = '\tat org.example.Outer.method(Outer.java:12)\n'.repeat(24_000);
    const trace = `a.B: x\n${frames}Caused by: java.net.ConnectException: Connection refused\n`;
    assert.equal(diagnose([{ trace }], null, pack)?.verdict, 'transient');
  });
});

// Where the project is built, labelled real traces lie beside it. A clone without them has the examples above.
const shared = new URL('../../../shared/traces/traces.jsonl', import.meta.url);
describe('the shipped pack on real traces', { skip: !existsSync(shared) && 'there are none here' }, () => {
  it('judges at least 90 % right, and calls at most 2 % of the transient ones permanent', () => {
    const judged = judgeAll(parseLabelled(readFileSync(shared, 'utf8')), pack);
    const { right, transientCalledPermanent } = scoreOf(judged);
    assert.ok(right >= 0.9, `${right}`);
    assert.ok(transientCalledPermanent <= 0.02, `${transientCalledPermanent}`);
  });

  it('does not care about frames, causes that were cut and suppressed exceptions', () => {
    for (const { id, trace, connectorClass } of parseLabelled(readFileSync(shared, 'utf8'))) {
      const plain = diagnose([{ trace }], connectorClass, pack);
      assert.deepEqual(diagnose([{ trace: framed(trace) }], connectorClass, pack), plain, id);
    }
  });
});

describe('the report', () => {
  const line = (label: string, chain: string, family: string) =>
    JSON.stringify({ id: label, label, chain, family });
  const judged: readonly Judged[] = judgeAll(
    parseLabelled(
      [
        line('transient', 'a.B: x', 'one'),
        line('permanent', 'a.B: password=hunter2', 'two'),
        line('unknown', 'a.B: y', 'one'),
      ].join('\n'),
    ),
    emptyPack,
  );

  it('shows the matrix, the families and what was misjudged, masked', () => {
    assert.equal(
      renderReport(judged),
      `
label \\ verdict       transient  permanent    unknown
transient                     0          0          1
permanent                     0          0          1
unknown                       0          0          1

right: 33.3 %; transient called permanent: 0.0 %

family                        traces   right  misjudged (label > verdict)
one                                2       1  transient (transient > unknown)
two                                1       0  permanent (permanent > unknown)

misjudged: 2

transient: transient, called unknown by no rule
  cause: a.B: x
  trace: a.B: x

permanent: permanent, called unknown by no rule
  cause: a.B: password=***
  trace: a.B: password=***`,
    );
  });

  it('names the line that it cannot read', () => {
    assert.throws(() => parseLabelled('\n{'), /^Error: line 2 is no JSON$/);
    assert.throws(() => parseLabelled('{"chain":"x","label":"bad"}'), /line 1 has no chain, or no label/);
    assert.throws(() => parseLabelled('null'), /line 1 has no chain/);
  });
});
