import { mask } from '../core/diagnosis.ts';
import { confusionOf, type Judged, scoreOf } from './confusion.ts';
import { verdictWords } from './rule.ts';

/** The report as text: the matrix, one line a family, and each misjudged trace with what was said of it. */
export function renderReport(judged: readonly Judged[]): string {
  const { right, transientCalledPermanent } = scoreOf(judged);
  const wrong = judged.filter(({ label, cause }) => label !== cause.verdict);
  return [
    '',
    matrix(judged),
    '',
    `right: ${percent(right)}; transient called permanent: ${percent(transientCalledPermanent)}`,
    '',
    `${'family'.padEnd(28)}${['traces', 'right'].map((word) => word.padStart(8)).join('')}  misjudged (label > verdict)`,
    ...families(judged),
    '',
    wrong.length === 0 ? 'none misjudged' : `misjudged: ${wrong.length}`,
    ...wrong.map(describe),
  ].join('\n');
}

function matrix(judged: readonly Judged[]): string {
  const counts = confusionOf(judged);
  const row = (head: string, cells: readonly (string | number)[]): string =>
    head.padEnd(20) + cells.map((cell) => String(cell).padStart(11)).join('');
  return [
    row('label \\ verdict', verdictWords),
    ...verdictWords.map((label) =>
      row(
        label,
        verdictWords.map((verdict) => counts[label][verdict]),
      ),
    ),
  ].join('\n');
}

function families(judged: readonly Judged[]): string[] {
  const byFamily = Map.groupBy(judged, ({ family }) => family);
  return [...byFamily]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([family, members]) => {
      const wrong = members.filter(({ label, cause }) => label !== cause.verdict);
      const list = wrong.map(({ id, label, cause }) => `${id} (${label} > ${cause.verdict})`).join(', ');
      const cells = [members.length, members.length - wrong.length].map((cell) => String(cell).padStart(8));
      return `${family.padEnd(28)}${cells.join('')}  ${list}`.trimEnd();
    });
}

function describe({ id, label, cause, why, trace }: Judged): string {
  return [
    '',
    `${id}: ${label}, called ${cause.verdict} by ${cause.rule ?? 'no rule'}${why === '' ? '' : ` (labelled so because: ${why})`}`,
    `  cause: ${cause.class}: ${cause.message}`,
    `  trace: ${mask(trace)}`,
  ].join('\n');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
