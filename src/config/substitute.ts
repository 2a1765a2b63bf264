/** The environment that values are taken from. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A text after substitution, or what stands in its way (ends of sentences that begin with "expected"). */
export type Substitution =
  | { readonly ok: true; readonly text: string; readonly variables: readonly string[] }
  | { readonly ok: false; readonly expected: readonly string[] };

// A dollar before anything else is itself: regular expressions end with one.
const PLACE = /\$\$|\$\{([^}]*)(\}?)/g;
const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * Replaces `${NAME}` and `${NAME:-default}` from the environment, and `$$` by a dollar. As in a shell the default holds
 * where the variable is unset or empty. What was put in is not read again, so a value cannot refer to another variable.
 */
export function substitute(text: string, env: Environment): Substitution {
  const variables: string[] = [];
  const expected: string[] = [];
  const result = text.replace(
    PLACE,
    (place: string, inside: string | undefined, brace: string | undefined) => {
      if (inside === undefined) return '$';
      const parts = VARIABLE.exec(inside);
      const [, name, fallback] = parts ?? [];
      if (brace === '' || name === undefined || fallback?.includes('${') === true) {
        expected.push(`a variable written as \${NAME} or \${NAME:-default}, and a dollar as $$`);
        return place;
      }
      variables.push(name);
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (fallback !== undefined && (value === undefined || value === ''))
        return fallback.replaceAll('$$', '$');
      if (value === undefined) {
        expected.push(`the environment variable ${name} to be set (or a default: \${${name}:-…})`);
        return '';
      }
      return value;
    },
  );
  return expected.length === 0 ? { ok: true, text: result, variables } : { ok: false, expected };
}
