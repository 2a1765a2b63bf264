import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Claim, Ledger, WriteResult } from '../../src/ledger/ledger.ts';
import type { Harness, OpenHarness } from './contract.ts';
import { event, key, nowOf, remediation, restarting } from './records.ts';

/**
 * What may happen to a ledger. `claim` and `version` choose among those that were ever given out, so stale ones are tried
 * as often as good ones.
 */
type Command =
  | { type: 'store'; writes: { name: string; version: number | null; inMs: number; looks: number | null }[] }
  | { type: 'claim'; limit: number; leaseMs: number }
  | {
      type: 'commit';
      claim: number;
      inMs: number | null;
      keepMs: number | null;
      looks: number | null;
      unverifiedAtMost: number | null;
    }
  | { type: 'refresh' | 'release'; claim: number }
  | { type: 'wake'; names: string[] }
  | { type: 'advance'; ms: number }
  | { type: 'reopen' };

/** The contract once more, as plainly as it can be said. */
interface ModelRecord {
  version: number;
  lookAtMs: number;
  attempts: number;
  looks: number | null;
  lease: { token: string; untilMs: number } | null;
}

const limits = { remediations: 4, events: 20 };
const names = ['a', 'b', 'c', 'd', 'e', 'f'];

/**
 * Random commands against a model. For a ledger whose clock stands still between `advance` calls, since here every
 * millisecond is compared.
 */
export function ledgerModel(
  name: string,
  open: OpenHarness,
  { durable }: { readonly durable: boolean },
): void {
  describe(`${name}: random commands`, () => {
    it('do what the model of the contract says', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(command(durable), { maxLength: 60 }), async (commands) => {
          const harness = await open({ limits });
          try {
            const run = new Run(harness, await nowOf(harness.ledger));
            for (const one of commands) {
              await run.step(one);
              await run.compare();
            }
          } finally {
            await harness.close();
          }
        }),
        { numRuns: 150 },
      );
    });
  });
}

function command(durable: boolean): fc.Arbitrary<Command> {
  const name = fc.constantFrom(...names);
  const inMs = fc.integer({ min: -20, max: 60 });
  const spanMs = fc.integer({ min: 0, max: 40 });
  const claim = fc.nat({ max: 8 });
  const write = fc.record({
    name,
    version: fc.option(fc.nat({ max: 3 }), { freq: 2 }),
    inMs,
    looks: fc.option(fc.nat({ max: 1 })),
  });
  const type = <T extends string>(of: T): fc.Arbitrary<T> => fc.constant(of);
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ type: type('store'), writes: fc.array(write, { maxLength: 4 }) }) },
    { weight: 5, arbitrary: fc.record({ type: type('claim'), limit: fc.nat({ max: 3 }), leaseMs: spanMs }) },
    {
      weight: 5,
      arbitrary: fc.record({
        type: type('commit'),
        claim,
        inMs: fc.option(inMs),
        keepMs: fc.option(spanMs),
        looks: fc.option(fc.nat({ max: 1 })),
        unverifiedAtMost: fc.option(fc.nat({ max: 3 })),
      }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('refresh', 'release'), claim }) },
    { weight: 1, arbitrary: fc.record({ type: type('wake'), names: fc.array(name, { maxLength: 3 }) }) },
    { weight: 3, arbitrary: fc.record({ type: type('advance'), ms: spanMs }) },
    { weight: durable ? 1 : 0, arbitrary: fc.record({ type: type('reopen') }) },
  );
}

/** One run: the ledger and the model side by side. */
class Run {
  readonly #harness: Harness;
  #ledger: Ledger;
  #nowMs: number;
  readonly #records = new Map<string, ModelRecord>();
  /** Details of the events, oldest first. */
  #events: string[] = [];
  /** The newest claims given out, newest first. */
  readonly #claims: Claim[] = [];
  readonly #versions = new Map<string, number[]>();
  #written = 0;

  constructor(harness: Harness, nowMs: number) {
    this.#harness = harness;
    this.#ledger = harness.ledger;
    this.#nowMs = nowMs;
  }

  async step(command: Command): Promise<void> {
    switch (command.type) {
      case 'store':
        return this.#store(command);
      case 'claim':
        return this.#claim(command);
      case 'commit':
        return this.#commit(command);
      case 'refresh':
      case 'release':
        return this.#ask(command);
      case 'wake':
        await this.#ledger.wake(command.names.map((name) => key(name)));
        for (const name of command.names) {
          const record = this.#records.get(name);
          if (record) record.lookAtMs = Math.min(record.lookAtMs, this.#nowMs);
        }
        return;
      case 'advance':
        await this.#harness.advance(command.ms);
        this.#nowMs += command.ms;
        return;
      case 'reopen':
        this.#ledger = await this.#harness.reopen();
        for (const record of this.#records.values()) record.lease = null;
        return;
      default:
        return command satisfies never;
    }
  }

  /** Everything that can be read says the same. */
  async compare(): Promise<void> {
    const { nowMs, stored } = await this.#ledger.load(names.map((name) => key(name)));
    assert.equal(nowMs, this.#nowMs);
    for (const [index, name] of names.entries()) {
      const expected = this.#records.get(name);
      const one = stored[index] ?? null;
      assert.deepEqual(
        one && [one.version, one.remediation.lookAtMs, one.remediation.attempts],
        expected ? [expected.version, expected.lookAtMs, expected.attempts] : null,
      );
    }
    const present = [...this.#records.keys()].sort();
    assert.deepEqual(
      (await this.#ledger.list()).map((one) => one.remediation.connector),
      present,
    );
    assert.deepEqual(
      (await this.#ledger.overview()).map((row) => row.connector),
      present,
    );
    assert.deepEqual(
      (await this.#ledger.events()).map((one) => one.detail),
      this.#events,
    );
  }

  async #store({ writes }: Extract<Command, { type: 'store' }>): Promise<void> {
    const asked = writes.map(({ name, version, inMs, looks }) => {
      const given = this.#versions.get(name) ?? [];
      const expectedVersion = version === null ? null : (given[version] ?? 999_999);
      return { name, expectedVersion, ...this.#next(name, inMs, looks) };
    });
    const results = await this.#ledger.store(
      asked.map(({ name, expectedVersion, next, events }) => ({
        key: key(name),
        expectedVersion,
        next,
        events,
      })),
    );
    const expected = asked.map(({ name, expectedVersion, next, looks, events }): WriteResult => {
      const record = this.#records.get(name);
      if ((record?.version ?? null) !== expectedVersion) return 'conflict';
      if (!record && this.#records.size >= limits.remediations) return 'full';
      const { lookAtMs, attempts } = next;
      this.#records.set(name, { version: -1, lookAtMs, attempts, looks, lease: record?.lease ?? null });
      this.#append(events[0].detail);
      return 'stored';
    });
    assert.deepEqual(results, expected);
    await this.#learnVersions();
  }

  async #claim({ limit, leaseMs }: Extract<Command, { type: 'claim' }>): Promise<void> {
    const answer = await this.#ledger.claim({ cluster: 'payments', limit, leaseMs });
    const dueAtMs = (record: ModelRecord): number => Math.max(record.lookAtMs, record.lease?.untilMs ?? 0);
    const expected = [...this.#records]
      .filter(([, record]) => dueAtMs(record) <= this.#nowMs)
      .sort(([a, one], [b, other]) => dueAtMs(one) - dueAtMs(other) || (a < b ? -1 : 1))
      .slice(0, limit);
    assert.deepEqual(
      answer.claims.map((claim) => [claim.remediation.connector, claim.version, claim.leaseUntilMs]),
      expected.map(([name, record]) => [name, record.version, this.#nowMs + leaseMs]),
    );
    for (const claim of answer.claims) {
      const record = this.#records.get(claim.remediation.connector);
      if (record) record.lease = { token: claim.token, untilMs: claim.leaseUntilMs };
      this.#claims.unshift(claim);
    }
    const others = [...this.#records].filter(([name]) => !expected.some(([taken]) => taken === name));
    const next = Math.min(...others.map(([, record]) => dueAtMs(record)));
    assert.equal(answer.nextDueAtMs, Number.isFinite(next) ? next : null);
    assert.equal(answer.unverified, this.#unverified());
    assert.equal(answer.nowMs, this.#nowMs);
  }

  async #commit({
    claim: which,
    inMs,
    keepMs,
    looks,
    unverifiedAtMost,
  }: Extract<Command, { type: 'commit' }>): Promise<void> {
    const claim = this.#claims[which];
    if (!claim) return;
    const { connector } = claim.remediation;
    const { next, events } = this.#next(connector, inMs ?? 0, looks);
    const limit = unverifiedAtMost === null ? {} : { unverifiedAtMost };
    const keep = keepMs === null ? undefined : { leaseMs: keepMs, ...limit };
    const written = await this.#ledger.commit(claim, inMs === null ? null : next, events, keep);
    const record = this.#records.get(connector);
    const good = record?.version === claim.version && record.lease?.token === claim.token;
    const becomes = inMs !== null && looks === 0 && record?.looks !== 0;
    const full = good && becomes && keep !== undefined && this.#unverified() >= (unverifiedAtMost ?? 99);
    assert.equal(written === null, !good);
    assert.equal(written === 'full', full);
    if (written === null || written === 'full') return;
    this.#append(events[0].detail);
    if (inMs === null) {
      this.#records.delete(connector);
      return;
    }
    const lease = keepMs === null ? null : { token: claim.token, untilMs: this.#nowMs + keepMs };
    const { lookAtMs, attempts } = next;
    this.#records.set(connector, { version: -1, lookAtMs, attempts, looks, lease });
    this.#claims.unshift(written);
    await this.#learnVersions();
    assert.equal(written.version, this.#records.get(connector)?.version);
    if (lease) assert.equal(written.leaseUntilMs, lease.untilMs);
  }

  async #ask({
    type,
    claim: which,
  }: Extract<Command, { claim: number; type: 'refresh' | 'release' }>): Promise<void> {
    const claim = this.#claims[which];
    if (!claim) return;
    const record = this.#records.get(claim.remediation.connector);
    const own = record?.lease?.token === claim.token;
    if (type === 'release') {
      await this.#ledger.release(claim);
      if (record && own) record.lease = null;
      return;
    }
    const fresh = await this.#ledger.refresh(claim);
    assert.deepEqual(
      fresh && [fresh.version, fresh.token, fresh.leaseUntilMs],
      own ? [record.version, record.lease?.token, record.lease?.untilMs] : null,
    );
    if (fresh) this.#claims.unshift(fresh);
  }

  #next(name: string, inMs: number, looks: number | null) {
    this.#written += 1;
    const lookAtMs = this.#nowMs + inMs;
    const phase = looks === null ? {} : { phase: restarting(looks, this.#nowMs) };
    const detail = String(this.#written);
    return {
      next: remediation(name, { lookAtMs, attempts: this.#written, ...phase }),
      events: [event(name, { atMs: this.#nowMs, detail })] as const,
      looks,
    };
  }

  #unverified(): number {
    return [...this.#records.values()].filter(({ looks }) => looks === 0).length;
  }

  #append(detail: string | null): void {
    this.#events = [...this.#events, detail ?? ''].slice(-limits.events);
  }

  /** Which version a write gets is the ledger's affair; that it is a new one is the contract's. */
  async #learnVersions(): Promise<void> {
    for (const [name, record] of this.#records) {
      if (record.version !== -1) continue;
      const { stored } = await this.#ledger.load([key(name)]);
      assert.ok(stored[0]);
      record.version = stored[0].version;
      const before = this.#versions.get(name) ?? [];
      assert.ok(!before.includes(record.version));
      this.#versions.set(name, [record.version, ...before]);
    }
  }
}
