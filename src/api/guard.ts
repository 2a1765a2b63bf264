import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { problem } from './problem.ts';

/** What every request passes before anything is read of it, and what every answer carries. */

export interface GuardLimits {
  /** Largest body in bytes. */
  readonly bodyLimitBytes: number;
  /** A request was turned away. */
  readonly onTooMany: () => void;
}

/** Requests of the API and the page under way at once. */
const CALLS_AT_ONCE = 200;
/** Webhooks under way at once. They have places of their own: a crowd before the page keeps no alert out. */
const WEBHOOKS_AT_ONCE = 1_000;
/** Bodies under way at once, as a multiple of the largest one: what they may take of the memory. */
const BODIES_AT_ONCE = 8;
/** Connections at once; further ones are dropped as they come. */
export const CONNECTIONS_AT_MOST = 2_000;

/**
 * Turns away what is too much: 503, since Alertmanager sends again after a 5xx and gives up after a 4xx. Liveness and readiness
 * are never counted: a crowd is no reason to be killed.
 */
export function addLimits(app: FastifyInstance, { bodyLimitBytes, onTooMany }: GuardLimits): void {
  const bytesAtOnce = BODIES_AT_ONCE * bodyLimitBytes;
  let calls = 0;
  let webhooks = 0;
  let bytes = 0;
  app.addHook('onRequest', async (request, reply) => {
    const { role } = request.routeOptions.config;
    if (role === 'open') return;
    const isWebhook = role === 'webhook';
    const size = sizeOf(request, bodyLimitBytes);
    const full = isWebhook ? webhooks >= WEBHOOKS_AT_ONCE : calls >= CALLS_AT_ONCE;
    // One that is too large by itself is told so by its reader.
    if (full || (bytes > 0 && bytes + size > bytesAtOnce)) {
      onTooMany();
      reply.header('retry-after', '1');
      return problem(reply, 503, 'Too many requests are under way; send this again.');
    }
    if (isWebhook) webhooks += 1;
    else calls += 1;
    bytes += size;
    // Also when the caller goes away before the answer.
    reply.raw.once('close', () => {
      if (isWebhook) webhooks -= 1;
      else calls -= 1;
      bytes -= size;
    });
  });
}

/** The announced size of a body; of one that is not announced the largest that is read. */
function sizeOf({ headers }: FastifyRequest, bodyLimitBytes: number): number {
  if (headers['transfer-encoding'] !== undefined) return bodyLimitBytes;
  return Math.min(Number(headers['content-length'] ?? 0) || 0, bodyLimitBytes);
}

const safe: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE'];

/**
 * Refuses what another site makes a browser do here: a browser adds the password of this one to requests that any page
 * sends. Browsers say where a request comes from, and pages cannot change what they say (Fetch Metadata, `Origin`); curl and
 * Alertmanager say nothing and are let through.
 */
export function addSameSiteCheck(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (safe.includes(request.method) || isOwnPage(request)) return;
    return problem(reply, 403, 'Another site sent this: only the own page may, and programs without a page.');
  });
}

function isOwnPage({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  // A port of the same host is another site here: who knows what listens there.
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin, host } = headers;
  if (origin === undefined) return true;
  // The scheme is not compared: a proxy may have taken the TLS off. Its default port goes unsaid.
  return host !== undefined && /^https?:\/\//.test(origin) && hostOf(origin) === hostOf(host);
}

function hostOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/:(?:80|443)$/, '');
}

/** What an answer of the API needs of a browser: nothing. The page sets a policy of its own. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Security headers on every answer. */
export function addSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onSend', async (_request, reply) => setSecurityHeaders(reply));
}

/**
 * The headers, also for an answer that meets no hook. No Strict-Transport-Security: it would bind every port of the host, and
 * what listens there is not ours.
 */
export function setSecurityHeaders(reply: FastifyReply): void {
  reply.headers({
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
    'cross-origin-resource-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
  });
  if (!reply.hasHeader('content-security-policy')) reply.header('content-security-policy', API_POLICY);
}
