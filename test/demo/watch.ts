/** Watches each part of the stack through its own API, and tells what changes. */
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectorStatus } from '../stack/connect.ts';
import { parseLog, type Service } from '../stack/service.ts';
import type { Stack } from '../stack/stack.ts';
import type { Timeline } from './timeline.ts';
import { causeOf, inWords, type Told } from './words.ts';

const EVERY_MS = 300;

/** What the story waits for. */
export interface Listeners {
  /** connect-medic decided something. */
  readonly onDecision: (told: Told) => void;
  /** Alertmanager has an alert for this receiver. */
  readonly onAlert: (connector: string, receiver: string) => void;
}

/**
 * Runs all watchers until `signal` aborts, one after the other and in the order of cause and effect, so that what happens
 * within one round is told in that order. Rejects when connect-medic has ended.
 */
export async function watch(
  stack: Stack,
  service: Service,
  timeline: Timeline,
  listeners: Listeners,
  signal: AbortSignal,
): Promise<void> {
  const steps = [
    watchPrometheus(stack, timeline),
    watchAlertmanager(stack, timeline, listeners.onAlert),
    watchMedic(service, timeline, listeners.onDecision),
    watchConnect(stack, timeline),
  ];
  while (!signal.aborted) {
    for (const step of steps) await step();
    await sleep(EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

/** Each connector's state whenever it changes. */
function watchConnect(stack: Stack, timeline: Timeline): () => Promise<void> {
  const before = new Map<string, string>();
  return async () => {
    const response = await stack.connect.request('GET', '/connectors?expand=status').catch(() => undefined);
    if (!response?.ok) return;
    const all = (await response.json()) as Record<string, { status: ConnectorStatus }>;
    for (const [name, { status }] of Object.entries(all)) {
      const parts = [
        { what: 'connector', ...status.connector },
        ...status.tasks.map((task) => ({ what: `task ${task.id}`, ...task })),
      ];
      const failed = parts.find((part) => part.state === 'FAILED');
      const runs = status.tasks.length > 0 && parts.every((part) => part.state === 'RUNNING');
      // What is neither failed nor running is on its way: not worth a line.
      if (failed === undefined && !runs) continue;
      const now = failed === undefined ? 'RUNNING' : `${failed.what} FAILED`;
      if (before.get(name) === now) continue;
      before.set(name, now);
      if (failed === undefined) timeline.say('connect', `${name}: RUNNING`, 'good');
      else timeline.say('connect', `${name}: ${failed.what} FAILED: ${causeOf(failed.trace)}`, 'bad');
    }
  };
}

/** Alerts that fire, one line per connector and name: the same failure may fire once with its task and once without. */
function watchPrometheus(stack: Stack, timeline: Timeline): () => Promise<void> {
  interface Answer {
    data: { alerts: { state: string; labels: Record<string, string> }[] };
  }
  const url = `${stack.prometheusUrl}/api/v1/alerts`;
  return watchPairs(
    async () => {
      const answer = (await get(url)) as Answer | undefined;
      return answer?.data.alerts.flatMap(({ state, labels }) =>
        state === 'firing' ? [[labels['connector'], labels['alertname']]] : [],
      );
    },
    (connector, name) => timeline.say('prometheus', `${connector}: ${name} fires`, 'bad'),
    (connector, name) => timeline.say('prometheus', `${connector}: ${name} fires no more`),
  );
}

/** Alerts that were handed on, and to whom. */
function watchAlertmanager(
  stack: Stack,
  timeline: Timeline,
  onAlert: Listeners['onAlert'],
): () => Promise<void> {
  type Answer = { labels: Record<string, string>; receivers: { name: string }[] }[];
  const url = `${stack.alertmanagerUrl}/api/v2/alerts?active=true`;
  return watchPairs(
    async () => {
      const answer = (await get(url)) as Answer | undefined;
      return answer?.flatMap(({ labels, receivers }) =>
        receivers.map(({ name }) => [labels['connector'], `${labels['alertname']} goes to ${name}`, name]),
      );
    },
    (connector, what, receiver) => {
      timeline.say('alertmanager', `${connector}: ${what}`);
      onAlert(connector, receiver);
    },
    () => {},
  );
}

/** Tells which tuples of a list are new and which are gone; those without a connector are left out. */
function watchPairs(
  read: () => Promise<(string | undefined)[][] | undefined>,
  onNew: (...tuple: [string, string, string]) => void,
  onGone: (...tuple: [string, string, string]) => void,
): () => Promise<void> {
  let before = new Set<string>();
  const tell = (keys: Set<string>, to: typeof onNew): void => {
    for (const key of keys) {
      const [connector = '', what = '', more = ''] = JSON.parse(key) as string[];
      to(connector, what, more);
    }
  };
  return async () => {
    const tuples = await read();
    if (tuples === undefined) return;
    const now = new Set(
      tuples.filter(([connector]) => connector !== undefined).map((one) => JSON.stringify(one)),
    );
    tell(now.difference(before), onNew);
    tell(before.difference(now), onGone);
    before = now;
  };
}

/** undefined when there is no answer now: the next round asks again. */
async function get(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  return response?.ok ? await response.json() : undefined;
}

/** connect-medic's decisions, from its log. */
function watchMedic(
  service: Service,
  timeline: Timeline,
  onDecision: Listeners['onDecision'],
): () => Promise<void> {
  let position = 0;
  let rest = '';
  return async () => {
    if (!service.process.running) throw new Error(`connect-medic ended:\n${service.tail(10)}`);
    const log = await open(service.logFile);
    try {
      const { size } = await log.stat();
      if (size === position) return;
      const { buffer } = await log.read(Buffer.alloc(size - position), 0, size - position, position);
      position = size;
      const text = rest + buffer.toString('utf8');
      const end = text.lastIndexOf('\n') + 1;
      rest = text.slice(end);
      for (const line of parseLog(text.slice(0, end))) {
        const told = inWords(line);
        if (told === null) continue;
        timeline.say('connect-medic', told.text, told.mood);
        onDecision(told);
      }
    } finally {
      await log.close();
    }
  };
}
