/** What a text is read as: milliseconds, or why it is no duration (the end of "expected a duration …"). */
export type DurationReading =
  | { readonly ok: true; readonly ms: number }
  | { readonly ok: false; readonly why: string };

/** From large to small: the order in which they are written in a combined duration. */
const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

const COMBINED = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
/** Longer texts are no durations, whatever they say. */
const LENGTH_AT_MOST = 40;

const no = (why: string): DurationReading => ({ ok: false, why });

/**
 * Reads `250ms`, `5s`, `2m`, `1h`, `1d` and combinations from large to small (`1h30m`). Whole numbers only, each with its
 * unit: a bare number could mean seconds to one reader and milliseconds to another, so it is refused.
 */
export function parseDuration(text: string): DurationReading {
  if (text === '') return no('it is empty');
  if (text.length > LENGTH_AT_MOST) return no('it is too long');
  if (/^[+-]/.test(text)) return no('without a sign');
  if (/^\d+$/.test(text)) return no('with a unit');
  if (/\d[.,]\d/.test(text)) return no('in whole numbers (1h30m, not 1.5h)');

  const match = COMBINED.exec(text);
  if (match === null) {
    const units = text.match(/[a-zµ]+/gi) ?? [];
    const known = units.length > 0 && units.every((unit) => UNITS.some(([name]) => name === unit));
    return known && /^(?:\d+[a-z]+)+$/.test(text)
      ? no('with each unit once, from large to small')
      : no('in the units d, h, m, s and ms');
  }
  const ms = UNITS.reduce((sum, [, unitMs], index) => sum + Number(match[index + 1] ?? 0) * unitMs, 0);
  return Number.isSafeInteger(ms) ? { ok: true, ms } : no('that is not so long');
}

/** Writes whole milliseconds as they are read back: `5400000` is `1h30m`, nothing is `0s`. */
export function formatDuration(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 0) throw new RangeError(`not a span in whole milliseconds: ${ms}`);
  let rest = ms;
  let text = '';
  for (const [name, unitMs] of UNITS) {
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${name}`;
    rest -= count * unitMs;
  }
  return text === '' ? '0s' : text;
}
