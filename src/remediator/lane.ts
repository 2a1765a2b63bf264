import type { Clock } from '../clock.ts';
import type { ConnectClient } from '../connect/client.ts';
import { decide } from '../core/decide.ts';
import { maskCredentials } from '../core/diagnosis.ts';
import type { HoldSeen } from '../core/holds.ts';
import type { Look } from '../core/look.ts';
import type { AuditEvent, Decision, Effect, Remediation, RestartOutcome } from '../core/model.ts';
import type { Policy } from '../core/policy.ts';
import { FIRST_LOOK_MS, settleCall } from '../core/transitions.ts';
import { STATUS_AGE_AT_MOST_MS, statusVerdict } from '../core/verdict.ts';
import { type Claim, type Ledger, LedgerUnavailable, type Storms } from '../ledger/ledger.ts';
import { Breakers } from './breaker.ts';
import type { ClusterReader } from './cluster-reader.ts';
import { type Failures, provenBy, stormFor } from './failures.ts';
import { InFlight } from './in-flight.ts';
import { lookAtOne, lookInBulk, lookOf, type TimedLook } from './look.ts';
import { Places } from './places.ts';
import { Reactions } from './reactions.ts';
import { Recent, wantedFor } from './recent.ts';
import { ACTOR, auditOf, type Reporter, storyOf } from './report.ts';
import { Turn } from './turn.ts';
import { lookWith, needsWorld, readWorld, type World, type WorldSources } from './world.ts';

/** A look older than this is taken again before a restart is decided on it, to keep room below the limit. */
const LOOK_AGAIN_AFTER_MS = 1_300;
/** Another process may have written to the ledger, which nobody announces: look at least this often. */
const IDLE_AT_MOST_MS = 1_000;
const LEDGER_RETRY_MS = 1_000;
/** A record that others keep writing to is decided again this often before it is left for the next turn. */
const DECIDE_AT_MOST = 8;
/** What the world beyond Connect's status said holds for so long: an Alertmanager may take five seconds to answer, twice. */
const WORLD_AGE_AT_MOST_MS = 11_000;

export interface LaneOptions {
  readonly client: ConnectClient;
  readonly reader: ClusterReader;
  readonly failures: Failures;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly policyFor: (connector: string) => Policy;
  /** What else is asked before a restart. */
  readonly world: WorldSources;
  /** Remediations in `restarting` without their first look at most; beyond, the hold is `concurrency`. */
  readonly maxUnverified: number;
  readonly requestTimeoutMs: number;
}

/**
 * The loop of one cluster: claim → look → decide → commit → restart, and look again. Each cluster has its own lane, so a
 * cluster that hangs delays only itself; inside a lane each remediation is a piece of work of its own, so a connector
 * that hangs delays only itself.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #leaseMs: number;
  readonly #inFlight: InFlight;
  readonly #reactions = new Reactions();
  readonly #places = new Places();
  readonly #breakers = new Breakers();
  readonly #recent: Recent;
  #abandoned: Claim[] = [];
  #woken = false;
  #ring: AbortController = new AbortController();
  #stopping = false;
  #loop: Promise<void> | null = null;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#inFlight = new InFlight(options.clock);
    this.#recent = new Recent(options.reader, options.ledger, options.clock);
    // The lease outlasts the restart call and the look before it, with room to spare. Where another process dies, its
    // remediations rest for so long.
    this.#leaseMs = 30_000 + 3 * options.requestTimeoutMs;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Something became due: the loop goes on at once. */
  wake(connector?: string): void {
    if (connector !== undefined) this.#reactions.note(connector, this.#options.clock.monotonic());
    this.#woken = true;
    // An abort makes an error with its stack each time, also where there was one before: a webhook may wake a hundred.
    if (!this.#ring.signal.aborted) this.#ring.abort();
  }

  /** No new work; what is in flight is finished. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.wake();
    await this.#loop;
    await this.#inFlight.ended();
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
    const { ledger, clock, client, reporter } = this.#options;
    const limit = await this.#inFlight.room();
    if (this.#stopping) return 0;
    // What a failing ledger made us drop is free at once, not only when its lease ends.
    for (let claim = this.#abandoned[0]; claim !== undefined; claim = this.#abandoned[0]) {
      await ledger.release(claim);
      this.#abandoned.shift();
    }
    const askedAtMs = clock.monotonic();
    this.#places.asked();
    const answer = await ledger.claim({ cluster: client.cluster, limit, leaseMs: this.#leaseMs });
    this.#places.known(this.#options.maxUnverified - answer.unverified);
    reporter.ledgerUp(true, '');
    if (answer.claims.length === 0) {
      this.#recent.forgetBulk();
      return answer.nextDueAtMs === null ? IDLE_AT_MOST_MS : Math.max(1, answer.nextDueAtMs - answer.nowMs);
    }
    const claimedAtMs = clock.monotonic();
    const now = (): number => answer.nowMs + Math.round(clock.monotonic() - claimedAtMs);
    // After a webhook a restart is likely: what it will ask is asked beside the status, not after it.
    if (this.#reactions.size > 0) void this.#options.world.suppression();
    const bulk = await this.#recent.bulk(wantedFor(answer, claimedAtMs));
    const [one] = answer.claims;
    const threshold = one ? this.#options.policyFor(one.remediation.connector).storm.threshold : null;
    const turn = new Turn({
      ledger,
      cluster: client.cluster,
      bulk,
      failures: this.#options.failures,
      threshold,
      answer,
      recentStorms: () => this.#recent.storms(),
      latest: () => answer.nowMs + Math.round(clock.monotonic() - askedAtMs),
    });
    if (this.#stopping) {
      for (const claim of answer.claims) await ledger.release(claim);
      return 0;
    }
    for (const claim of answer.claims) {
      const work = this.#remediate(claim, turn, now).catch((error: unknown) => {
        if (error instanceof LedgerUnavailable) {
          this.#abandoned.push(claim);
          reporter.ledgerUp(false, error.message);
          return;
        }
        // A fault of ours would be met again at once: its lease is the pause before the next try.
        const { cluster, connector } = claim.remediation;
        reporter.fault(`remediation of ${cluster}/${connector}`, error);
      });
      this.#inFlight.add(work);
    }
    return 0;
  }

  async #remediate(claimed: Claim, turn: Turn, now: () => number): Promise<void> {
    const { client, clock, ledger, failures, policyFor } = this.#options;
    const { connector } = claimed.remediation;
    const policy = this.#options.policyFor(connector);
    let claim: Claim | null = claimed;
    let { pauses } = turn;
    let storms: Storms | null = null;
    let world: World | null = null;
    let worldAtMs = 0;
    let lookedAgain = false;
    let judgedBy = failures.version;
    // With the status of all it took too long: by itself it is read faster.
    let seen =
      claimed.remediation.reason === 'not_sent'
        ? await lookAtOne(client, clock, connector, failures)
        : await lookInBulk(client, clock, connector, turn.bulk, failures);
    for (let tries = 0; claim !== null && tries < DECIDE_AT_MOST; tries += 1) {
      const before: Remediation = claim.remediation;
      const seenAtMs = now() - (clock.monotonic() - seen.readAtMs);
      // A signal that came after the look is not answered by it.
      if (before.signalAtMs !== null && before.signalAtMs > seenAtMs) {
        seen = await lookAtOne(client, clock, connector, failures);
      }
      const groups = await turn.groups();
      if (failures.version !== judgedBy) {
        judgedBy = failures.version;
        seen = { ...seen, look: lookOf(connector, seen.look.connect, failures) };
      }
      const { signature } = seen.look;
      if (signature !== null && groups.has(signature)) storms ??= await turn.storms();
      const nowMs = now();
      const storm = storms && stormFor(before, signature, groups, storms, policyFor, nowMs);
      if (storm !== null && (await turn.callElected(storm))) this.#turnOfOthers();
      const look = lookWith({ ...seen.look, storm }, world, {
        before,
        pauses: pauses.pauses,
        sources: this.#options.world,
        nowMs,
      });
      const wish = decide(before, look, policy, nowMs);
      // Asked only now, and only for those that would be restarted, that the world holds though it is not their turn, or
      // whose configuration seems to be another one: what is known in bulk may be hours old.
      if (world === null && (wish.effect.type === 'restart' || needsWorld(before, look))) {
        worldAtMs = clock.monotonic();
        world = await readWorld(client, connector, this.#options.world);
        if (world.settings.outcome === 'ok' && world.settings.value !== 'missing') {
          this.#options.reader.learn(connector, world.settings.value);
        }
        continue;
      }
      if (wish.effect.type === 'restart') {
        // The process was frozen, say: somebody may have made a silence meanwhile.
        if (clock.monotonic() - worldAtMs > WORLD_AGE_AT_MOST_MS) {
          world = null;
          continue;
        }
        if (!lookedAgain && clock.monotonic() - seen.readAtMs > LOOK_AGAIN_AFTER_MS) {
          lookedAgain = true;
          seen = await lookAtOne(client, clock, connector, failures);
          continue;
        }
      }
      const decision = this.#admitted(wish, before, { ...seen, look }, turn, nowMs);
      const { effect, next } = decision;
      const restarts = effect.type === 'restart';
      if (restarts && this.#stopping) {
        this.#giveBack();
        break;
      }
      const keep = restarts
        ? {
            leaseMs: this.#leaseMs,
            unverifiedAtMost: this.#options.maxUnverified,
            pausesRevision: pauses.revision,
            ...(storm === null || storms === null ? {} : { stormsRevision: storms.revision }),
          }
        : undefined;
      let committed: Claim | 'full' | null = null;
      try {
        committed = await ledger.commit(claim, next, auditOf(before, decision, nowMs), keep);
      } finally {
        if (restarts && (committed === null || committed === 'full')) this.#giveBack();
      }
      if (committed === 'full') {
        // Another process took the last place.
        this.#places.noneFree();
        continue;
      }
      if (committed === null) {
        // Somebody wrote to it, a webhook most likely, or set a pause: read again, decide again.
        claim = await ledger.refresh(claim);
        lookedAgain = false;
        if (claim !== null && restarts) {
          pauses = await ledger.pauses();
          if (storms !== null) {
            storms = await ledger.storms(client.cluster);
            this.#recent.forgetStorms();
          }
        }
        continue;
      }
      this.#tell(before, decision, nowMs);
      // It was its turn, and it cannot act: by the rows from before it would be called again and again.
      if (storm?.mayProbe === true && !restarts) this.#recent.forgetStorms();
      if (effect.type === 'restart') await this.#restart(committed, effect, seen, turn.latest);
      const proof = provenBy(before, next);
      if (next !== null && proof !== null && (await turn.callMore(proof, next, policyFor, nowMs))) {
        this.#turnOfOthers();
      }
      return;
    }
    if (claim !== null) await ledger.release(claim);
  }

  /** A restart needs a look that is fresh enough, a cluster that answers and, last of all, a place, which is taken here. */
  #admitted(wish: Decision, before: Remediation, seen: TimedLook, turn: Turn, nowMs: number): Decision {
    if (wish.effect.type !== 'restart') return wish;
    const policy = this.#options.policyFor(before.connector);
    const held = (reason: HoldSeen['reason'], detail: string, untilMs: number | null = null): Decision => {
      const look: Look = { ...seen.look, holds: [...seen.look.holds, { reason, detail, untilMs }] };
      return decide(before, look, policy, nowMs);
    };
    // Its own status was read, those of its neighbours were not: it may be one of many, who share their probes.
    const { result } = turn.bulk;
    if (result.outcome !== 'ok') return held('connect_unreachable', maskCredentials(result.detail));
    const monotonicMs = this.#options.clock.monotonic();
    if (monotonicMs - seen.readAtMs > STATUS_AGE_AT_MOST_MS) {
      return held('connect_unreachable', 'reading its status takes longer than two seconds');
    }
    const open = this.#breakers.admit(monotonicMs);
    if (open !== null) {
      return held(open.reason, open.detail, nowMs + Math.max(FIRST_LOOK_MS, Math.ceil(open.waitMs)));
    }
    if (this.#places.take()) return wish;
    this.#breakers.unused();
    const { maxUnverified } = this.#options;
    const full = held('concurrency', `${maxUnverified} restarts of this cluster have not been looked at yet`);
    if (full.next === null) return full;
    // Those who wait queue up: a place becomes free with a first look, so later ones come later.
    const lookAtMs = full.next.lookAtMs + this.#places.queueMs(maxUnverified);
    return { ...full, next: { ...full.next, lookAtMs } };
  }

  /** Members of a storm were called. By rows from before that they might call each other, over and over. */
  #turnOfOthers(): void {
    this.#recent.forgetStorms();
    this.wake();
  }

  #giveBack(): void {
    this.#places.giveBack();
    this.#breakers.unused();
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
      const reactionMs = this.#reactions.taken(connector, clock.monotonic());
      if (reactionMs !== null) reporter.reacted(reactionMs / 1_000);
      const ageMs = clock.monotonic() - seen.readAtMs;
      const result = await client.restart(connector, effect.plan, connect.status, ageMs);
      outcome = result.outcome;
      detail = maskCredentials(result.detail);
    }
    const changed = this.#breakers.settled(outcome, clock.monotonic());
    if (changed !== null) reporter.breaker(client.cluster, changed === 'opened');
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
    if (decision.effect.type === 'none') this.#reactions.forget(before.connector);
  }
}
