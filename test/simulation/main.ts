import { parseArgs } from 'node:util';
import { type BatchResult, runBatch } from './batch.ts';
import { simulate } from './world.ts';

/**
 * `npm run sim -- --runs N [--from SEED] [--keep]` looks for seeds that break a promise, on all cores; `--seed S` tells the story
 * of one. `--json`: one process, its result in one line.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1000' },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const from = Number(values.from);
const runs = Number(values.runs);

if (values.seed !== undefined) {
  const { violation } = await simulate(Number(values.seed), (line) => console.log(line));
  console.log(violation === null ? 'all promises held' : violation.message);
  process.exitCode = violation === null ? 0 : 1;
} else if (values.json) {
  const result = await inOneProcess();
  console.log(JSON.stringify(result));
  process.exitCode = result.broken.length === 0 ? 0 : 1;
} else {
  const begunAtMs = performance.now();
  const { broken, events, attempts, simulatedMs } = await runBatch({ from, runs, keep: values.keep });
  const seconds = (performance.now() - begunAtMs) / 1_000;
  for (const { seed, message } of broken) console.log(`seed ${seed}: ${message}`);
  console.log(
    `seeds ${from} to ${from + runs - 1}, ${broken.length} broken: ${events} events, ${attempts} restarts, ` +
      `${(simulatedMs / 3_600_000).toFixed(1)} simulated hours in ${seconds.toFixed(1)} s`,
  );
  process.exitCode = broken.length === 0 ? 0 : 1;
}

async function inOneProcess(): Promise<BatchResult> {
  const broken: { seed: number; message: string; promise: string }[] = [];
  let [done, events, attempts, simulatedMs] = [0, 0, 0, 0];
  for (let seed = from; seed < from + runs && (values.keep || broken.length === 0); seed += 1) {
    const result = await simulate(seed);
    done += 1;
    events += result.events;
    attempts += result.attempts;
    simulatedMs += result.simulatedMs;
    const { violation } = result;
    if (violation !== null) broken.push({ seed, message: violation.message, promise: violation.promise });
  }
  return { runs: done, broken, events, attempts, simulatedMs };
}
