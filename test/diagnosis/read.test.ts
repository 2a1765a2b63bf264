import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatProblems } from '../../src/config/problems.ts';
import { realFiles } from '../../src/config/secret.ts';
import { loadPack, loadRules, SHIPPED_FILE } from '../../src/diagnosis/load.ts';

const load = (text: string) => loadRules('own.yml', () => text);

function problems(text: string): string {
  const loaded = load(text);
  return loaded.ok ? 'none' : formatProblems(loaded.problems, loaded.source);
}

const right = "verdict: permanent, because: It is so., do: 'Correct it.'";

describe('a diagnosis file', () => {
  it('is a list of rules in their order', () => {
    const loaded = load(
      `rules:\n  - { id: a, class: 'x\\.Y', ${right} }\n  - { id: b, message: z, ${right} }\n`,
    );
    assert.deepEqual(loaded, {
      ok: true,
      rules: [
        { id: 'a', class: 'x\\.Y', verdict: 'permanent', because: 'It is so.', do: 'Correct it.' },
        { id: 'b', message: 'z', verdict: 'permanent', because: 'It is so.', do: 'Correct it.' },
      ],
    });
  });

  it('may have no rules', () => {
    assert.deepEqual(load('rules: []'), { ok: true, rules: [] });
    assert.deepEqual(load('rules:\n#  - id: a\n'), { ok: true, rules: [] });
  });

  it('is told all its problems at once, each with its path', () => {
    const text = `
rules:
  - { id: a, class: 'x(', ${right} }
  - { id: a, message: y, ${right} }
  - { id: b, mesage: y, class: c, ${right} }
  - { id: c, class: c, verdict: permament, because: b, do: d }
  - { id: d, class: c, because: b }
  - { id: E F, class: 7, ${right} }
  - { id: g, ${right} }
  - { id: h, class: '(?=x)', message: '(a)\\1', connectorClass: '[z-a]', ${right} }
  - just text
rule: []
`;
    assert.equal(
      problems(text),
      `own.yml: 14 problems, not started
  rule: expected a known key (did you mean rules?)
  rules[0].class: expected a regular expression in RE2's syntax (missing closing ))
  rules[1].id: expected an id of its own (rules[0] has it), got "a"
  rules[2].mesage: expected a known key (did you mean message?)
  rules[3].verdict: expected one of transient, permanent, unknown, got "permament"
  rules[4].do: expected a text, got nothing
  rules[4].verdict: expected a text, got nothing
  rules[5].id: expected at most 80 small letters, digits and dashes, got "E F"
  rules[5].class: expected a text
  rules[6]: expected at least one of class, message, connectorClass: without, the rule would hold for every failure
  rules[7].class: expected a regular expression in RE2's syntax (invalid or unsupported Perl syntax)
  rules[7].message: expected a regular expression in RE2's syntax (invalid escape sequence)
  rules[7].connectorClass: expected a regular expression in RE2's syntax (invalid character class range)
  rules[8]: expected a rule: a mapping of id, class, message, connectorClass, verdict, because, do`,
    );
  });

  const whole: readonly (readonly [text: string, problem: string])[] = [
    ['', 'expected a mapping with the key rules, got nothing'],
    ['- a', 'expected a mapping with the key rules, got a list'],
    ['hunter2', 'expected a mapping with the key rules'],
    ['{}', 'rules: expected a list of rules'],
    ['rules: hunter2', 'rules: expected a list of rules'],
    ['rules: [', 'line 1, column 9: expected'],
    [`rules: [${'1,'.repeat(1_001)}]`, 'rules: expected a list of at most 1000, got 1001'],
  ];
  for (const [text, problem] of whole) {
    it(`is refused as ${JSON.stringify(text.slice(0, 20))}`, () => {
      const said = problems(text);
      assert.ok(said.includes(problem), said);
      assert.ok(!said.includes('hunter2'), said);
    });
  }

  it('that was never meant as one shows nothing of what is in it', () => {
    const said = problems("rules:\n  - { id: hunter2 hunter2, class: 'hunter2(', because: hunter2 }\n");
    assert.equal(said.match(/hunter2/g)?.length, 2, 'only the id, which is asked for');
  });

  it('that cannot be read is a problem, not an exception', () => {
    const loaded = loadPack('/nowhere/own.yml');
    assert.ok(!loaded.ok);
    assert.equal(
      formatProblems(loaded.problems, loaded.source),
      '/nowhere/own.yml: 1 problem, not started\n  expected a file that can be read (there is none)',
    );
  });
});

describe("the user's own rules", () => {
  const own = (text: string) =>
    loadPack('own.yml', (path) => (path === SHIPPED_FILE ? realFiles.read(path) : text));
  const authentication = [
    { class: 'org.apache.kafka.common.errors.SaslAuthenticationException', message: 'refused by the proxy' },
  ];

  it('go before the shipped ones', () => {
    const loaded = own(
      'rules: [{ id: proxy, message: by the proxy, verdict: transient, because: It restarts., do: Wait. }]',
    );
    assert.ok(loaded.ok);
    assert.equal(loaded.rules[0]?.id, 'proxy');
    assert.equal(loaded.pack.judge(authentication, null)?.id, 'proxy');
    assert.equal(loaded.pack.advice('proxy')?.do, 'Wait.');
    assert.equal(loadPack(null).ok && loaded.rules.length > 1, true);
  });

  it('replace a shipped one of the same id', () => {
    const loaded = own(
      'rules: [{ id: kafka-authentication, class: nothing, verdict: unknown, because: b, do: d }]',
    );
    assert.ok(loaded.ok);
    assert.equal(loaded.rules.filter(({ id }) => id === 'kafka-authentication').length, 1);
    assert.notEqual(loaded.pack.judge(authentication, null)?.id, 'kafka-authentication');
  });
});
