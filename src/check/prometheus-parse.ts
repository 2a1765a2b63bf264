import type { Parsed } from '../connect/parse.ts';

/**
 * Prometheus' JSON (`web/api/v1`), as far as `--check` needs it: `{"status": "success", "data": …}`. Fields that are not known are
 * left alone. Nothing here throws.
 */

/** One sample of an instant vector. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A rule group. */
export interface Group {
  readonly name: string;
  readonly rules: readonly Rule[];
}

export interface Rule {
  readonly kind: 'alerting' | 'recording';
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly query: string;
  /** `ok`, `err`, `unknown` (not evaluated yet), or what a version may add. */
  readonly health: string;
  readonly lastError: string;
}

type Json = Readonly<Record<string, unknown>>;

/** `GET /api/v1/status/buildinfo`. */
export function parseVersion(json: unknown): Parsed<string> {
  const data = dataOf(json);
  const version = isObject(data) ? data['version'] : null;
  return typeof version === 'string' ? { value: version } : { fault: 'no version' };
}

/** `GET /api/v1/query`: an instant vector; any other kind of value is none. */
export function parseVector(json: unknown): Parsed<readonly Sample[]> {
  const data = dataOf(json);
  if (!isObject(data) || data['resultType'] !== 'vector' || !Array.isArray(data['result']))
    return { fault: 'no vector' };
  const samples: Sample[] = [];
  for (const entry of data['result'] as readonly unknown[]) {
    const metric = isObject(entry) ? labelsOf(entry['metric']) : null;
    const pair: unknown = isObject(entry) ? entry['value'] : null;
    if (metric === null || !Array.isArray(pair)) return { fault: 'a sample that cannot be read' };
    samples.push({ metric, value: Number(pair[1]) });
  }
  return { value: samples };
}

/** `GET /api/v1/rules`. */
export function parseGroups(json: unknown): Parsed<readonly Group[]> {
  const data = dataOf(json);
  if (!isObject(data) || !Array.isArray(data['groups'])) return { fault: 'no rule groups' };
  const groups: Group[] = [];
  for (const group of data['groups'] as readonly unknown[]) {
    if (!isObject(group) || !Array.isArray(group['rules'])) return { fault: 'a group that cannot be read' };
    const rules = (group['rules'] as readonly unknown[]).map(parseRule);
    if (!rules.every((rule) => rule !== null)) return { fault: 'a rule that cannot be read' };
    groups.push({ name: textOf(group['name']), rules });
  }
  return { value: groups };
}

/** `GET /api/v1/alertmanagers`: how many are in use. */
export function parseAlertmanagerCount(json: unknown): Parsed<number> {
  const data = dataOf(json);
  const active = isObject(data) ? data['activeAlertmanagers'] : null;
  // Go writes an empty list as null.
  if (isObject(data) && 'activeAlertmanagers' in data && active === null) return { value: 0 };
  return Array.isArray(active) ? { value: active.length } : { fault: 'no list of Alertmanagers' };
}

function parseRule(json: unknown): Rule | null {
  if (!isObject(json)) return null;
  const { type, name, labels, query, health, lastError } = json;
  if (typeof name !== 'string') return null;
  return {
    kind: type === 'alerting' ? 'alerting' : 'recording',
    name,
    // Left out where there are none.
    labels: labelsOf(labels) ?? {},
    query: textOf(query),
    health: textOf(health),
    lastError: textOf(lastError),
  };
}

function dataOf(json: unknown): unknown {
  return isObject(json) && json['status'] === 'success' ? json['data'] : null;
}

function labelsOf(value: unknown): Readonly<Record<string, string>> | null {
  if (!isObject(value)) return null;
  const entries = Object.entries(value);
  return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
    ? Object.fromEntries(entries)
    : null;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
