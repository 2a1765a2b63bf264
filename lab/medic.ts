import { decide } from '../src/core/decide.ts';
import { type Diagnosis, examine, type Pack } from '../src/core/diagnosis.ts';
import type { HoldSeen } from '../src/core/holds.ts';
import type { Look } from '../src/core/look.ts';
import type { ConnectorStatus, ConnectState, Decision, PartStatus, Remediation } from '../src/core/model.ts';
import { deservesLook } from '../src/core/news.ts';
import { defaultPolicy, type Policy } from '../src/core/policy.ts';
import { mergeSignal, type Signal } from '../src/core/signals.ts';
import type { Storm } from '../src/core/storm.ts';
import { settleCall } from '../src/core/transitions.ts';
import { failedParts, statusVerdict } from '../src/core/verdict.ts';
import type { StormFacts } from '../src/ledger/ledger.ts';
import { factsOf, type Groups, provenBy, stormFor } from '../src/remediator/failures.ts';
import { between, drawOf } from './random.ts';
import { MINUTE, SECOND } from './scenario.ts';
import { connectorClassOf } from './traces.ts';
import { type Actor, REPEAT_MS, type World } from './world.ts';

/** `limits.alertsPerRemediation` */
const ALERTS_AT_MOST = 20;
/** `clusters[].maxUnverified` */
const UNVERIFIED_AT_MOST = 10;
/** `statusEvery`: what rests is woken by this read. */
const STATUS_EVERY_MS = 30 * SECOND;
/** A group that is called again and again at one moment goes nowhere. */
const CALLED_AT_LEAST_MS = 1 * SECOND;
const CLUSTER = 'lab';

const nameOf = (connector: number): string => `c${String(connector).padStart(4, '0')}`;

/**
 * connect-medic itself: the real `mergeSignal`, `decide`, `settleCall`, diagnosis and storms, driven from look to look as the lane
 * does it (src/remediator/lane.ts), without ledger and network.
 */
export class Medic implements Actor {
  readonly name: string;
  readonly alertAfterMs: number | null;
  readonly automated = true;
  readonly #policy: Policy;
  readonly #pack: Pack;
  readonly #records = new Map<number, Remediation>();
  readonly #facts = new Map<number, StormFacts>();
  readonly #diagnoses = new Map<string, Diagnosis | null>();
  readonly #calledAtMs = new Map<string, number>();
  readonly #pagedAtMs = new Map<number, number>();
  #groups: { version: number; groups: Groups } = { version: -1, groups: new Map() };

  /**
   * `alertAfterMs` stands for the alert KafkaConnectMostlyFailed, which comes with connect-medic and tells a human of what was FAILED for
   * half an hour, escalated or not; null: nobody listens to it. `policy`: default the shipped one.
   */
  constructor(given: {
    readonly pack: Pack;
    readonly policy?: Policy;
    readonly name?: string;
    readonly alertAfterMs?: number | null;
  }) {
    this.#pack = given.pack;
    this.#policy = given.policy ?? defaultPolicy;
    this.name = given.name ?? 'connect-medic';
    this.alertAfterMs = given.alertAfterMs === undefined ? 30 * MINUTE : given.alertAfterMs;
  }

  start(): void {
    // Signals start it.
  }

  changed(connector: number, world: World): void {
    const shown = world.shown(connector);
    const record = this.#records.get(connector);
    if (shown === 'FAILED') this.#signalLater(connector, world);
    if (record === undefined || !deservesLook(record.phase.state, statusVerdict(statusOf(connector, world))))
      return;
    // The next bulk read sees it, if it is still so by then.
    world.at(Math.ceil((world.nowMs + 1) / STATUS_EVERY_MS) * STATUS_EVERY_MS, () => {
      const now = this.#records.get(connector);
      const verdict = statusVerdict(statusOf(connector, world));
      if (now !== undefined && deservesLook(now.phase.state, verdict)) this.#look(connector, world);
    });
  }

  /** The alert: for 1 min, then scrape and evaluation (up to 30 s), then group_wait (10 s). */
  #signalLater(connector: number, world: World): void {
    const draw = drawOf(world.scenario.seed, connector, Math.floor(world.nowMs / 1_000));
    const sinceMs = world.failedSinceMs(connector);
    world.at(world.nowMs + Math.round(between(draw, 70, 100) * SECOND), () => {
      if (sinceMs === null || world.failedSinceMs(connector) !== sinceMs) return;
      const current = this.#records.get(connector) ?? null;
      const signal: Signal = {
        cluster: CLUSTER,
        connector: nameOf(connector),
        task: 0,
        status: 'firing',
        fingerprint: nameOf(connector),
        labels: { alertname: 'KafkaConnectTaskFailed', connector: nameOf(connector) },
      };
      const { next } = mergeSignal(current, signal, this.#policy, ALERTS_AT_MOST, world.nowMs);
      if (next !== null) this.#store(connector, next, world);
    });
  }

  #store(connector: number, record: Remediation | null, world: World): void {
    if (record === null) {
      this.#records.delete(connector);
      this.#facts.delete(connector);
      return;
    }
    this.#records.set(connector, record);
    this.#facts.set(connector, factsOf(record));
    const { lookAtMs } = record;
    world.at(lookAtMs, () => {
      if (this.#records.get(connector)?.lookAtMs === lookAtMs) this.#look(connector, world);
    });
  }

  #look(connector: number, world: World): void {
    const before = this.#records.get(connector);
    if (before === undefined) return;
    const { nowMs } = world;
    const status = statusOf(connector, world);
    const diagnosis = this.#diagnose(connector, status);
    const storm = this.#stormOf(before, diagnosis?.signature ?? null, world);
    const look: Look = {
      connect: { kind: 'status', status },
      holds: [],
      cause: diagnosis?.cause ?? null,
      signature: diagnosis?.signature ?? null,
      configHash: null,
      storm,
      plan: { kind: 'failed' },
    };
    const decision = this.#admitted(decide(before, look, this.#policy, nowMs), before, look, nowMs);
    const { next, effect } = decision;
    if (next !== null && effect.type === 'restart') {
      // The record first, then the call: what the call changes is told to us at once.
      this.#records.set(connector, next);
      const outcome = world.restart(connector);
      this.#store(connector, settleCall(next, outcome, null, this.#policy, nowMs), world);
    } else {
      this.#store(connector, next, world);
    }
    if (next !== null) this.#page(connector, before, next, world);
    if (storm !== null) this.#call(storm, world);
    const proven = provenBy(before, next);
    if (next !== null && proven !== null) {
      this.#calledAtMs.delete(proven);
      const grown = this.#stormOf(next, proven, world);
      if (grown !== null) this.#call(grown, world);
    }
  }

  /** The alert ConnectMedicEscalated: its labels name reason and cause, so another cause is another alert. */
  #page(connector: number, before: Remediation, { escalation, cause }: Remediation, world: World): void {
    if (escalation === null) return;
    const lastMs = this.#pagedAtMs.get(connector) ?? Number.NEGATIVE_INFINITY;
    const isNew = before.escalation === null || before.cause?.class !== cause?.class;
    if (!isNew && world.nowMs - lastMs < REPEAT_MS) return;
    this.#pagedAtMs.set(connector, world.nowMs);
    world.page(connector);
  }

  /** Last of all a restart needs a place under `maxUnverified`. */
  #admitted(wish: Decision, before: Remediation, look: Look, nowMs: number): Decision {
    if (wish.effect.type !== 'restart') return wish;
    let unverified = 0;
    for (const { phase } of this.#records.values()) {
      if (phase.state === 'restarting' && phase.looks === 0) unverified += 1;
    }
    if (unverified < UNVERIFIED_AT_MOST) return wish;
    const full: HoldSeen = { reason: 'concurrency', detail: null, untilMs: null };
    return decide(before, { ...look, holds: [full] }, this.#policy, nowMs);
  }

  /** Whoever may be the next probe is looked at now. */
  #call({ signature, elected }: Storm, world: World): void {
    const lastMs = this.#calledAtMs.get(signature) ?? Number.NEGATIVE_INFINITY;
    if (elected.length === 0 || world.nowMs - lastMs < CALLED_AT_LEAST_MS) return;
    this.#calledAtMs.set(signature, world.nowMs);
    for (const name of elected) {
      const connector = Number(name.slice(1));
      const record = this.#records.get(connector);
      if (record === undefined || record.lookAtMs <= world.nowMs) continue;
      this.#store(connector, { ...record, lookAtMs: world.nowMs }, world);
    }
  }

  #stormOf(record: Remediation, signature: string | null, world: World): Storm | null {
    const groups = this.#groupsOf(world);
    if (signature === null || !groups.has(signature)) return null;
    const storms = { rows: [...this.#facts.values()], revision: 0 };
    return stormFor(record, signature, groups, storms, () => this.#policy, world.nowMs);
  }

  #groupsOf(world: World): Groups {
    if (this.#groups.version === world.version) return this.#groups.groups;
    const groups = new Map<string, Set<string>>();
    const { threshold } = this.#policy.storm;
    for (const connector of threshold === null ? [] : world.failed) {
      const signature = this.#diagnose(connector, statusOf(connector, world))?.signature;
      if (!signature) continue;
      groups.set(signature, (groups.get(signature) ?? new Set()).add(nameOf(connector)));
    }
    for (const [signature, { size }] of groups) if (size < (threshold ?? 0)) groups.delete(signature);
    this.#groups = { version: world.version, groups };
    return groups;
  }

  #diagnose(connector: number, status: ConnectorStatus): Diagnosis | null {
    const parts = failedParts(status);
    const [part] = parts;
    if (part === undefined) return null;
    const connectorClass = connectorClassOf(connector);
    const key = `${connectorClass}\n${part.trace}`;
    const known = this.#diagnoses.get(key);
    if (known !== undefined) return known;
    const diagnosis = examine(parts, connectorClass, this.#pack);
    this.#diagnoses.set(key, diagnosis);
    return diagnosis;
  }
}

/** A connector of two tasks: the first is the one that fails, the second the one that a rebalance still has under way. */
function statusOf(connector: number, world: World): ConnectorStatus {
  const part = (state: ConnectState, trace: string | null = null): PartStatus => ({
    state,
    workerId: 'w:8083',
    trace,
  });
  const shown = world.shown(connector);
  const other = shown === 'UNASSIGNED' || world.mixed(connector) ? 'UNASSIGNED' : 'RUNNING';
  return {
    connector: part('RUNNING'),
    tasks: [
      { id: 0, ...part(shown, world.trace(connector)) },
      { id: 1, ...part(other) },
    ],
  };
}
