/** One thing that is wrong with a configuration. */
export interface Problem {
  /** Where: `clusters[0].urls[1]`, `line 7, column 3`, or empty for the configuration as a whole. */
  readonly path: string;
  /** What should be there: the end of a sentence that begins with "expected". */
  readonly expected: string;
  /** What is there, ready to be printed. Absent for secrets and for unknown keys. */
  readonly value?: string;
}

/** The operator's message: how many problems, and one line for each with its path, what was expected, and the value. */
export function formatProblems(problems: readonly Problem[], source = 'configuration'): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const lines = problems.map(({ path, expected, value }) => {
    const where = path === '' ? '' : `${path}: `;
    const got = value === undefined ? '' : `, got ${value}`;
    return `  ${where}expected ${expected}${got}`;
  });
  return [`${source}: ${count}, not started`, ...lines].join('\n');
}

/** Longer values are cut: the path says where the rest is. */
const SHOWN_AT_MOST = 100;

/** A value ready to be printed: on one line, bounded, and never with a password that hides in a URL. */
export function show(value: unknown, kind?: string): string {
  if (typeof value === 'string') {
    const masked = maskUrl(value, kind === 'url');
    const cut = masked.length > SHOWN_AT_MOST ? `${masked.slice(0, SHOWN_AT_MOST)}…` : masked;
    return JSON.stringify(cut);
  }
  if (value instanceof Map) return 'a mapping';
  if (Array.isArray(value)) return 'a list';
  if (value === null || value === undefined) return 'nothing';
  return String(value);
}

/** Masks what may be secret in a URL: user information, query and fragment. Other texts are left as they are. */
function maskUrl(text: string, isUrl: boolean): string {
  if (!isUrl && !text.includes('://')) return text;
  const [, scheme = ''] = /^([a-z+]*:\/\/)/i.exec(text) ?? [];
  // With both, no rule tells where the password ends: the characters may be part of it.
  if (text.includes('@') && /[?#]/.test(text)) return `${scheme}***`;
  // Up to the last @: a password with @ or / in it is no valid URL, and still a password.
  if (text.includes('@')) return `${scheme}${text.slice(scheme.length).replace(/.*@/s, '***@')}`;
  return (
    text
      // `http://user:secret` without its host looks like a port that is none.
      .replace(/(:\/\/[^\s/:[\]]*:)(?!\d{1,5}(?:[/?#]|$)).+/s, '$1***')
      .replace(/[?#].*$/s, (rest) => `${rest.charAt(0)}***`)
  );
}

/** `parent.key`, with quotes where the key is no plain word. */
export function join(parent: string, key: string): string {
  if (!/^[A-Za-z_][\w-]*$/.test(key)) return `${parent}[${JSON.stringify(key.slice(0, SHOWN_AT_MOST))}]`;
  return parent === '' ? key : `${parent}.${key}`;
}

/** The known name that was probably meant; null when none is near. */
export function nearest(given: string, known: readonly string[]): string | null {
  if (given.length > 60) return null;
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const name of known) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    // A third of the letters may be wrong, and at least one.
    if (distance <= Math.max(1, Math.floor(name.length / 3)) && distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours (restricted Damerau–Levenshtein). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      let least = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (same ? 0 : 1),
      );
      if (a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        least = Math.min(least, at(row - 2, column - 2) + 1);
      }
      current[column] = least;
    }
  }
  return at(a.length, b.length);
}
