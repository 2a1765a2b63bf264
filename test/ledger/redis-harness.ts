import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type Claim, type Ledger, type LedgerLimits, LedgerUnavailable } from '../../src/ledger/ledger.ts';
import { openRedisLedger, type RedisLedgerOptions } from '../../src/ledger/redis.ts';
import { type RedisServer, startRedis } from '../redis/server.ts';
import { waitFor } from '../stack/process.ts';
import type { Harness, OpenHarness } from './contract.ts';
import { ManualClock } from './sqlite-harness.ts';

export const limits: LedgerLimits = { remediations: 1000, events: 1000 };

const WITHIN_MS = 20_000;
const EVERY_MS = 20;

const opened = new Set<Ledger>();

/** A ledger on a server, with keys that nobody else uses unless a prefix is given. */
export async function ownLedger(
  url: string,
  options: Partial<Omit<RedisLedgerOptions, 'url'>> = {},
): Promise<Ledger> {
  const keyPrefix = `test-${randomUUID()}`;
  const ledger = await openRedisLedger({ url, keyPrefix, replicas: 0, limits, ...options });
  opened.add(ledger);
  return ledger;
}

/** Runs a test on a ledger with keys of its own. */
export function ownOn(urlOf: () => string) {
  return async (
    test: (ledger: Ledger, keyPrefix: string) => Promise<void>,
    options: Parameters<typeof ownLedger>[1] = {},
  ): Promise<void> => {
    const keyPrefix = `test-${randomUUID()}`;
    const ledger = await ownLedger(urlOf(), { ...options, keyPrefix });
    try {
      await test(ledger, keyPrefix);
    } finally {
      await ledger.close();
    }
  };
}

/** The one record that is due. */
export async function claimOne(ledger: Ledger, leaseMs: number): Promise<Claim> {
  const { claims } = await ledger.claim({ cluster: 'payments', limit: 1, leaseMs });
  assert.ok(claims[0]);
  return claims[0];
}

/** Closes what `ownLedger` opened: an open connection keeps the process alive, also after a test that failed. */
export async function closeLedgers(): Promise<void> {
  await Promise.all([...opened].map((ledger) => ledger.close()));
  opened.clear();
}

/**
 * One server for all tests of a file, started with the first of them; each harness has keys of its own. Redis's clock
 * cannot be moved, so the harness gives the ledger another one. `stop` for after the last test.
 */
export function redisHarness(
  start: () => Promise<{ readonly url: string; readonly stop: () => Promise<void> }> = () => startRedis(),
): {
  readonly open: OpenHarness;
  readonly stop: () => Promise<void>;
} {
  let running: ReturnType<typeof start> | null = null;
  const open = async ({ limits: given }: { readonly limits: LedgerLimits }): Promise<Harness> => {
    running ??= start();
    const { url } = await running;
    const clock = new ManualClock();
    const keyPrefix = `test-${randomUUID()}`;
    const again = (): Promise<Ledger> =>
      openRedisLedger({ url, keyPrefix, replicas: 0, limits: given, testClock: clock.now });
    let ledger = await again();
    return {
      ledger,
      advance: clock.advance,
      reopen: async () => {
        await ledger.close();
        ledger = await again();
        return ledger;
      },
      close: () => ledger.close(),
    };
  };
  const stop = async (): Promise<void> => {
    await (await running)?.stop();
  };
  return { open, stop };
}

/** Runs a test on a server of its own. */
export async function onServer<T>(
  work: (server: RedisServer) => Promise<T>,
  options: Parameters<typeof startRedis>[0] = {},
): Promise<T> {
  const server = await startRedis(options);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

/** A key prefix whose slot is the node's. */
export async function prefixOn(node: { cli(...args: readonly string[]): Promise<string> }): Promise<string> {
  for (;;) {
    const prefix = `test-${randomUUID()}`;
    try {
      await node.cli('get', `{${prefix}}:meta`);
      return prefix;
    } catch {
      // MOVED: another node's.
    }
  }
}

/** Resolves once a ping is answered. */
export function recovered(ledger: Ledger): Promise<true> {
  const answers = async (): Promise<true | undefined> => ((await failure(ledger)) === '' ? true : undefined);
  return waitFor('the ledger to answer', answers, WITHIN_MS, EVERY_MS);
}

/** Why a ping is refused; empty when it is not. */
export async function failure(ledger: Ledger): Promise<string> {
  try {
    await ledger.ping();
    return '';
  } catch (error) {
    assert.ok(error instanceof LedgerUnavailable, String(error));
    return error.message;
  }
}
