import type { AuditEvent, Remediation } from '../core/model.ts';
import { type Key, type Ledger, LedgerUnavailable, type Write } from './ledger.ts';

/** What a merge makes of the items of one record. */
export interface Merged<O> {
  /** The record to write; `current` itself or null: nothing is written, and `events` are not either. */
  readonly next: Remediation | null;
  readonly events: readonly AuditEvent[];
  /** One for each item, in their order. */
  readonly outcomes: readonly O[];
}

export interface MergeOptions<S, O> {
  /**
   * Merges all items of one record into it, purely: it is called again on a newer record when somebody else wrote
   * meanwhile. `current` is null where there is no record.
   */
  readonly merge: (current: Remediation | null, items: readonly S[], nowMs: number) => Merged<O>;
  /** The outcome of each item whose new record was refused because the ledger is full. */
  readonly whenFull: O;
  /** Rounds at most, each of one `load` and one `store`. Default 8. */
  readonly rounds?: number;
}

const roundsByDefault = 8;

/**
 * Brings items (signals, an operator's wishes) into the records they belong to: read, merge, compare-and-set; what
 * conflicts is read and merged again. The one way in for the webhook and for the pull path.
 *
 * Two ledger calls whatever the number of items, and two more for each round that the conflicting keys need. All records
 * of a round are written in one atomic step. Outcomes are in the order of the items.
 *
 * Rejects with `LedgerUnavailable` when the ledger cannot be read or written, or when a key still conflicts after the
 * last round. Keys that did not conflict are written by then: the caller reports a failure, the whole is sent again, and
 * a merge must therefore bear to see the same item twice.
 */
export async function mergeAll<S, O>(
  ledger: Pick<Ledger, 'load' | 'store'>,
  items: readonly { readonly key: Key; readonly item: S }[],
  { merge, whenFull, rounds = roundsByDefault }: MergeOptions<S, O>,
): Promise<O[]> {
  const outcomes = new Map<number, O>();
  let groups = groupByKey(items);
  for (let round = 0; groups.length > 0; round += 1) {
    if (round === rounds) {
      throw new LedgerUnavailable(
        `${groups.length} record(s) were written by others in each of ${rounds} rounds, the first is ` +
          `${groups[0]?.key.cluster}/${groups[0]?.key.connector}`,
      );
    }
    const { nowMs, stored } = await ledger.load(groups.map((group) => group.key));
    const pending: { group: Group<S>; write: Write; merged: Merged<O> }[] = [];
    for (const [index, group] of groups.entries()) {
      const current = stored[index] ?? null;
      const merged = merge(current?.remediation ?? null, group.items, nowMs);
      const { next, events } = merged;
      if (next === null || next === current?.remediation) {
        settle(outcomes, group, merged.outcomes);
        continue;
      }
      const write = { key: group.key, expectedVersion: current?.version ?? null, next, events };
      pending.push({ group, write, merged });
    }
    if (pending.length === 0) break;
    const results = await ledger.store(pending.map(({ write }) => write));
    groups = [];
    for (const [index, { group, merged }] of pending.entries()) {
      const result = results[index];
      if (result === 'stored') settle(outcomes, group, merged.outcomes);
      else if (result === 'full') for (const position of group.positions) outcomes.set(position, whenFull);
      else groups.push(group);
    }
  }
  return items.map((_, position) => outcomeAt(outcomes, position));
}

/** The items of one key, and their positions in the input. */
interface Group<S> {
  readonly key: Key;
  readonly items: S[];
  readonly positions: number[];
}

function groupByKey<S>(items: readonly { readonly key: Key; readonly item: S }[]): Group<S>[] {
  const groups = new Map<string, Group<S>>();
  for (const [position, { key, item }] of items.entries()) {
    // JSON, since any character may be part of a name.
    const id = JSON.stringify([key.cluster, key.connector]);
    const group = groups.get(id) ?? { key, items: [], positions: [] };
    groups.set(id, group);
    group.items.push(item);
    group.positions.push(position);
  }
  return [...groups.values()];
}

function settle<S, O>(outcomes: Map<number, O>, group: Group<S>, ofGroup: readonly O[]): void {
  if (ofGroup.length !== group.items.length) {
    throw new RangeError(`${group.items.length} items were merged into ${ofGroup.length} outcomes`);
  }
  for (const [index, outcome] of ofGroup.entries()) {
    const position = group.positions[index];
    if (position !== undefined) outcomes.set(position, outcome);
  }
}

function outcomeAt<O>(outcomes: ReadonlyMap<number, O>, position: number): O {
  // Asked with `has`, since undefined may be an outcome.
  if (!outcomes.has(position)) throw new RangeError(`item ${position} has no outcome`);
  return outcomes.get(position) as O;
}
