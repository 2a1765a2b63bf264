import { Queue } from './queue.ts';
import { between, drawOf } from './random.ts';
import {
  DAY,
  type FailureClass,
  failureClasses,
  HOUR,
  type Incident,
  MINUTE,
  type Scenario,
  SECOND,
} from './scenario.ts';

/** What a policy did in one class of failures, and what that was worth. */
export interface Tally {
  /** Of all connectors together: time in which they did not do their work. */
  downMs: number;
  restarts: number;
  /** Restarts after which the connector was FAILED again within five minutes. */
  futile: number;
  /** Incidents for which a human was paged. */
  pages: number;
}
export type Tallies = Readonly<Record<FailureClass, Readonly<Tally>>>;

const nothing = (): Tally => ({ downMs: 0, restarts: 0, futile: 0, pages: 0 });

/** Tallies of incidents, summed by class. */
function byClass(tallies: ReadonlyMap<Incident, Tally>): Tallies {
  const sums = Object.fromEntries(failureClasses.map((name) => [name, nothing()])) as Record<
    FailureClass,
    Tally
  >;
  for (const [incident, tally] of tallies) {
    const sum = sums[incident.class];
    sum.downMs += tally.downMs;
    sum.restarts += tally.restarts;
    sum.futile += tally.futile;
    sum.pages += tally.pages;
  }
  return sums;
}

/** Failed again sooner than this, a restart was futile; and so short a run does not end an alert. */
export const FUTILE_WITHIN_MS = 5 * MINUTE;
/** From the page to the human's first restart, and from one try of theirs to the next. */
export const HUMAN_EVERY_MS = 30 * MINUTE;

/** Alertmanager's repeat_interval: what is still so is told again. */
export const REPEAT_MS = 4 * HOUR;

export type Shown = 'RUNNING' | 'FAILED' | 'UNASSIGNED';

interface Connector {
  readonly name: number;
  /** FAILED, or not. */
  failed: boolean;
  failedSinceMs: number;
  unassignedUntilMs: number;
  /** What it suffers from: a restart heals only when the cause of each is over. */
  causes: Incident[];
  /** What its downtime is put down to; null: it works. */
  downBy: Incident | null;
  downSinceMs: number;
  /** Restarts so far, whoever made them. */
  restarts: number;
  /** Failed, but for runs too short to count, since then; null: not. */
  troubledSinceMs: number | null;
  runningSinceMs: number;
}

/**
 * How a human hears of what automation does not tell: `alert`, of what was FAILED for `alertAfterMs`; `morning`, at nine on working
 * days (the scenario begins on a Monday at midnight), as where automation is trusted and gives up in silence.
 */
export const watches = ['alert', 'morning'] as const;
export type Watch = (typeof watches)[number];

/** Who acts on what fails. It sees what Connect shows, and nothing of the causes. */
export interface Actor {
  readonly name: string;
  /** For how long something is FAILED before a human is paged; null: only the actor itself pages. */
  readonly alertAfterMs: number | null;
  /** false: there is no automation to trust, and so the alert is always there. */
  readonly automated: boolean;
  readonly start: (world: World) => void;
  /** What Connect shows of a connector has changed. */
  readonly changed?: (connector: number, world: World) => void;
}

/** One Connect cluster, its failures and its humans, in virtual time. */
export class World {
  readonly scenario: Scenario;
  readonly tallies: ReadonlyMap<Incident, Tally>;
  nowMs = 0;
  /** Grows with every change of what Connect shows. */
  version = 0;
  readonly #actor: Actor;
  readonly #watchedBy: Watch;
  readonly #queue = new Queue();
  readonly #connectors: readonly Connector[];
  readonly #failed = new Set<number>();
  readonly #endedAtMs = new Map<Incident, number>();
  readonly #paged = new Set<Incident>();
  #rebalanceUntilMs = 0;

  constructor(scenario: Scenario, actor: Actor, watch: Watch = 'alert') {
    this.scenario = scenario;
    this.#actor = actor;
    this.#watchedBy = actor.automated ? watch : 'alert';
    this.#connectors = Array.from({ length: scenario.connectors }, (_, name) => ({
      name,
      failed: false,
      failedSinceMs: 0,
      unassignedUntilMs: 0,
      causes: [],
      downBy: null,
      downSinceMs: 0,
      restarts: 0,
      troubledSinceMs: null,
      runningSinceMs: Number.NEGATIVE_INFINITY,
    }));
    this.tallies = new Map(scenario.incidents.map((incident) => [incident, nothing()]));
    for (const incident of scenario.incidents) {
      if (incident.cause.kind === 'rebalance') {
        const { cause } = incident;
        this.at(incident.startMs, () => this.#rebalance(incident, cause.endMs));
        continue;
      }
      for (const { connector, atMs } of incident.victims) this.at(atMs, () => this.#hit(connector, incident));
    }
  }

  /** Runs the scenario to its end. */
  run(): Tallies {
    const { endMs } = this.scenario;
    this.#actor.start(this);
    if (this.#watchedBy === 'morning') this.#mornings();
    for (let event = this.#queue.next(); event && event.atMs < endMs; event = this.#queue.next()) {
      this.nowMs = event.atMs;
      event.act();
    }
    this.nowMs = endMs;
    for (const connector of this.#connectors) this.#up(connector);
    return byClass(this.tallies);
  }

  /** Something to do at a time; what is past is done now. */
  at(atMs: number, act: () => void): void {
    this.#queue.at(Math.max(atMs, this.nowMs), act);
  }

  /** The connectors that Connect shows as FAILED. */
  get failed(): ReadonlySet<number> {
    return this.#failed;
  }

  shown(name: number): Shown {
    const connector = this.#of(name);
    if (connector.failed) return 'FAILED';
    return this.nowMs < connector.unassignedUntilMs ? 'UNASSIGNED' : 'RUNNING';
  }

  /** Since when it is FAILED without a break; null: it is not. */
  failedSinceMs(name: number): number | null {
    const { failed, failedSinceMs } = this.#of(name);
    return failed ? failedSinceMs : null;
  }

  /** FAILED beside UNASSIGNED: a rebalance is under way. */
  mixed(name: number): boolean {
    const { failed, unassignedUntilMs } = this.#of(name);
    return failed && this.nowMs < unassignedUntilMs;
  }

  /** The trace of what it fails from; null where it does not. */
  trace(name: number): string | null {
    const { failed, causes } = this.#of(name);
    return failed ? (causes[0]?.trace ?? null) : null;
  }

  /** A restart by the policy, of what is FAILED. `conflict` is Connect's 409: nothing was done. */
  restart(name: number): 'accepted' | 'conflict' {
    const connector = this.#of(name);
    if (this.nowMs < this.#rebalanceUntilMs) return 'conflict';
    const tally = this.#tallyOf(connector);
    if (tally) tally.restarts += 1;
    if (this.#restart(connector) && tally) tally.futile += 1;
    return 'accepted';
  }

  /** A human is told of a connector, and finds all that it suffers from. Of each incident once: who has heard of it stays with it. */
  page(name: number): void {
    const unheard = this.#of(name).causes.filter((incident) => !this.#paged.has(incident));
    const [first] = unheard;
    if (first === undefined) return;
    this.#tally(first).pages += 1;
    for (const incident of unheard) this.#engage(incident);
  }

  /** What an all-knowing policy would ask: when every cause of a connector is over; null where only a human ends it. */
  healableAtMs(name: number): number | null {
    let atMs = this.nowMs;
    for (const incident of this.#of(name).causes) {
      if (incident.cause.kind === 'permanent' && !this.#isOver(incident)) return null;
      if (incident.cause.kind === 'outage') atMs = Math.max(atMs, incident.cause.endMs);
    }
    return atMs;
  }

  /** Whether a human is needed to end what a connector suffers from. */
  needsHuman(name: number): boolean {
    return this.#of(name).causes.some(({ cause: { kind } }) => kind === 'permanent' || kind === 'flapping');
  }

  #of(name: number): Connector {
    const connector = this.#connectors[name];
    if (connector === undefined) throw new RangeError(`there is no connector ${name}`);
    return connector;
  }

  #tallyOf({ downBy }: Connector): Tally | null {
    return downBy === null ? null : this.#tally(downBy);
  }

  #tally(incident: Incident): Tally {
    const tally = this.tallies.get(incident);
    if (tally === undefined) throw new RangeError(`incident ${incident.id} is not of this scenario`);
    return tally;
  }

  #isOver(incident: Incident): boolean {
    const mendedAtMs = this.#endedAtMs.get(incident);
    if (mendedAtMs !== undefined && mendedAtMs <= this.nowMs) return true;
    const { cause } = incident;
    return cause.kind !== 'permanent' && cause.endMs <= this.nowMs;
  }

  #hit(name: number, incident: Incident): void {
    const connector = this.#of(name);
    connector.causes.push(incident);
    // What is down already suffers from one thing more, and shows no sign of it.
    if (!connector.failed) this.#fail(connector, incident);
  }

  #fail(connector: Connector, incident: Incident): void {
    connector.failed = true;
    connector.failedSinceMs = this.nowMs;
    this.#failed.add(connector.name);
    this.#down(connector, incident);
    const ranMs = this.nowMs - connector.runningSinceMs;
    if (connector.troubledSinceMs === null || ranMs >= FUTILE_WITHIN_MS) {
      connector.troubledSinceMs = this.nowMs;
      this.#watch(connector, this.nowMs);
    }
    this.#tell(connector);
  }

  /** The alert for a human. */
  #watch(connector: Connector, sinceMs: number): void {
    const { alertAfterMs } = this.#actor;
    if (alertAfterMs === null || this.#watchedBy === 'morning') return;
    const tell = (): void => {
      if (connector.troubledSinceMs !== sinceMs) return;
      if (!connector.failed && this.nowMs - connector.runningSinceMs >= FUTILE_WITHIN_MS) return;
      this.page(connector.name);
      this.at(this.nowMs + REPEAT_MS, tell);
    };
    this.at(sinceMs + alertAfterMs, tell);
  }

  #mornings(): void {
    for (let day = 0; day * DAY < this.scenario.endMs; day += 1) {
      if (day % 7 >= 5) continue;
      this.at(day * DAY + 9 * HOUR, () => {
        for (const name of this.#failed) this.page(name);
      });
    }
  }

  /** Returns whether it was futile. */
  #restart(connector: Connector): boolean {
    connector.restarts += 1;
    connector.failed = false;
    this.#failed.delete(connector.name);
    connector.runningSinceMs = this.nowMs;
    const stopped = connector.causes.find((cause) => cause.cause.kind !== 'flapping' && !this.#isOver(cause));
    connector.causes = connector.causes.filter((cause) => !this.#isOver(cause));
    const flapping = connector.causes.find(({ cause }) => cause.kind === 'flapping');
    const draw = drawOf(this.scenario.seed, connector.name, connector.restarts);
    let runMs = Number.POSITIVE_INFINITY;
    if (stopped !== undefined) runMs = between(draw, 1 * SECOND, 60 * SECOND);
    else if (flapping?.cause.kind === 'flapping') runMs = flapping.cause.runMs * between(draw, 0.8, 1.2);
    const again = stopped ?? flapping;
    if (stopped === undefined) this.#up(connector);
    this.#tell(connector);
    if (again === undefined) return false;
    const { restarts } = connector;
    this.at(this.nowMs + Math.round(runMs), () => {
      if (connector.failed || connector.restarts !== restarts) return;
      // What only flaps may have ended while it ran.
      if (stopped !== undefined || !this.#isOver(again)) return this.#fail(connector, again);
      connector.causes = connector.causes.filter((cause) => cause !== again);
    });
    return runMs < FUTILE_WITHIN_MS;
  }

  #rebalance(incident: Incident, endMs: number): void {
    this.#rebalanceUntilMs = Math.max(this.#rebalanceUntilMs, endMs);
    const moved = incident.victims.map(({ connector }) => this.#of(connector));
    for (const connector of moved) {
      connector.unassignedUntilMs = Math.max(connector.unassignedUntilMs, endMs);
      if (connector.downBy === null) this.#down(connector, incident);
      this.#tell(connector);
    }
    this.at(endMs, () => {
      for (const connector of moved) {
        if (connector.downBy === incident) this.#up(connector);
        this.#tell(connector);
      }
    });
  }

  #down(connector: Connector, incident: Incident): void {
    // A rebalance that something else outlasts hands over to it; else the first one counts.
    if (connector.downBy !== null && connector.downBy.cause.kind !== 'rebalance') return;
    this.#up(connector);
    connector.downBy = incident;
    connector.downSinceMs = this.nowMs;
  }

  #up(connector: Connector): void {
    const tally = this.#tallyOf(connector);
    if (tally) tally.downMs += this.nowMs - connector.downSinceMs;
    connector.downBy = null;
  }

  #tell(connector: Connector): void {
    this.version += 1;
    this.#actor.changed?.(connector.name, this);
  }

  /** A human takes an incident on: mends what has to be mended, and restarts what is FAILED once its cause is over. */
  #engage(incident: Incident): void {
    this.#paged.add(incident);
    const { cause } = incident;
    if (cause.kind === 'permanent' || cause.kind === 'flapping') {
      this.at(this.nowMs + cause.mendMs, () => {
        this.#endedAtMs.set(incident, this.nowMs);
        this.#restartVictims(incident);
      });
    }
    this.#comeBack(incident);
  }

  #comeBack(incident: Incident): void {
    this.at(this.nowMs + HUMAN_EVERY_MS, () => {
      if (this.#restartVictims(incident) || !this.#isOver(incident)) this.#comeBack(incident);
    });
  }

  /** Returns whether any of them is FAILED still. */
  #restartVictims(incident: Incident): boolean {
    let left = false;
    for (const { connector: name } of incident.victims) {
      const connector = this.#of(name);
      if (!connector.failed || !connector.causes.includes(incident)) continue;
      const stopping = connector.causes.filter(
        (cause) => cause.cause.kind !== 'flapping' && !this.#isOver(cause),
      );
      if (stopping.length === 0) this.#restart(connector);
      else left = true;
      // Whoever looks at it finds the rest of what it suffers from.
      for (const other of stopping) if (!this.#paged.has(other)) this.#engage(other);
    }
    return left;
  }
}
