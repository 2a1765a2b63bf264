import { between, logBetween, pick, poisson, type Random, seeded } from './random.ts';
import { connectorClassOf, traceOf } from './traces.ts';

/** What goes wrong in the lab's world. The same list meets every policy. */

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The rows of the table. */
export const failureClasses = [
  'blip',
  'short outage',
  'long outage',
  'shared outage',
  'permanent',
  'slow flapping',
  'fast flapping',
  'rebalance',
  'lost tasks',
] as const;
export type FailureClass = (typeof failureClasses)[number];

/** How long a cause lasts, and so what a restart does. Times in epoch-like milliseconds from the scenario's start. */
export type Cause =
  /** A restart heals if and only if it is made at `endMs` or later; sooner, the connector fails again. */
  | { readonly kind: 'outage'; readonly endMs: number }
  /** Until a human mends it, `mendMs` after the page. Mending includes the restart. */
  | { readonly kind: 'permanent'; readonly mendMs: number }
  /**
   * Every restart works, for a while around `runMs`; then it fails again. Over at `endMs` by itself, or `mendMs` after a human
   * was paged.
   */
  | { readonly kind: 'flapping'; readonly endMs: number; readonly mendMs: number; readonly runMs: number }
  /** UNASSIGNED until `endMs`, then running by itself. Meanwhile Connect answers 409 to every restart. */
  | { readonly kind: 'rebalance'; readonly endMs: number };

export interface Incident {
  readonly id: number;
  readonly class: FailureClass;
  readonly startMs: number;
  readonly cause: Cause;
  /** Who is hit, and when each first shows it. */
  readonly victims: readonly { readonly connector: number; readonly atMs: number }[];
  /** What Connect shows of it. */
  readonly trace: string;
}

export interface Scenario {
  readonly seed: number;
  readonly connectors: number;
  readonly endMs: number;
  readonly incidents: readonly Incident[];
}

export interface Mix {
  readonly seed: number;
  readonly days: number;
  readonly connectors: number;
}

/**
 * What the mixed month is made of, in words; printed with every table. The rates are guesses of an operator's experience and were
 * set before any table was seen.
 */
export const assumptions: readonly string[] = [
  'One Connect cluster. Rates for each connector and month: 1 blip, 0.5 short outages, 0.1 long outages, 0.1 permanent causes, 0.03 slow and 0.03 fast flappings. For the cluster and month: 8 shared outages, 12 rebalances.',
  'A blip is over when it is seen. A short outage lasts 1 to 5 min, a long one 1 to 10 h, each for one connector. A shared outage hits 5 to 200 connectors (evenly in the logarithm, at most all there are) within 2 min and lasts 5 min to 10 h (evenly in the logarithm); two in three are a database with connectors of one class, the others a broker with connectors of every class.',
  'A permanent cause lasts until a human has mended it, 0.5 to 4 h after the page. A slow flapping runs 5 to 40 min after each restart, a fast one 10 s to 2 min; it ends by itself after 12 h to 4 days, or 0.5 to 4 h after the page.',
  'A rebalance takes 1 to 5 min, in which a third of the connectors is UNASSIGNED and every restart call is answered with 409; in half of them one to ten of these come back FAILED and need one restart (lost tasks).',
  'A restart heals if and only if its causes are over when it is made; else the connector is FAILED again after 1 to 60 s, and that time counts as down.',
  'One permanent cause in four has a trace that no rule of the diagnosis knows; one outage in fifty has a trace that looks permanent.',
  'Our signal comes 70 to 100 s after FAILED (the alert waits 1 min, then scrape, evaluation and group_wait). Peers that poll see it at their next poll and never lose their state.',
  'A human is paged by our escalation, and by an alert on what was FAILED for 30 min, which all have alike (5 min where there is no automation; `escalations only` has none), a restart in between notwithstanding. With --watch morning what is not escalated is found at nine on working days. The page comes at any hour; 30 min later, and every 30 min from then on, the human restarts everything of that incident whose cause is over, and nothing whose cause is not. Of one incident there is one page; alerts are repeated every 4 h, and name what else there is by then.',
  'A futile restart is one after which the connector is FAILED again within 5 min. Calls answered with 409 are no restarts.',
];

const perMonth = 30 * DAY;

/** Draws a scenario. The same numbers give the same scenario. */
export function mixedMonth({ seed, days, connectors }: Mix): Scenario {
  const random = seeded(seed);
  const endMs = days * DAY;
  const all = Array.from({ length: connectors }, (_, connector) => connector);
  const incidents: Incident[] = [];
  const months = endMs / perMonth;
  const when = (): number => Math.floor(random() * endMs);
  const span = (least: number, most: number): number => Math.round(between(random(), least, most));
  const add = (incident: Omit<Incident, 'id'>): void => {
    incidents.push({ ...incident, id: incidents.length });
  };
  const alone = (kind: FailureClass, rate: number, causeAt: (startMs: number) => Cause): void => {
    for (let left = poisson(random, rate * connectors * months); left > 0; left -= 1) {
      const startMs = when();
      const connector = Math.floor(random() * connectors);
      const cause = causeAt(startMs);
      const trace = incidentTrace(cause, incidents.length, random);
      add({ class: kind, startMs, cause, victims: [{ connector, atMs: startMs }], trace });
    }
  };

  const outage =
    (least: number, most: number) =>
    (startMs: number): Cause => ({ kind: 'outage', endMs: startMs + span(least, most) });
  const flapping =
    (least: number, most: number) =>
    (startMs: number): Cause => ({
      kind: 'flapping',
      endMs: startMs + span(12 * HOUR, 96 * HOUR),
      mendMs: span(0.5 * HOUR, 4 * HOUR),
      runMs: Math.round(logBetween(random(), least, most)),
    });
  alone('blip', 1, outage(0, 0));
  alone('short outage', 0.5, outage(1 * MINUTE, 5 * MINUTE));
  alone('long outage', 0.1, outage(1 * HOUR, 10 * HOUR));
  alone('permanent', 0.1, () => ({ kind: 'permanent', mendMs: span(0.5 * HOUR, 4 * HOUR) }));
  alone('slow flapping', 0.03, flapping(5 * MINUTE, 40 * MINUTE));
  alone('fast flapping', 0.03, flapping(10 * SECOND, 2 * MINUTE));

  for (let left = poisson(random, 8 * months); left > 0; left -= 1) {
    const startMs = when();
    const cause: Cause = {
      kind: 'outage',
      endMs: startMs + Math.round(logBetween(random(), 5 * MINUTE, 10 * HOUR)),
    };
    const isDatabase = random() < 2 / 3;
    const first = all[Math.floor(random() * connectors)] ?? 0;
    const candidates = isDatabase
      ? all.filter((other) => connectorClassOf(other) === connectorClassOf(first))
      : all;
    const count = Math.round(logBetween(random(), 5, 200));
    const victims = pick(random, candidates, count).map((connector) => ({
      connector,
      atMs: startMs + span(0, 2 * MINUTE),
    }));
    const trace = incidentTrace(cause, incidents.length, random);
    add({ class: 'shared outage', startMs, cause, victims, trace });
  }

  for (let left = poisson(random, 12 * months); left > 0; left -= 1) {
    const startMs = when();
    const endOfIt = startMs + span(1 * MINUTE, 5 * MINUTE);
    const moved = pick(random, all, Math.ceil(connectors / 3));
    const victims = moved.map((connector) => ({ connector, atMs: startMs }));
    add({ class: 'rebalance', startMs, cause: { kind: 'rebalance', endMs: endOfIt }, victims, trace: '' });
    if (random() < 0.5) {
      const lost = pick(random, moved, span(1, 10)).map((connector) => ({ connector, atMs: endOfIt }));
      const cause: Cause = { kind: 'outage', endMs: endOfIt };
      const trace = incidentTrace(cause, incidents.length, random);
      add({ class: 'lost tasks', startMs: endOfIt, cause, victims: lost, trace });
    }
  }
  return { seed, connectors, endMs, incidents };
}

function incidentTrace(cause: Cause, id: number, random: Random): string {
  const host = `host-${id}.example`;
  const draw = random();
  if (cause.kind === 'permanent') return traceOf(draw < 0.25 ? 'unclear' : 'permanent', host, random);
  return traceOf(cause.kind === 'outage' && draw < 0.02 ? 'permanent' : 'transient', host, random);
}
