import { Readable } from 'node:stream';
import { setImmediate as othersFirst } from 'node:timers/promises';
import type { Remediation, State } from '../core/model.ts';
import type { Key, Ledger, OverviewRow } from '../ledger/ledger.ts';

/**
 * Lists of remediations, however long. Which ones, and in which order, is decided on the ledger's narrow rows; whole records
 * are then read and written a few at a time, with room for others in between, so that a list of ten thousand neither
 * holds up a webhook nor is in memory at once.
 */

/** Records read in one go: a few milliseconds of work. */
const PIECE = 100;

export interface ListFilter {
  readonly cluster?: string | undefined;
  readonly state?: State | undefined;
  readonly escalated?: boolean | undefined;
  readonly open?: boolean | undefined;
  /** A part of the connector's name, in any case. */
  readonly search?: string | undefined;
}

export type ListOrder = 'name' | 'attention';

/** What decides about a record's place in a list. */
type Ranked = Pick<OverviewRow, 'cluster' | 'connector' | 'state'> & { readonly escalated: boolean };

/** Escalated, fails, is watched, rests, is closed: who needs a human comes first. */
const attention: Readonly<Record<State, number>> = {
  escalated: 1,
  held: 1,
  waiting: 1,
  restarting: 1,
  stabilising: 2,
  recovered: 3,
  closed: 4,
};

/** The rows that a filter lets through, in a stable order. `rows` are ordered by cluster, then connector. */
export function arrange(rows: readonly OverviewRow[], filter: ListFilter, order: ListOrder): OverviewRow[] {
  const chosen = rows.filter((row) => passes({ ...row, escalated: row.escalation !== null }, filter));
  if (order === 'name') return chosen;
  return chosen.sort((one, other) => rankOf(one) - rankOf(other));
}

/** Where a page ended: a place in an order, which need not exist any more. */
export interface Cursor extends Key {
  readonly order: ListOrder;
  readonly rank: number;
}

export function cursorOf(row: OverviewRow, order: ListOrder): string {
  const rank = order === 'name' ? 0 : rankOf(row);
  return Buffer.from(JSON.stringify([order, rank, row.cluster, row.connector])).toString('base64url');
}

/** null: nothing that `cursorOf` gave. */
export function parseCursor(text: string): Cursor | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (!Array.isArray(parsed) || parsed.length !== 4) return null;
    const [order, rank, cluster, connector]: unknown[] = parsed;
    if (order !== 'name' && order !== 'attention') return null;
    if (typeof rank !== 'number' || typeof cluster !== 'string' || typeof connector !== 'string') return null;
    return { order, rank, cluster, connector };
  } catch {
    return null;
  }
}

/** The rows after a place in their order. */
export function after(rows: readonly OverviewRow[], cursor: Cursor): readonly OverviewRow[] {
  const from = rows.findIndex((row) => {
    const rank = cursor.order === 'name' ? 0 : rankOf(row);
    return rank > cursor.rank || (rank === cursor.rank && isAfter(row, cursor));
  });
  return from < 0 ? [] : rows.slice(from);
}

/**
 * The JSON of a list, `{"<name>":[…]<tail>}`: a text where it is short, else a stream. The first piece is read before this
 * resolves, so that a ledger that is down is still an error of the request; one that fails later ends the connection
 * in the middle, which no client takes for a whole answer.
 */
export async function writeList(
  ledger: Pick<Ledger, 'load'>,
  rows: readonly Key[],
  filter: ListFilter,
  render: (one: Remediation) => unknown,
  tail: Readonly<Record<string, unknown>>,
): Promise<string | Readable> {
  const pieces = inPieces(ledger, rows, filter, render);
  const head = '{"remediations":[';
  const end = `]${Object.entries(tail)
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join('')}}`;
  const first = await pieces.next();
  if (first.done === true) return head + end;
  if (rows.length <= PIECE) return head + first.value.join(',') + end;
  return Readable.from(joined(head, first.value, pieces, end), { objectMode: false });
}

async function* joined(
  head: string,
  first: readonly string[],
  rest: AsyncIterable<readonly string[]>,
  end: string,
): AsyncGenerator<string> {
  yield head + first.join(',');
  let comma = first.length > 0 ? ',' : '';
  for await (const texts of rest) {
    if (texts.length === 0) continue;
    yield comma + texts.join(',');
    comma = ',';
  }
  yield end;
}

async function* inPieces(
  ledger: Pick<Ledger, 'load'>,
  rows: readonly Key[],
  filter: ListFilter,
  render: (one: Remediation) => unknown,
): AsyncGenerator<readonly string[]> {
  for (let from = 0; from < rows.length; from += PIECE) {
    if (from > 0) await othersFirst();
    const { stored } = await ledger.load(rows.slice(from, from + PIECE));
    // Read again: it may have been written since the rows were.
    const matching = stored.flatMap((one) =>
      one !== null && passes(rankedOf(one.remediation), filter) ? [one.remediation] : [],
    );
    yield matching.map((one) => JSON.stringify(render(one)));
  }
}

function rankedOf({ cluster, connector, phase, escalation }: Remediation): Ranked {
  return { cluster, connector, state: phase.state, escalated: escalation !== null };
}

function passes(row: Ranked, { cluster, state, escalated, open, search }: ListFilter): boolean {
  const isOpen = row.state !== 'recovered' && row.state !== 'closed';
  return (
    (cluster === undefined || row.cluster === cluster) &&
    (state === undefined || row.state === state) &&
    (escalated === undefined || row.escalated === escalated) &&
    (open === undefined || isOpen === open) &&
    (search === undefined || row.connector.toLowerCase().includes(search.toLowerCase()))
  );
}

function rankOf(row: Pick<OverviewRow, 'state' | 'escalation'>): number {
  return row.escalation !== null ? 0 : attention[row.state];
}

/** By cluster, then connector, by code point: as the ledger orders. */
function isAfter(row: Key, cursor: Key): boolean {
  const compared = Buffer.compare(Buffer.from(row.cluster), Buffer.from(cursor.cluster));
  if (compared !== 0) return compared > 0;
  return Buffer.compare(Buffer.from(row.connector), Buffer.from(cursor.connector)) > 0;
}
