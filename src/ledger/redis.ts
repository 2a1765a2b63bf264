import { randomBytes, randomUUID } from 'node:crypto';
import type { AuditEvent, Pause, PauseScope, Remediation } from '../core/model.ts';
import { failsProbe } from '../core/storm.ts';
import { requireKey, setAsideAtMost } from './body.ts';
import {
  type Claim,
  type ClaimAnswer,
  type ClaimRequest,
  type EventFilter,
  type EventPage,
  type Hint,
  type KeepLease,
  type Key,
  type Ledger,
  type LedgerLimits,
  LedgerUnavailable,
  type OverviewRow,
  type Pauses,
  type Stored,
  type Storms,
  type Write,
  type WriteResult,
} from './ledger.ts';
import { LedgerOpenError } from './open-error.ts';
import {
  compareKeys,
  eventArguments,
  idEnds,
  idOf,
  keyOf,
  listOf,
  parseHead,
  piecesOf,
  type RecordHead,
  type Reply,
  recordArguments,
  rowOf,
  storedOf,
  stormFactsOf,
  textOf,
  textOrNull,
} from './redis-codec.ts';
import { RedisConnection } from './redis-connection.ts';
import { ClusterKeys, RedisKeys } from './redis-keys.ts';
import { pausesOf, RedisPauses } from './redis-pauses.ts';
import { RedisSession } from './redis-session.ts';
import { RedisTrails } from './redis-trails.ts';
import { parseRedisUrl, type RedisTarget } from './redis-url.ts';

export interface RedisLedgerOptions {
  /** See `parseRedisUrl`. */
  readonly url: string;
  /** What each key begins with; ledgers that share a Redis need different ones. */
  readonly keyPrefix: string;
  /** Replicas that must acknowledge each write within a second; 0: none. Fewer: `LedgerUnavailable`. */
  readonly replicas: number;
  readonly limits: LedgerLimits;
  /** A record's body could not be read; see `RedisLedger`. For a hint, `connector` is empty. Must not throw. */
  readonly onDamage?: (key: Key, error: unknown) => void;
  /** Something about the server that an operator should change, said once. Must not throw. */
  readonly onWarning?: (text: string) => void;
  /** For tests only, since Redis's clock cannot be moved: epoch milliseconds in its place. */
  readonly testClock?: () => number;
}

/** Records read in one step when all are listed: about a megabyte. */
const listStep = 250;
/** A command may be carried out this long after it was given up: Redis hung, and goes on. */
const lostClaimMs = 60_000;
/** One each second or so while Redis hangs. */
const lostClaimsAtMost = 100;
/** How long the opening waits for the first connection: until the client has given up one, so that it can be said why. */
const firstConnectionMs = 3_500;

/**
 * Opens the ledger in Redis. Resolves also when Redis cannot be reached now: calls reject with `LedgerUnavailable` until
 * it can. Rejects with `LedgerOpenError` when the URL is wrong, or when Redis can be reached and what is found there
 * is not for us: too old a version, keys of somebody else, a ledger of a later version.
 */
export async function openRedisLedger(options: RedisLedgerOptions): Promise<Ledger> {
  const connection = connect(options.url);
  const keys = new RedisKeys(options.keyPrefix);
  const session = new RedisSession({
    connection,
    keys: keys.common,
    furtherKeys: [keys.setAside, keys.pause],
    replicas: options.replicas,
    testClock: options.testClock,
    onWarning: options.onWarning ?? (() => {}),
  });
  await connection.settled(firstConnectionMs);
  try {
    await session.open();
  } catch (error) {
    if (error instanceof LedgerOpenError) {
      session.close();
      throw error;
    }
    // Not now; each call says why.
  }
  return new RedisLedger(session, keys, options);
}

function connect(url: string): RedisConnection {
  let target: RedisTarget;
  try {
    target = parseRedisUrl(url);
    return new RedisConnection(target);
  } catch (error) {
    throw new LedgerOpenError('unusable', `ledger.url: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * The ledger in Redis, for any number of processes: a single server, one behind Sentinels, or a Redis Cluster (all keys
 * have one hash tag, so one of its nodes holds the ledger). Redis 6.2 or later, or Valkey.
 *
 * Each operation is one Lua script, which Redis runs alone and in one piece; its clock is Redis's. What an answer says
 * is as durable as Redis is configured: `appendonly yes` with `appendfsync everysec` can lose the last second in a
 * crash, and a failover the writes that the replica had not seen; see `replicas`.
 *
 * Scripts compare before they write: a record's version, and for a commit the lease. A write whose answer was lost is
 * therefore not repeated by accident; whoever sends it again gets a conflict, and reads.
 *
 * A user of its own needs, on keys `{keyPrefix}:*`: `+@hash +@sortedset +@set +@stream +@list +@connection +eval +evalsha
 * +time +type +exists +wait`; in a Cluster `+cluster|slots` as well; and `+info +config|get` for the warnings at the
 * start. A user of the Sentinels needs `+sentinel|get-master-addr-by-name +sentinel|sentinels`.
 *
 * When Redis's clock jumps (a failover to a host whose clock is off), all that waits is earlier or later by as much: a
 * delay, a lease, a look. A webhook still brings the next look forward, no version is given out twice, and whoever lost a
 * lease to the jump has its commit refused.
 *
 * Leases outlive the process that held them: there may be others, so all run until their end.
 *
 * Damage: a record whose body cannot be read is moved to the key `…:setAside`, reported to `onDamage`, and from then on
 * missing; see `SqliteLedger`.
 */
export class RedisLedger implements Ledger {
  readonly #session: RedisSession;
  readonly #keys: RedisKeys;
  readonly #trails: RedisTrails;
  readonly #pauses: RedisPauses;
  readonly #limits: LedgerLimits;
  readonly #onDamage: (key: Key, error: unknown) => void;
  /** Tokens of claims whose answers never came; the next claims free what they lease. */
  #lostClaims: { readonly token: string; readonly untilMs: number }[] = [];

  constructor(
    session: RedisSession,
    keys: RedisKeys,
    { limits, onDamage }: Pick<RedisLedgerOptions, 'limits' | 'onDamage'>,
  ) {
    this.#session = session;
    this.#keys = keys;
    this.#limits = limits;
    this.#onDamage = onDamage ?? (() => {});
    this.#trails = new RedisTrails(session, keys, this.#onDamage);
    this.#pauses = new RedisPauses(session, keys, limits.events);
  }

  async load(keys: readonly Key[]): Promise<{ nowMs: number; stored: (Stored | null)[] }> {
    const reply = listOf(await this.#session.run('load', [], keys.map(idOf)));
    const stored = await Promise.all(
      keys.map((key, index) => this.#stored(key, reply[1 + 2 * index], reply[2 + 2 * index])),
    );
    return { nowMs: Number(reply[0]), stored };
  }

  async store(writes: readonly Write[]): Promise<WriteResult[]> {
    for (const { key, next } of writes) requireKey(key, next);
    if (writes.length === 0) return [];
    const clusters = new ClusterKeys(this.#keys);
    const args: (string | number)[] = [this.#limits.remediations, this.#limits.events];
    for (const { key, expectedVersion, next, events } of writes) {
      const record = recordArguments(next);
      args.push(clusters.indexOf(key.cluster), idOf(key), expectedVersion ?? '', ...record, events.length);
      for (const event of events) args.push(...eventArguments(event));
    }
    const reply = listOf(await this.#session.run('store', clusters.keys, args));
    return reply.map((result) => (result === 1 ? 'stored' : result === 0 ? 'conflict' : 'full'));
  }

  async claim({ cluster, limit, leaseMs }: ClaimRequest): Promise<ClaimAnswer> {
    const token = randomUUID();
    this.#lostClaims = this.#lostClaims.filter(({ untilMs }) => performance.now() < untilMs);
    const args = [Math.max(0, limit), leaseMs, token, ...this.#lostClaims.map((lost) => lost.token)];
    let reply: readonly Reply[];
    try {
      const keys = [...this.#keys.ofCluster(cluster), this.#keys.pause];
      reply = listOf(await this.#session.run('claim', keys, args));
    } catch (error) {
      // It may have been made, or be made yet; what it leased would rest until the lease is over.
      const untilMs = performance.now() + leaseMs + lostClaimMs;
      this.#lostClaims = [...this.#lostClaims, { token, untilMs }].slice(-lostClaimsAtMost);
      throw error;
    }
    const [nowMs, leaseUntilMs, nextDueAtMs, unverified, revision, pausesRevision, pauses, ...given] = reply;
    const claims: Claim[] = [];
    for (const [id, line, body] of piecesOf(given, 3)) {
      const key = keyOf(textOf(id));
      const stored = key && (await this.#stored(key, line, body));
      if (stored) claims.push({ ...stored, token, leaseUntilMs: Number(leaseUntilMs) });
    }
    return {
      nowMs: Number(nowMs),
      claims,
      revision: Number(revision),
      nextDueAtMs: nextDueAtMs === null ? null : Number(nextDueAtMs),
      unverified: Number(unverified),
      pauses: pausesOf(pausesRevision, pauses),
    };
  }

  async commit(
    claim: Claim,
    next: Remediation | null,
    events: readonly AuditEvent[],
    keepLease?: KeepLease,
  ): Promise<Claim | 'full' | null> {
    if (next !== null) requireKey(claim.remediation, next);
    const reply = await this.#session.run('commit', this.#keys.ofCluster(claim.remediation.cluster), [
      idOf(claim.remediation),
      claim.version,
      claim.token,
      next === null ? 'remove' : keepLease ? 'keep' : failsProbe(claim.remediation, next) ? 'failed' : 'end',
      keepLease?.leaseMs ?? 0,
      keepLease?.unverifiedAtMost ?? '',
      keepLease?.pausesRevision ?? '',
      keepLease?.stormsRevision ?? '',
      ...(next === null ? ['', '', '', ''] : recordArguments(next)),
      this.#limits.events,
      events.length,
      ...events.flatMap(eventArguments),
    ]);
    if (reply === null) return null;
    if (reply === 'full') return 'full';
    const [version, leaseUntilMs] = listOf(reply).map(Number);
    if (version === undefined || leaseUntilMs === undefined)
      throw new TypeError('commit answered too little');
    return { version, remediation: next ?? claim.remediation, token: claim.token, leaseUntilMs };
  }

  async refresh(claim: Claim): Promise<Claim | null> {
    const { remediation: key, token } = claim;
    const reply = await this.#session.run('refresh', [], [idOf(key), token]);
    if (reply === null) return null;
    const [line, body] = listOf(reply);
    const stored = await this.#stored(key, line, body);
    const head = parseHead(textOf(line));
    return stored && head && { ...stored, token, leaseUntilMs: head.leaseUntilMs };
  }

  async release({ remediation, token }: Claim): Promise<void> {
    const [due] = this.#keys.ofCluster(remediation.cluster);
    await this.#session.run('release', [due], [idOf(remediation), token]);
  }

  async wake(keys: readonly Key[]): Promise<void> {
    if (keys.length === 0) return;
    const clusters = new ClusterKeys(this.#keys, (cluster) => [this.#keys.ofCluster(cluster)[0]]);
    const args = keys.flatMap((key) => [clusters.indexOf(key.cluster), idOf(key)]);
    await this.#session.run('wake', clusters.keys, args);
  }

  /** Not in one step: each record is whole, and as it was at some moment of the call. */
  async list({ cluster, states }: NonNullable<Parameters<Ledger['list']>[0]> = {}): Promise<Stored[]> {
    const matches = (at: { cluster: string }, state: Remediation['phase']['state']): boolean =>
      (cluster === undefined || at.cluster === cluster) && (states === undefined || states.includes(state));
    const rows = (await this.overview()).filter((row) => matches(row, row.state));
    const list: Stored[] = [];
    for (const piece of piecesOf(rows, listStep)) {
      for (const one of (await this.load(piece)).stored) {
        if (one !== null && matches(one.remediation, one.remediation.phase.state)) list.push(one);
      }
    }
    return list;
  }

  async overview(): Promise<OverviewRow[]> {
    const [, ...records] = listOf(await this.#session.run('rows'));
    return piecesOf(records, 2)
      .map(([id, line]) => rowOf(textOf(id), textOf(line)))
      .filter((row) => row !== null)
      .sort(compareKeys);
  }

  async storms(cluster: string): Promise<Storms> {
    const [revision, ...records] = listOf(await this.#session.run('rows'));
    const { head } = idEnds({ cluster });
    const rows = piecesOf(records, 2)
      .filter(([id]) => textOf(id).startsWith(head))
      .map(([id, line]) => stormFactsOf(textOf(id), textOf(line)))
      .filter((row) => row !== null);
    return { revision: Number(revision), rows };
  }

  async hashKey(): Promise<string> {
    return textOf(await this.#session.run('hash-key', [], [randomBytes(32).toString('base64url')]));
  }

  async events(filter: EventFilter = {}): Promise<AuditEvent[]> {
    return (await this.eventPage(filter))?.events.slice() ?? [];
  }

  async eventPage(filter: EventFilter & { readonly before?: string }): Promise<EventPage | null> {
    return this.#trails.eventPage(filter);
  }

  async addHints(hints: readonly Omit<Hint, 'id'>[]): Promise<void> {
    await this.#trails.addHints(hints);
  }

  async hints(cluster: string): Promise<Hint[]> {
    return this.#trails.hints(cluster);
  }

  async dropHint(id: string): Promise<void> {
    await this.#trails.dropHint(id);
  }

  async pauses(): Promise<Pauses & { readonly nowMs: number }> {
    return this.#pauses.list();
  }

  async putPause(pause: Pause, event: AuditEvent): Promise<'stored' | 'full'> {
    return this.#pauses.put(pause, event);
  }

  async removePause(scope: PauseScope, event: AuditEvent): Promise<boolean> {
    return this.#pauses.remove(scope, event);
  }

  async ping(): Promise<void> {
    await this.#session.run('ping');
  }

  async close(): Promise<void> {
    this.#session.close();
  }

  /** The record of a line and a body; null where it is missing. One that cannot be read is set aside and reported. */
  async #stored(key: Key, line: Reply | undefined, body: Reply | undefined): Promise<Stored | null> {
    const head = line === null || line === undefined ? null : parseHead(textOf(line));
    if (head === null) return null;
    try {
      return storedOf(head, textOrNull(body));
    } catch (error) {
      await this.#setAside(key, head, error);
      this.#onDamage({ cluster: key.cluster, connector: key.connector }, error);
      return null;
    }
  }

  async #setAside(key: Key, { version }: RecordHead, error: unknown): Promise<void> {
    const header = JSON.stringify({ id: idOf(key), error: String(error).slice(0, 300) });
    const keys = [...this.#keys.ofCluster(key.cluster), this.#keys.setAside];
    try {
      await this.#session.run('set-aside', keys, [idOf(key), version, header, setAsideAtMost]);
    } catch (failure) {
      // It was only being read: the other records are there, and the next read tries again.
      if (!(failure instanceof LedgerUnavailable)) throw failure;
    }
  }
}
