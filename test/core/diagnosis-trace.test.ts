import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classesOf, innermost, readTrace } from '../../src/core/trace.ts';

/** A chain as short texts, the outermost exception first. */
const read = (trace: string): readonly string[] =>
  readTrace(trace).map((thrown) => `${thrown.class}: ${thrown.message}`);

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

/** 64 characters, so that a repetition has a known length. */
const frame = `${'\tat org.example.of.a.long.package.Outer.method(Outer.java:'.padEnd(62, '1')})\n`;
/** Of a longer trace the middle is not read. */
const WHOLE = 128 * 1024;

describe('a chain', () => {
  const table: readonly (readonly [because: string, lines: readonly string[], chain: readonly string[]])[] = [
    ['begins after empty lines', ['', 'a.B: x', 'Caused by: c.D: y'], ['a.B: x', 'c.D: y']],
    ['takes a message from the line after its class', ['a.B', 'x'], ['a.B: x']],
    ['has no blank for a cause without text', ['a.B: x', 'Caused by: ', '\tat c.d(E.java:1)'], ['a.B: x']],
    ['takes a class for a cause only where it is one', ['a.B: 2 errors', 'c.D: y'], ['a.B: 2 errors c.D: y']],
    [
      'leaves out one suppressed within a suppressed one, and the cause of the outer one',
      [
        'a.B: x',
        '\tSuppressed: c.D: y',
        '\t\tSuppressed: e.F: z',
        '\tCaused by: g.H: v',
        'Caused by: i.J: w',
      ],
      ['a.B: x', 'i.J: w'],
    ],
    [
      'is the same where the whole trace is indented',
      ['  a.B: x', '  \tSuppressed: c.D: y', '  \tCaused by: e.F: z', '  Caused by: g.H: v'],
      ['a.B: x', 'g.H: v'],
    ],
    [
      'leaves out every line of the message of a suppressed one',
      ['a.B: x', '\tSuppressed: c.D: y', 'and more', '\tand still more', 'Caused by: e.F: z'],
      ['a.B: x', 'e.F: z'],
    ],
    [
      'has every line of the message that comes after a suppressed one',
      ['a.B: x', '\tSuppressed: c.D: y', 'Caused by: e.F: z', 'and more'],
      ['a.B: x', 'e.F: z and more'],
    ],
  ];
  for (const [because, lines, chain] of table) {
    it(because, () => assert.deepEqual(read(lines.join('\n')), chain));
  }

  it('has forty exceptions at most: of a longer one the twenty outermost and the twenty innermost', () => {
    const classes = (count: number) =>
      readTrace(
        numbers(count)
          .map((number) => `Caused by: a.C${number}: x`)
          .join('\n'),
      ).map((thrown) => thrown.class);
    const all = (count: number) => numbers(count).map((number) => `a.C${number}`);
    assert.deepEqual(classes(40), all(40));
    assert.deepEqual(classes(41), all(41).toSpliced(20, 1));
    assert.deepEqual(classes(60), all(60).toSpliced(20, 20));
  });

  it('keeps a message that is cut as it is, whatever comes after it', () => {
    const words = `${'x'.repeat(1_999)} yz`;
    const [cut] = readTrace(words);
    assert.equal(cut?.message, words.slice(0, 2_000));
    for (const after of ['more', 'Caused by: ', 'Caused by: no class', '  ', '\tat a.b(C.java:1)']) {
      assert.deepEqual(readTrace(`${words}\n${after}`), [cut], after);
    }
  });
});

describe('a long trace', () => {
  it('is read alike wherever in a line its middle begins', () => {
    for (let blank = 0; blank < frame.length; blank += 1) {
      assert.deepEqual(read(`a.B: x\n${'\n'.repeat(blank)}${frame.repeat(4_000)}`), ['a.B: x']);
    }
  });

  it('has the message of a last line that goes on far beyond its middle', () => {
    const before = `a.B: x\n${frame.repeat(1_023)}`.padEnd(64 * 1_024 - 10, '\n');
    const [, cause = ''] = read(`${before}Caused by: c.D: ${'y'.repeat(200_000)}`);
    assert.equal(cause, `c.D: ${'y'.repeat(2_000)}`);
  });

  it('keeps 2,000 characters of a message, and nothing of the lines after it', () => {
    assert.deepEqual(read(`a.B: ${'x'.repeat(3_000)}\nsecond`), [`a.B: ${'x'.repeat(2_000)}`]);
  });

  it('is read whole up to 128 Ki characters', () => {
    const cause = `Caused by: c.D: ${'y'.repeat(100)}`;
    const upTo = `a.B: x\n${frame.repeat(1_023)}${cause}`;
    assert.ok(upTo.length > WHOLE / 2 && upTo.length - 100 < WHOLE / 2);
    assert.deepEqual(read(upTo.padEnd(WHOLE, '\n')), ['a.B: x', cause.slice('Caused by: '.length)]);
  });

  const middle = `${frame.repeat(2_000)}Caused by: m.Middle: y\n${frame.repeat(2_000)}`;
  /** As long as the end that is read: the end begins at the end of the line before. */
  const tail = '\nCaused by: c.D: z'.padEnd(WHOLE / 2, '\n');
  const table: readonly (readonly [because: string, trace: string, chain: readonly string[]])[] = [
    [
      'is its beginning and its end, without what stands between and without half lines',
      `a.B: x\n${middle}Caused by: c.D: z\n`,
      ['a.B: x', 'c.D: z'],
    ],
    [
      'has the whole line that its end begins with',
      `a.B: x\n${middle.trimEnd()}${tail}`,
      ['a.B: x', 'c.D: z'],
    ],
    ['says nothing in the middle of one line', `a.B: x\n\tat c.D.e(${'y'.repeat(2 * WHOLE)}`, ['a.B: x']],
  ];
  for (const [because, trace, chain] of table) it(because, () => assert.deepEqual(read(trace), chain));
});

describe('classes that one message names', () => {
  it('are unwrapped up to the eighth', () => {
    const message = (count: number) =>
      numbers(count)
        .map((number) => `c.D${number}: `)
        .join('');
    const unwrapped = (count: number) => innermost([{ class: 'a.B', message: `${message(count)}x` }]);
    assert.deepEqual(unwrapped(7), { class: 'c.D7', message: 'x' });
    assert.deepEqual(unwrapped(8), { class: 'c.D8', message: 'x' });
    assert.deepEqual(unwrapped(9), { class: 'c.D8', message: 'c.D9: x' });
    assert.deepEqual(unwrapped(10), { class: 'c.D8', message: 'c.D9: c.D10: x' });
  });

  it('are of the chain up to the eighth, for each message', () => {
    const names = (folder: string, count: number) =>
      numbers(count).map((number) => `${folder}.D${number}Exception`);
    const chain = [
      { class: 'a.B', message: names('c', 10).join(', ') },
      { class: 'a.C', message: names('e', 8).join(', ') },
    ];
    assert.deepEqual(classesOf(chain), ['a.B', ...names('c', 8), 'a.C', ...names('e', 8)]);
  });
});
