/** Does ten times the connectors cost more than ten times as much? */
import { setTimeout as sleep } from 'node:timers/promises';
import { bodiesOf } from './alerts.ts';
import { Bench, pidOf } from './given.ts';
import { cpuMs, quiet, short } from './measure.ts';
import type { Benchmark, Row, Scale } from './report.ts';

/** Of a straight line in a double logarithmic plot it is the slope: 1 is linear. Half a tenth is the clock's doing. */
const EXPONENT_GOAL = 1.05;
const WITHIN_MS = 600_000;

const sizes: Readonly<Record<Scale, { readonly connectors: readonly number[]; readonly idleMs: number }>> = {
  full: { connectors: [100, 1_000, 10_000], idleMs: 10_000 },
  smoke: { connectors: [10, 20], idleMs: 200 },
};

interface Point {
  readonly connectors: number;
  /** From the first webhook until all were restarted and nothing is left to do at once. */
  readonly stormCpuMs: number;
  readonly stormSeconds: number;
  readonly statusReads: number;
  /** Of one read of the status of all, with what follows from it. */
  readonly pollCpuMs: number;
  readonly restarts: number;
}

export const growth: Benchmark = {
  name: 'growth',
  run: async (scale, log) => {
    const points: Point[] = [];
    for (const connectors of sizes[scale].connectors) {
      log(`growth: ${connectors} connectors`);
      points.push(await at(connectors, sizes[scale].idleMs));
    }
    const rows: Row[] = [];
    for (const [what, costOf] of [
      ['CPU of a storm', ({ stormCpuMs }: Point) => stormCpuMs],
      ['CPU of a status read', ({ pollCpuMs }: Point) => pollCpuMs],
    ] as const) {
      const [first, last] = [points[0], points.at(-1)];
      if (first === undefined || last === undefined) continue;
      const slope = (from: Point, to: Point): number =>
        Math.log(costOf(to) / costOf(from)) / Math.log(to.connectors / from.connectors);
      const exponent = slope(first, last);
      const steps = points.slice(1).map((point, index) => `n^${short(slope(points[index] ?? first, point))}`);
      rows.push({
        what,
        goal: `≤ n^${EXPONENT_GOAL}`,
        figure: `n^${short(exponent)} (${steps.join(', then ')})`,
        ratio: `${short(costOf(last) / costOf(first))} for ${last.connectors / first.connectors} times as many`,
        met: exponent <= EXPONENT_GOAL,
      });
    }
    return {
      title: 'Growth',
      method:
        'All connectors of a cluster (one task each, with a trace of 3 kB) fail, and each is restarted once; CPU time of ' +
        'the process from the first webhook until it is quiet, with SQLite and storm groups off. Then the CPU time of one ' +
        'status read of the cluster that runs.',
      rows,
      raw: {
        head: [
          'connectors',
          'storm: CPU s',
          'CPU ms each',
          'wall s',
          'status reads',
          'read: CPU ms',
          'µs each',
        ],
        lines: points.map(({ connectors, stormCpuMs, stormSeconds, statusReads, pollCpuMs }) => [
          String(connectors),
          short(stormCpuMs / 1_000),
          short(stormCpuMs / connectors),
          short(stormSeconds),
          String(statusReads),
          short(pollCpuMs),
          short((1_000 * pollCpuMs) / connectors),
        ]),
      },
      counts: Object.fromEntries(points.map(({ connectors, restarts }) => [String(connectors), restarts])),
    };
  },
};

function at(connectors: number, idleMs: number): Promise<Point> {
  return Bench.with(async (bench) => {
    const connect = await bench.connect({ connectors });
    const service = await bench.service(connect, { statusEvery: '1s' });
    const pid = pidOf(service);
    const load = bench.load(service.url);
    await sleep(idleMs);
    await connect.reset();
    const idleCpu = await cpuMs(pid);
    await sleep(idleMs);
    const idle = await connect.counts();
    const pollCpuMs = ((await cpuMs(pid)) - idleCpu) / Math.max(1, idle.bulkReads);
    await connect.showSome(0, connectors, true);
    await connect.reset();
    const before = await cpuMs(pid);
    const beganMs = performance.now();
    await load.once(bodiesOf(connectors, 1));
    await connect.restarted(connectors, WITHIN_MS);
    const stormSeconds = (performance.now() - beganMs) / 1_000;
    const stormCpuMs = (await cpuMs(pid)) - before;
    const { bulkReads, reads, restarts } = await connect.counts();
    await quiet(pid);
    return { connectors, stormCpuMs, stormSeconds, statusReads: bulkReads + reads, pollCpuMs, restarts };
  });
}
