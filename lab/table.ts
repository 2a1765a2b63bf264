import type { Comparison, Outcome } from './run.ts';
import { type FailureClass, failureClasses, HOUR } from './scenario.ts';
import type { Tally } from './world.ts';

/** The row of all classes together. */
export const TOTAL = 'all';
export type Row = FailureClass | typeof TOTAL;
export const rows: readonly Row[] = [...failureClasses, TOTAL];

/** The tally of a class, or of all of them. */
export function tallyOf({ tallies }: Outcome, row: Row): Tally {
  if (row !== TOTAL) return tallies[row];
  const sum: Tally = { downMs: 0, restarts: 0, futile: 0, pages: 0 };
  for (const kind of failureClasses) {
    sum.downMs += tallies[kind].downMs;
    sum.restarts += tallies[kind].restarts;
    sum.futile += tallies[kind].futile;
    sum.pages += tallies[kind].pages;
  }
  return sum;
}

type Cells = readonly (readonly string[])[];

const hours = (ms: number): string => (ms / HOUR).toFixed(1);
const ratio = (one: number, other: number): string => (other === 0 ? '–' : (one / other).toFixed(2));

/** One line for each actor: everything together, and against Strimzi with seven restarts. */
export function summary({ outcomes, bound }: Comparison): Cells {
  const reference = outcomes.find(({ name }) => name === 'Strimzi, 7 restarts');
  const least = tallyOf(bound, TOTAL).downMs;
  const lines = [...outcomes, bound].map((outcome) => {
    const { downMs, restarts, futile, pages } = tallyOf(outcome, TOTAL);
    const other = tallyOf(reference ?? outcome, TOTAL);
    return [
      outcome.name,
      hours(downMs),
      ratio(downMs, other.downMs),
      hours(downMs - least),
      ratio(downMs - least, other.downMs - least),
      String(restarts),
      ratio(restarts, other.restarts),
      String(futile),
      ratio(futile, other.futile),
      String(pages),
    ];
  });
  const head = ['policy', 'down h', '×', 'avoidable h', '×', 'restarts', '×', 'futile', '×', 'pages'];
  return [head, ...lines];
}

/** One line for each class of failures, one column for each actor. */
export function byClass({ outcomes, bound }: Comparison, cell: (tally: Tally) => string): Cells {
  const all = [...outcomes, bound];
  const lines = rows.map((row) => [row, ...all.map((outcome) => cell(tallyOf(outcome, row)))]);
  return [['', ...all.map(({ name }) => name)], ...lines];
}

export const cells = {
  downtime: ({ downMs }: Tally): string => hours(downMs),
  restarts: ({ restarts }: Tally): string => String(restarts),
  futile: ({ futile }: Tally): string => String(futile),
  pages: ({ pages }: Tally): string => String(pages),
} as const;

/** The classes in which the first actor is worse than every peer, in what, and how many times the next worst. */
export function worst({ outcomes: [ours], peers }: Comparison): string[] {
  if (ours === undefined) return [];
  const found: string[] = [];
  for (const kind of failureClasses) {
    for (const [what, cell] of Object.entries(columns)) {
      const own = cell(ours.tallies[kind]);
      const next = Math.max(...peers.map(({ tallies }) => cell(tallies[kind])));
      if (own > next) found.push(`${kind} (${what}, × ${next === 0 ? '∞' : (own / next).toFixed(3)})`);
    }
  }
  return found;
}

const columns = {
  downtime: ({ downMs }: Tally): number => downMs,
  restarts: ({ restarts }: Tally): number => restarts,
  futile: ({ futile }: Tally): number => futile,
  pages: ({ pages }: Tally): number => pages,
} as const;

/** Columns set in text: the first to the left, the others to the right. */
export function asText(table: Cells): string {
  const widths = widthsOf(table);
  return table
    .map((line) =>
      line
        .map((text, column) =>
          column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function asMarkdown(table: Cells): string {
  const [head = [], ...lines] = table;
  const line = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`;
  const rule = line(head.map((_, column) => (column === 0 ? '---' : '---:')));
  return [line(head), rule, ...lines.map(line)].join('\n');
}

function widthsOf(table: Cells): number[] {
  const [head = []] = table;
  return head.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
}
