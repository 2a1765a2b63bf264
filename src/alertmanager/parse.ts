import type { Parsed } from '../connect/parse.ts';
import type { AlertmanagerStatus, ListedAlert, ListedMatcher, ListedSilence } from './client.ts';

/**
 * Alertmanager's JSON as connect-medic needs it. Shapes: `gettableAlert`, `gettableSilence` and `alertmanagerStatus` of
 * `api/v2/openapi.yaml`. Fields that are not known are left alone, since versions add them. Where an entry can be read in part,
 * what cannot is `null`, which callers take for *unknown*, never for *none*. Nothing here throws.
 */

type Json = Readonly<Record<string, unknown>>;

/** `GET /api/v2/alerts`. An alert without readable labels could be about anything: the whole answer is then no answer. */
export function parseAlerts(json: unknown): Parsed<readonly ListedAlert[]> {
  if (!Array.isArray(json)) return { fault: 'not a list of alerts' };
  const alerts: ListedAlert[] = [];
  for (const entry of json as readonly unknown[]) {
    if (!isObject(entry)) return { fault: 'an alert that is no object' };
    const labels = parseLabels(entry['labels']);
    const { fingerprint } = entry;
    if (labels === null) return { fault: 'an alert without readable labels' };
    if (typeof fingerprint !== 'string' || fingerprint === '')
      return { fault: 'an alert without a fingerprint' };
    alerts.push({ fingerprint, labels, status: parseAlertStatus(entry['status']) });
  }
  return { value: alerts };
}

/** `GET /api/v2/silences`. One that cannot be read leaves the others alone. */
export function parseSilences(json: unknown): Parsed<readonly ListedSilence[]> {
  if (!Array.isArray(json)) return { fault: 'not a list of silences' };
  return { value: json.map((entry: unknown) => parseSilence(isObject(entry) ? entry : {})) };
}

/** `GET /api/v2/status`. */
export function parseAlertmanagerStatus(json: unknown): Parsed<AlertmanagerStatus> {
  const info = isObject(json) ? json['versionInfo'] : null;
  if (!isObject(json) || !isObject(info) || typeof info['version'] !== 'string')
    return { fault: 'no version' };
  const config = json['config'];
  const original = isObject(config) ? config['original'] : null;
  return {
    value: { version: info['version'], ...(typeof original === 'string' && { configuration: original }) },
  };
}

function parseAlertStatus(json: unknown): ListedAlert['status'] {
  if (!isObject(json)) return null;
  const { state } = json;
  const silencedBy = parseNames(json['silencedBy']);
  const inhibitedBy = parseNames(json['inhibitedBy']);
  if (silencedBy === null || inhibitedBy === null) return null;
  if (silencedBy.length + inhibitedBy.length > 0) return { silencedBy, inhibitedBy };
  if (state === 'active' || state === 'unprocessed') return { silencedBy, inhibitedBy };
  // Muted by a time interval is neither silenced nor inhibited. Suppressed by nothing that is named cannot be understood.
  const mutedBy = parseNames(json['mutedBy']);
  return state === 'suppressed' && mutedBy !== null && mutedBy.length > 0
    ? { silencedBy, inhibitedBy }
    : null;
}

function parseSilence(entry: Json): ListedSilence {
  const { id, createdBy, comment, endsAt, status } = entry;
  const state = isObject(status) ? status['state'] : null;
  return {
    id: typeof id === 'string' ? id : '',
    state: state === 'active' || state === 'pending' || state === 'expired' ? state : null,
    createdBy: typeof createdBy === 'string' ? createdBy : '',
    comment: typeof comment === 'string' ? comment : '',
    endsAtMs: parseTime(endsAt),
    matchers: parseMatchers(entry),
  };
}

function parseMatchers(entry: Json): ListedSilence['matchers'] {
  const { matchers } = entry;
  // Without a matcher it would match everything, which Alertmanager does not allow: it is not understood.
  if (!Array.isArray(matchers) || matchers.length === 0) return null;
  // Matchers under another name are how a version may say more than `matchers` does.
  const more = Object.entries(entry).some(
    ([key, value]) => key !== 'matchers' && /^matcher/i.test(key) && !isEmpty(value),
  );
  return more ? null : matchers.map(parseMatcher);
}

function parseMatcher(json: unknown): ListedMatcher | null {
  if (!isObject(json)) return null;
  const { name, value, isRegex, isEqual } = json;
  if (typeof name !== 'string' || name === '' || typeof value !== 'string') return null;
  if (typeof isRegex !== 'boolean') return null;
  // Before 0.22 there is no isEqual.
  if (isEqual === undefined || isEqual === null) return { name, value, isRegex, isEqual: true };
  return typeof isEqual === 'boolean' ? { name, value, isRegex, isEqual } : null;
}

function parseTime(value: unknown): number | null {
  const atMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isFinite(atMs) ? atMs : null;
}

/** A list of texts; absent is empty. */
function parseNames(value: unknown): readonly string[] | null {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return null;
  const names = value as readonly unknown[];
  return names.every((name) => typeof name === 'string') ? names : null;
}

function parseLabels(value: unknown): Readonly<Record<string, string>> | null {
  if (!isObject(value)) return null;
  const entries = Object.entries(value);
  // fromEntries defines own properties, also one called `__proto__`.
  return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
    ? Object.fromEntries(entries)
    : null;
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
