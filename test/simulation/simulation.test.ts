import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runBatch } from './batch.ts';
import { mutants } from './patches.ts';
import { simulate } from './world.ts';

const RUNS = 2_000;

describe('the simulation', () => {
  it(`${RUNS} worlds of failing parts, and every promise holds in each of them`, async () => {
    const { broken, runs, attempts } = await runBatch({ from: 1, runs: RUNS, keep: true });
    assert.deepEqual(
      broken.map(({ seed, message }) => `npm run sim -- --seed ${seed}: ${message}`),
      [],
    );
    assert.equal(runs, RUNS);
    // A world in which nothing is ever restarted would keep all promises.
    assert.ok(attempts > RUNS, `${attempts} restarts`);
  });

  it('tells the same story for the same seed', async () => {
    const tell = async (): Promise<string[]> => {
      const lines: string[] = [];
      await simulate(7, (line) => lines.push(line));
      return lines;
    };
    const once = await tell();
    assert.ok(once.length > 10);
    assert.deepEqual(await tell(), once);
  });

  it('every planted bug still has its one place in the sources', async () => {
    const root = join(import.meta.dirname, '../..');
    for (const { name, edits } of mutants) {
      for (const { file, find } of edits) {
        const places = (await readFile(join(root, file), 'utf8')).split(find).length - 1;
        assert.equal(places, 1, `${name}: ${file}`);
      }
    }
  });
});
