import type { AuditEvent, Remediation, RestartOutcome } from '../../src/core/model.ts';
import type { Signal } from '../../src/core/signals.ts';
import type { Story } from '../../src/remediator/report.ts';
import { SECRET } from './connect-link.ts';
import type { LedgerClock } from './ledger-clock.ts';
import type { Life } from './life.ts';
import type { Scheduler } from './scheduler.ts';
import { Told } from './told.ts';
import { type Truth, Violation } from './truth.ts';

/** One decided restart, from its commit on. */
interface Attempt {
  readonly key: string;
  readonly by: Life;
  readonly number: number;
  called: boolean;
  /** Connect acted on it. */
  handled: boolean;
  /** Its charge was taken back. */
  takenBack: boolean;
  /** What its process was told of the call; null: nothing yet. */
  outcome: RestartOutcome | null;
  calledAtMs: number;
  /** On the ledger's clock, by which delays are reckoned: its process may not know of a jump since its claim. */
  calledOnLedgerMs: number;
}

const LOOKS_WITHIN_MS = 5_000;
/** A process reckons with the time of its claim, which is as old as the answer was long on its way: 2 s at most. */
const CLOCK_LAG_MS = 2_000;
/** From its claim to its call a remediation takes so long at most, where nothing is frozen. */
const CLAIM_LASTS_MS = 30_000;

/**
 * Sees everything that happens, from outside, and compares it with the promises P1 to P10. It keeps its own books, from what
 * passed the network and what was written, and asks nothing of the code that it watches. The first promise that does not hold
 * ends the run.
 */
export class Witness {
  readonly #scheduler: Scheduler;
  readonly #ledgerClock: LedgerClock;
  readonly #log: ((line: string) => void) | null;
  /** What processes were told of Connect. */
  readonly told: Told;
  readonly #attempts = new Map<string, Attempt[]>();
  readonly #calls: Attempt[] = [];
  readonly #signals = new Map<string, number>();
  /** New counts because of another configuration. */
  readonly #freshStarts = new Map<string, number>();
  /** Every record as it was last written. */
  readonly records = new Map<string, Remediation>();
  truth: Truth | null = null;
  violation: Violation | null = null;
  attemptsMade = 0;
  /** Called once, when a process has just decided on its call. */
  afterNextCall: (() => void) | null = null;

  constructor(scheduler: Scheduler, ledgerClock: LedgerClock, log: ((line: string) => void) | null) {
    this.#scheduler = scheduler;
    this.#ledgerClock = ledgerClock;
    this.#log = log;
    this.told = new Told(() => scheduler.nowMs);
  }

  get nowMs(): number {
    return this.#scheduler.nowMs;
  }

  say(what: () => string): void {
    if (this.#log !== null) this.#log(`${(this.nowMs / 1_000).toFixed(3).padStart(9)}  ${what()}`);
  }

  violate(promise: string, what: string): void {
    if (this.violation !== null) return;
    this.violation = new Violation(promise, what, this.nowMs);
    this.say(() => `VIOLATION ${promise}: ${what}`);
  }

  // What passes the network

  /** A process is about to restart something: which attempt is it for? */
  calls(life: Life, cluster: string, connector: string): number {
    const key = `${cluster}/${connector}`;
    const attempt = this.#attempts.get(key)?.findLast(({ by, called }) => by === life && !called);
    const { phase, attempts } = this.records.get(key) ?? {};
    if (attempt === undefined) {
      this.violate(
        'P2',
        `${life.name} restarts ${key} without an attempt in the ledger (P6: or the ledger cannot be written)`,
      );
      return -1;
    }
    if (phase?.state !== 'restarting' || attempts !== attempt.number) {
      this.violate(
        'P2',
        `${life.name} restarts ${key} for attempt ${attempt.number}, which somebody has gone on from`,
      );
    }
    attempt.called = true;
    this.#rhythm(attempt, cluster, connector);
    attempt.calledAtMs = this.nowMs;
    attempt.calledOnLedgerMs =
      this.#ledgerClock.now() - this.#ledgerClock.leaptSince(this.nowMs - CLAIM_LASTS_MS);
    this.attemptsMade += 1;
    this.afterNextCall?.();
    this.afterNextCall = null;
    return this.#calls.push(attempt) - 1;
  }

  /** One request leaves. */
  posts(
    life: Life,
    cluster: string,
    connector: string,
    parts: 'failed' | readonly (number | null)[],
    call: number,
  ): void {
    const key = `${cluster}/${connector}`;
    this.say(
      () =>
        `${life.name} POST restart ${key} ${parts === 'failed' ? '' : `parts ${parts.join()}`} (attempt ${this.#calls[call]?.number})`,
    );
    const failed = this.told.failedLately(life, key);
    const wanted = parts === 'failed' ? null : parts;
    const holds = failed.some((seen) =>
      wanted === null ? seen.length > 0 : wanted.every((one) => seen.includes(one)),
    );
    if (!holds) {
      this.violate(
        'P1',
        `${life.name} restarts ${key}, which no status of the last two seconds calls FAILED`,
      );
    }
    const touched = wanted ?? failed.at(-1) ?? [];
    for (const part of touched) {
      const muted = this.truth?.isMuted(cluster, connector, part) ?? null;
      if (muted !== null)
        this.violate('P4', `${life.name} restarts ${key} part ${part ?? 'connector'}, though ${muted}`);
    }
  }

  /** Connect acted on a call. */
  handled(call: number): void {
    const attempt = this.#calls[call];
    if (attempt === undefined) return;
    attempt.handled = true;
    if (attempt.takenBack)
      this.violate('P2', `${attempt.key}: attempt ${attempt.number} was taken back, and Connect acts on it`);
  }

  /** The process knows how its call ended. */
  ended(call: number, outcome: RestartOutcome): void {
    const attempt = this.#calls[call];
    if (attempt !== undefined) attempt.outcome = outcome;
  }

  /** A webhook is about to be answered with 202. */
  accepted(life: Life, signals: readonly Signal[], sinceMs: number): void {
    for (const { cluster, connector, fingerprint, status } of signals) {
      if (status !== 'firing') continue;
      if (this.truth?.looksSoon(cluster) === true) this.#looksSoon(`${cluster}/${connector}`, sinceMs);
      const storedAtMs =
        this.#signals.get(`${cluster}/${connector} ${fingerprint}`) ?? Number.NEGATIVE_INFINITY;
      if (storedAtMs < sinceMs) {
        this.violate(
          'P5',
          `${life.name} answers 202, and ${cluster}/${connector} (${fingerprint}) is not in the ledger`,
        );
      }
    }
  }

  /** A cluster, whatever becomes of another one, is looked at soon after a signal. */
  #looksSoon(key: string, sinceMs: number): void {
    this.#scheduler.after(LOOKS_WITHIN_MS, () => {
      if (this.told.lastReadMs(key) >= sinceMs) return;
      this.violate('P8', `${key} has not been looked at for ${LOOKS_WITHIN_MS} ms after a signal`);
    });
  }

  // What is written

  /** Signals were merged into a record. */
  stored(life: Life, next: Remediation): void {
    const key = `${next.cluster}/${next.connector}`;
    this.say(() => `${life.name} merged signals into ${key} (${next.phase.state})`);
    for (const { fingerprint, seenAtMs } of next.alerts) {
      const id = `${key} ${fingerprint}`;
      this.#signals.set(id, Math.max(this.#ledgerClock.momentOf(seenAtMs), this.#signals.get(id) ?? 0));
    }
    this.#count(this.records.get(key) ?? null, next, false);
    this.records.set(key, next);
  }

  committed(
    life: Life,
    claimed: Remediation,
    next: Remediation | null,
    events: readonly AuditEvent[],
    attempts: boolean,
  ): void {
    const { cluster, connector } = claimed;
    const key = `${cluster}/${connector}`;
    const before = this.records.get(key) ?? claimed;
    if (next === null) {
      if (before.phase.state !== 'recovered' && before.phase.state !== 'closed') {
        this.violate('P7', `${key} is forgotten in state ${before.phase.state}`);
      }
      this.records.delete(key);
      return;
    }
    this.say(
      () =>
        `${life.name} ${key}: ${before.phase.state} -> ${next.phase.state} (${next.reason}), attempts ${next.attempts}, look at +${(this.#ledgerClock.momentOf(next.lookAtMs) / 1_000).toFixed(1)}`,
    );
    this.#nextLook(key, next);
    this.#answers(life, key, before, next);
    this.#judges(life, key, before, next);
    if (next.phase.state === 'closed' && next.phase.as === 'gone' && before.phase.state !== 'closed') {
      if (this.truth?.isGone(cluster, connector) === false)
        this.violate('P7', `${key} is closed as gone, and it is there`);
    }
    if (before.phase.state !== 'recovered' && next.phase.state === 'recovered') this.#recovered(key);
    this.#count(before, next, attempts);
    if (attempts) this.#decided(life, before, next);
    if (events.some(({ kind }) => kind === 'restart')) this.#settled(life, key, before, next);
    this.records.set(key, next);
  }

  /** A restart was decided and is in the ledger. */
  #decided(life: Life, before: Remediation, next: Remediation): void {
    const { cluster, connector } = next;
    const key = `${cluster}/${connector}`;
    const { truth } = this;
    if (truth === null) return;
    if (truth.isPaused(cluster, connector))
      this.violate('P4', `${life.name} decides to restart ${key}, which is paused`);
    const others = [...this.records.values()].filter(
      (one) => one.cluster === cluster && one.connector !== connector,
    );
    const unverified = others.filter(({ phase }) => phase.state === 'restarting' && phase.looks === 0).length;
    if (unverified >= truth.maxUnverified) {
      this.violate(
        'P8',
        `${life.name} restarts ${key} beside ${unverified} others that nobody has looked at yet`,
      );
    }
    this.#storm(life, next, [...others, before]);
    const made = this.#attempts.get(key) ?? [];
    const attempt: Attempt = {
      key,
      by: life,
      number: next.attempts,
      called: false,
      handled: false,
      takenBack: false,
      outcome: null,
      calledAtMs: Number.POSITIVE_INFINITY,
      calledOnLedgerMs: Number.POSITIVE_INFINITY,
    };
    made.push(attempt);
    this.#attempts.set(key, made);
  }

  /** Only a stable time behind it ends a failure, since that is what lets the count begin anew. */
  #recovered(key: string): void {
    const stableForMs = this.truth?.policy.stableForMs ?? 0;
    const last = this.#attempts.get(key)?.findLast(({ called }) => called);
    if (last === undefined || typeof stableForMs !== 'number') return;
    const ranMs = this.#ledgerClock.now() - last.calledOnLedgerMs;
    if (ranMs < stableForMs - CLOCK_LAG_MS) {
      this.violate('P3', `${key} is taken for recovered ${ranMs} ms after a restart`);
    }
  }

  /** What Connect surely did not do costs no attempt. */
  #settled(life: Life, key: string, before: Remediation, next: Remediation): void {
    const attempt = this.#attempts
      .get(key)
      ?.findLast(({ by, number }) => by === life && number === before.attempts);
    const outcome = attempt?.outcome ?? null;
    if (outcome === null || before.phase.state !== 'restarting' || next.attempts < before.attempts) return;
    if (outcome === 'conflict' || outcome === 'refused' || outcome === 'unauthorized') {
      this.violate('P3', `${key}: attempt ${before.attempts} is charged, and Connect said ${outcome}`);
    }
  }

  /** The count of attempts goes on by one, is taken back where Connect did nothing, or begins anew for a known reason. */
  #count(before: Remediation | null, next: Remediation, attempts: boolean): void {
    if (before === null) return;
    const key = `${next.cluster}/${next.connector}`;
    const expected = before.attempts + (attempts ? 1 : 0);
    if (next.attempts === expected) return;
    const isBack = !attempts && before.phase.state === 'restarting' && next.attempts === before.attempts - 1;
    const uncharged = ['rebalancing', 'connect_unreachable', 'unauthorized', 'not_sent'].includes(
      next.reason,
    );
    if (isBack && uncharged) {
      const attempt = this.#attempts.get(key)?.findLast(({ number }) => number === before.attempts);
      if (attempt === undefined) return;
      attempt.takenBack = true;
      if (attempt.handled)
        this.violate('P2', `${key}: attempt ${attempt.number} is taken back, though Connect acted on it`);
      return;
    }
    const anew = next.attempts === (attempts ? 1 : 0);
    const rested = before.phase.state === 'recovered' || before.phase.state === 'closed';
    const changed = next.configHash !== before.configHash;
    if (anew && rested) return;
    if (anew && changed) {
      const fresh = (this.#freshStarts.get(key) ?? 0) + 1;
      this.#freshStarts.set(key, fresh);
      // What was known when the record began may have been old by one.
      if (fresh <= (this.truth?.writes(next.cluster, next.connector) ?? 0) + 1) return;
    }
    this.violate(
      'P3',
      `${key}: the count goes from ${before.attempts} to ${next.attempts} in state ${before.phase.state} (${next.reason})`,
    );
  }

  /** The delays and the rolling budget, by the calls that were made. */
  #rhythm(attempt: Attempt, cluster: string, connector: string): void {
    const { truth } = this;
    if (truth === null) return;
    const { delaysMs, thenEveryMs, budget, permanent, storm } = truth.policy;
    const charged = (this.#attempts.get(attempt.key) ?? []).filter(
      (one) => one.called && !one.takenBack && one !== attempt,
    );
    const inWindow = charged.filter(
      ({ calledOnLedgerMs }) => calledOnLedgerMs > this.#ledgerClock.now() - budget.perMs + CLOCK_LAG_MS,
    ).length;
    if (inWindow >= budget.restarts) {
      this.violate('P3', `${attempt.key}: ${inWindow + 1} restarts in ${budget.perMs / 1_000} s`);
    }
    const last = charged.at(-1);
    if (last === undefined || attempt.number < 2) return;
    if (storm.threshold !== null && truth.failsAlike(cluster, connector) >= storm.threshold) return;
    const slowMs = Math.min(
      thenEveryMs ?? Number.POSITIVE_INFINITY,
      permanent.thenEveryMs ?? Number.POSITIVE_INFINITY,
    );
    const delayMs = Math.min(delaysMs[attempt.number - 1] ?? slowMs, slowMs);
    const gapMs = this.#ledgerClock.now() - last.calledOnLedgerMs;
    if (gapMs < delayMs - CLOCK_LAG_MS) {
      this.violate(
        'P3',
        `${attempt.key}: attempt ${attempt.number} comes ${gapMs} ms after the last one, not ${delayMs} ms`,
      );
    }
  }

  /** Members of a storm share their probes: no more under way than the window allows. */
  #storm(life: Life, { cluster, connector, probe }: Remediation, others: readonly Remediation[]): void {
    const { truth } = this;
    const threshold = truth?.policy.storm.threshold ?? null;
    if (truth === null || threshold === null || probe === null) return;
    if (!this.told.knowsStorm(life, cluster, connector, threshold)) return;
    const probes = others.flatMap((one) =>
      one.probe?.signature === probe.signature ? [{ ...one.probe, state: one.phase.state }] : [],
    );
    // One that neither proves itself nor fails for so long counts no more.
    const { stuckAfterMs, storm } = truth.policy;
    const sinceMs = this.#ledgerClock.now() - stuckAfterMs - 2 * storm.proofMs;
    const underWay = probes.filter(
      ({ ended, state, atMs }) =>
        ended === null && (state === 'restarting' || state === 'stabilising') && atMs > sinceMs,
    ).length;
    const failedAtMs = Math.max(
      0,
      ...probes.map(({ ended, endedAtMs }) => (ended === 'failed' ? (endedAtMs ?? 0) : 0)),
    );
    const proven = probes.filter(
      ({ ended, endedAtMs }) => ended === 'proven' && (endedAtMs ?? 0) > failedAtMs,
    ).length;
    if (underWay >= 2 ** proven) {
      this.violate('P3', `${life.name} probes ${connector} beside ${underWay} others of its storm`);
    }
  }

  #nextLook(key: string, { lookAtMs, phase }: Remediation): void {
    const { policy } = this.truth ?? {};
    if (policy === undefined) return;
    const restsMs = Math.max(policy.budget.perMs, policy.thenEveryMs ?? 0, 600_000) * 1.2;
    if (!Number.isFinite(lookAtMs) || lookAtMs > this.#ledgerClock.now() + restsMs) {
      this.violate('P7', `${key} in state ${phase.state} is not looked at again`);
    }
  }

  /** A signal is answered only by a look that began after it came. */
  #answers(life: Life, key: string, { signalAtMs }: Remediation, next: Remediation): void {
    if (signalAtMs === null || next.signalAtMs !== null) return;
    if (!this.told.hasReadSince(life, key, this.#ledgerClock.momentOf(signalAtMs) - 1)) {
      this.violate('P5', `${life.name} takes a signal of ${key} for answered, and has not looked since`);
    }
  }

  /** Whether a restart helped is said by a status that was read after the call. */
  #judges(life: Life, key: string, before: Remediation, next: Remediation): void {
    const judged = next.reason === 'failed_again' || next.phase.state === 'stabilising';
    if (before.phase.state !== 'restarting' || !judged) return;
    const attempt = this.#attempts.get(key)?.at(-1);
    if (attempt === undefined || !attempt.called || this.told.hasReadSince(life, key, attempt.calledAtMs))
      return;
    this.violate(
      'P1',
      `${life.name} takes the restart of ${key} for ${next.reason}, and has not looked since the call`,
    );
  }

  // What is told

  tells(life: Life, story: Story): void {
    this.shows(story.detail);
    this.shows(story.cause?.message ?? null);
    this.say(
      () =>
        `${life.name}   tells: ${story.cluster}/${story.connector} ${story.from} -> ${story.state}, ${story.reason} ${story.detail ?? ''}`,
    );
  }

  shows(detail: string | null): void {
    if (detail?.includes(SECRET) === true) this.violate('P10', `a secret is shown: ${detail}`);
  }

  fault(life: Life, what: string, error: unknown): void {
    this.violate('P9', `${life.name}, ${what}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
