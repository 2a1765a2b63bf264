import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  createMatcher,
  formatMatcher,
  MatcherError,
  matches,
  matchesAll,
  parseMatcher,
} from '../../src/config/matcher.ts';

describe('a matcher is read as Alertmanager reads it', () => {
  // [text, name, operator, value]
  const accepted: [string, string, string, string][] = [
    ['foo="bar"', 'foo', '=', 'bar'],
    ['foo=bar', 'foo', '=', 'bar'], // without quotes
    ['foo!=bar', 'foo', '!=', 'bar'],
    ['foo=~"b.*"', 'foo', '=~', 'b.*'],
    ['foo!~b.*', 'foo', '!~', 'b.*'],
    ['  foo \t=~  "bar" ', 'foo', '=~', 'bar'], // white space around each part
    ['foo=  bar baz  ', 'foo', '=', 'bar baz'], // inside an unquoted value it stays
    ['foo="  bar "', 'foo', '=', '  bar '], // inside quotes it counts
    ['foo=', 'foo', '=', ''],
    ['foo=""', 'foo', '=', ''],
    ['foo:bar_1=x', 'foo:bar_1', '=', 'x'],
    ['foo=a=b', 'foo', '=', 'a=b'], // only the first operator counts
    ['foo==bar', 'foo', '=', '=bar'],
    ['foo="a\\"b"', 'foo', '=', 'a"b'], // an escaped quote
    ['foo="a\\\\b"', 'foo', '=', 'a\\b'],
    ['foo="a\\nb"', 'foo', '=', 'a\nb'],
    ['foo=~"\\d+\\.x"', 'foo', '=~', '\\d+\\.x'], // a spurious escape is itself
    ['foo=bar\\', 'foo', '=', 'bar\\'], // a backslash at the end is itself
    ['foo=\\"bar\\"', 'foo', '=', '"bar"'],
    ['foo="a{b},c"', 'foo', '=', 'a{b},c'],
    ['foo="bär→"', 'foo', '=', 'bär→'],
    ['foo="a\nb"', 'foo', '=', 'a\nb'], // over two lines
  ];
  for (const [text, name, op, value] of accepted) {
    it(JSON.stringify(text), () => {
      const matcher = parseMatcher(text);
      assert.deepEqual([matcher.name, matcher.op, matcher.value], [name, op, value]);
    });
  }

  const refused = [
    '', // nothing
    'foo', // no operator
    '="bar"', // no name
    '1foo=bar', // a digit first
    'foo-bar=x', // a dash in the name
    '"foo"=bar', // quoted names are the other parser's
    'foo~bar',
    'foo="bar', // never closed
    'foo="bar\\"', // closed by an escaped quote
    'foo=ba"r', // a quote inside
    'foo="ba"r"',
    'foo=bar"',
    'foo="',
    'foo=~"["', // no regular expression
    'foo=~"(?=x)"', // RE2 has no look-ahead
    'foo=~"(a)\\1"', // nor back references
  ];
  for (const text of refused) {
    it(`${JSON.stringify(text)} is refused`, () => assert.throws(() => parseMatcher(text), MatcherError));
  }

  it('an error does not repeat the text', () => {
    assert.throws(
      () => parseMatcher('foo=~"hunter2["'),
      (error: Error) => !error.message.includes('hunter2'),
    );
  });
});

describe('a matcher fits labels as in Alertmanager', () => {
  const labels = { connector: 'legacy-1', team: 'a', lines: 'a\nb' };
  const table: [string, boolean][] = [
    ['connector=legacy-1', true],
    ['connector=legacy', false],
    ['connector!=legacy', true],
    ['connector!=legacy-1', false],
    ['connector=~"legacy-.*"', true],
    ['connector=~legacy', false], // anchored at its end
    ['connector=~".*-1"', true],
    ['connector=~"egacy-1"', false], // anchored at its beginning
    ['connector=~"x|legacy-1"', true], // the anchors hold for each alternative
    ['connector=~"legacy|-1"', false],
    ['connector!~"legacy-.*"', false],
    ['connector!~legacy', true],
    ['connector=~"LEGACY-1"', false], // case counts
    ['connector=~"(?i)LEGACY-1"', true],
    ['absent=""', true], // a missing label is the empty string
    ['absent!=""', false],
    ['absent!=x', true],
    ['absent=~".*"', true],
    ['absent=~".+"', false],
    ['absent!~".+"', true],
    ['lines=~"a.b"', false], // a dot is no newline
    ['lines=~"(?s)a.b"', true],
    ['constructor=""', true], // what objects inherit is no label
    ['toString=~".+"', false],
  ];
  for (const [text, fits] of table) {
    it(`${text} ${fits ? 'fits' : 'does not fit'}`, () =>
      assert.equal(matches(parseMatcher(text), labels), fits));
  }

  it('several matchers have to fit all, none fits everything', () => {
    assert.equal(matchesAll([parseMatcher('team=a'), parseMatcher('connector=x')], labels), false);
    assert.equal(matchesAll([parseMatcher('team=a'), parseMatcher('connector!=x')], labels), true);
    assert.equal(matchesAll([], labels), true);
  });

  it('an expression that ruins a backtracking engine takes no time', () => {
    const evil = createMatcher('connector', '=~', '(a+)+b');
    assert.equal(matches(evil, { connector: 'a'.repeat(5_000) }), false);
  });

  it('is written so that it is read back, for every value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.constantFrom('=', '!='), (value, op) => {
        const again = parseMatcher(formatMatcher({ name: 'x', op: op as '=' | '!=', value }));
        assert.deepEqual([again.name, again.op, again.value], ['x', op, value]);
      }),
    );
  });
});
