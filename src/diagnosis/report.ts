import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatProblems } from '../config/problems.ts';
import { type Judged, judgeAll, parseLabelled } from './confusion.ts';
import { loadPack } from './load.ts';
import { renderReport } from './render.ts';

/**
 * `npm run diagnosis -- [FILE.jsonl] [--rules OWN.yml]`: judges labelled traces with the pack and prints the confusion matrix,
 * as a whole and per family, and every trace that was misjudged. A line is a JSON object with `chain` (the trace) and
 * `label` (the verdict it should get), and optionally `id`, `family`, `connector_class` and `why`. Without a file: the
 * project's own examples. Exit status 1 when the file or a rule cannot be read, else 0.
 */
const EXAMPLES = fileURLToPath(new URL('../../test/fixtures/traces.jsonl', import.meta.url));

function main(args: readonly string[]): number {
  const files = [...args];
  const option = files.indexOf('--rules');
  const [, ownFile] = option < 0 ? [] : files.splice(option, 2);
  const file = files[0] ?? EXAMPLES;
  const loaded = loadPack(ownFile ?? null);
  if (!loaded.ok) {
    console.error(formatProblems(loaded.problems, loaded.source));
    return 1;
  }
  let judged: readonly Judged[];
  const begun = performance.now();
  try {
    judged = judgeAll(parseLabelled(readFileSync(file, 'utf8')), loaded.pack);
  } catch (error) {
    console.error(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
  const microseconds = ((performance.now() - begun) * 1_000) / Math.max(1, judged.length);
  console.log(
    `${file}: ${judged.length} traces, ${loaded.rules.length} rules, ${microseconds.toFixed(0)} µs a trace`,
  );
  console.log(renderReport(judged));
  return 0;
}

process.exitCode = main(process.argv.slice(2));
