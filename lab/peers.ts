import { HOUR, MINUTE, SECOND } from './scenario.ts';
import type { Actor, World } from './world.ts';

/**
 * What others do, restated from their sources as small rules. Where a tool has faults of its own (counters that get lost, tasks
 * that overwrite each other), the rule leaves them out: the lab compares policies.
 */

/** What a rule remembers of a connector that failed. */
interface Memory {
  count: number;
  lastMs: number;
  polls: number;
}

/** What a rule says of a connector at one poll. The memory is changed in place; `forget` drops it. */
type Says = 'restart' | 'wait' | 'forget';
type Rule = (isFailed: boolean, memory: Memory, nowMs: number) => Says;

/** Polls Connect; each connector that is failed, or remembered, is put to the rule. */
function poller(name: string, everyMs: number, rule: Rule): Actor {
  const memories = new Map<number, Memory>();
  const poll = (world: World): void => {
    for (const connector of new Set([...memories.keys(), ...world.failed])) {
      const memory = memories.get(connector) ?? { count: 0, lastMs: Number.NEGATIVE_INFINITY, polls: 0 };
      const says = rule(world.shown(connector) === 'FAILED', memory, world.nowMs);
      if (says === 'forget') memories.delete(connector);
      else memories.set(connector, memory);
      // A call that Connect turned away with 409 is charged like any other: all of them do so.
      if (says === 'restart') world.restart(connector);
    }
    world.at(world.nowMs + everyMs, () => poll(world));
  };
  return {
    name,
    alertAfterMs: 30 * MINUTE,
    automated: true,
    start: (world) => world.at(0, () => poll(world)),
  };
}

/**
 * Minutes before the next automatic restart after `restarts` of them: n² + n, at most 60.
 * 0, 2, 6, 12, 20, 30, 42, 56, 60, 60 … (Strimzi, AbstractConnectOperator.nextAutoRestartBackOffIntervalInMinutes).
 */
export function strimziBackOffMinutes(restarts: number): number {
  return Math.min(restarts * restarts + restarts, 60);
}

const wholeMinutes = (spanMs: number): number => Math.floor(spanMs / MINUTE);

/**
 * Whether Strimzi restarts now: below the maximum, and as many whole minutes after the last restart as the back-off says
 * (shouldAutoRestart).
 */
export function strimziRestarts(restarts: number, sinceLastMs: number, maxRestarts: number | null): boolean {
  return (
    restarts === 0 ||
    ((maxRestarts === null || restarts < maxRestarts) &&
      wholeMinutes(sinceLastMs) >= strimziBackOffMinutes(restarts))
  );
}

/** Whether Strimzi forgets its count of a connector that is not failed: after more whole minutes than the back-off (shouldResetAutoRestart). */
export function strimziForgets(restarts: number, sinceLastMs: number): boolean {
  return wholeMinutes(sinceLastMs) > strimziBackOffMinutes(restarts);
}

/** Strimzi's autoRestart: reconciles every 2 min; `maxRestarts` null is unlimited, the default. */
export function strimzi(maxRestarts: number | null): Actor {
  const name = maxRestarts === null ? 'Strimzi, unlimited' : `Strimzi, ${maxRestarts} restarts`;
  return poller(name, 2 * MINUTE, (isFailed, memory, nowMs) => {
    const sinceLastMs = nowMs - memory.lastMs;
    if (!isFailed) return strimziForgets(memory.count, sinceLastMs) ? 'forget' : 'wait';
    if (!strimziRestarts(memory.count, sinceLastMs, maxRestarts)) return 'wait';
    memory.count += 1;
    memory.lastMs = nowMs;
    return 'restart';
  });
}

/**
 * connector-guardian (functionalities/connector_restart.py, defaults of its compose file): every 5 min; restarts a failure when it has
 * been seen 0, 1, 2, 4, 8, 16 or 32 times before, so 0, 5, 10, 20, 40, 80, 160 min after it began, 7 times at most; forgets it when
 * it is seen not failed.
 */
export function guardian(): Actor {
  return poller('connector-guardian', 5 * MINUTE, (isFailed, memory) => {
    if (!isFailed) return 'forget';
    const seen = memory.polls;
    memory.polls += 1;
    if (memory.count >= 7 || (seen > 0 && !Number.isInteger(Math.log2(seen)))) return 'wait';
    memory.count += 1;
    return 'restart';
  });
}

/** The script of many a blog post: every 30 s, three attempts, forgotten when seen not failed. */
export function fixedLoop(): Actor {
  return poller('30 s loop, 3 attempts', 30 * SECOND, (isFailed, memory) => {
    if (!isFailed) return 'forget';
    if (memory.count >= 3) return 'wait';
    memory.count += 1;
    return 'restart';
  });
}

/** No automation: paged after 5 min, there 30 min later. */
export function humanAlone(): Actor {
  return { name: 'a human after 30 min', alertAfterMs: 5 * MINUTE, automated: false, start: () => undefined };
}

/**
 * No peer but a bound: it knows the causes, restarts in the moment in which a restart heals, and calls a human at once where one is
 * needed. What it has of downtime nobody can avoid.
 */
export function oracle(): Actor {
  const look = (connector: number, world: World): void => {
    if (world.shown(connector) !== 'FAILED') return;
    if (world.needsHuman(connector)) world.page(connector);
    const atMs = world.healableAtMs(connector);
    if (atMs === null) return;
    if (atMs > world.nowMs) world.at(atMs, () => look(connector, world));
    else if (world.restart(connector) === 'conflict')
      world.at(world.nowMs + SECOND, () => look(connector, world));
  };
  const changed = (connector: number, world: World): void =>
    world.at(world.nowMs, () => look(connector, world));
  // A human mends without a sign that Connect shows.
  const sweep = (world: World): void => {
    for (const connector of world.failed) look(connector, world);
    world.at(world.nowMs + HOUR, () => sweep(world));
  };
  return { name: 'all-knowing (bound)', alertAfterMs: null, automated: true, start: sweep, changed };
}
