/** One small change of a source text. */
export interface Change {
  readonly start: number;
  readonly line: number;
  readonly text: string;
  readonly before: string;
  readonly after: string;
}

/** What is looked for, and what becomes of it. Comparisons with spaces around them only: `Map<string>` is none. */
const RULES: readonly (readonly [RegExp, (found: string) => string])[] = [
  [/ < /g, () => ' <= '],
  [/ <= /g, () => ' < '],
  [/ > /g, () => ' >= '],
  [/ >= /g, () => ' > '],
  [/ === /g, () => ' !== '],
  [/ !== /g, () => ' === '],
  [/ && /g, () => ' || '],
  [/ \|\| /g, () => ' && '],
  [/ \+ /g, () => ' - '],
  [/ - /g, () => ' + '],
  [/\btrue\b/g, () => 'false'],
  [/\bfalse\b/g, () => 'true'],
  [/Math\.min\b/g, () => 'Math.max'],
  [/Math\.max\b/g, () => 'Math.min'],
  [/\.some\(/g, () => '.every('],
  [/\.every\(/g, () => '.some('],
  [/\bif \(/g, () => 'if (false && '],
];

/** All changes, in the order of the text. Comments, imports and declarations of types are left alone. */
export function changesOf(source: string): Change[] {
  const changes: Change[] = [];
  let start = 0;
  let inType = false;
  for (const [index, text] of source.split('\n').entries()) {
    const code = text.trim();
    if (/^(export )?(interface|type) /.test(code)) inType = !/[;}]$/.test(code);
    const skip = inType || /^(\/\/|\/?\*|import|export (interface|type)|type |interface |\|)/.test(code);
    if (inType && /^\}|;$/.test(text) && !text.startsWith(' ')) inType = false;
    if (!skip) {
      for (const [pattern, replace] of RULES) {
        for (const match of text.matchAll(pattern)) {
          const [before] = match;
          changes.push({ start: start + match.index, line: index + 1, text, before, after: replace(before) });
        }
      }
    }
    start += text.length + 1;
  }
  return changes.sort((one, other) => one.start - other.start);
}
