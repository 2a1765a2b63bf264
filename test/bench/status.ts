/** The status of thousands of connectors is tens of megabytes: who answers webhooks meanwhile? */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectorName, webhookBody } from './alerts.ts';
import { Bench, pidOf } from './given.ts';
import { cpuMs, mebibytes, median, percentile, rss, short } from './measure.ts';
import { probe } from './probe.ts';
import type { Benchmark, Row, Scale } from './report.ts';

const GOAL_MS = 50;

interface Sizes {
  readonly connectors: number;
  readonly tasks: number;
  /** Connectors all of whose tasks have failed, with a trace of 3 kB each. */
  readonly failed: number;
  readonly seconds: number;
}

const sizes: Readonly<Record<Scale, Sizes>> = {
  full: { connectors: 5_000, tasks: 10, failed: 1_000, seconds: 30 },
  smoke: { connectors: 50, tasks: 2, failed: 10, seconds: 2 },
};

export const status: Benchmark = {
  name: 'status',
  run: async (scale, log) => {
    const { connectors, tasks, failed, seconds } = sizes[scale];
    log(`status: ${connectors} connectors × ${tasks} tasks`);
    const { latencies, reads, bytes, rssBytes, cpuSeconds } = await read(sizes[scale]);
    const { webhook, livez, control } = latencies;
    const worst = Math.max(...webhook);
    const rows: Row[] = [
      {
        what: `longest wait of a webhook in ${reads} reads of ${mebibytes(bytes)}`,
        goal: `≤ ${GOAL_MS} ms`,
        figure: `${short(worst)} ms`,
        ratio: `${short(worst / Math.max(...control))} of a process at rest`,
        met: worst <= GOAL_MS,
      },
    ];
    const lines = Object.entries({
      'webhook, while it is read': webhook,
      '/livez, while it is read': livez,
      '/livez of another process, at rest': control,
    }).map(([what, values]) => [
      what,
      String(values.length),
      short(median(values)),
      short(percentile(values, 0.99)),
      short(Math.max(...values)),
      String(values.filter((value) => value > GOAL_MS).length),
    ]);
    lines.push(['RSS, CPU seconds a read', mebibytes(rssBytes), short(cpuSeconds / reads)]);
    return {
      title: 'Status of a large cluster',
      method:
        `${connectors} connectors × ${tasks} tasks, ${failed} of the connectors with all tasks failed, read again and ` +
        `again for ${seconds} s (\`statusEvery: 1s\`). Webhooks and \`/livez\` are asked two milliseconds after each ` +
        'answer; another process that has nothing to do is asked as well, to know what the machine adds.',
      rows,
      raw: { head: ['', 'asked', 'p50 ms', 'p99 ms', 'most ms', `over ${GOAL_MS} ms`], lines },
      counts: { reads, webhooks: webhook.length },
    };
  },
};

interface Outcome {
  readonly latencies: Readonly<Record<'webhook' | 'livez' | 'control', readonly number[]>>;
  readonly reads: number;
  readonly bytes: number;
  readonly rssBytes: number;
  readonly cpuSeconds: number;
}

function read({ connectors, tasks, failed, seconds }: Sizes): Promise<Outcome> {
  return Bench.with(async (bench) => {
    const connect = await bench.connect({ connectors, tasks, failed });
    const bytes = Number(
      (await fetch(`${connect.url}/connectors?expand=status`)).headers.get('content-length'),
    );
    const service = await bench.service(connect, { statusEvery: '1s' });
    const control = await bench.baseline('control', 'sqlite', `${bench.directory}/alert.db`);
    const pid = pidOf(service);
    // The first reads, with code that is not warm yet.
    await sleep(Math.min(5_000, seconds * 250));
    await connect.reset();
    const cpuBefore = await cpuMs(pid);
    const ended = AbortSignal.timeout(seconds * 1_000);
    // About a connector of which nothing is open: it goes all the way, and leaves the remediator alone.
    const body = webhookBody([{ connector: connectorName(connectors), task: 0 }]).replaceAll(
      '"status":"firing"',
      '"status":"resolved"',
    );
    const [webhook, livez, ofControl] = await Promise.all([
      probe({ url: service.url, path: '/webhook', body }, ended),
      probe({ url: service.url, path: '/livez' }, ended),
      probe({ url: control.url, path: '/livez' }, ended),
    ]);
    return {
      latencies: { webhook, livez, control: ofControl },
      reads: (await connect.counts()).bulkReads,
      bytes,
      rssBytes: await rss(pid),
      cpuSeconds: ((await cpuMs(pid)) - cpuBefore) / 1_000,
    };
  });
}
