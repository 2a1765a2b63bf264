/** Figures about numbers and about processes. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Nearest rank; `share` in 0…1. NaN without values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Three significant digits, without an exponent. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Number(value.toPrecision(3)).toString();
}

export function mebibytes(bytes: number): string {
  return `${short(bytes / 1024 ** 2)} MiB`;
}

/** CPU time that the living threads of a process have used so far, in milliseconds; finer than the clock's ticks. */
export async function cpuMs(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const spentNs = await Promise.all(
    threads.map(async (thread) => {
      try {
        return Number((await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')).split(' ')[0]);
      } catch {
        return 0; // It has just ended.
      }
    }),
  );
  return spentNs.reduce((sum, one) => sum + one, 0) / 1e6;
}

/** Resident memory in bytes. */
export async function rss(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]) * 1024;
}

export async function openFiles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

const QUIET_WINDOW_MS = 250;

/** Waits until a process uses less than a tenth of a core, at most `withinMs`: what it has begun is done then. */
export async function quiet(pid: number, withinMs = 10_000): Promise<void> {
  const untilMs = performance.now() + withinMs;
  let before = await cpuMs(pid);
  while (performance.now() < untilMs) {
    await sleep(QUIET_WINDOW_MS);
    const now = await cpuMs(pid);
    if (now - before <= QUIET_WINDOW_MS / 10) return;
    before = now;
  }
}
