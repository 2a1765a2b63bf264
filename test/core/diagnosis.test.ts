import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { diagnose, examine, type Pack, rootCause, simpleClassName } from '../../src/core/diagnosis.ts';
import { classesOf, readTrace } from '../../src/core/trace.ts';

const trace = [
  'org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler',
  '\tat org.apache.kafka.connect.runtime.errors.RetryWithToleranceOperator.execAndHandleError(RetryWithToleranceOperator.java:260)',
  '\tSuppressed: java.io.IOException: while closing',
  '\tCaused by: java.lang.IllegalStateException: not this one',
  'Caused by: org.apache.kafka.connect.errors.DataException: Converting byte[] to Kafka Connect data failed',
  '\t... 12 more',
  "Caused by: com.fasterxml.jackson.core.JsonParseException: Unrecognized token 'hello': line 1, column 6",
  '\t... 17 more',
  '',
].join('\n');

describe('the root cause of a trace', () => {
  it('is the innermost exception, not one that was suppressed', () => {
    assert.deepEqual(rootCause(trace), {
      class: 'com.fasterxml.jackson.core.JsonParseException',
      message: "Unrecognized token 'hello': line <n>, column <n>",
    });
  });

  const table: readonly (readonly [
    because: string,
    trace: string | null,
    className: string,
    message: string,
  ])[] = [
    ['no trace', null, 'unknown', ''],
    ['an empty one', ' \n', 'unknown', ''],
    [
      'no message',
      'java.lang.NullPointerException\n\tat x.y(Z.java:1)',
      'java.lang.NullPointerException',
      '',
    ],
    ['an inner class', 'a.b.Outer$InnerException: x', 'a.b.Outer$InnerException', 'x'],
    ['the default package', 'MyException: x\n\tat Main.main(Main.java)', 'MyException', 'x'],
    ['a thread', 'Exception in thread "main" a.b.C: x', 'a.b.C', 'x'],
    ['Windows line ends', 'a.b.C: x\r\n\tat d.e(F.java:1)\r\nCaused by: g.H: y\r\n', 'g.H', 'y'],
    ['not Java', 'Segmentation fault', 'unknown', 'Segmentation fault'],
    ['a host, which is no class', 'db.example.com: refused', 'unknown', '<host>: refused'],
    // The second line of Oracle's errors is the one that tells.
    ['a message in several lines', 'a.B: first\nsecond\n\tat x', 'a.B', 'first second'],
    ['frames inside the message', 'a.B: first\n\tat c.D.e(D.java:1)\nsecond', 'a.B', 'first second'],
    [
      'a cause that names no class',
      'a.B: x\nCaused by: the table has no schema',
      'a.B',
      'x the table has no schema',
    ],
    ['an exception that repeats its cause', 'a.B: c.DException: e.F: x', 'e.F', 'x'],
    [
      'a cause that is repeated',
      'a.B: c.DException: x\n\tat y.z(A.java)\nCaused by: c.DException: x\n\t... 1 more',
      'c.DException',
      'x',
    ],
    ['Hadoop', 'org.x.RemoteException(java.io.IOException): no space', 'java.io.IOException', 'no space'],
    ['a circle', 'a.B: x\nCaused by: c.D: y\n\t[CIRCULAR REFERENCE: a.B: x]', 'c.D', 'y'],
    ['only suppressed ones', '\tSuppressed: a.B: x', 'unknown', ''],
    [
      'a suppressed one with causes, indented as deep',
      'a.B: x\n\tSuppressed: c.D: y\n\t\tat e.f(G.java)\n\tCaused by: h.I: z\n\t\t... 2 more\nCaused by: j.K: w',
      'j.K',
      'w',
    ],
    [
      'a suppressed one at the end',
      'a.B: x\nCaused by: j.K: w\n\tSuppressed: c.D: y\n\tCaused by: h.I: z',
      'j.K',
      'w',
    ],
  ];
  for (const [because, text, className, message] of table) {
    it(`of ${because}`, () => assert.deepEqual(rootCause(text), { class: className, message }));
  }

  it('is found in any text without throwing, one bounded line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (text) => {
        const { message } = rootCause(text);
        assert.ok(message.length <= 300 && !message.includes('\n'));
      }),
    );
  });

  it('stands at the end of a trace of 1 MiB', () => {
    const frames = '\tat org.example.Outer.method(Outer.java:12)\n'.repeat(24_000);
    assert.ok(frames.length > 1024 * 1024);
    assert.deepEqual(rootCause(`a.B: x\n${frames}Caused by: c.D: y\n`), { class: 'c.D', message: 'y' });
  });

  it('takes bounded work of a text of 1 MiB that is all causes, classes, blanks or one line', () => {
    for (const unit of [
      'Caused by: a.b.C: x\n',
      'a.',
      'A',
      ' ',
      '\n',
      '\tSuppressed: a.b.C\n',
      'a.b.C: ',
      '\\',
    ]) {
      const chain = readTrace(unit.repeat((1024 * 1024) / unit.length));
      assert.ok(chain.length <= 40);
      assert.ok(chain.every(({ message }) => message.length <= 2_000));
      assert.ok(classesOf(chain).length <= 40 * 9);
    }
  });
});

describe('the classes of a chain', () => {
  it('include those that a message names', () => {
    const chain = readTrace(
      'a.B: Write failed: com.google.BigQueryException: Read timed out (java.io.IOException)',
    );
    assert.deepEqual(classesOf(chain), ['a.B', 'com.google.BigQueryException', 'java.io.IOException']);
  });
});

describe('a simple class name', () => {
  it('has no package and a bounded length', () => {
    assert.equal(simpleClassName('org.apache.kafka.common.KafkaException'), 'KafkaException');
    assert.equal(simpleClassName('unknown'), 'unknown');
    assert.equal(simpleClassName(`a.${'x'.repeat(500)}`).length, 80);
  });
});

/** A pack whose verdict is the message of the outermost exception. */
const pack: Pack = {
  judge: ([first], connectorClass) => {
    const verdict = (['transient', 'permanent'] as const).find((word) => first?.message === word);
    if (verdict === undefined) return null;
    return { id: `${verdict}-${connectorClass ?? 'none'}`, verdict, because: 'b', do: 'd' };
  },
  advice: () => null,
};
const part = (className: string, message: string) => ({ trace: `${className}: ${message}` });

describe('the diagnosis of several failed parts', () => {
  const p = part('a.P', 'permanent');
  const q = part('a.Q', 'permanent');
  const t = part('a.T', 'transient');
  const u = part('a.U', 'whatever');
  const none = { trace: null };
  const table: readonly (readonly [
    because: string,
    parts: readonly { readonly trace: string | null }[],
    verdict: string,
    className: string,
  ])[] = [
    ['all permanent: hopeless, the first is shown', [p, q], 'permanent', 'a.P'],
    ['one transient: a restart helps that one', [p, t, q], 'transient', 'a.T'],
    ['one unknown: a restart may help that one', [p, u], 'unknown', 'a.U'],
    ['transient decides over unknown', [u, t], 'transient', 'a.T'],
    ['one without a trace is unknown', [p, none], 'unknown', 'unknown'],
    ['one with a trace is shown before one without', [none, u], 'unknown', 'a.U'],
    ['a single permanent one', [p], 'permanent', 'a.P'],
  ];
  for (const [because, parts, verdict, className] of table) {
    it(because, () => {
      const cause = diagnose(parts, null, pack);
      assert.deepEqual([cause?.verdict, cause?.class], [verdict, className]);
    });
  }

  it('is null without a failed part', () => assert.equal(examine([], null, pack), null));

  it('names the rule, and hands it the connector class', () => {
    assert.equal(diagnose([p], 'io.C', pack)?.rule, 'permanent-io.C');
    assert.equal(diagnose([u], 'io.C', pack)?.rule, null);
  });

  it('is unknown without a pack', () => assert.equal(diagnose([p])?.verdict, 'unknown'));

  it('does not depend on how often a part repeats', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(p, q, t, u, none), { minLength: 1 }), (parts) => {
        assert.deepEqual(examine(parts, null, pack), examine([...parts, ...parts], null, pack));
        const hopeless = parts.every((one) => one === p || one === q);
        assert.equal(examine(parts, null, pack)?.cause.verdict === 'permanent', hopeless);
      }),
    );
  });
});
