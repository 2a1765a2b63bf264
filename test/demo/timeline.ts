/** What the demonstration prints: one line per event in aligned columns, calm enough to be read as it happens. */
import { styleText } from 'node:util';

export type Source = 'demo' | 'connect' | 'prometheus' | 'alertmanager' | 'connect-medic';
type Format = Parameters<typeof styleText>[0];
/** What a line is about, for its colour. */
export type Mood = 'plain' | 'bad' | 'good' | 'act' | 'human';

const MOODS: Record<Mood, Format> = {
  plain: [],
  bad: ['red'],
  good: ['green'],
  act: ['bold'],
  human: ['bold', 'magenta'],
};
const SOURCES: Record<Source, Format> = {
  demo: 'gray',
  connect: 'yellow',
  prometheus: 'blue',
  alertmanager: 'blue',
  'connect-medic': 'cyan',
};
const TIME_WIDTH = 7;
const SOURCE_WIDTH = 15;
const INDENT = TIME_WIDTH + SOURCE_WIDTH;
const NARROWEST = 60;
const WIDEST = 120;

/** Colours on a terminal only, and not where NO_COLOR is set. */
export function style(format: Format, text: string): string {
  return format.length === 0 ? text : styleText(format, text, { stream: process.stdout });
}

export function print(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export function heading(text: string): void {
  print();
  print(style('bold', text));
}

/** Events with the time since `begin()`. */
export class Timeline {
  #beginMs = Date.now();

  begin(): void {
    this.#beginMs = Date.now();
    print(style('gray', `${'time'.padEnd(TIME_WIDTH)}${'who says it'.padEnd(SOURCE_WIDTH)}what`));
  }

  say(source: Source, text: string, mood: Mood = 'plain'): void {
    const time = clock(Date.now() - this.#beginMs).padEnd(TIME_WIDTH);
    const [first = '', ...rest] = wrapped(text, columns() - INDENT);
    print(
      `${style('gray', time)}${style(SOURCES[source], source.padEnd(SOURCE_WIDTH))}${style(MOODS[mood], first)}`,
    );
    for (const line of rest) print(' '.repeat(INDENT) + style(MOODS[mood], line));
  }
}

/** Rows in columns as wide as their widest cell; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  for (const [index, row] of rows.entries()) {
    const line = row.map((cell, column) => cell.padEnd((widths[column] ?? 0) + 2)).join('');
    print(`  ${index === 0 ? style('gray', line.trimEnd()) : line.trimEnd()}`);
  }
}

function columns(): number {
  return Math.min(WIDEST, Math.max(NARROWEST, process.stdout.columns || WIDEST));
}

/** `0:07` */
function clock(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
