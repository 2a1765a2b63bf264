import type { ConnectorStatus, RestartPlan } from '../core/model.ts';
import { STATUS_AGE_AT_MOST_MS, statusVerdict } from '../core/verdict.ts';
import type { ReadResult, RestartResult } from './client.ts';
import { joined } from './detail.ts';
import { type Posted, post } from './post.ts';
import { readCredentials, type Wire } from './read.ts';
import type { RestartApi, RestartApiMemory } from './version.ts';

/** Connections to one worker for one call: the first may take so long that the status has to be read again. */
const CONNECTIONS_AT_MOST = 3;
/** Outcomes that show a worker at work: it is asked first the next time. */
const WORKED: ReadonlySet<RestartResult['outcome']> = new Set(['accepted', 'conflict', 'not_found']);

export interface RestartOrder {
  /** `/connectors/{c}`, percent-encoded. */
  readonly base: string;
  readonly plan: RestartPlan;
  readonly status: ConnectorStatus;
  /** How old `status` is, in milliseconds. */
  readonly statusAgeMs: number;
  /** Reads the status again, within so many milliseconds. */
  readonly readStatus: (totalMs: number) => Promise<ReadResult<ConnectorStatus>>;
}

/** One restart call to make. */
interface Step {
  /** What it is for, in a detail. */
  readonly part: string;
  readonly path: string;
  readonly isFailed: (status: ConnectorStatus) => boolean;
  /** What is left to do where a Connect before 3.0 ignores the query and restarts the connector instance alone. */
  readonly ifQueryIgnored: readonly Step[];
  /** It is one part among others: that it is not found says nothing about them. */
  readonly oneOfMany: boolean;
}

type StepEnd =
  | { readonly kind: 'done'; readonly result: RestartResult; readonly status: number | null }
  /** Not sent, and not worth going on with the other parts. */
  | { readonly kind: 'stopped'; readonly result: RestartResult }
  /** Not sent, as there is no reason any more. */
  | { readonly kind: 'skipped'; readonly why: string };

/**
 * Carries out one decided restart. Between the parts, in time:
 *
 * - Before a request leaves, the status is at most two seconds old, or it is read again. Its age counts from when the read
 *   began, and up to the moment in which the connection stands and the first byte is written.
 * - A part that is not FAILED any more is skipped, and so is everything of a connector that is paused or stopped by now.
 * - An accepted part is followed by the next one. A part that Connect does not know is followed by a fresh read and the next
 *   one. Anything else ends it: what is left belongs to the next attempt, after a look.
 * - No request begins later than `requestTimeoutMs` after the call, so that all of it takes at most twice that, and the
 *   caller's lease can be chosen to outlast it.
 *
 * All requests have one outcome: `ambiguous` if one is, else `accepted` if one was, else what came back first. Where nothing
 * was FAILED any more it is `not_sent`: nothing was called, nothing is charged, and the next look sees why.
 */
export class Restart {
  readonly #wire: Wire;
  readonly #memory: RestartApiMemory;
  readonly #order: RestartOrder;
  readonly #beginUntilMs: number;
  #status: ConnectorStatus;
  #readAtMs: number;

  constructor(wire: Wire, memory: RestartApiMemory, order: RestartOrder) {
    const nowMs = wire.monotonic();
    this.#wire = wire;
    this.#memory = memory;
    this.#order = order;
    this.#beginUntilMs = nowMs + wire.requestTimeoutMs;
    this.#status = order.status;
    this.#readAtMs = nowMs - order.statusAgeMs;
  }

  async run(): Promise<RestartResult> {
    const steps = [...stepsOf(this.#order, await this.#memory.get())];
    const results: RestartResult[] = [];
    const story: string[] = [];
    for (let step = steps.shift(); step !== undefined; step = steps.shift()) {
      const end = await this.#take(step);
      if (end.kind === 'skipped') {
        story.push(`${step.part}: ${end.why}`);
        continue;
      }
      results.push(end.result);
      story.push(`${step.part}: ${end.result.detail}`);
      if (end.kind === 'stopped') break;
      if (end.result.outcome === 'accepted') {
        if (end.status !== 204 || step.ifQueryIgnored.length === 0) continue;
        // No Connect that knows the query answers 204: it was ignored, and the tasks are still to be restarted.
        this.#memory.isLegacy();
        steps.push(...step.ifQueryIgnored.filter((next) => next.isFailed(this.#status)));
      } else if (end.result.outcome !== 'not_found' || !step.oneOfMany) break;
      this.#readAtMs = Number.NEGATIVE_INFINITY;
    }
    if (steps.length > 0) story.push(`${steps.length} more left for the next attempt`);
    const outcome =
      results.find((result) => result.outcome === 'ambiguous')?.outcome ??
      results.find((result) => result.outcome === 'accepted')?.outcome ??
      results[0]?.outcome ??
      'not_sent';
    return { outcome, detail: joined(story.length > 0 ? story : ['nothing was FAILED, nothing was called']) };
  }

  /** Sends one call: the workers in turn as long as it is certain that none acted. */
  async #take(step: Step): Promise<StepEnd> {
    const tried: string[] = [];
    for (const worker of this.#wire.workers.inOrder()) {
      let posted: Posted = { kind: 'stale' };
      for (let n = 0; n < CONNECTIONS_AT_MOST && posted.kind === 'stale'; n += 1) {
        if (this.#wire.monotonic() >= this.#beginUntilMs) {
          return stopped('refused', joined([...tried, 'no time was left for the call']));
        }
        const unread = await this.#freshen();
        if (unread !== null) return unread;
        // Somebody may have paused it since: a FAILED part of a paused connector is nobody's business.
        if (statusVerdict(this.#status) === 'off')
          return { kind: 'skipped', why: 'paused or stopped by now' };
        if (!step.isFailed(this.#status)) return { kind: 'skipped', why: 'not FAILED any more' };
        const credentials = readCredentials(this.#wire);
        if ('fault' in credentials) return stopped('unauthorized', credentials.fault);
        posted = await post(this.#wire, worker, step.path, credentials.authorization, () => this.#isFresh());
      }
      switch (posted.kind) {
        case 'stale':
          tried.push(`${worker.label}: a connection takes longer than the status stays fresh`);
          break;
        case 'not_handled':
          this.#wire.onRequest('restart', 'refused');
          if (posted.slow) this.#wire.workers.timedOut(worker);
          tried.push(`${worker.label}: ${posted.detail}`);
          break;
        case 'done': {
          const { outcome, detail } = posted.result;
          this.#wire.onRequest('restart', outcome);
          if (posted.slow) this.#wire.workers.timedOut(worker);
          else if (WORKED.has(outcome)) this.#wire.workers.worked(worker);
          const result = { outcome, detail: `${worker.label}: ${detail}` };
          return { kind: 'done', result, status: posted.status };
        }
        default:
          posted satisfies never;
      }
    }
    return stopped('refused', joined(tried));
  }

  #isFresh(): boolean {
    return this.#wire.monotonic() - this.#readAtMs <= STATUS_AGE_AT_MOST_MS;
  }

  /** Reads the status again where it is too old. */
  async #freshen(): Promise<StepEnd | null> {
    if (this.#isFresh()) return null;
    const begunAtMs = this.#wire.monotonic();
    const result = await this.#order.readStatus(this.#beginUntilMs - begunAtMs);
    if (result.outcome === 'ok') {
      this.#status = result.value;
      this.#readAtMs = begunAtMs;
      return null;
    }
    const outcome = result.outcome === 'unauthorized' ? 'unauthorized' : 'refused';
    return stopped(outcome, `its status could not be read again: ${result.detail}`);
  }
}

function stopped(outcome: RestartResult['outcome'], detail: string): StepEnd {
  return { kind: 'stopped', result: { outcome, detail } };
}

/** The calls that a plan needs, the connector instance first: a restarted one may configure its tasks anew. */
function stepsOf(order: RestartOrder, api: RestartApi): readonly Step[] {
  const { plan, status, base } = order;
  const failedTasks = status.tasks.filter((task) => task.state === 'FAILED').map((task) => task.id);
  if (plan.kind === 'failed' && api === 'modern') {
    const all: Step = {
      part: 'all failed parts',
      path: `${base}/restart?includeTasks=true&onlyFailed=true`,
      isFailed: (now) =>
        now.connector.state === 'FAILED' || now.tasks.some((task) => task.state === 'FAILED'),
      ifQueryIgnored: failedTasks.map((id) => taskStep(base, id)),
      oneOfMany: false,
    };
    return all.isFailed(status) ? [all] : [];
  }
  const connector: Step = {
    part: 'connector',
    path: `${base}/restart${api === 'modern' ? '?includeTasks=false&onlyFailed=true' : ''}`,
    isFailed: (now) => now.connector.state === 'FAILED',
    ifQueryIgnored: [],
    oneOfMany: false,
  };
  const tasks = plan.kind === 'failed' ? failedTasks : [...new Set(plan.tasks)];
  const steps = [
    ...(plan.kind === 'failed' || plan.connector ? [connector] : []),
    ...tasks.map((id) => taskStep(base, id)),
  ];
  return steps.filter((step) => step.isFailed(status));
}

/** This endpoint restarts a task that runs as well (measured), hence the fresh reads. */
function taskStep(base: string, id: number): Step {
  return {
    part: `task ${id}`,
    path: `${base}/tasks/${id}/restart`,
    isFailed: (now) => now.tasks.some((task) => task.id === id && task.state === 'FAILED'),
    ifQueryIgnored: [],
    oneOfMany: true,
  };
}
