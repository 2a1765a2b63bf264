import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runBatch } from './batch.ts';
import { type Mutant, mutants } from './patches.ts';

/** `npm run sim:mutants [-- --runs N --only WORD]`: plants each bug into a copy of src, and shows which seed finds it. */
const { values } = parseArgs({
  options: { runs: { type: 'string', default: '2000' }, only: { type: 'string', default: '' } },
});
const root = join(import.meta.dirname, '../..');
const runs = Number(values.runs);

console.log('| bug | should break | broken | seeds until found | seconds |');
console.log('|---|---|---|---:|---:|');
for (const mutant of mutants.filter(({ name }) => name.includes(values.only))) {
  const begunAtMs = performance.now();
  const copy = await planted(mutant);
  try {
    const { broken, runs: needed } = await runBatch({ from: 1, runs, keep: false }, copy);
    const seconds = ((performance.now() - begunAtMs) / 1_000).toFixed(1);
    const [first] = broken;
    if (first === undefined) process.exitCode = 1;
    const found =
      first === undefined
        ? `**not found in ${runs}** | `
        : `${first.promise} (seed ${first.seed}) | ${needed}`;
    console.log(`| ${mutant.name} | ${mutant.promise} | ${found} | ${seconds} |`);
    if (first !== undefined && process.env['VERBOSE']) console.log(first.message);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** A folder with src and test as they are, but for the bug. */
async function planted({ name, edits }: Mutant): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'connect-medic-mutant-'));
  await cp(join(root, 'src'), join(copy, 'src'), { recursive: true });
  await cp(join(root, 'test/simulation'), join(copy, 'test/simulation'), { recursive: true });
  await cp(join(root, 'package.json'), join(copy, 'package.json'));
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const { file, find, replace } of edits) {
    const text = await readFile(join(copy, file), 'utf8');
    const parts = text.split(find);
    if (parts.length !== 2)
      throw new Error(`${name}: ${file} has the place ${parts.length - 1} times, not once`);
    await writeFile(join(copy, file), parts.join(replace));
  }
  return copy;
}
