import { parseDuration } from './duration.ts';
import type { Findings } from './findings.ts';
import { checkString, expectationOf } from './kinds.ts';
import { type Node, nodeOf } from './nodes.ts';
import { join, nearest, show } from './problems.ts';
import { configSchema, type RawConfig } from './schema.ts';
import { type Environment, substitute } from './substitute.ts';

/** A variable of such a name is not shown, wherever it is used. */
const SECRET_NAME = /pass|pwd|secret|token|key|credential|auth/i;

/**
 * Reads a parsed YAML value by the schema: substitutes variables, checks types, ranges and kinds, fills in defaults, and
 * notes every problem. Total: where a value is wrong its default (or something of its type) stands in, so that all other
 * checks can go on; the result is to be used only when there are no problems.
 */
export function readConfig(value: unknown, env: Environment, findings: Findings): RawConfig {
  const walk = new Walk(env, findings);
  // The walk gives each node a value of its type: this is what it is for.
  return walk.read(nodeOf(configSchema), value, '', false) as RawConfig;
}

class Walk {
  readonly #env: Environment;
  readonly #findings: Findings;

  constructor(env: Environment, findings: Findings) {
    this.#env = env;
    this.#findings = findings;
  }

  /** The value for a node; `value` is what YAML gave, or a default. */
  read(node: Node, value: unknown, path: string, partial: boolean): unknown {
    if (typeof value === 'string') return this.#readText(node, value, path);
    switch (node.type) {
      case 'object':
        if (value instanceof Map) return this.#readMapping(node, value, path, partial);
        // A section whose keys are all commented out; one that has no default may have been meant.
        if (value === null && node['~optional'] !== true) {
          return this.#readMapping(node, new Map(), path, partial);
        }
        return this.#refuse(node, value, path);
      case 'array':
        return Array.isArray(value) ? this.#readList(node, value, path) : this.#refuse(node, value, path);
      case 'boolean':
        return typeof value === 'boolean' ? value : this.#refuse(node, value, path);
      case 'integer':
        return isIn(node, value) ? value : this.#refuse(node, value, path);
      case 'string': {
        const unit = node.kind === 'duration' && typeof value === 'number' ? ', with a unit' : '';
        return this.#refuse(node, value, path, expectationOf(node) + unit);
      }
      default:
        return node satisfies never;
    }
  }

  #readMapping(
    node: Node & { type: 'object' },
    value: Map<unknown, unknown>,
    path: string,
    partial: boolean,
  ) {
    const names = Object.keys(node.properties);
    const given = new Map<string, unknown>();
    for (const [key, one] of value) {
      const name = typeof key === 'string' ? key : show(key);
      if (Object.hasOwn(node.properties, name)) given.set(name, one);
      else this.#unknown(name, names, path);
    }
    const sparse = partial || node.partial === true;
    const result: Record<string, unknown> = {};
    for (const [name, child] of Object.entries(node.properties)) {
      const childPath = join(path, name);
      if (given.has(name)) result[name] = this.read(child, given.get(name), childPath, sparse);
      else if (!sparse && child['~optional'] !== true) result[name] = this.#absent(child, childPath);
    }
    return result;
  }

  /** No value is shown for an unknown key: it may be a secret under a name that was mistyped. */
  #unknown(name: string, known: readonly string[], path: string): void {
    const meant = nearest(name, known);
    const hint = meant === null ? `one of ${known.join(', ')}` : `did you mean ${meant}?`;
    this.#findings.add(join(path, name), `a known key (${hint})`);
  }

  #absent(node: Node, path: string): unknown {
    if (node.default !== undefined) return this.read(node, asYaml(node.default), path, false);
    if (node.type === 'object') return this.#readMapping(node, new Map(), path, false);
    return this.#refuse(node, undefined, path);
  }

  #readList(node: Node & { type: 'array' }, value: readonly unknown[], path: string): unknown {
    const { minItems = 0, maxItems } = node;
    if (value.length < minItems || value.length > maxItems) {
      const expected =
        value.length < minItems ? `a list of at least ${minItems}` : `a list of at most ${maxItems}`;
      this.#findings.add(path, expected, value.length === 0 ? 'an empty list' : `${value.length}`);
      return [];
    }
    return value.map((item, index) => this.read(node.items, item, `${path}[${index}]`, false));
  }

  #readText(node: Node, written: string, path: string): unknown {
    const result = substitute(written, this.#env);
    if (!result.ok) {
      for (const expected of result.expected) this.#findings.add(path, expected);
      return standIn(node);
    }
    const { text, variables } = result;
    if (node.secret === true) this.#findings.keepSecret(text);
    // What comes from a variable that is named like a secret is shown as it was written.
    const shown = variables.some((name) => SECRET_NAME.test(name)) ? written : text;
    if (text === node.word && text !== '') return text;
    switch (node.type) {
      case 'string': {
        const tooLong = text.length > node.maxLength ? `at most ${node.maxLength} characters` : null;
        const expected = tooLong ?? checkString(node, text);
        if (expected !== null) return this.#refuse(node, shown, path, expected);
        return node.zeroIsWord === true && isZero(text) ? node.word : text;
      }
      // A text is read as a number or a boolean only where a variable made it: YAML has its own way to write them.
      case 'integer':
        if (variables.length > 0 && /^-?\d+$/.test(text) && isIn(node, Number(text))) return Number(text);
        return this.#refuse(node, shown, path);
      case 'boolean':
        if (variables.length > 0 && (text === 'true' || text === 'false')) return text === 'true';
        return this.#refuse(node, shown, path);
      default:
        return this.#refuse(node, shown, path);
    }
  }

  #refuse(node: Node, value: unknown, path: string, expected = expectationOf(node)): unknown {
    const hidden = node.secret === true || node.holdsSecrets === true;
    this.#findings.add(path, expected, hidden ? undefined : show(value, node.kind));
    return standIn(node);
  }
}

function isIn(node: Node & { type: 'integer' }, value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= node.minimum && Number(value) <= node.maximum;
}

function isZero(text: string): boolean {
  const reading = parseDuration(text);
  return reading.ok && reading.ms === 0;
}

/** Something of the node's type, for the checks that go on after a problem. */
function standIn(node: Node): unknown {
  if (node['~optional'] === true) return undefined;
  switch (node.type) {
    case 'object': {
      const entries = Object.entries(node.properties).map(([name, child]) => [name, standIn(child)]);
      return Object.fromEntries(entries);
    }
    case 'array':
      return [];
    case 'string':
      return node.default ?? (node.kind === 'duration' ? '0s' : '');
    case 'integer':
      return node.default ?? node.minimum;
    case 'boolean':
      return node.default ?? false;
    default:
      return node satisfies never;
  }
}

/** A default as YAML would have given it: mappings are maps. */
function asYaml(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asYaml);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, one]) => [key, asYaml(one)]));
}
