import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { substitute } from '../../src/config/substitute.ts';

const env = { HOST: 'db', EMPTY: '', DOLLAR: `$\{HOST}`, QUOTE: 'a: "b"\n- c' };

describe('substitution', () => {
  const table: [string, string][] = [
    ['plain', 'plain'],
    [`\${HOST}`, 'db'],
    [`http://\${HOST}:\${PORT:-8083}/`, 'http://db:8083/'], // several, one with a default
    [`\${EMPTY}`, ''], // set to nothing is set
    [`\${EMPTY:-x}`, 'x'], // as in a shell
    [`\${HOST:-x}`, 'db'],
    [`\${NONE:-}`, ''],
    [`\${NONE:-a:-b}`, 'a:-b'],
    [`\${NONE:-a$$b}`, 'a$b'],
    ['$$', '$'],
    [`$$\{HOST}`, `$\{HOST}`], // an escaped dollar begins no variable
    [`$$$\{HOST}`, '$db'],
    ['legacy-.*$', 'legacy-.*$'], // a lone dollar is itself
    ['$HOST', '$HOST'], // braces are needed
    [`\${DOLLAR}`, `$\{HOST}`], // what was put in is not read again
    [`\${QUOTE}`, 'a: "b"\n- c'], // and has no structure
  ];
  for (const [text, expected] of table) {
    it(`${text} becomes ${JSON.stringify(expected)}`, () => {
      const result = substitute(text, env);
      assert.equal(result.ok && result.text, expected);
    });
  }

  const form = `a variable written as \${NAME} or \${NAME:-default}, and a dollar as $$`;
  const refused: [string, string[]][] = [
    [`\${NONE}`, [`the environment variable NONE to be set (or a default: \${NONE:-…})`]],
    [
      `\${A}\${B}`, // all at once
      ['A', 'B'].map((name) => `the environment variable ${name} to be set (or a default: \${${name}:-…})`),
    ],
    [`\${}`, [form]],
    [`\${1X}`, [form]],
    [`\${HOST`, [form]], // never closed
    [`\${HOST-x}`, [form]],
    [`\${NONE:-\${HOST}}`, [form]], // no nesting
    [`\${toString}`, [`the environment variable toString to be set (or a default: \${toString:-…})`]],
  ];
  for (const [text, expected] of refused) {
    it(`${text} is refused`, () => assert.deepEqual(substitute(text, env), { ok: false, expected }));
  }

  it('gives back any text whose dollars were doubled', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const result = substitute(text.replaceAll('$', '$$$$'), {});
        assert.deepEqual(result, { ok: true, text, variables: [] });
      }),
    );
  });

  it('puts in any value as it is', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const result = substitute(`<\${X}>`, { X: value });
        assert.deepEqual(result, { ok: true, text: `<${value}>`, variables: ['X'] });
      }),
    );
  });
});
