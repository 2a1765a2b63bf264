import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { problem } from './api/problem.ts';

export type Role = 'webhook' | 'read' | 'operate';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a caller needs; `open` routes answer everybody. Routes without one are closed to everybody unknown. */
    role?: Role | 'open';
  }
  interface FastifyRequest {
    /** Name of the credential that was used; `anonymous` where none is needed. */
    actor: string;
    /** What the caller may do. */
    roles: readonly Role[];
  }
}

/** One named credential; several may be valid at once, so that they can be rotated. */
export interface Credential {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly scheme:
    | { readonly kind: 'bearer'; readonly token: () => string }
    | { readonly kind: 'basic'; readonly username: string; readonly password: () => string };
}

const everything: readonly Role[] = ['webhook', 'read', 'operate'];

/**
 * Checks each request against the credentials. Without one every path that is not open is 401, whether it exists or not;
 * a missing role is 403. `credentials: null` lets everybody do everything.
 */
export function addAuthentication(
  app: FastifyInstance,
  credentials: readonly Credential[] | null,
  onRefused: (request: FastifyRequest, status: 401 | 403) => void,
): void {
  const challenges = challengesOf(credentials ?? []);
  app.decorateRequest('actor', 'anonymous');
  app.decorateRequest('roles');
  app.addHook('onRequest', async (request, reply) => {
    const { role } = request.routeOptions.config;
    request.roles = credentials === null ? everything : [];
    if (credentials === null || (role === 'open' && !request.is404)) return;
    const credential = findCredential(credentials, request.headers.authorization);
    if (credential === null) {
      onRefused(request, 401);
      reply.header('www-authenticate', challenges);
      return problem(reply, 401, 'A valid credential is needed.');
    }
    request.actor = credential.name;
    request.roles = credential.roles;
    if (role !== undefined && role !== 'open' && !credential.roles.includes(role)) {
      onRefused(request, 403);
      return problem(reply, 403, `This needs the role ${role}.`);
    }
  });
}

/** Whether a request that met no hook, since its path cannot be read, may be told so. */
export function isKnown(credentials: readonly Credential[] | null, header: string | undefined): boolean {
  return credentials === null || findCredential(credentials, header) !== null;
}

/** What may be tried, for `WWW-Authenticate`: Basic only where a credential takes it, since a browser asks for a password at once. */
export function challengesOf(credentials: readonly Credential[]): string[] {
  const kinds = new Set(credentials.map(({ scheme }) => scheme.kind));
  return [
    ...(kinds.has('basic') ? ['Basic realm="connect-medic", charset="UTF-8"'] : []),
    ...(kinds.has('bearer') || kinds.size === 0 ? ['Bearer realm="connect-medic"'] : []),
  ];
}

/** All credentials are compared, in constant time, so that the time says nothing about which came close. */
function findCredential(credentials: readonly Credential[], header: string | undefined): Credential | null {
  if (header === undefined) return null;
  const separator = header.indexOf(' ');
  const scheme = header.slice(0, separator).toLowerCase();
  const value = header.slice(separator + 1).trim();
  let found: Credential | null = null;
  for (const credential of credentials) {
    const expected =
      credential.scheme.kind === 'bearer'
        ? credential.scheme.token()
        : `${credential.scheme.username}:${credential.scheme.password()}`;
    const given = credential.scheme.kind === 'bearer' ? value : Buffer.from(value, 'base64').toString('utf8');
    if (equalInConstantTime(given, expected) && scheme === credential.scheme.kind) found ??= credential;
  }
  return found;
}

function equalInConstantTime(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
