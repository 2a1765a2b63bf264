/** All connectors of a large cluster fail at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectorName, webhookBody } from './alerts.ts';
import { monotonicMs } from './connect.ts';
import { Bench, pidOf, type Store } from './given.ts';
import { cpuMs, mebibytes, rss, short } from './measure.ts';
import type { Benchmark, Row, Scale } from './report.ts';

const READS_GOAL = 100;
const SECONDS_GOAL = 30;
const WITHIN_MS = 120_000;

interface Sizes {
  readonly connectors: number;
  readonly tasks: number;
  /** After the last expected restart: one too many would come by then, with the first looks. */
  readonly furtherMs: number;
  readonly cases: readonly (readonly [Store, number])[];
}

const sizes: Readonly<Record<Scale, Sizes>> = {
  full: {
    connectors: 1_000,
    tasks: 10,
    furtherMs: 4_000,
    cases: [
      ['SQLite', 1],
      ['Redis, everysec', 1],
      ['Redis, everysec', 3],
    ],
  },
  smoke: { connectors: 20, tasks: 2, furtherMs: 500, cases: [['Redis, everysec', 2]] },
};

interface Outcome {
  readonly seconds: number;
  readonly restarts: number;
  /** Until the last restart. */
  readonly statusReads: readonly [ofAll: number, ofOne: number];
  readonly cpuSeconds: number;
  readonly rssBytes: readonly number[];
}

export const storm: Benchmark = {
  name: 'storm',
  run: async (scale, log) => {
    const rows: Row[] = [];
    const lines: string[][] = [];
    const counts: Record<string, number> = {};
    const { connectors, tasks, furtherMs, cases } = sizes[scale];
    for (const [store, replicas] of cases) {
      log(`storm: ${store}, ${replicas} replica(s)`);
      const { seconds, restarts, statusReads, cpuSeconds, rssBytes } = await weather(
        store,
        replicas,
        sizes[scale],
      );
      const [ofAll, ofOne] = statusReads;
      const what = `${store}, ${replicas} replica${replicas === 1 ? '' : 's'}`;
      counts[what] = restarts;
      rows.push({
        what,
        goal: `${connectors} restart calls, ≤ ${READS_GOAL} status reads, ≤ ${SECONDS_GOAL} s`,
        figure: `${restarts} calls, ${ofAll + ofOne} reads (${ofOne} of one connector), ${short(seconds)} s`,
        ratio: '',
        met: restarts === connectors && ofAll + ofOne <= READS_GOAL && seconds <= SECONDS_GOAL,
      });
      lines.push([
        what,
        short(connectors / seconds),
        short((cpuSeconds * 1_000) / connectors),
        rssBytes.map(mebibytes).join(', '),
      ]);
    }
    return {
      title: 'Storm',
      method:
        `${connectors} connectors with ${tasks} failed tasks each (a trace of 3 kB a task), one webhook a connector, ` +
        'Connect answers after 5 ms; `maxUnverified` is raised and storm groups are off. From the first webhook to the ' +
        `last restart call; calls are counted for ${furtherMs / 1_000} s more.`,
      rows,
      raw: { head: ['', 'restarts/s', 'CPU ms a connector', 'RSS after it'], lines },
      counts,
    };
  },
};

function weather(store: Store, replicas: number, { connectors, tasks, furtherMs }: Sizes): Promise<Outcome> {
  return Bench.with(async (bench) => {
    const connect = await bench.connect({ connectors, tasks, latencyMs: 5 });
    const redis = await bench.redis(store);
    const ledger = redis === null ? {} : { ledger: { url: redis.url } };
    const services = await Promise.all(
      Array.from({ length: replicas }, (_, index) =>
        bench.service(connect, { name: `replica-${index + 1}`, ...ledger }),
      ),
    );
    const pids = services.map(pidOf);
    const cpuOfAll = async (): Promise<number> =>
      (await Promise.all(pids.map(cpuMs))).reduce((sum, one) => sum + one, 0);
    const loads = services.map(({ url }) => bench.load(url));
    const bodies = Array.from({ length: connectors }, (_, index) =>
      webhookBody(
        Array.from({ length: tasks }, (_task, task) => ({ connector: connectorName(index), task })),
      ),
    );
    await connect.showSome(0, connectors, true);
    await connect.reset();
    const cpuBefore = await cpuOfAll();
    const beganMs = monotonicMs();
    // As through a load balancer: each replica gets its share.
    const share = Math.ceil(connectors / replicas);
    await Promise.all([
      ...loads.map((load, index) => load.once(bodies.slice(index * share, (index + 1) * share))),
      connect.restarted(connectors, WITHIN_MS),
    ]);
    const { bulkReads, reads } = await connect.counts();
    const cpuSeconds = ((await cpuOfAll()) - cpuBefore) / 1_000;
    await sleep(furtherMs);
    const { restarts } = await connect.counts();
    return {
      seconds: (Math.max(...connect.restartedAtMs.values()) - beganMs) / 1_000,
      restarts,
      statusReads: [bulkReads, reads],
      cpuSeconds,
      rssBytes: await Promise.all(pids.map(rss)),
    };
  });
}
