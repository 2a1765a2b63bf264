/** Every YAML example of the documentation is what it says it is: those of connect-medic's configuration load. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { formatProblems, loadConfig } from '../../src/config/load.ts';
import { contentOf, makePem } from '../config/pem.ts';
import { ROOT } from '../stack/parts.ts';

/** Generated from the schema, with a test of its own. */
const GENERATED = 'configuration.md';
const pages = (await readdir(join(ROOT, 'docs'), { recursive: true }))
  .filter((path) => path.endsWith('.md') && path !== GENERATED)
  .map((path) => join('docs', path));

interface Example {
  readonly at: string;
  /** The file that the first line names. */
  readonly file: string;
  readonly yaml: string;
}

const examples: Example[] = [];
for (const page of ['README.md', ...pages]) {
  const text = await readFile(join(ROOT, page), 'utf8');
  for (const { 1: yaml = '', index } of text.matchAll(/^ *```ya?ml\n([\s\S]*?)^ *```/gm)) {
    const line = text.slice(0, index).split('\n').length;
    const [, file = ''] = /^ *# (?:\S*\/)?([\w-]+\.ya?ml)/.exec(yaml) ?? [];
    examples.push({ at: `${page}:${line}`, file, yaml });
  }
}

const pem = await makePem();
const REDIS_URL = 'redis://redis.example.org';

/** An example names files and variables of a machine that is not this one: each is there, and holds something fitting. */
function problemsOf(yaml: string): string {
  const names = [...yaml.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
  const env = Object.fromEntries(
    names.map((name) => [name, name === 'REDIS_URL' ? REDIS_URL : '/run/credentials']),
  );
  const loaded = loadConfig({
    env,
    cwd: '/work',
    readFile: (path) => (path === '/work/connect-medic.yml' ? yaml : contentOf(path, pem)),
    fileVersion: () => '1',
  });
  return loaded.ok ? '' : formatProblems(loaded.problems);
}

describe('the YAML examples of the documentation', () => {
  test('say which file they are, or are objects of Kubernetes', () => {
    const known = ['connect-medic.yml', 'prometheus.yml', 'alertmanager.yml', 'values.yaml'];
    for (const { at, file, yaml } of examples) {
      const value = parse(yaml) as { apiVersion?: string; kind?: string };
      assert.ok(known.includes(file) || (value.apiVersion && value.kind), `${at}: what is this?`);
    }
  });

  const configurations = examples.filter(({ file }) => file === 'connect-medic.yml');
  test('are there', () => assert.ok(configurations.length >= 5));
  for (const { at, yaml } of configurations) {
    test(`${at} is a configuration that loads`, () => assert.equal(problemsOf(yaml), ''));
  }
  test('a key that does not exist would be found', () => {
    assert.match(problemsOf('# connect-medic.yml\npolicy: { delay: [1m] }\n'), /policy\.delay/);
  });
});
