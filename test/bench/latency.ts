/** From the moment a webhook is sent to the moment its restart call has come to Connect. */
import { connectorName, webhookBody } from './alerts.ts';
import { monotonicMs } from './connect.ts';
import { Bench, type Store } from './given.ts';
import { percentile, short } from './measure.ts';
import type { Benchmark, Row, Scale } from './report.ts';

const GOAL_P50_MS = 10;
const GOAL_P99_MS = 50;
const WITHIN_MS = 30_000;

interface Sizes {
  readonly warmUp: number;
  readonly measured: number;
  /** The store, and how long Connect takes to answer. */
  readonly cases: readonly (readonly [Store, number])[];
}

const sizes: Readonly<Record<Scale, Sizes>> = {
  full: {
    warmUp: 50,
    measured: 400,
    cases: [
      ['SQLite', 0],
      ['Redis, everysec', 0],
      ['SQLite', 5],
    ],
  },
  smoke: { warmUp: 1, measured: 3, cases: [['SQLite', 0]] },
};

export const latency: Benchmark = {
  name: 'latency',
  run: async (scale, log) => {
    const rows: Row[] = [];
    const lines: string[][] = [];
    let restarts = 0;
    for (const [store, latencyMs] of sizes[scale].cases) {
      log(`latency: ${store}, Connect at ${latencyMs} ms`);
      const { cold, warm } = await reactions(store, latencyMs, sizes[scale]);
      restarts += cold.length + warm.length;
      const p50 = percentile(warm, 0.5);
      const p99 = percentile(warm, 0.99);
      const isGoal = latencyMs === 0;
      rows.push({
        what: `${store}, Connect at ${latencyMs} ms`,
        goal: isGoal ? `p50 ≤ ${GOAL_P50_MS} ms, p99 ≤ ${GOAL_P99_MS} ms` : '',
        figure: `p50 ${short(p50)} ms, p99 ${short(p99)} ms`,
        ratio: '',
        met: isGoal ? p50 <= GOAL_P50_MS && p99 <= GOAL_P99_MS : null,
      });
      lines.push(
        [`${store}, Connect at ${latencyMs} ms`, cold[0] ?? Number.NaN, Math.min(...warm), p50]
          .concat([percentile(warm, 0.9), p99, Math.max(...warm)])
          .map((value) => (typeof value === 'number' ? short(value) : value)),
      );
    }
    return {
      title: 'Webhook to restart',
      method:
        'One connector fails, its webhook is sent, its restart call arrives; then the next one. In between lie a durable ' +
        'write, the claim, the status of all connectors, the settings of the one, and the durable commit.',
      rows,
      raw: { head: ['', 'first of the process, ms', 'least', 'p50', 'p90', 'p99', 'most'], lines },
      counts: { restarts },
    };
  },
};

function reactions(
  store: Store,
  latencyMs: number,
  { warmUp, measured }: Sizes,
): Promise<{ cold: number[]; warm: number[] }> {
  return Bench.with(async (bench) => {
    const count = warmUp + measured;
    const connect = await bench.connect({ connectors: count, latencyMs });
    const redis = await bench.redis(store);
    const service = await bench.service(connect, redis === null ? {} : { ledger: { url: redis.url } });
    const load = bench.load(service.url);
    const tookMs: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const connector = connectorName(index);
      await connect.showSome(index, index + 1, true);
      const sentMs = monotonicMs();
      const status = await load.post(webhookBody([{ connector, task: 0 }]));
      if (status !== 202) throw new Error(`the webhook was answered ${status}`);
      await connect.restarted(index + 1, WITHIN_MS);
      tookMs.push((connect.restartedAtMs.get(connector) ?? Number.NaN) - sentMs);
    }
    return { cold: tookMs.slice(0, warmUp), warm: tookMs.slice(warmUp) };
  });
}
