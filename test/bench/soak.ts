/** An hour of storms and quiet in compressed time: does anything grow? */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectorName, webhookBody } from './alerts.ts';
import type { ScriptedConnect } from './connect.ts';
import { Bench, pidOf } from './given.ts';
import type { Load } from './load.ts';
import { mebibytes, median, openFiles, rss, short } from './measure.ts';
import type { Benchmark, Row, Scale } from './report.ts';

/** The last third may have so much more than the first: what a collector leaves lying differs by as much. */
const RSS_SHARE = 1.05;
const HANDLES_MORE = 2;
/** Of the storms; caches fill, code is compiled. */
const WARM_UP_SHARE = 0.25;

interface Sizes {
  /** One a minute of the hour: more often Alertmanager would not tell of one group (`group_interval`). */
  readonly storms: number;
  readonly connectorsPerStorm: number;
  readonly tasks: number;
  readonly stormMs: number;
  readonly quietMs: number;
}

const sizes: Readonly<Record<Scale, Sizes>> = {
  full: { storms: 60, connectorsPerStorm: 100, tasks: 4, stormMs: 1_200, quietMs: 1_200 },
  smoke: { storms: 4, connectorsPerStorm: 10, tasks: 1, stormMs: 300, quietMs: 300 },
};

/** Names go round: some storms hit connectors that were hit before, and records come to their end in between. */
const GENERATIONS = 5;

/** Everything that takes hours by default takes a second or two. */
const POLICY = {
  delays: ['0s', '500ms', '1s'],
  thenEvery: '2s',
  settle: '200ms',
  stableFor: '1s',
  stuckAfter: '2s',
  budget: { restarts: 50, per: '10s' },
  jitter: '10%',
};

interface Sample {
  readonly rssBytes: number;
  readonly files: number;
  readonly handles: number;
  readonly heapBytes: number;
}

export const soak: Benchmark = {
  name: 'soak',
  run: async (scale, log) => {
    const size = sizes[scale];
    const { samples, alerts, restarts, warnings, seconds } = await live(size, log);
    const settled = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
    const third = Math.max(1, Math.floor(settled.length / 3));
    const first = settled.slice(0, third);
    const last = settled.slice(-third);
    const rows: Row[] = [];
    const hold = (
      what: string,
      of: (sample: Sample) => number,
      show: (value: number) => string,
      share: boolean,
    ) => {
      const before = median(first.map(of));
      const after = median(last.map(of));
      rows.push({
        what,
        goal: share ? `≤ ${RSS_SHARE}` : `≤ ${HANDLES_MORE} more`,
        figure: `${show(before)} to ${show(after)}`,
        ratio: short(after / before),
        met: share ? after / before <= RSS_SHARE : after - before <= HANDLES_MORE,
      });
    };
    hold('RSS', ({ rssBytes }) => rssBytes, mebibytes, true);
    hold('heap in use', ({ heapBytes }) => heapBytes, mebibytes, true);
    hold('open files', ({ files }) => files, String, false);
    hold('active handles', ({ handles }) => handles, String, false);
    rows.push({
      what: 'warnings of the runtime (listeners, promises)',
      goal: '0',
      figure: String(warnings),
      ratio: '',
      met: warnings === 0,
    });
    const tenth = Math.max(1, Math.ceil(samples.length / 12));
    return {
      title: 'Soak',
      method:
        `${size.storms} storms in ${short(seconds)} s, as many as an hour has group intervals: ${size.connectorsPerStorm} ` +
        `connectors × ${size.tasks} tasks fail and are told of three times, restarts fail in each third storm, a scrape and ` +
        'a list a second, silence in between; delays of hours are seconds. Least of each quiet time; the medians of the ' +
        `last third are held against the first third after a quarter of warm-up. ${alerts} alerts, ${restarts} restarts.`,
      rows,
      raw: {
        head: ['after storm', 'RSS', 'heap in use', 'open files', 'handles'],
        lines: samples.flatMap(({ rssBytes, heapBytes, files, handles }, index) =>
          (index + 1) % tenth === 0
            ? [[String(index + 1), mebibytes(rssBytes), mebibytes(heapBytes), String(files), String(handles)]]
            : [],
        ),
      },
      counts: { storms: samples.length, alerts, restarts, warnings },
    };
  },
};

interface Life {
  readonly samples: readonly Sample[];
  readonly alerts: number;
  readonly restarts: number;
  readonly warnings: number;
  readonly seconds: number;
}

function live(size: Sizes, log: (text: string) => void): Promise<Life> {
  return Bench.with(async (bench) => {
    const { storms, connectorsPerStorm, quietMs } = size;
    const connect = await bench.connect({ connectors: GENERATIONS * connectorsPerStorm, tasks: size.tasks });
    const service = await bench.service(connect, {
      statusEvery: '1s',
      policy: POLICY,
      storm: { threshold: 5, proof: '500ms', everyAtMost: '1s' },
      limits: { events: 5_000 },
    });
    const pid = pidOf(service);
    const load = bench.load(service.url);
    const beganMs = performance.now();
    const samples: Sample[] = [];
    let alerts = 0;
    for (let storm = 0; storm < storms; storm += 1) {
      if (storm % 10 === 0) log(`soak: storm ${storm + 1} of ${storms}`);
      const from = (storm % GENERATIONS) * connectorsPerStorm;
      alerts += await rage(connect, load, service.url, from, storm % 3 === 2, size);
      const seen: Sample[] = [];
      const untilMs = performance.now() + quietMs;
      while (seen.length === 0 || performance.now() < untilMs) {
        await sleep(quietMs / 6);
        const heap = await service.samples('nodejs_heap_size_used_bytes');
        const handles = await service.samples('nodejs_active_resources_total');
        seen.push({
          rssBytes: await rss(pid),
          files: await openFiles(pid),
          handles: handles[0]?.value ?? 0,
          heapBytes: heap[0]?.value ?? 0,
        });
      }
      const least = (of: (sample: Sample) => number): number => Math.min(...seen.map(of));
      samples.push({
        rssBytes: least((sample) => sample.rssBytes),
        files: least((sample) => sample.files),
        handles: least((sample) => sample.handles),
        heapBytes: least((sample) => sample.heapBytes),
      });
    }
    const seconds = (performance.now() - beganMs) / 1_000;
    const { restarts } = await connect.counts();
    // The runtime warns in plain text; the service's own lines are JSON.
    const lines = (await readFile(service.logFile, 'utf8')).split('\n');
    const warnings = lines.filter((line) => line !== '' && !line.startsWith('{')).length;
    return { samples, alerts, restarts, warnings, seconds };
  });
}

/** One storm; resolves with the number of alerts that were sent. */
async function rage(
  connect: ScriptedConnect,
  load: Load,
  url: string,
  from: number,
  restartsFail: boolean,
  { connectorsPerStorm, tasks, stormMs }: Sizes,
): Promise<number> {
  const bodies = Array.from({ length: connectorsPerStorm }, (_, index) =>
    webhookBody(
      Array.from({ length: tasks }, (_task, task) => ({ connector: connectorName(from + index), task })),
    ),
  );
  await connect.afterRestart(restartsFail ? 'FAILED' : 'RUNNING');
  await connect.showSome(from, from + connectorsPerStorm, true);
  for (let time = 0; time < 3; time += 1) {
    const { refused } = await load.once(bodies);
    if (refused > 0) throw new Error(`${refused} webhooks were not taken`);
    for (const path of ['/metrics', '/api/v1/remediations']) await (await fetch(url + path)).arrayBuffer();
    await sleep(stormMs / 3);
  }
  // What is still failed is mended by somebody else.
  await connect.showSome(from, from + connectorsPerStorm, false);
  await load.once(bodies.map((body) => body.replaceAll('"status":"firing"', '"status":"resolved"')));
  return 4 * connectorsPerStorm * tasks;
}
