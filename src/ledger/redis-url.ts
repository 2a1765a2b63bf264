/** What a Redis URL says. */
export interface RedisTarget {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  /** The server; the Sentinels; or some nodes of the Cluster. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly user: string | null;
  readonly password: string | null;
  /** Number of the database; always 0 for a Cluster. */
  readonly db: number;
  /** What the Sentinels call the primary; empty otherwise. */
  readonly primary: string;
  /** What the Sentinels themselves ask for. */
  readonly sentinelUser: string | null;
  readonly sentinelPassword: string | null;
  /** null: no TLS. Paths to PEM files. */
  readonly tls: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string } | null;
}

const PORT = 6379;
const SENTINEL_PORT = 26379;

/** Query parameters, and where they may stand. */
const tlsParameters = ['caFile', 'certFile', 'keyFile'] as const;
const sentinelParameters = ['sentinelUser', 'sentinelPassword'] as const;

/**
 * Reads a Redis URL:
 *
 *     redis://[[user]:password@]host[:port][/db]                    port 6379, database 0
 *     redis+sentinel://[[user]:password@]host[:port],…/primary[/db]  the Sentinels, port 26379; their word for the primary
 *     redis+cluster://[[user]:password@]host[:port],…                some nodes of the Cluster, port 6379
 *
 * `rediss` in place of `redis` is TLS, to the Sentinels as well. User and password are percent-encoded; an IPv6 address
 * stands in brackets. Query parameters:
 *
 *     caFile             PEM; whom to trust. Default: the certificate authorities that Node.js trusts
 *     certFile, keyFile  PEM; the client's own certificate, where the server asks for one
 *     sentinelUser, sentinelPassword   what the Sentinels themselves ask for; default: nothing
 *
 * Throws an `Error` that says what is wrong and shows nothing of the URL: there may be a password in it.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const match = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/i.exec(url);
  if (match === null) throw new Error('not a Redis URL; user and password must be percent-encoded');
  const [, scheme = '', kind = 'single', authority = '', path = '', query = ''] = match;
  const mode = kind.toLowerCase() as RedisTarget['mode'];
  const tls = scheme.toLowerCase() === 'rediss';
  const at = authority.lastIndexOf('@');
  const { user, password } = credentials(at < 0 ? '' : authority.slice(0, at));
  const defaultPort = mode === 'sentinel' ? SENTINEL_PORT : PORT;
  const hosts = authority
    .slice(at + 1)
    .split(',')
    .map((text) => hostOf(text, defaultPort));
  if (mode === 'single' && hosts.length > 1) {
    throw new Error('several hosts need redis+sentinel:// or redis+cluster://');
  }
  const parts = path.split('/').slice(1).map(decode);
  if (parts.at(-1) === '') parts.pop();
  const primary = mode === 'sentinel' ? parts.shift() : '';
  if (primary === undefined || (mode === 'sentinel' && primary === '')) {
    throw new Error(
      'the name by which the Sentinels know the primary is missing: redis+sentinel://host/NAME',
    );
  }
  const parameters = new URLSearchParams(query);
  const known: readonly string[] = [
    ...(tls ? tlsParameters : []),
    ...(mode === 'sentinel' ? sentinelParameters : []),
  ];
  for (const name of parameters.keys()) {
    if (!known.includes(name)) {
      throw new Error(`this kind of URL has no query parameter "${name.slice(0, 20)}"`);
    }
  }
  const files = Object.fromEntries(
    tlsParameters.flatMap((name) => {
      const file = parameters.get(name);
      return file === null || file === '' ? [] : [[name, file]];
    }),
  );
  if ('certFile' in files !== 'keyFile' in files) throw new Error('certFile and keyFile need each other');
  return {
    mode,
    hosts,
    user,
    password,
    db: databaseOf(mode, parts),
    primary,
    sentinelUser: parameters.get('sentinelUser'),
    sentinelPassword: parameters.get('sentinelPassword'),
    tls: tls ? files : null,
  };
}

/** The target for messages: without user, password and query. */
export function describeTarget({ mode, hosts, primary, db, tls }: RedisTarget): string {
  const scheme = `redis${tls === null ? '' : 's'}${mode === 'single' ? '' : `+${mode}`}`;
  const list = hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  return `${scheme}://${list}${primary === '' ? '' : `/${primary}`}${db === 0 ? '' : `/${db}`}`;
}

function credentials(text: string): Pick<RedisTarget, 'user' | 'password'> {
  const colon = text.indexOf(':');
  // A name alone means nothing to Redis.
  if (text !== '' && colon < 0) throw new Error('a user without a password: write user:password@host');
  const [user, password] = [decode(text.slice(0, Math.max(0, colon))), decode(text.slice(colon + 1))];
  return { user: user === '' ? null : user, password: password === '' ? null : password };
}

function hostOf(text: string, defaultPort: number): { host: string; port: number } {
  const [, ipv6, name, port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]@\s]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = ipv6 ?? name;
  const number = port === undefined ? defaultPort : Number(port);
  if (host === undefined || number < 1 || number > 65_535) {
    throw new Error('a host is not of the form name:port, address:port or [address]:port');
  }
  return { host, port: number };
}

function databaseOf(mode: RedisTarget['mode'], parts: readonly string[]): number {
  const [text = '0', ...more] = parts;
  if (more.length > 0 || !/^\d{1,6}$/.test(text)) throw new Error('the database must be a number');
  if (mode === 'cluster' && Number(text) !== 0) throw new Error('a Redis Cluster has only database 0');
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('a % is not followed by two hexadecimal digits');
  }
}
