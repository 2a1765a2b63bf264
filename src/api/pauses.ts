import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import * as Type from 'typebox/type';
import type { AuditEvent, Pause, PauseScope } from '../core/model.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { problem } from './problem.ts';
import { Name, PauseSchema, PausesSchema } from './schemas.ts';
import { parseRfc3339, rfc3339, time } from './time.ts';

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
export type PauseJson = Type.Static<typeof PauseSchema>;

/** `GET`, `PUT` and `DELETE /api/v1/pauses`: an operator's word that nothing is restarted in a scope. */
export async function pauseRoutes(instance: FastifyInstance, deps: PausesDependencies): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();
  const { ledger, clusters, onResumed, onOperator } = deps;

  const shown = {
    summary: 'The pauses that have not ended.',
    answers: { 200: { description: 'The pauses.', schema: PausesSchema } },
  };
  app.get('/api/v1/pauses', { config: { role: 'read', doc: shown } }, async () => {
    const { pauses } = await ledger.pauses();
    return { pauses: pauses.map(toJson) };
  });

  app.put(
    '/api/v1/pauses',
    {
      config: {
        role: 'operate',
        doc: {
          summary: 'Pauses a connector, a cluster or, with neither named, everything.',
          answers: {
            200: { description: 'The pause as it is set.', schema: PauseSchema },
            409: { description: 'There are as many pauses as there may be.' },
          },
        },
      },
      schema: { body: Body },
    },
    async (request, reply) => {
      const scope = scopeOf(request.body, clusters);
      if (typeof scope === 'string') return problem(reply, 400, scope);
      const reason = request.body.reason.replace(/\p{Cc}+/gu, ' ').trim();
      if (reason === '') return problem(reply, 400, 'reason is empty: say why, somebody will wonder.');
      const { nowMs } = await ledger.pauses();
      const { until = null } = request.body;
      const untilMs = until === null ? null : parseRfc3339(until);
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
    {
      config: {
        role: 'operate',
        doc: {
          summary: 'Ends the pause of exactly this scope.',
          answers: { 204: { description: 'There is no such pause any more.' } },
        },
      },
      schema: { querystring: Query },
    },
    async (request, reply) => {
      // A cluster that is configured no more may have pauses too, and somebody wants to end them.
      const scope = completed(request.query, clusters);
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
  return completed({ cluster, connector }, clusters);
}

/** The same, whichever cluster is named. */
function completed(
  { cluster = null, connector = null }: ScopeAsked,
  clusters: readonly string[],
): PauseScope | string {
  if (connector === null || cluster !== null) return { cluster, connector };
  const [only, ...others] = clusters;
  if (only === undefined || others.length > 0)
    return 'connector needs cluster beside it: there are several clusters.';
  return { cluster: only, connector };
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
