import { LineCounter, parseDocument } from 'yaml';
import type { Problem } from './problems.ts';

/** A configuration needs no more repetitions than this; more is an attempt to fill the memory. */
const ALIASES_AT_MOST = 100;
/** One mistake in YAML is often reported many times over. */
const PROBLEMS_AT_MOST = 3;

/** The parser's own words quote the text, which may be a secret: these do not. */
const MEANING: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'each key once in a mapping',
  MULTIPLE_DOCS: 'one YAML document',
  TAB_AS_INDENT: 'spaces, not tabs, before a key',
  BAD_INDENT: 'an indentation that fits the lines above',
  MISSING_CHAR: 'a closing quote, bracket or comma, or a space after a colon',
  BAD_DQ_ESCAPE: 'a valid escape in double quotes (single quotes take backslashes as they are)',
  BLOCK_AS_IMPLICIT_KEY: 'one key on a line (quotes around a text with ": " in it)',
  MULTILINE_IMPLICIT_KEY: 'a key with a colon',
  BAD_ALIAS: 'an alias of an anchor above (quotes around a text that begins with *)',
  TAG_RESOLVE_FAILED: 'no tags (quotes around a text that begins with !)',
  BAD_DIRECTIVE: 'no directives',
  RESOURCE_EXHAUSTION: 'YAML that is not nested so deeply',
};

// The most frequent surprise: inside { } and [ ] the braces of a variable are YAML's own.
const OTHER = `valid YAML (quotes around a text with any of { } [ ] , : in it, so around \${NAME} too)`;

/** A YAML document as plain values (mappings as `Map`), or what is wrong with it as YAML. */
export type YamlReading =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Parses YAML 1.2 without tags, with unique keys and few aliases. An empty document is null. */
export function parseYaml(text: string): YamlReading {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
    const mistakes = [...document.errors, ...document.warnings];
    if (mistakes.length === 0) {
      return {
        ok: true,
        value: document.toJS({ mapAsMap: true, maxAliasCount: ALIASES_AT_MOST }) as unknown,
      };
    }
    const problems = mistakes.slice(0, PROBLEMS_AT_MOST).map(({ code, pos }) => {
      const { line, col } = lines.linePos(pos[0]);
      return { path: `line ${line}, column ${col}`, expected: MEANING[code] ?? OTHER };
    });
    return { ok: false, problems };
  } catch (error) {
    // Aliases without anchor or in excess are found only now, and too deep a nesting ends the stack.
    const expected =
      error instanceof ReferenceError
        ? `YAML whose aliases (*name) have an anchor above, and few of them`
        : 'YAML that is not nested so deeply';
    return { ok: false, problems: [{ path: '', expected }] };
  }
}
