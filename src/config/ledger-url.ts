/** What `ledger.url` says. */
export type LedgerUrl =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'memory' }
  | { readonly kind: 'redis'; readonly mode: 'single' | 'sentinel' | 'cluster'; readonly tls: boolean };

/** The schemes of Redis, and what they mean. */
const REDIS: ReadonlyMap<string, Omit<LedgerUrl & { kind: 'redis' }, 'kind'>> = new Map([
  ['redis', { mode: 'single', tls: false }],
  ['rediss', { mode: 'single', tls: true }],
  ['redis+sentinel', { mode: 'sentinel', tls: false }],
  ['rediss+sentinel', { mode: 'sentinel', tls: true }],
  ['redis+cluster', { mode: 'cluster', tls: false }],
  ['rediss+cluster', { mode: 'cluster', tls: true }],
]);

/** Reads `ledger.url`; null when it is none of the known forms. */
export function parseLedgerUrl(text: string): LedgerUrl | null {
  if (text === 'memory:') return { kind: 'memory' };
  const [, scheme = '', rest = ''] = /^([a-z][a-z+]*):(.*)$/i.exec(text) ?? [];
  if (scheme === 'sqlite') {
    // `sqlite://x.db` would make x.db a host: only the empty host of `sqlite:///abs/x.db` is accepted.
    const path = rest.startsWith('///') ? rest.slice(2) : rest;
    if (path === '' || path.startsWith('//') || path.endsWith('/') || path.startsWith(':')) return null;
    return { kind: 'sqlite', path };
  }
  const redis = REDIS.get(scheme.toLowerCase());
  // Sentinels and clusters have several hosts, which no URL parser knows: only that there is one is checked here.
  if (redis !== undefined && /^\/\/(?:[^\s]*@)?[^\s/?#@]+(?:[/?#][^\s]*)?$/.test(rest)) {
    return { kind: 'redis', ...redis };
  }
  return null;
}
