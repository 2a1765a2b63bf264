import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import * as Type from 'typebox/type';
import type { AuditEvent, Pause, PauseScope } from '../core/model.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { problem } from './problem.ts';
import { rfc3339, time } from './time.ts';

export interface PausesDependencies {
  readonly ledger: Ledger;
  /** Names of the configured clusters. */
  readonly clusters: readonly string[];
  /** A pause was ended: what it held may act now. */
  readonly onResumed: (scope: PauseScope) => void;
  /** An operator did something: one line in the log. */
  readonly onOperator: (event: AuditEvent) => void;
}

const REASON_AT_MOST = 500;
const NAME_AT_MOST = 1_000;

const Name = Type.String({ minLength: 1, maxLength: NAME_AT_MOST });
const Body = Type.Object(
  {
    cluster: Type.Optional(Type.Union([Name, Type.Null()])),
    connector: Type.Optional(Type.Union([Name, Type.Null()])),
    reason: Type.String({ minLength: 1, maxLength: REASON_AT_MOST }),
    until: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
  },
  { additionalProperties: false },
);
const Query = Type.Object(
  { cluster: Type.Optional(Name), connector: Type.Optional(Name) },
  { additionalProperties: false },
);

/** A pause as the API shows it; times are RFC 3339 UTC, null stands for all, and for no end. */
export interface PauseJson {
  readonly cluster: string | null;
  readonly connector: string | null;
  readonly reason: string;
  readonly until: string | null;
  readonly by: string;
  readonly at: string;
}

/** `GET`, `PUT` and `DELETE /api/v1/pauses`: an operator's word that nothing is restarted in a scope. */
export async function pauseRoutes(instance: FastifyInstance, deps: PausesDependencies): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();
  const { ledger, clusters, onResumed, onOperator } = deps;

  app.get('/api/v1/pauses', { config: { role: 'read' } }, async () => {
    const { pauses } = await ledger.pauses();
    return { pauses: pauses.map(toJson) };
  });

  app.put(
    '/api/v1/pauses',
    { config: { role: 'operate' }, schema: { body: Body } },
    async (request, reply) => {
      const scope = scopeOf(request.body, clusters);
      if (typeof scope === 'string') return problem(reply, 400, scope);
      const reason = request.body.reason.replace(/\p{Cc}+/gu, ' ').trim();
      if (reason === '') return problem(reply, 400, 'reason is empty: say why, somebody will wonder.');
      const { nowMs } = await ledger.pauses();
      const untilMs = untilOf(request.body.until ?? null);
      if (untilMs !== null && !Number.isFinite(untilMs)) {
        return problem(reply, 400, 'until is not a time as in RFC 3339, such as 2026-01-31T23:00:00Z.');
      }
      if (untilMs !== null && untilMs <= nowMs) {
        return problem(reply, 400, `until has passed: it is ${rfc3339(nowMs)} now.`);
      }
      const pause: Pause = { ...scope, reason, untilMs, by: request.actor, atMs: nowMs };
      const event = eventOf(scope, 'paused', request.actor, nowMs, told(pause));
      if ((await ledger.putPause(pause, event)) === 'full') {
        return problem(reply, 409, 'There are as many pauses as there may be: end some of them first.');
      }
      onOperator(event);
      return reply.code(200).send(toJson(pause));
    },
  );

  app.delete(
    '/api/v1/pauses',
    { config: { role: 'operate' }, schema: { querystring: Query } },
    async (request, reply) => {
      const scope = scopeOf(request.query, clusters);
      if (typeof scope === 'string') return problem(reply, 400, scope);
      const { nowMs } = await ledger.pauses();
      const event = eventOf(scope, 'operator', request.actor, nowMs, 'the pause was ended');
      if (await ledger.removePause(scope, event)) {
        onOperator(event);
        onResumed(scope);
      }
      return reply.code(204).send();
    },
  );
}

type ScopeAsked = { readonly cluster?: string | null; readonly connector?: string | null };

/** The scope that is named, or what is wrong with it. A connector needs its cluster where there are several. */
function scopeOf(
  { cluster = null, connector = null }: ScopeAsked,
  clusters: readonly string[],
): PauseScope | string {
  if (cluster !== null && !clusters.includes(cluster)) {
    return `cluster is none of the configured ones: ${clusters.join(', ')}.`;
  }
  if (connector === null || cluster !== null) return { cluster, connector };
  const [only, ...others] = clusters;
  if (only === undefined || others.length > 0)
    return 'connector needs cluster beside it: there are several clusters.';
  return { cluster: only, connector };
}

/** Date and time with an offset; NaN for anything else. */
const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

function untilOf(text: string | null): number | null {
  if (text === null) return null;
  const [, year, month, day] = RFC3339.exec(text) ?? [];
  // Date.parse takes the 31st of February for the 3rd of March.
  if (new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() !== Number(day))
    return Number.NaN;
  return Date.parse(text.replace(' ', 'T').toUpperCase());
}

function eventOf(
  { cluster, connector }: PauseScope,
  reason: 'paused' | 'operator',
  actor: string,
  atMs: number,
  detail: string,
): AuditEvent {
  const target = { cluster: cluster ?? '', connector: connector ?? '' };
  return { atMs, ...target, kind: 'operator', reason, attempt: null, actor, detail };
}

function told({ reason, untilMs }: Pause): string {
  return untilMs === null ? reason : `${reason} (until ${rfc3339(untilMs)})`;
}

function toJson({ cluster, connector, reason, untilMs, by, atMs }: Pause): PauseJson {
  return { cluster, connector, reason, until: time(untilMs), by, at: rfc3339(atMs) };
}
