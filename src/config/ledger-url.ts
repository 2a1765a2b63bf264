import { parseRedisUrl } from '../ledger/redis-url.ts';

/** What `ledger.url` says. */
export type LedgerUrl =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'memory' }
  | { readonly kind: 'redis'; readonly mode: 'single' | 'sentinel' | 'cluster'; readonly tls: boolean };

/** What is wrong with a `ledger.url`, in words that quote nothing of it; null: nothing. */
export function ledgerUrlProblem(text: string): string | null {
  if (parseLedgerUrl(text) !== null) return null;
  if (/^rediss?(?:\+(?:sentinel|cluster))?:\/\//i.test(text)) {
    try {
      parseRedisUrl(text);
    } catch (error) {
      if (error instanceof Error) return `a Redis URL (${error.message})`;
    }
  }
  return 'sqlite:PATH, memory:, redis://…, rediss://…, redis+sentinel://… or redis+cluster://…';
}

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
  if (!/^rediss?(?:\+|$)/i.test(scheme)) return null;
  try {
    const { mode, tls } = parseRedisUrl(text);
    return { kind: 'redis', mode, tls: tls !== null };
  } catch {
    return null;
  }
}
