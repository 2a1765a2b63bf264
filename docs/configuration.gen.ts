/**
 * Writes docs/configuration.md from the schema.
 *
 *   node docs/configuration.gen.ts           writes it
 *   node docs/configuration.gen.ts --check   exit status 1 when the file on disk differs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { formatDuration } from '../src/config/duration.ts';
import { type Node, nodeOf } from '../src/config/nodes.ts';
import { configSchema } from '../src/config/schema.ts';

const FILE = new URL('configuration.md', import.meta.url);

/** A configuration that is valid where its variables are set and its files exist; a test loads it. */
export const example = `server:
  host: 0.0.0.0
  port: 9099
  auth:
    - { name: alertmanager, bearerToken: "\${MEDIC_TOKEN}", roles: [webhook] }
    - { name: oncall, basic: { username: oncall, passwordFile: /run/secrets/oncall }, roles: [read, operate] }
ledger:
  url: sqlite:/var/lib/connect-medic/ledger.db
alertmanagers:
  - url: http://alertmanager:9093
clusters:
  - name: payments # = the connect_cluster label of its alerts
    urls: [https://connect-1:8083, https://connect-2:8083]
    auth: { basic: { username: medic, password: "\${CONNECT_PASSWORD}" } }
    tls: { caFile: /etc/connect-medic/ca.pem }
  - name: analytics
    urls: ["http://\${ANALYTICS_HOST:-localhost}:8083"]
    requestTimeout: 20s
policy:
  delays: [0s, 2m, 6m, 12m, 20m, 30m, 42m]
  thenEvery: 1h
  budget: { restarts: 20, per: 24h }
overrides:
  - { match: ['connector=~"legacy-.*"'], policy: { enabled: false } }
  - { match: [cluster=analytics], policy: { delays: [1m, 10m, 1h], thenEvery: off } }
storm: { threshold: 5 }
log: { level: info }
`;

const HEAD = `<!-- Generated from src/config/schema.ts by docs/configuration.gen.ts: change it there. -->

# Configuration

YAML. The file is the one that \`--config FILE\` names, else the one that the environment variable \`CONNECT_MEDIC_CONFIG\`
names, else \`./connect-medic.yml\` if there is one, else there are only the defaults. Every key is optional unless it says
_required_.

Unknown keys, bad values, missing variables and contradictions stop the start. All of them are reported at once, each with its
path, what was expected and, unless the key is secret or unknown, the value. \`--check\` says the same without starting, and tries
every URL.

## How values are written

**Durations** are whole numbers with a unit: \`250ms\`, \`5s\`, \`2m\`, \`1h\`, \`1d\`, combined from large to small: \`1h30m\`. A
number without a unit is an error. Where something can be off, \`off\` and \`0s\` mean so.

**Variables.** In values (not in keys) \`\${NAME}\` is replaced by the environment variable, \`\${NAME:-default}\` by the default where
it is unset or empty, and \`$$\` by a dollar. This happens after the YAML was read, so a value cannot add keys. Where a number or a
boolean is expected, the result is read as one. Inside \`{ }\` and \`[ ]\` YAML needs quotes around it: \`{ port: "\${PORT}" }\`.

**Secrets** can come from a file: each has a second key that ends in \`File\`. Give one of the two. Newlines at the end are dropped.
The file is read again when it changes, so a secret can be rotated without a restart; while it cannot be read, the last value is used.
Secrets are printed nowhere. User name and password do not belong in a URL: they are refused there (but for \`ledger.url\`, which is
a secret as a whole).

**Files** are relative to the working directory, and have to be readable at the start.

**Matchers** are those of Prometheus and Alertmanager: a label name, an operator, a value, in single quotes for YAML:
\`'connector=~"legacy-.*"'\`. \`=\` and \`!=\` compare; \`=~\` and \`!~\` match a regular expression in
[RE2's syntax](https://github.com/google/re2/wiki/Syntax), anchored at both ends. A missing label is the empty string. In quotes
\`\\"\`, \`\\\\\` and \`\\n\` are escapes; the quotes may be left out where the value has none in it.
`;

/** The whole page. */
export function page(): string {
  const root = nodeOf(configSchema);
  if (root.type !== 'object') throw new Error('the configuration is a mapping');
  const entries = Object.entries(root.properties);
  const isSection = ([, node]: [string, Node]): boolean => inner(node) !== null;
  const top = entries.filter((entry) => !isSection(entry));
  const parts = [
    HEAD,
    `## Example\n\n\`\`\`yaml\n${example}\`\`\`\n`,
    `## Keys without a section\n\n${table(top.map(([name, node]) => row(name, node)))}`,
    ...entries.filter(isSection).map(([name, node]) => {
      const about = `${node.description}${node.type === 'array' ? ` ${listNote(node)}` : ''}`;
      return `## \`${name}\`\n\n${about}\n\n${table(rows(name, node))}`;
    }),
  ];
  return `${parts.join('\n').trimEnd()}\n`;
}

/** The mapping that a key holds, by itself or as the items of its list; null for a plain value. */
function inner(node: Node): (Node & { type: 'object' }) | null {
  if (node.type === 'object') return node;
  return node.type === 'array' ? inner(node.items) : null;
}

function rows(path: string, node: Node): string[][] {
  const mapping = inner(node);
  if (mapping === null) return [];
  const base = node.type === 'array' ? `${path}[]` : path;
  // The keys of an overlay are told once, where they have their defaults.
  if (mapping.partial === true) return [];
  return Object.entries(mapping.properties).flatMap(([name, child]) => {
    const childPath = `${base}.${name}`;
    const below = rows(childPath, child);
    // A section that only has a table of its own keys needs no row.
    const own = child.type === 'object' && child['~optional'] !== true && child.partial !== true;
    return own ? below : [row(childPath, child), ...below];
  });
}

/** A table with aligned columns, as the formatter of the repository writes it. */
function table(rowsBelow: readonly (readonly string[])[]): string {
  const lines = [['key', 'type', 'default', 'meaning'], ...rowsBelow];
  const widths = [0, 1, 2, 3].map((at) => Math.max(...lines.map((cells) => cells[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const [head = [], ...below] = lines;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...below.map(line), ''].join('\n');
}

function row(path: string, node: Node): string[] {
  const cells = [`\`${path}\``, typeOf(node), defaultOf(node), node.description];
  return cells.map((cell) => cell.replaceAll('|', '\\|'));
}

function typeOf(node: Node): string {
  const word = node.word === undefined ? '' : ` or \`${node.word}\``;
  const secret = node.secret === true ? ', secret' : '';
  switch (node.type) {
    case 'object':
      return 'mapping';
    case 'array':
      return node.items.type === 'object' ? `list${word}` : `list of ${typeOf(node.items)}${word}`;
    case 'boolean':
      return 'boolean';
    case 'integer':
      return `${node.minimum} to ${node.maximum}${word}`;
    case 'string':
      return `${stringType(node)}${word}${secret}`;
    default:
      return node satisfies never;
  }
}

function stringType(node: Node): string {
  switch (node.kind) {
    case 'choice':
      return (node.choices ?? []).map((one) => `\`${one}\``).join(', ');
    case 'duration':
      return `duration${durationRange(node)}`;
    case 'percent':
      return '0% to 100%';
    case 'url':
    case 'ledger':
      return 'URL';
    case 'path':
      return 'file';
    case 'matcher':
      return 'matcher';
    case 'label':
      return 'label name';
    default:
      return 'text';
  }
}

function durationRange({ minMs = 0, maxMs }: Node): string {
  const from = minMs <= 1 ? [] : [`at least ${formatDuration(minMs)}`];
  const to = maxMs === undefined ? [] : [`at most ${formatDuration(maxMs)}`];
  const bounds = [...(minMs === 1 ? ['longer than 0s'] : from), ...to];
  return bounds.length === 0 ? '' : ` (${bounds.join(', ')})`;
}

function defaultOf(node: Node): string {
  if (node.implied !== undefined) return `\`${node.implied}\``;
  if (node.default === undefined)
    return node['~optional'] === true || node.type === 'object' ? '' : '_required_';
  const value = node.default;
  if (Array.isArray(value))
    return value.some((one) => typeof one === 'object') ? '' : `\`[${value.join(', ')}]\``;
  return value === '' ? '`""`' : `\`${String(value)}\``;
}

function listNote(node: Node & { type: 'array' }): string {
  const most = `At most ${node.maxItems} entries`;
  const value = node.default;
  if (!Array.isArray(value)) return `${most}.`;
  return `${most}; by default ${value.length === 0 ? 'none' : 'one, with the defaults below'}.`;
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    let found = '';
    try {
      found = readFileSync(FILE, 'utf8');
    } catch {
      // Absent: differs.
    }
    if (found !== page()) {
      console.error('docs/configuration.md differs from the schema: run node docs/configuration.gen.ts');
      process.exitCode = 1;
    }
  } else writeFileSync(FILE, page());
}
