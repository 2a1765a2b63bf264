import { parse } from 'yaml';
import { createMatcher, type Matcher, matchesAll, parseMatcher } from '../config/matcher.ts';

/** Alertmanager's configuration, as far as it decides where an alert goes. */
export interface Routing {
  readonly root: Route;
  readonly receivers: ReadonlyMap<string, readonly Webhook[]>;
}

/** A node of the route tree, with what it inherits filled in. */
export interface Route {
  readonly receiver: string;
  readonly matchers: readonly Matcher[];
  readonly continues: boolean;
  /** `...` stands for all labels. */
  readonly groupBy: readonly string[];
  /** As written; absent: Alertmanager's default, 4h. */
  readonly repeatInterval: string;
  /** Times at which nothing is sent, by name. */
  readonly mutedAt: readonly string[];
  readonly routes: readonly Route[];
}

/** One entry of a receiver's `webhook_configs`. */
export interface Webhook {
  /** null: not shown (newer versions write `<secret>`), or in a file. */
  readonly url: URL | null;
  readonly sendResolved: boolean;
  readonly followRedirects: boolean;
  readonly maxAlerts: number;
  /** Whether credentials or a client certificate go with it. */
  readonly authenticates: boolean;
}

/** The configuration holds something that is not understood here: nothing can be said about its routes. */
export class RoutingError extends Error {
  override readonly name = 'RoutingError';
}

type Json = Readonly<Record<string, unknown>>;

/** A configuration nested deeper than this is no human's. */
const DEPTH_AT_MOST = 50;
const DEFAULT_REPEAT = '4h';

/**
 * Reads what `GET /api/v2/status` shows of the configuration. Throws `RoutingError` for what is not understood; the message quotes
 * nothing.
 */
export function readRouting(yaml: string): Routing {
  let document: unknown;
  try {
    // Aliases are not in what Alertmanager writes; without a limit a few lines could become gigabytes.
    document = parse(yaml, { logLevel: 'error', maxAliasCount: 0 });
  } catch {
    throw new RoutingError('it is no YAML');
  }
  if (!isObject(document) || !isObject(document['route'])) throw new RoutingError('it has no route');
  const global = objectOf(objectOf(document['global'])['http_config']);
  const receivers = new Map<string, readonly Webhook[]>();
  for (const receiver of objects(document['receivers'])) {
    const webhooks = objects(receiver['webhook_configs']).map((webhook) => readWebhook(webhook, global));
    if (typeof receiver['name'] === 'string') receivers.set(receiver['name'], webhooks);
  }
  return { root: readRoute(document['route'], null, 0), receivers };
}

/**
 * The routes that an alert ends in, as Alertmanager's `Route.Match` (dispatch/route.go): the deepest that fit; after one that fits, its
 * neighbours are tried only if it says `continue`.
 */
export function routesOf(route: Route, labels: Readonly<Record<string, string>>): Route[] {
  if (!matchesAll(route.matchers, labels)) return [];
  const ends: Route[] = [];
  for (const child of route.routes) {
    const below = routesOf(child, labels);
    ends.push(...below);
    if (below.length > 0 && !child.continues) break;
  }
  return ends.length > 0 ? ends : [route];
}

function readRoute(json: Json, parent: Route | null, depth: number): Route {
  if (depth > DEPTH_AT_MOST) throw new RoutingError('its routes are nested too deep');
  const { receiver, group_by: groupBy, repeat_interval: repeat } = json;
  const node: Route = {
    receiver: typeof receiver === 'string' && receiver !== '' ? receiver : (parent?.receiver ?? ''),
    matchers: readMatchers(json),
    continues: json['continue'] === true,
    groupBy: Array.isArray(groupBy) ? texts(groupBy) : (parent?.groupBy ?? []),
    repeatInterval: typeof repeat === 'string' ? repeat : (parent?.repeatInterval ?? DEFAULT_REPEAT),
    mutedAt: [...texts(json['mute_time_intervals']), ...texts(json['active_time_intervals'])],
    routes: [],
  };
  return { ...node, routes: objects(json['routes']).map((child) => readRoute(child, node, depth + 1)) };
}

function readMatchers(json: Json): Matcher[] {
  try {
    return [
      ...texts(json['matchers']).flatMap(parseMatchers),
      ...entries(json['match']).map(([name, value]) => createMatcher(name, '=', value)),
      ...entries(json['match_re']).map(([name, value]) => createMatcher(name, '=~', value)),
    ];
  } catch {
    throw new RoutingError('one of its matchers is not understood');
  }
}

/** One text may hold several, as in `{a="b", c=~"d"}`; a comma inside quotes parts none. */
function parseMatchers(text: string): Matcher[] {
  const inside = /^\s*\{?(.*?)\}?\s*$/s.exec(text)?.[1] ?? text;
  const parts = inside.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/gs) ?? [];
  return parts.filter((part) => part.trim() !== '').map(parseMatcher);
}

function readWebhook(json: Json, global: Json): Webhook {
  // A webhook's own http_config replaces the global one as a whole.
  const http = isObject(json['http_config']) ? json['http_config'] : global;
  const { url } = json;
  const credentials = ['authorization', 'basic_auth', 'bearer_token', 'bearer_token_file', 'oauth2'];
  const tls = objectOf(http['tls_config']);
  return {
    url: typeof url === 'string' ? URL.parse(url) : null,
    sendResolved: json['send_resolved'] !== false,
    followRedirects: http['follow_redirects'] !== false,
    maxAlerts: typeof json['max_alerts'] === 'number' ? json['max_alerts'] : 0,
    authenticates:
      credentials.some((key) => http[key] !== undefined && http[key] !== null) ||
      tls['cert_file'] !== undefined ||
      tls['cert'] !== undefined ||
      (typeof url === 'string' && (URL.parse(url)?.username ?? '') !== ''),
  };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown): Json {
  return isObject(value) ? value : {};
}

function objects(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function entries(value: unknown): [string, string][] {
  return Object.entries(objectOf(value)).map(([name, text]) => [name, String(text)]);
}
