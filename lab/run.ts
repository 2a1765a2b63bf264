import { fixedLoop, guardian, humanAlone, oracle, strimzi } from './peers.ts';
import type { Scenario } from './scenario.ts';
import { type Actor, type Tallies, type Watch, World } from './world.ts';

/** What an actor made of a scenario. */
export interface Outcome {
  readonly name: string;
  readonly tallies: Tallies;
}

/** Everybody that connect-medic is compared with, in the order of the table. Strimzi with seven restarts is the reference. */
export const peers: readonly (() => Actor)[] = [
  () => strimzi(7),
  () => strimzi(null),
  guardian,
  fixedLoop,
  humanAlone,
];

/** One actor against one scenario. */
export function run(scenario: Scenario, actor: Actor, watch: Watch = 'alert'): Outcome {
  return { name: actor.name, tallies: new World(scenario, actor, watch).run() };
}

/** What a scenario was for connect-medic (first), the peers, and the bound. */
export interface Comparison {
  /** connect-medic first. */
  readonly outcomes: readonly Outcome[];
  readonly peers: readonly Outcome[];
  readonly bound: Outcome;
}

export function compare(scenario: Scenario, ours: readonly Actor[], watch: Watch = 'alert'): Comparison {
  const outcomeOf = (actor: Actor): Outcome => run(scenario, actor, watch);
  const others = peers.map((peer) => outcomeOf(peer()));
  return { outcomes: [...ours.map(outcomeOf), ...others], peers: others, bound: outcomeOf(oracle()) };
}
