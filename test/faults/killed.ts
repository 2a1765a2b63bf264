/** One process on a file, killed with -9 again and again in the middle of a storm. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FakeConnect } from '../replicas/connect.ts';
import { fakeConnect, later, running } from '../replicas/given.ts';
import { random } from '../replicas/random.ts';
import { named } from '../replicas/replicas.ts';

const KILLS = 50;
/** Two webhooks' worth of new failures in each life: a restart call is certain to come. */
const NEW_EACH = 2;
const DELAYS = ['0s', '1s', '1s', '1s', '1s'];
const POLICY = { delays: DELAYS, thenEvery: 'off', settle: '500ms', stableFor: '2s', jitter: '0%' };
/** A life that nothing ends would hang the test. */
const LIFE_AT_MOST_MS = 120_000;
const END_WITHIN_MS = 240_000;

/** What the process is killed on; `nth` from 1. */
type Moment =
  | { readonly on: 'any request' | 'restart call' | 'restart carried out'; readonly nth: number }
  | { readonly on: 'webhook answered' };

export function theServiceMayBeKilled(): void {
  test(`killed with -9 at ${KILLS} random moments of a storm, the service loses no webhook and makes no attempt twice (P2, P5)`, async (t) => {
    const dice = random();
    t.diagnostic(`seed ${dice.seed}: REPLICAS_SEED=${dice.seed} draws the same moments again`);
    const directory = await mkdtemp(join(tmpdir(), 'connect-medic-killed-'));
    later(t, () => rm(directory, { recursive: true, force: true }));
    const connect = await fakeConnect(t);
    const connectors = named('storm', KILLS * NEW_EACH);
    // A third is healed by its first restart, a third by its third, a third by none.
    const healedBy = new Map(
      connectors.map((name) => [name, [1, 3, Number.POSITIVE_INFINITY][dice.below(3)]]),
    );
    connect.afterRestartOf = (name) =>
      connect.restartsOf(name).length >= (healedBy.get(name) ?? 1) ? 'RUNNING' : 'FAILED';
    connect.show(connectors, 'FAILED');

    const replicas = await running(t, {
      count: 1,
      ledgerUrl: `sqlite:${join(directory, 'ledger.db')}`,
      clusters: { default: connect },
      policy: POLICY,
      // Fifty starts: without replacing itself, and with what the first life has compiled.
      env: () => ({ CONNECT_MEDIC_MEMORY: 'default', NODE_COMPILE_CACHE: join(directory, 'compiled') }),
    });
    const one = replicas.at(0);
    // While a call is under way its record stands still: the number it shows is this call's.
    const numbers = new Map(connectors.map((name) => [name, [] as number[]]));
    connect.duringRestart = async (name) => {
      const seen = await one.service.remediation(name).catch(() => undefined);
      if (seen !== undefined) numbers.get(name)?.push(seen.attempts);
    };

    await one.process.stop();
    const acknowledged: Promise<void>[] = [];
    for (let life = 0; life < KILLS; life += 1) {
      await one.process.start();
      const fresh = connectors.slice(life * NEW_EACH, (life + 1) * NEW_EACH);
      const moment = draw(dice.below);
      const taken = one.deliver(fresh, END_WITHIN_MS);
      acknowledged.push(taken);
      await (moment.on === 'webhook answered' ? taken : comes(connect, moment));
      await one.process.kill9();
    }
    await one.process.start();
    await Promise.all(acknowledged);

    const ended = await replicas.waitForAll(
      connectors,
      ({ state }) => state === 'escalated' || state === 'recovered',
      END_WITHIN_MS,
    );
    await replicas.goOn([connect], END_WITHIN_MS);
    const counts = connect.counts();
    t.diagnostic(`${connect.restarts.length} restart calls for ${connectors.length} connectors`);
    assert.deepEqual(connect.overlapping, []);
    for (const { connector, attempts, state } of ended) {
      const calls = counts.get(connector) ?? 0;
      assert.ok(calls <= attempts, `${connector}: ${calls} calls for ${attempts} attempts`);
      assert.ok(attempts <= DELAYS.length, `${connector}: ${attempts} attempts`);
      assert.equal(state, calls >= (healedBy.get(connector) ?? 1) ? 'recovered' : 'escalated', connector);
      const seen = numbers.get(connector) ?? [];
      assert.deepEqual(
        seen,
        [...new Set(seen)].sort((a, b) => a - b),
        `${connector}: each attempt has one call`,
      );
      const written = (await one.service.remediation(connector))?.attemptLog.map(({ number }) => number);
      assert.deepEqual(
        written,
        Array.from({ length: attempts }, (_, index) => index + 1),
        connector,
      );
    }
  });
}

function draw(below: (n: number) => number): Moment {
  switch (below(4)) {
    case 0:
      return { on: 'any request', nth: 1 + below(6) };
    case 1:
      return { on: 'restart call', nth: 1 + below(NEW_EACH) };
    case 2:
      return { on: 'restart carried out', nth: 1 + below(NEW_EACH) };
    default:
      return { on: 'webhook answered' };
  }
}

/** Resolves in the moment, before anything else of this process runs. */
function comes(connect: FakeConnect, { on, nth }: Extract<Moment, { nth: number }>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${on} came`)), LIFE_AT_MOST_MS);
    let left = nth;
    const count = (): void => {
      left -= 1;
      if (left > 0) return;
      connect.onRequest = () => {};
      connect.onRestarted = () => {};
      clearTimeout(timer);
      resolve();
    };
    connect.onRequest = (what) => {
      if (on === 'any request' || (on === 'restart call' && what === 'restart')) count();
    };
    connect.onRestarted = () => {
      if (on === 'restart carried out') count();
    };
  });
}
