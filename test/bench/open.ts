/** Ten thousand open remediations at rest: what they cost in memory and in time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bodiesOf } from './alerts.ts';
import { Bench, pidOf, type Store } from './given.ts';
import { cpuMs, mebibytes, median, percentile, quiet, rss, short } from './measure.ts';
import { probe } from './probe.ts';
import type { Benchmark, Row, Scale } from './report.ts';
import { turnMs } from './tick.ts';

const ALERTS_PER_WEBHOOK = 100;
const QUIET_WITHIN_MS = 240_000;

interface Sizes {
  readonly remediations: number;
  readonly idleMs: number;
  readonly pages: number;
  readonly stores: readonly Store[];
}

const sizes: Readonly<Record<Scale, Sizes>> = {
  full: { remediations: 10_000, idleMs: 60_000, pages: 10, stores: ['SQLite', 'Redis, everysec'] },
  smoke: { remediations: 200, idleMs: 500, pages: 1, stores: ['Redis, everysec'] },
};

interface Outcome {
  readonly opened: number;
  readonly openedInSeconds: number;
  readonly emptyRssBytes: number;
  readonly rssBytes: number;
  readonly idleShare: number;
  readonly tickMs: readonly number[];
  readonly redisBytes: number | null;
  readonly pageMs: readonly number[];
  readonly pageStallMs: readonly number[];
  readonly listMs: readonly number[];
  readonly listStallMs: readonly number[];
}

export const open: Benchmark = {
  name: 'open',
  run: async (scale, log) => {
    const rows: Row[] = [];
    const lines: string[][] = [];
    const counts: Record<string, number> = {};
    const { remediations, idleMs } = sizes[scale];
    for (const store of sizes[scale].stores) {
      log(`open: ${remediations} remediations in ${store}`);
      const at = await rest(store, sizes[scale]);
      counts[store] = at.opened;
      const figure = (what: string, text: string): void => {
        rows.push({ what: `${store}: ${what}`, goal: '', figure: text, ratio: '', met: null });
      };
      figure('RSS', `${mebibytes(at.rssBytes)} (${mebibytes(at.emptyRssBytes)} without any)`);
      figure('idle CPU', `${short(100 * at.idleShare)} % of a core`);
      figure('a turn that finds nothing due', `p50 ${short(median(at.tickMs))} ms`);
      if (at.redisBytes !== null) {
        const each = short(at.redisBytes / remediations / 1024);
        figure('memory of Redis', `${mebibytes(at.redisBytes)} (${each} KiB each)`);
      }
      for (const [what, took, stall] of [
        ['/metrics', at.pageMs, at.pageStallMs],
        ['/api/v1/remediations', at.listMs, at.listStallMs],
      ] as const) {
        lines.push([
          `${store}: ${what}`,
          short(median(took)),
          short(Math.max(...took)),
          short(percentile(stall, 0.99)),
          short(Math.max(...stall)),
        ]);
      }
      lines.push([`${store}: opening all, s`, short(at.openedInSeconds)]);
    }
    return {
      title: `${remediations} open remediations`,
      method:
        `Each waits for an attempt in an hour; Connect reports each FAILED, with its trace. Idle is ${idleMs / 1_000} s ` +
        'with nobody asking. The stall is the longest that `/livez` waited while a page was made.',
      rows,
      raw: { head: ['', 'p50 ms', 'most ms', 'stall p99 ms', 'stall most ms'], lines },
      counts,
    };
  },
};

function rest(store: Store, { remediations, idleMs, pages }: Sizes): Promise<Outcome> {
  return Bench.with(async (bench) => {
    const connect = await bench.connect({ connectors: remediations, failed: remediations });
    const redis = await bench.redis(store);
    const ledger = redis === null ? undefined : { url: redis.url };
    const service = await bench.service(connect, {
      ...(ledger === undefined ? {} : { ledger }),
      policy: { delays: ['1h'], jitter: '0%' },
    });
    const pid = pidOf(service);
    const memoryOf = async (): Promise<number> => Number(await redis?.info('used_memory'));
    const redisBefore = await memoryOf();
    await quiet(pid);
    const emptyRssBytes = await rss(pid);
    const load = bench.load(service.url);
    const beganMs = performance.now();
    const { accepted } = await load.once(bodiesOf(remediations, ALERTS_PER_WEBHOOK));
    await quiet(pid, QUIET_WITHIN_MS);
    const openedInSeconds = (performance.now() - beganMs) / 1_000;
    const cpuBefore = await cpuMs(pid);
    await sleep(idleMs);
    const idleShare = ((await cpuMs(pid)) - cpuBefore) / idleMs;
    const rssBytes = await rss(pid);
    const redisBytes = redis === null ? null : (await memoryOf()) - redisBefore;
    const [pageMs, pageStallMs] = await ask(service.url, '/metrics', pages);
    const [listMs, listStallMs] = await ask(service.url, '/api/v1/remediations', pages);
    const opened = (await service.samples('connect_medic_remediations')).find(
      ({ labels }) => labels['state'] === 'waiting',
    );
    await service.process.stop();
    return {
      opened: accepted === remediations / ALERTS_PER_WEBHOOK ? (opened?.value ?? 0) : 0,
      openedInSeconds,
      emptyRssBytes,
      rssBytes,
      idleShare,
      tickMs: await turnMs(
        redis === null
          ? { kind: 'sqlite', path: `${bench.directory}/connect-medic.db` }
          : { kind: 'redis', url: { reveal: () => redis.url }, keyPrefix: 'connect-medic', replicas: 0 },
      ),
      redisBytes,
      pageMs,
      pageStallMs,
      listMs,
      listStallMs,
    };
  });
}

/** How long a page takes, and how long others wait meanwhile. */
async function ask(url: string, path: string, times: number): Promise<[number[], number[]]> {
  const tookMs: number[] = [];
  const ended = new AbortController();
  const stalls = probe({ url, path: '/livez' }, ended.signal);
  for (let time = 0; time < times; time += 1) {
    const beganMs = performance.now();
    await (await fetch(url + path)).arrayBuffer();
    tookMs.push(performance.now() - beganMs);
  }
  ended.abort();
  return [tookMs, await stalls];
}
