/** What benchmarks say, and how it is printed. */
import { cpus, loadavg, totalmem } from 'node:os';

/** How much is done: `full` for figures, `smoke` to see in seconds that the benchmark itself works. */
export type Scale = 'full' | 'smoke';

/** One line of the table of goals. */
export interface Row {
  readonly what: string;
  /** Empty: a figure without a goal. */
  readonly goal: string;
  readonly figure: string;
  /** Of the two sides of a comparison made in the same run; empty where nothing is compared. */
  readonly ratio: string;
  /** null: there is no goal. */
  readonly met: boolean | null;
}

export interface Section {
  readonly title: string;
  /** What is measured against what, in a sentence or two. */
  readonly method: string;
  readonly rows: readonly Row[];
  /** The figures behind the rows: a head and its lines. */
  readonly raw: { readonly head: readonly string[]; readonly lines: readonly (readonly string[])[] } | null;
  /** What was done, counted: the smoke test holds the benchmark to these. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface Benchmark {
  /** For `--only`. */
  readonly name: string;
  readonly run: (scale: Scale, log: (text: string) => void) => Promise<Section>;
}

export function asMarkdown({ title, method, rows, raw }: Section, command: string): string {
  const parts = [`### ${title}`, `${method} \`${command}\``];
  if (rows.length > 0) {
    const lines = rows.map(({ what, goal, figure, ratio, met }) => [
      what,
      goal,
      figure,
      ratio,
      met === null ? '' : met ? 'yes' : '**no**',
    ]);
    parts.push(table(['', 'goal', 'figure', 'ratio', 'met'], lines));
  }
  if (raw !== null) parts.push(table(raw.head, raw.lines));
  return parts.join('\n\n');
}

/** Where and when the figures were made: a loaded machine spoils absolute ones, ratios less. */
export function machine(): string {
  const load = loadavg().map((value) => value.toFixed(2));
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `Node ${process.versions.node}, ${cpus().length} cores, ${memory} GiB, load ${load.join(' ')}`;
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((name, index) =>
    Math.max(3, name.length, ...lines.map((line) => (line[index] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, index) => (cells[index] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...lines.map(line)].join('\n');
}
