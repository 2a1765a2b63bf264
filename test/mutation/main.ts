import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Change, changesOf } from './changes.ts';

/**
 * `node test/mutation/main.ts [--files decide,storm] [--every N]`: makes one small change at a time to a copy of src/core and
 * runs the tests of the core, then the simulation. A change that neither notices is a survivor, and is printed.
 */
const { values } = parseArgs({
  options: {
    files: {
      type: 'string',
      default:
        'decide,diagnosis,holding,holds,mask,news,policy,retry,signals,signature,storm,suppression,trace,transitions,verdict',
    },
    every: { type: 'string', default: '1' },
  },
});
const ROOT = join(import.meta.dirname, '../..');
const TIMEOUT_MS = 60_000;
/** Each next group is run only for what the ones before it did not notice. */
const STAGES: readonly (readonly string[])[] = [
  ['--test', '--test-isolation=none', '--test-reporter=tap', ...coreTests('decide', 'policy', 'settle')],
  ['--test', '--test-isolation=none', '--test-reporter=tap', ...coreTests()],
  ['test/simulation/main.ts', '--json', '--runs', '600'],
];

/** The tests of the core whose names begin so; without a name all of them. */
function coreTests(...names: readonly string[]): string[] {
  const all = readdirSync(join(ROOT, 'test/core')).filter((file) => file.endsWith('.test.ts'));
  const some = all.filter((file) => names.length === 0 || names.some((name) => file.startsWith(name)));
  return some.map((file) => join('test/core', file));
}

interface Mutant {
  readonly file: string;
  readonly change: Change;
}

const mutants: Mutant[] = [];
for (const name of values.files.split(',')) {
  const file = `src/core/${name}.ts`;
  const text = await readFile(join(ROOT, file), 'utf8');
  mutants.push(...changesOf(text).map((change) => ({ file, change })));
}
const chosen = mutants.filter((_, index) => index % Number(values.every) === 0);
const survivors: Mutant[] = [];
const counts = new Map<string, { all: number; survived: number }>();
const queue = [...chosen];
await Promise.all(Array.from({ length: availableParallelism() }, () => work()));
for (const { file, change } of survivors) {
  console.log(`${file}:${change.line}  ${change.before}  ->  ${change.after}   in: ${change.text.trim()}`);
}
console.log('| file | changes | noticed | survivors |\n|---|---:|---:|---:|');
for (const [file, { all, survived }] of counts) {
  console.log(`| ${file} | ${all} | ${(100 - (100 * survived) / all).toFixed(0)} % | ${survived} |`);
}

async function work(): Promise<void> {
  const copy = await mkdtemp(join(tmpdir(), 'connect-medic-core-'));
  try {
    for (const folder of ['src', 'rules', 'test/core', 'test/simulation', 'test/fixtures']) {
      await cp(join(ROOT, folder), join(copy, folder), { recursive: true });
    }
    await cp(join(ROOT, 'package.json'), join(copy, 'package.json'));
    await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const { file, change } = mutant;
      const text = await readFile(join(ROOT, file), 'utf8');
      const { start, before, after } = change;
      await writeFile(join(copy, file), text.slice(0, start) + after + text.slice(start + before.length));
      const noticed = await isNoticed(copy);
      await writeFile(join(copy, file), text);
      const count = counts.get(file) ?? { all: 0, survived: 0 };
      counts.set(file, { all: count.all + 1, survived: count.survived + (noticed ? 0 : 1) });
      if (!noticed) survivors.push(mutant);
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function isNoticed(copy: string): Promise<boolean> {
  for (const stage of STAGES) if (!(await passes(copy, stage))) return true;
  return false;
}

/** Whether this run succeeds; ends it at the first test that fails. */
function passes(copy: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, args, { cwd: copy, stdio: ['ignore', 'pipe', 'ignore'] });
  const deadline = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      if (/^\s*not ok/m.test(chunk)) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(deadline);
      resolve(code === 0);
    });
  });
}
