/** What the scenarios begin with: short times, and servers that go away with the test. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { RemediationJson } from '../../src/api/remediation-json.ts';
import { FakeConnect } from './connect.ts';
import { type Replicas, type ReplicasOptions, startReplicas } from './replicas.ts';

/** For what takes seconds, on a machine that does much else. */
export const SOON_MS = 60_000;

/** One restart at once, and the next one after the test. */
export const ONCE = {
  delays: ['0s', '1h'],
  thenEvery: 'off',
  settle: '1s',
  stableFor: '1h',
  jitter: '0%',
};

/** Restarted once under {@link ONCE}, failed again, and at rest. */
export function restartedOnce({ state, attempts }: RemediationJson): boolean {
  return state === 'waiting' && attempts === 1;
}

/** A list of restarts, one delay before each, and then none. */
export function several(delays: readonly string[]): Record<string, unknown> {
  return { delays, thenEvery: 'off', settle: '500ms', stableFor: '1h', jitter: '0%' };
}

const ends = new WeakMap<TestContext, AsyncDisposableStack>();

/** Something to be done when the test is over: the last one first, and all of them, whatever one of them throws. */
export function later(t: TestContext, work: () => Promise<void>): void {
  let stack = ends.get(t);
  if (stack === undefined) {
    const created = new AsyncDisposableStack();
    t.after(() => created.disposeAsync());
    ends.set(t, created);
    stack = created;
  }
  stack.defer(work);
}

/** Something to be stopped when the test is over. */
export function until<T extends { stop: () => Promise<void> }>(t: TestContext, thing: T): T {
  later(t, () => thing.stop());
  return thing;
}

export async function fakeConnect(t: TestContext): Promise<FakeConnect> {
  const connect = await new FakeConnect().start();
  later(t, () => connect.close());
  return connect;
}

/** Replicas that are ready; they are stopped with the test, which fails if they have logged an unexpected error. */
export async function running(t: TestContext, options: ReplicasOptions): Promise<Replicas> {
  const replicas = await startReplicas(options);
  later(t, async () => {
    const faults = await replicas.faults();
    await replicas.stop();
    assert.deepEqual(faults, []);
  });
  return replicas;
}

/** The connectors that got more than so many restarts, with how many. */
export function moreThan(most: number, counts: ReadonlyMap<string, number>): string[] {
  return [...counts].flatMap(([connector, count]) => (count > most ? [`${connector}: ${count}`] : []));
}

/** Whether every replica's readiness is answered with this status. */
export function ready(replicas: Replicas, status: number): () => Promise<boolean> {
  return async () => {
    const all = await Promise.all(replicas.all.map((replica) => replica.status('/readyz')));
    return all.every((one) => one === status);
  };
}
