/** Twenty connectors that share one broken cause, on the real stack. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileSink } from '../stack/connectors.ts';
import { waitFor } from '../stack/process.ts';
import type { Service } from '../stack/service.ts';
import type { Stack } from '../stack/stack.ts';

const SOON_MS = 120_000;
const COUNT = 20;

export function stormsShareTheirRestarts(
  given: () => { readonly stack: Stack; readonly service: Service },
): void {
  test('twenty connectors with one cause share their restarts, and all are healed once it is mended', async (t) => {
    const { stack, service } = given();
    const names = Array.from({ length: COUNT }, (_, index) => `storm-${String(index).padStart(2, '0')}`);
    const directory = join(stack.directory, 'files', 'flood');
    // One file for all: the message names it, and it is what has to be mended.
    const config = fileSink(join(directory, 'all.txt'), 'lines');
    await Promise.all(names.map((name) => stack.connect.put(name, config)));
    const restarts = async (): Promise<number> => {
      const seen = await Promise.all(names.map((name) => stack.restartsSeen(name)));
      return seen.reduce((sum, { requests }) => sum + requests, 0);
    };
    const mine = async () =>
      (await service.remediations()).filter(({ connector }) => names.includes(connector));
    await waitFor(
      'the storm to be one',
      async () => {
        const all = await mine();
        const held = all.filter(({ hold }) => hold?.reason === 'canary').length;
        return all.length === COUNT && held >= COUNT / 2;
      },
      SOON_MS,
    );
    const [before, beginMs] = [await restarts(), Date.now()];
    await waitFor('some probes', async () => (await restarts()) >= before + 3, SOON_MS);
    const during = (await restarts()) - before;
    const seconds = (Date.now() - beginMs) / 1_000;
    t.diagnostic(`${before} restarts until all were known, then ${during} in ${seconds.toFixed(0)} s`);
    assert.ok(during <= 3 + seconds / 2, `${during} restarts in ${seconds} s`);
    assert.ok(
      (await mine()).every(({ escalation }) => escalation === null),
      'nobody is exhausted by it',
    );

    await mkdir(directory);
    await waitFor(
      'all to have recovered',
      async () => (await mine()).every(({ state }) => state === 'recovered'),
      SOON_MS,
    );
    const healing = (await restarts()) - before - during;
    t.diagnostic(`${healing} restarts healed ${COUNT} connectors`);
    assert.ok(healing <= COUNT + 3, `${healing} restarts for ${COUNT} connectors`);
  });
}
