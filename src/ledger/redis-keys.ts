import type { TypedKey } from './redis-session.ts';

/**
 * The names of the ledger's keys. All begin with `{keyPrefix}:`; the braces are the hash tag that keeps them on one node of
 * a Redis Cluster.
 *
 *     {keyPrefix}:meta                  hash        what this is, the last version given out
 *     {keyPrefix}:record                hash        one line for each record: version, due time, lease, what gauges need
 *     {keyPrefix}:body                  hash        the records as JSON
 *     {keyPrefix}:event                 stream      the audit trail
 *     {keyPrefix}:setAside              list        bodies that could not be read
 *     {keyPrefix}:pause                 hash        an operator's pauses
 *     {keyPrefix}:due:CLUSTER           sorted set  records by when they can be claimed
 *     {keyPrefix}:unverified:CLUSTER    set         restarts that have not had their first look
 *     {keyPrefix}:hint:CLUSTER          stream      signals that name no connector
 */
export class RedisKeys {
  readonly #prefix: string;
  /** What every script takes first; see lua/prelude.lua. */
  readonly common: readonly TypedKey[];
  readonly setAside: TypedKey;
  readonly pause: TypedKey;

  constructor(prefix: string) {
    // A brace would end the hash tag early, and an empty tag is none: the keys would be spread over the nodes.
    this.#prefix = `{${prefix.replaceAll(/[{}]/g, '_') || 'connect-medic'}}`;
    this.common = [
      this.#key('meta', 'hash'),
      this.#key('record', 'hash'),
      this.#key('body', 'hash'),
      this.#key('event', 'stream'),
    ];
    this.setAside = this.#key('setAside', 'list');
    this.pause = this.#key('pause', 'hash');
  }

  /** `due` and `unverified` of a cluster. */
  ofCluster(cluster: string): [TypedKey, TypedKey] {
    return [this.#key(`due:${cluster}`, 'zset'), this.#key(`unverified:${cluster}`, 'set')];
  }

  hint(cluster: string): TypedKey {
    return this.#key(`hint:${cluster}`, 'stream');
  }

  #key(name: string, type: TypedKey['type']): TypedKey {
    return { name: `${this.#prefix}:${name}`, type };
  }
}

/** The keys of the clusters that one call is about, each cluster's once. */
export class ClusterKeys {
  readonly keys: TypedKey[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #keysOf: (cluster: string) => readonly TypedKey[];

  constructor(
    names: RedisKeys,
    keysOf: (cluster: string) => readonly TypedKey[] = (cluster) => names.ofCluster(cluster),
  ) {
    this.#keysOf = keysOf;
  }

  /** Which of the clusters this is, from 0; a new one is put at the end. */
  indexOf(cluster: string): number {
    const known = this.#indexes.get(cluster);
    if (known !== undefined) return known;
    const index = this.#indexes.size;
    this.#indexes.set(cluster, index);
    this.keys.push(...this.#keysOf(cluster));
    return index;
  }
}
