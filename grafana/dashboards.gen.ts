/**
 * Writes the dashboards' JSON. `npm run dashboards`; with `--check` nothing is written, and the exit status is 1 where a
 * file differs from what would be written.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildDashboard } from './dashboard.ts';
import { kafkaConnect } from './kafka-connect.ts';
import { remediation } from './remediation.ts';
import type { DashboardSpec } from './spec.ts';

/** Every dashboard that is shipped. */
export const dashboards: readonly DashboardSpec[] = [remediation, kafkaConnect];

/** The generated files: text by path. */
export function generatedDashboards(): Map<string, string> {
  const folder = join(import.meta.dirname, 'dashboards');
  return new Map(
    dashboards.map((spec) => [
      join(folder, `${spec.file}.json`),
      `${JSON.stringify(buildDashboard(spec), null, 2)}\n`,
    ]),
  );
}

if (import.meta.main) {
  for (const [path, text] of generatedDashboards()) {
    if (process.argv.includes('--check')) {
      if ((await readFile(path, 'utf8').catch(() => '')) === text) continue;
      console.error(`${path} is not what the sources say: npm run dashboards`);
      process.exitCode = 1;
    } else {
      await writeFile(path, text);
      console.log(path);
    }
  }
}
