/**
 * `npm run bench`: all benchmarks, as Markdown on standard output. `npm run bench -- --only ingest,storm` runs some,
 * `--profile DIR` writes a CPU profile of each service for them (slower: the figures are not to be compared with others).
 * Progress goes to standard error. Exit status 1 when a benchmark could not be run; a goal that is missed is a figure, no error.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { profiles } from './given.ts';
import { growth } from './growth.ts';
import { ingest } from './ingest.ts';
import { latency } from './latency.ts';
import { open } from './open.ts';
import { asMarkdown, type Benchmark, machine, type Scale } from './report.ts';
import { soak } from './soak.ts';
import { status } from './status.ts';
import { storm } from './storm.ts';

const all: readonly Benchmark[] = [ingest, latency, storm, open, status, growth];
/** Run by name only. */
const further: readonly Benchmark[] = [soak];

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
});
const names = values.only?.split(',') ?? all.map(({ name }) => name);
const scale: Scale = values.smoke ? 'smoke' : 'full';
if (values.profile !== undefined) profiles.directory = resolve(values.profile);
const log = (text: string): void => console.error(text);

for (const name of names) {
  const benchmark = [...all, ...further].find((one) => one.name === name);
  if (benchmark === undefined) {
    const known = [...all, ...further].map((one) => one.name).join(', ');
    console.error(`there is no benchmark ${name}; there are ${known}`);
    process.exit(2);
  }
  const before = machine();
  const section = await benchmark.run(scale, log);
  console.log(`${asMarkdown(section, `npm run bench -- --only ${name}`)}\n\n${before}\n`);
}
// A worker thread or a socket that ends late holds nobody up.
process.exit();
