import type { Clock } from '../clock.ts';
import type { ConnectClient } from '../connect/client.ts';
import { decide } from '../core/decide.ts';
import { maskCredentials } from '../core/diagnosis.ts';
import type { AuditEvent, Decision, Effect, HoldReason, Remediation, RestartOutcome } from '../core/model.ts';
import type { Policy } from '../core/policy.ts';
import { FIRST_LOOK_MS, settleCall } from '../core/transitions.ts';
import { STATUS_AGE_AT_MOST_MS, statusVerdict } from '../core/verdict.ts';
import type { Claim, Ledger } from '../ledger/ledger.ts';
import { LedgerUnavailable } from '../ledger/ledger.ts';
import type { BulkRead, ClusterReader } from './cluster-reader.ts';
import { lookAtOne, lookInBulk, type TimedLook } from './look.ts';
import { ACTOR, auditOf, type Reporter, storyOf } from './report.ts';

/** A look older than this is taken again before a restart is decided on it, to keep room below the limit. */
const LOOK_AGAIN_AFTER_MS = 1_000;
/** Another process may have written to the ledger, which nobody announces: look at least this often. */
const IDLE_AT_MOST_MS = 1_000;
const LEDGER_RETRY_MS = 1_000;
/** A record that others keep writing to is decided again this often before it is left for the next turn. */
const DECIDE_AT_MOST = 5;

export interface LaneOptions {
  readonly client: ConnectClient;
  readonly reader: ClusterReader;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly policyFor: (connector: string) => Policy;
  /** Remediations in `restarting` without their first look at most; beyond, the hold is `concurrency`. */
  readonly maxUnverified: number;
  readonly requestTimeoutMs: number;
  /** Remediations worked on at the same time at most. */
  readonly parallel: number;
}

/**
 * The loop of one cluster: claim → look → decide → commit → restart, and look again. Each cluster has its own lane, so a
 * cluster that hangs delays only itself; inside a lane each remediation is a piece of work of its own, so a connector
 * that hangs delays only itself.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #leaseMs: number;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #wokenAtMs = new Map<string, number>();
  readonly #places = new Places();
  #abandoned: Claim[] = [];
  #woken = false;
  #ring: AbortController = new AbortController();
  #stopping = false;
  #loop: Promise<void> | null = null;

  constructor(options: LaneOptions) {
    this.#options = options;
    // The lease outlasts the restart call and the look before it, with room to spare. Where another process dies, its
    // remediations rest for so long.
    this.#leaseMs = 30_000 + 3 * options.requestTimeoutMs;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Something became due: the loop goes on at once. */
  wake(connector?: string): void {
    if (connector !== undefined && this.#wokenAtMs.size < 10_000 && !this.#wokenAtMs.has(connector)) {
      this.#wokenAtMs.set(connector, this.#options.clock.monotonic());
    }
    this.#woken = true;
    this.#ring.abort();
  }

  /** No new work; what is in flight is finished. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.wake();
    await this.#loop;
    await Promise.all(this.#inFlight);
  }

  async #run(): Promise<void> {
    const { clock, reporter } = this.#options;
    while (!this.#stopping) {
      this.#woken = false;
      let waitMs: number;
      try {
        waitMs = await this.#turn();
      } catch (error) {
        if (error instanceof LedgerUnavailable) reporter.ledgerUp(false, error.message);
        else reporter.fault('lane', error);
        waitMs = LEDGER_RETRY_MS;
        this.#woken = false;
      }
      if (this.#woken || this.#stopping || waitMs <= 0) continue;
      this.#ring = new AbortController();
      await clock.sleep(Math.min(waitMs, IDLE_AT_MOST_MS), this.#ring.signal);
    }
  }

  /** Claims what is due, reads the cluster once for all of it, and sets the work going. Returns when to come again. */
  async #turn(): Promise<number> {
    const { ledger, clock, client, parallel, reporter } = this.#options;
    // One bulk read serves a whole turn, so a turn is worth taking only when a good part of the places is free.
    while (this.#inFlight.size > parallel / 2) await Promise.race(this.#inFlight);
    if (this.#stopping) return 0;
    // What a failing ledger made us drop is free at once, not only when its lease ends.
    for (let claim = this.#abandoned[0]; claim !== undefined; claim = this.#abandoned[0]) {
      await ledger.release(claim);
      this.#abandoned.shift();
    }
    const limit = parallel - this.#inFlight.size;
    const answer = await ledger.claim({ cluster: client.cluster, limit, leaseMs: this.#leaseMs });
    this.#places.known(this.#options.maxUnverified - answer.unverified);
    reporter.ledgerUp(true, '');
    if (answer.claims.length === 0) {
      return answer.nextDueAtMs === null ? IDLE_AT_MOST_MS : Math.max(1, answer.nextDueAtMs - answer.nowMs);
    }
    const claimedAtMs = clock.monotonic();
    const now = (): number => answer.nowMs + Math.round(clock.monotonic() - claimedAtMs);
    const bulk = await this.#options.reader.read();
    if (this.#stopping) {
      for (const claim of answer.claims) await ledger.release(claim);
      return 0;
    }
    for (const claim of answer.claims) {
      const work = this.#remediate(claim, bulk, now)
        .catch((error: unknown) => {
          this.#abandoned.push(claim);
          if (error instanceof LedgerUnavailable) reporter.ledgerUp(false, error.message);
          else
            reporter.fault(
              `remediation of ${claim.remediation.cluster}/${claim.remediation.connector}`,
              error,
            );
        })
        .finally(() => {
          this.#inFlight.delete(work);
        });
      this.#inFlight.add(work);
    }
    return 0;
  }

  async #remediate(claimed: Claim, bulk: BulkRead, now: () => number): Promise<void> {
    const { client, clock, ledger } = this.#options;
    const { connector } = claimed.remediation;
    const policy = this.#options.policyFor(connector);
    let claim: Claim | null = claimed;
    let seen = await lookInBulk(client, clock, connector, bulk, []);
    for (let tries = 0; claim !== null && tries < DECIDE_AT_MOST; tries += 1) {
      const before: Remediation = claim.remediation;
      const seenAtMs = now() - (clock.monotonic() - seen.readAtMs);
      // A signal that came after the look is not answered by it.
      if (before.signalAtMs !== null && before.signalAtMs > seenAtMs) {
        seen = await lookAtOne(client, clock, connector, []);
      }
      if (this.#wantsFresherLook(before, seen, policy, now())) {
        seen = await lookAtOne(client, clock, connector, []);
      }
      const nowMs = now();
      const decision = this.#decide(before, seen, policy, nowMs);
      const { effect, next } = decision;
      const restarts = effect.type === 'restart';
      if (restarts && this.#stopping) {
        this.#places.giveBack();
        break;
      }
      const keep = restarts
        ? { leaseMs: this.#leaseMs, unverifiedAtMost: this.#options.maxUnverified }
        : undefined;
      let committed: Claim | 'full' | null = null;
      try {
        committed = await ledger.commit(claim, next, auditOf(before, decision, nowMs), keep);
      } finally {
        if (restarts && (committed === null || committed === 'full')) this.#places.giveBack();
        else if (restarts) this.#places.settle();
      }
      if (committed === 'full') {
        // Another process took the last place.
        this.#places.noneFree();
        continue;
      }
      if (committed === null) {
        // Somebody wrote to it, a webhook most likely: read again, decide again.
        claim = await ledger.refresh(claim);
        continue;
      }
      this.#tell(before, decision, nowMs);
      if (effect.type === 'restart') await this.#restart(committed, effect, seen, now);
      return;
    }
    if (claim !== null) await ledger.release(claim);
  }

  #wantsFresherLook(before: Remediation, seen: TimedLook, policy: Policy, nowMs: number): boolean {
    const ageMs = this.#options.clock.monotonic() - seen.readAtMs;
    return ageMs > LOOK_AGAIN_AFTER_MS && decide(before, seen.look, policy, nowMs).effect.type === 'restart';
  }

  /** Decides; a restart needs a look that is fresh enough and, last of all, a place, which is taken here. */
  #decide(before: Remediation, seen: TimedLook, policy: Policy, nowMs: number): Decision {
    const decision = decide(before, seen.look, policy, nowMs);
    if (decision.effect.type !== 'restart') return decision;
    const held = (reason: HoldReason, detail: string): Decision => {
      const holds = [...seen.look.holds, { reason, detail, untilMs: null }];
      return decide(before, { ...seen.look, holds }, policy, nowMs);
    };
    if (this.#options.clock.monotonic() - seen.readAtMs > STATUS_AGE_AT_MOST_MS) {
      return held('connect_unreachable', 'reading its status takes longer than two seconds');
    }
    if (this.#places.take()) return decision;
    const { maxUnverified } = this.#options;
    const full = held('concurrency', `${maxUnverified} restarts of this cluster have not been looked at yet`);
    if (full.next === null) return full;
    // Those who wait queue up: a place becomes free with a first look, so later ones come later.
    const lookAtMs = full.next.lookAtMs + this.#places.queueMs(maxUnverified);
    return { ...full, next: { ...full.next, lookAtMs } };
  }

  /** The attempt is committed; now the call, if the look and the lease still allow it. */
  async #restart(
    claim: Claim,
    effect: Extract<Effect, { type: 'restart' }>,
    seen: TimedLook,
    now: () => number,
  ): Promise<void> {
    const { client, clock, reporter, requestTimeoutMs } = this.#options;
    const { cluster, connector } = claim.remediation;
    const { connect } = seen.look;
    let outcome: RestartOutcome;
    let detail: string | null;
    if (effect.dryRun) {
      outcome = 'dry_run';
      detail = 'dry run: no call was made';
    } else if (
      connect.kind !== 'status' ||
      statusVerdict(connect.status) !== 'failed' ||
      clock.monotonic() - seen.readAtMs > STATUS_AGE_AT_MOST_MS ||
      claim.leaseUntilMs - now() < 2 * requestTimeoutMs
    ) {
      // The process was frozen or the disk slow: what was true at the look may not be true now.
      outcome = 'not_sent';
      detail = 'the look was too old, or the lease too short, by the time of the call';
    } else {
      const wokenAtMs = this.#wokenAtMs.get(connector);
      if (wokenAtMs !== undefined) reporter.reacted((clock.monotonic() - wokenAtMs) / 1_000);
      this.#wokenAtMs.delete(connector);
      const ageMs = clock.monotonic() - seen.readAtMs;
      const result = await client.restart(connector, effect.plan, connect.status, ageMs);
      outcome = result.outcome;
      detail = maskCredentials(result.detail);
    }
    reporter.restarted({ cluster, connector, attempt: effect.attempt, outcome, detail });
    await this.#settle(claim, effect.attempt, outcome, detail, now);
  }

  /** Writes down what came back; others may write to the record meanwhile, so it is read again until it holds. */
  async #settle(
    committed: Claim,
    attempt: number,
    outcome: RestartOutcome,
    detail: string | null,
    now: () => number,
  ): Promise<void> {
    const { ledger } = this.#options;
    let claim: Claim | null = committed;
    while (claim !== null) {
      const before: Remediation = claim.remediation;
      const nowMs = now();
      const next = settleCall(before, outcome, detail, this.#options.policyFor(before.connector), nowMs);
      const event: AuditEvent = {
        atMs: nowMs,
        cluster: before.cluster,
        connector: before.connector,
        kind: 'restart',
        reason: next.reason,
        attempt,
        actor: ACTOR,
        detail: detail === null ? outcome : `${outcome}: ${detail}`,
      };
      if ((await ledger.commit(claim, next, [event])) !== null) {
        const decision: Decision = { next, effect: { type: 'none' }, reason: next.reason };
        // What was charged was told when it was decided.
        if (storyOf(before, decision) !== null) this.#tell(before, decision, nowMs);
        return;
      }
      claim = await ledger.refresh(claim);
    }
  }

  #tell(before: Remediation, decision: Decision, nowMs: number): void {
    const { reporter } = this.#options;
    reporter.decided(before.cluster, decision.reason);
    const story = storyOf(before, decision);
    if (story !== null) reporter.news(story);
    if (decision.reason === 'stable') reporter.recovered((nowMs - before.openedAtMs) / 1_000);
    // Only a restart that a webhook led to at once says how quick the reaction is.
    if (decision.effect.type === 'none') this.#wokenAtMs.delete(before.connector);
  }
}

/** Free places under `maxUnverified`. A place is taken when a restart is decided, before anything is awaited. */
class Places {
  #free = 0;
  /** Taken, and not yet in the ledger. */
  #pending = 0;
  #queued = 0;

  /** What the ledger says is free; what is decided but not committed is not in it yet. */
  known(free: number): void {
    this.#free = free - this.#pending;
    this.#queued = 0;
  }

  take(): boolean {
    if (this.#free <= 0) return false;
    this.#free -= 1;
    this.#pending += 1;
    return true;
  }

  giveBack(): void {
    this.#free += 1;
    this.#pending -= 1;
  }

  /** The ledger says so, between two turns. */
  noneFree(): void {
    this.#free = Math.min(0, this.#free);
  }

  /** It is in the ledger now. */
  settle(): void {
    this.#pending -= 1;
  }

  /** How much later than the next free place the next one in the queue looks again. */
  queueMs(places: number): number {
    const round = Math.floor(this.#queued / Math.max(1, places));
    this.#queued += 1;
    return round * FIRST_LOOK_MS;
  }
}
