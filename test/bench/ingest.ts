/** How many webhooks a second are taken, beside a bare Fastify that makes one durable write an alert. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bodiesOf } from './alerts.ts';
import { Bench, pidOf, type Store } from './given.ts';
import type { Load, LoadResult } from './load.ts';
import { median, percentile, quiet, short } from './measure.ts';
import type { Benchmark, Row, Scale } from './report.ts';

const GOAL = 0.6;

interface Sizes {
  readonly connectors: number;
  readonly rounds: number;
  readonly roundMs: number;
  readonly alerts: readonly number[];
  readonly stores: readonly Store[];
  /** How long one side may still be at work before the other's turn begins. */
  readonly restMs: number;
}

const sizes: Readonly<Record<Scale, Sizes>> = {
  full: {
    connectors: 1_000,
    rounds: 7,
    roundMs: 1_500,
    alerts: [1, 10, 100],
    stores: ['SQLite', 'Redis, always', 'Redis, everysec'],
    restMs: 10_000,
  },
  smoke: { connectors: 100, rounds: 1, roundMs: 50, alerts: [10], stores: ['Redis, everysec'], restMs: 500 },
};

interface Side {
  readonly name: string;
  readonly load: Load;
  readonly pid: number;
  readonly results: LoadResult[];
}

export const ingest: Benchmark = {
  name: 'ingest',
  run: async (scale, log) => {
    const rows: Row[] = [];
    const lines: string[][] = [];
    let accepted = 0;
    let refused = 0;
    for (const store of sizes[scale].stores) {
      for (const alerts of sizes[scale].alerts) {
        log(`ingest: ${store}, ${alerts} alert(s) a webhook`);
        const sides = await compare(store, alerts, sizes[scale]);
        const [ours, ...baselines] = sides;
        if (ours === undefined) throw new Error('nothing was measured');
        for (const { results } of sides) {
          for (const result of results) {
            accepted += result.accepted;
            refused += result.refused;
          }
        }
        for (const baseline of baselines) {
          const ratios = ours.results.map((result, round) => rate(result) / rate(baseline.results[round]));
          const ratio = median(ratios);
          const isGoal = baseline === baselines[0];
          rows.push({
            what: `${store}, ${alerts} alert${alerts === 1 ? '' : 's'} a webhook, against ${baseline.name}`,
            goal: isGoal ? `≥ ${GOAL}` : '',
            figure: `${short(rateOf(ours))} to ${short(rateOf(baseline))} webhooks/s`,
            ratio: `${short(ratio)} (${short(Math.min(...ratios))}–${short(Math.max(...ratios))})`,
            met: isGoal ? ratio >= GOAL : null,
          });
        }
        for (const side of sides) {
          const latencies = side.results.flatMap(({ latenciesMs }) => latenciesMs);
          lines.push([
            `${store} × ${alerts}: ${side.name}`,
            short(rateOf(side)),
            short(rateOf(side) * alerts),
            short(percentile(latencies, 0.5)),
            short(percentile(latencies, 0.99)),
            side.results.map((result) => short(rate(result))).join(' '),
          ]);
        }
      }
    }
    return {
      title: 'Ingest',
      method:
        'Webhooks a second over ten connections, each alert about another connector, the same bodies to each side, in ' +
        'turns of 1.5 s within one run; the ratio is the median of those of the turns (and their range). The service is ' +
        'the shipped one with its loop at work: each alert leads to a look as well. One baseline makes its writes one ' +
        'after another; for Redis a second one sends those of a webhook together.',
      rows,
      raw: {
        head: ['', 'webhooks/s', 'alerts/s', 'p50 ms', 'p99 ms', 'turns, webhooks/s'],
        lines,
      },
      counts: { accepted, refused },
    };
  },
};

function compare(
  store: Store,
  alerts: number,
  { connectors, rounds, roundMs, restMs }: Sizes,
): Promise<Side[]> {
  return Bench.with(async (bench) => {
    const connect = await bench.connect({ connectors, failed: connectors, afterRestart: 'FAILED' });
    const redis = await bench.redis(store);
    const ledger = redis === null ? {} : { ledger: { url: redis.url } };
    const service = await bench.service(connect, ledger);
    const side = (name: string, of: { url: string } & Parameters<typeof pidOf>[0]): Side => ({
      name,
      load: bench.load(of.url),
      pid: pidOf(of),
      results: [],
    });
    const sides = [side('connect-medic', service)];
    if (redis === null) {
      sides.push(
        side('bare Fastify', await bench.baseline('baseline', 'sqlite', `${bench.directory}/alert.db`)),
      );
    } else {
      sides.push(side('bare Fastify', await bench.baseline('baseline', 'redis', redis.url)));
      if (alerts > 1) {
        const pipelined = await bench.baseline('pipelined', 'redis', redis.url, 'pipelined');
        sides.push(side('bare Fastify, pipelined', pipelined));
      }
    }
    const bodies = bodiesOf(connectors, alerts);
    for (const { load } of sides) {
      // Every connector once, so that from now on all records are there on each side; then until the code is warm.
      await load.once(bodies);
      await load.forMs(bodies, roundMs);
    }
    // What the first alerts led to: a restart of each, and a look after two seconds.
    await sleep(Math.min(3_000, 2 * roundMs));
    for (let round = 0; round < rounds; round += 1) {
      for (const { load, pid, results } of sides) {
        results.push(await load.forMs(bodies, roundMs));
        await quiet(pid, restMs);
      }
    }
    return sides;
  });
}

function rate(result: LoadResult | undefined): number {
  return result === undefined ? Number.NaN : result.accepted / result.seconds;
}

function rateOf({ results }: Side): number {
  return median(results.map(rate));
}
