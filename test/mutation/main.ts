import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Change, changesOf } from './changes.ts';
import { EQUIVALENT } from './equivalent.ts';

/**
 * `npm run mutation [-- --files decide,storm] [--every N] [--worlds N]`: makes one small change at a time to a copy of
 * `src/core` and runs the tests of the core, then N worlds of the simulation. A change that neither notices is a survivor: it is printed
 * at once, and fails the run unless `equivalent.ts` says why nobody could notice it.
 */
const { values } = parseArgs({
  options: {
    files: { type: 'string' },
    every: { type: 'string', default: '1' },
    worlds: { type: 'string', default: '600' },
  },
});
const ROOT = join(import.meta.dirname, '../..');
/** The tests take three seconds and the worlds five: what takes longer has become endless, which is noticed. */
const TIMEOUT_MS = 45_000;

/** The traces of the worlds are short: what is about them, the worlds say nothing of. */
const IS_ABOUT_TRACES = /\/(diagnosis|mask|signature|trace)\.ts$/;

interface Mutant {
  readonly file: string;
  readonly source: string;
  readonly change: Change;
}

interface Tally {
  readonly all: number;
  readonly equivalent: number;
  readonly survived: number;
}

/** The lists of names that types are made of: a name too few is found by the compiler. */
const DECLARATIONS = 'model.ts';
const names =
  values.files?.split(',') ??
  readdirSync(join(ROOT, 'src/core')).flatMap((file) =>
    file.endsWith('.ts') && file !== DECLARATIONS ? [file.slice(0, -3)] : [],
  );
const mutants: Mutant[] = [];
for (const name of names) {
  const file = `src/core/${name}.ts`;
  const source = await readFile(join(ROOT, file), 'utf8');
  mutants.push(...changesOf(source).map((change) => ({ file, source, change })));
}
const queue = mutants.filter((_, index) => index % Number(values.every) === 0);
const total = queue.length;
const tallies = new Map<string, Tally>();
const met = new Set<string>();
let done = 0;
await Promise.all(Array.from({ length: availableParallelism() }, () => work()));

console.log('| file | changes | noticed | nobody could notice | survivors |\n|---|---:|---:|---:|---:|');
for (const [file, { all, equivalent, survived }] of [...tallies].sort()) {
  console.log(`| ${file} | ${all} | ${all - equivalent - survived} | ${equivalent} | ${survived} |`);
}
const isWhole = values.files === undefined && values.every === '1';
const stale = isWhole
  ? EQUIVALENT.filter(({ file, text, change }) => !met.has(keyOf(file, text, change)))
  : [];
for (const { file, text, change } of stale) {
  console.log(`equivalent.ts names what is noticed, or is there no more: ${file}: ${change} in ${text}`);
}
const survived = [...tallies.values()].reduce((sum, tally) => sum + tally.survived, 0);
process.exitCode = survived === 0 && stale.length === 0 ? 0 : 1;

async function work(): Promise<void> {
  const copy = await mkdtemp(join(tmpdir(), 'connect-medic-core-'));
  try {
    for (const folder of ['src', 'rules', 'test/core', 'test/simulation', 'test/fixtures']) {
      await cp(join(ROOT, folder), join(copy, folder), { recursive: true });
    }
    await cp(join(ROOT, 'package.json'), join(copy, 'package.json'));
    await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      await judge(mutant, copy);
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function judge({ file, source, change }: Mutant, copy: string): Promise<void> {
  const { start, end, before, after, text, line } = change;
  await writeFile(join(copy, file), source.slice(0, start) + after + source.slice(end));
  const noticed = await isNoticed(file, copy);
  await writeFile(join(copy, file), source);
  const said = `${before.replace(/\s+/g, ' ')}  ->  ${after || 'nothing'}`;
  const key = keyOf(file, text, said);
  const isEquivalent = EQUIVALENT.some((known) => keyOf(known.file, known.text, known.change) === key);
  const tally = tallies.get(file) ?? { all: 0, equivalent: 0, survived: 0 };
  tallies.set(file, {
    all: tally.all + 1,
    equivalent: tally.equivalent + (!noticed && isEquivalent ? 1 : 0),
    survived: tally.survived + (!noticed && !isEquivalent ? 1 : 0),
  });
  done += 1;
  if (!noticed && isEquivalent) met.add(key);
  if (!noticed && !isEquivalent) console.log(`${file}:${line}  ${said}   in: ${text}`);
  if (done % 100 === 0) console.error(`${done} of ${total}`);
}

function keyOf(file: string, text: string, change: string): string {
  return [file, text, change].join('\n');
}

/** Each next run is made only for what the ones before it did not notice. */
async function isNoticed(file: string, copy: string): Promise<boolean> {
  const tests = ['--test', '--test-isolation=none', '--test-reporter=tap', ...coreTests(file)];
  const worlds = ['test/simulation/main.ts', '--json', '--runs', values.worlds];
  if (!(await passes(copy, tests))) return true;
  return values.worlds !== '0' && !IS_ABOUT_TRACES.test(file) && !(await passes(copy, worlds));
}

/** The tests of the core that are about this file: what reads traces has its own, which take longest. */
function coreTests(file: string): string[] {
  const tests = readdirSync(join(ROOT, 'test/core')).filter((test) => test.endsWith('.test.ts'));
  const wanted = tests.filter((test) => test.startsWith('diagnosis') === IS_ABOUT_TRACES.test(file));
  return wanted.map((test) => join('test/core', test));
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
