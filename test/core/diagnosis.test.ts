import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mask, rootCause, simpleClassName } from '../../src/core/diagnosis.ts';

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
    ['not Java', 'Segmentation fault', 'unknown', 'Segmentation fault'],
    ['a message in several lines', 'a.B: first\nsecond\n\tat x', 'a.B', 'first'],
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
});

describe('a mask', () => {
  const table: readonly (readonly [text: string, masked: string])[] = [
    ['Failed to connect to db.example.com:5432', 'Failed to connect to <host>'],
    ['connection to 10.0.0.7:9092 lost', 'connection to <host> lost'],
    ['offset 12345 at 2026-01-05', 'offset <n> at <n>-<n>-<n>'],
    ['jdbc:postgresql://scott:tiger@db/x', 'jdbc:postgresql://***@db/x'],
    ['password=hunter2, user=scott', 'password=***, user=scott'],
    ['"sasl.jaas.config": "whatever"', '"sasl.jaas.config": ***'],
    ['Authorization: Bearer abc.def-ghi', 'Authorization: ***'],
    ['PlainLoginModule required username="u" password="p";', 'PlainLoginModule ***'],
    ['Invalid value s3cr3t for configuration ssl.key', 'Invalid value *** for configuration ssl.key'],
    ['row 6f9619ff-8b86-d011-b42d-00c04fc964ff', 'row <id>'],
  ];
  for (const [text, masked] of table) it(text, () => assert.equal(mask(text), masked));

  it('never lets a planted secret through', () => {
    const secret = fc.stringMatching(/^[A-Za-z]{3,8}[0-9]{1,4}[A-Za-z]{6,20}$/);
    const where = fc.constantFrom(
      (s: string) => `password=${s}`,
      (s: string) => `api_key: "${s}"`,
      (s: string) => `https://user:${s}@host/path`,
      (s: string) => `Authorization: Basic ${s}`,
      (s: string) => `token='${s}' was refused`,
      (s: string) => `Invalid value ${s} for configuration x`,
      (s: string) => `org.apache.kafka.common.security.scram.ScramLoginModule required password="${s}";`,
    );
    fc.assert(
      fc.property(secret, where, fc.string(), (planted, wrap, noise) => {
        assert.ok(!mask(wrap(planted)).includes(planted));
        assert.ok(!mask(`${noise} ${wrap(planted)}`).includes(planted));
      }),
    );
  });
});

describe('a simple class name', () => {
  it('has no package and a bounded length', () => {
    assert.equal(simpleClassName('org.apache.kafka.common.KafkaException'), 'KafkaException');
    assert.equal(simpleClassName('unknown'), 'unknown');
    assert.equal(simpleClassName(`a.${'x'.repeat(500)}`).length, 80);
  });
});
