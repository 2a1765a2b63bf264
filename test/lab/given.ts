import assert from 'node:assert/strict';
import { type Cause, type FailureClass, type Incident, MINUTE, type Scenario } from '../../lab/scenario.ts';
import { allTraces } from '../../lab/traces.ts';
import { type Actor, type Tally, type Watch, World } from '../../lab/world.ts';
import type { Pack } from '../../src/core/diagnosis.ts';
import { loadPack } from '../../src/diagnosis/load.ts';

const loaded = loadPack(null);
assert.ok(loaded.ok);
export const pack: Pack = loaded.pack;

/** A text that a restart may heal, and one that only a human mends. */
export const trace = {
  transient: allTraces().find(({ sort }) => sort === 'transient')?.trace ?? '',
  permanent: allTraces().find(({ sort }) => sort === 'permanent')?.trace ?? '',
};

/** Failures begin here: on a multiple of every poll interval, so that those who poll see them at once. */
export const START = 60 * MINUTE;

/** One incident that hits the first `victims` connectors at START. */
export function incident(
  cause: Cause,
  victims = 1,
  shows: 'transient' | 'permanent' = 'transient',
): Incident {
  const kinds: Record<Cause['kind'], FailureClass> = {
    outage: victims > 1 ? 'shared outage' : 'long outage',
    permanent: 'permanent',
    flapping: 'slow flapping',
    rebalance: 'rebalance',
  };
  const hit = Array.from({ length: victims }, (_, connector) => ({ connector, atMs: START }));
  return { id: 0, class: kinds[cause.kind], startMs: START, cause, victims: hit, trace: trace[shows] };
}

/** What an actor makes of one incident alone, within a day. */
export function alone(actor: Actor, one: Incident, endMs = 24 * 60 * MINUTE, watch: Watch = 'alert'): Tally {
  const scenario: Scenario = { seed: 1, connectors: one.victims.length, endMs, incidents: [one] };
  const world = new World(scenario, actor, watch);
  world.run();
  const tally = world.tallies.get(one);
  assert.ok(tally);
  return tally;
}
