import type { AuditEvent } from '../core/model.ts';
import { eventsByDefault, hintsPerCluster, parseLabels } from './body.ts';
import type { EventFilter, EventPage, Hint, Key } from './ledger.ts';
import { eventOf, idEnds, listOf, piecesOf, textOf } from './redis-codec.ts';
import { ClusterKeys, type RedisKeys } from './redis-keys.ts';
import type { RedisSession } from './redis-session.ts';

/** Entries of the audit trail that one script looks at: a few milliseconds in which Redis does nothing else. */
const eventsStep = 2_000;
/**
 * An event is appended at most so long before the time that it carries. An entry's own time is Redis's when it was
 * appended, so older entries than this before the asked time need not be looked at.
 */
const eventAheadMs = 3_600_000;

/** What only grows and is cut at its old end: the audit trail and hints. Events are written by `store` and `commit`. */
export class RedisTrails {
  readonly #session: RedisSession;
  readonly #keys: RedisKeys;
  readonly #onDamage: (key: Key, error: unknown) => void;

  constructor(session: RedisSession, keys: RedisKeys, onDamage: (key: Key, error: unknown) => void) {
    this.#session = session;
    this.#keys = keys;
    this.#onDamage = onDamage;
  }

  /**
   * Reads step by step from the newest on, until there are enough: Redis serves others in between. `before` is the id of an
   * entry of the stream; null for what is none. An entry that is not ours takes its place in the page and is left out.
   */
  async eventPage({
    limit = eventsByDefault,
    before,
    ...filter
  }: EventFilter & { readonly before?: string }): Promise<EventPage | null> {
    // The first id there could be has nothing before it, which Redis calls an error.
    if (before !== undefined && !/^(?!0+-0+$)\d{1,19}-\d{1,19}$/.test(before)) return null;
    const { head, tail } = idEnds(filter);
    const { sinceMs, untilMs } = filter;
    const oldest = sinceMs === undefined ? '-' : Math.max(0, Math.floor(sinceMs - eventAheadMs));
    const found: { readonly entry: string; readonly event: AuditEvent | null }[] = [];
    let from = before ?? '';
    // One more, to know whether there are older ones.
    while (found.length <= limit) {
      const [next, ...fields] = listOf(
        await this.#session.run(
          'events',
          [],
          [from, eventsStep, limit + 1 - found.length, sinceMs ?? '', head, tail, oldest, untilMs ?? ''],
        ),
      );
      for (const [entry, atMs, id, rest] of piecesOf(fields, 4)) {
        found.push({ entry: textOf(entry), event: eventOf(textOf(atMs), textOf(id), textOf(rest)) });
      }
      from = textOf(next);
      if (from === '') break;
    }
    const page = found.slice(0, Math.max(0, limit));
    const last = page.at(-1);
    const events = page.flatMap(({ event }) => (event === null ? [] : [event])).reverse();
    return { events, next: found.length > limit && last !== undefined ? last.entry : null };
  }

  async addHints(hints: readonly Omit<Hint, 'id'>[]): Promise<void> {
    if (hints.length === 0) return;
    const clusters = new ClusterKeys(this.#keys, (cluster) => [this.#keys.hint(cluster)]);
    const args = hints.flatMap(({ cluster, atMs, fingerprint, labels }) => [
      clusters.indexOf(cluster),
      String(Math.round(atMs)),
      fingerprint,
      JSON.stringify(labels),
    ]);
    await this.#session.run('hint-add', clusters.keys, [hintsPerCluster, ...args]);
  }

  /** Oldest first. A hint whose labels cannot be read keeps its meaning, a reason to read the cluster, without them. */
  async hints(cluster: string): Promise<Hint[]> {
    const reply = listOf(await this.#session.run('hint-list', [this.#keys.hint(cluster)]));
    return piecesOf(reply, 4).map(([entry, atMs, fingerprint, labelsText]) => {
      let labels: Record<string, string> = {};
      try {
        labels = parseLabels(textOf(labelsText));
      } catch (error) {
        this.#onDamage({ cluster, connector: '' }, error);
      }
      // The cluster is part of the id, since the entry is one of its stream.
      const id = `${textOf(entry)} ${cluster}`;
      return { id, cluster, labels, fingerprint: textOf(fingerprint), atMs: Number(atMs) };
    });
  }

  async dropHint(id: string): Promise<void> {
    const [, entry, cluster] = /^(\d{1,15}-\d{1,15}) (.*)$/s.exec(id) ?? [];
    // Never given out: there is nothing to drop.
    if (entry === undefined || cluster === undefined) return;
    await this.#session.run('hint-drop', [this.#keys.hint(cluster)], [entry]);
  }
}
