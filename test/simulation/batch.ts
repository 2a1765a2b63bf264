import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

export interface Batch {
  readonly from: number;
  readonly runs: number;
  /** Go on after a broken seed. */
  readonly keep: boolean;
}

export interface BatchResult {
  /** Runs that came to their end, the broken one included. */
  readonly runs: number;
  readonly broken: readonly { readonly seed: number; readonly message: string; readonly promise: string }[];
  readonly events: number;
  readonly attempts: number;
  readonly simulatedMs: number;
}

/** Runs seeds in child processes, one for each core, and adds up what they say. `root`: where src and test are. */
export async function runBatch(
  batch: Batch,
  root: string = join(import.meta.dirname, '../..'),
): Promise<BatchResult> {
  const processes = Math.max(1, Math.min(availableParallelism(), batch.runs));
  const each = Math.ceil(batch.runs / processes);
  const results = await Promise.all(
    Array.from({ length: processes }, (_, index) => {
      const from = batch.from + index * each;
      const runs = Math.min(each, batch.from + batch.runs - from);
      return runs <= 0 ? [] : child(root, from, runs, batch.keep);
    }),
  );
  const all = results.flat();
  return {
    runs: all.reduce((sum, { runs }) => sum + runs, 0),
    broken: all.flatMap(({ broken }) => broken),
    events: all.reduce((sum, { events }) => sum + events, 0),
    attempts: all.reduce((sum, { attempts }) => sum + attempts, 0),
    simulatedMs: all.reduce((sum, { simulatedMs }) => sum + simulatedMs, 0),
  };
}

function child(root: string, from: number, runs: number, keep: boolean): Promise<BatchResult> {
  const args = [join(root, 'test/simulation/main.ts'), '--json', '--from', `${from}`, '--runs', `${runs}`];
  const started = spawn(process.execPath, keep ? [...args, '--keep'] : args, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    let text = '';
    started.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    started.on('error', reject);
    started.on('close', (code) => {
      try {
        resolve(JSON.parse(text) as BatchResult);
      } catch {
        reject(new Error(`a simulating process ended with ${code}: ${text.slice(0, 500)}`));
      }
    });
  });
}
