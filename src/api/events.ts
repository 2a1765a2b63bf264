import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import type * as Type from 'typebox/type';
import type { AuditEvent } from '../core/model.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { problem } from './problem.ts';
import { type EventSchema, EventsQuery, EventsSchema } from './schemas.ts';
import { parseRfc3339, rfc3339 } from './time.ts';

export interface EventsDependencies {
  readonly ledger: Ledger;
}

/** An event of the audit trail as the API shows it; null stands for all clusters or connectors. */
export type EventJson = Type.Static<typeof EventSchema>;

/**
 * `GET /api/v1/events`: the audit trail, oldest first, at most `limit` of the newest that match; `next` leads to older ones. Events
 * are in the order in which they were appended, which is that of their times but for a moment between replicas.
 */
export async function eventRoutes(instance: FastifyInstance, { ledger }: EventsDependencies): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.get(
    '/api/v1/events',
    {
      config: {
        role: 'read',
        doc: {
          summary: 'The audit trail, oldest first: every decision that changed something, with its actor.',
          answers: { 200: { description: 'The newest that match.', schema: EventsSchema } },
        },
      },
      schema: { querystring: EventsQuery },
    },
    async (request, reply) => {
      const { since, until, cluster, connector, limit, before } = request.query;
      const times: { sinceMs?: number; untilMs?: number } = {};
      for (const [name, key, text] of [
        ['since', 'sinceMs', since],
        ['until', 'untilMs', until],
      ] as const) {
        if (text === undefined) continue;
        const atMs = parseRfc3339(text);
        if (!Number.isFinite(atMs)) {
          return problem(reply, 400, `${name} is not a time as in RFC 3339, such as 2026-01-31T23:00:00Z.`);
        }
        times[key] = atMs;
      }
      const page = await ledger.eventPage({
        ...times,
        ...(cluster === undefined ? {} : { cluster }),
        ...(connector === undefined ? {} : { connector }),
        ...(limit === undefined ? {} : { limit }),
        ...(before === undefined ? {} : { before }),
      });
      if (page === null) return problem(reply, 400, 'before is none of the cursors that were given as next.');
      return { events: page.events.map(toJson), next: page.next };
    },
  );
}

function toJson({ atMs, cluster, connector, kind, reason, attempt, actor, detail }: AuditEvent): EventJson {
  return {
    at: rfc3339(atMs),
    cluster: cluster === '' ? null : cluster,
    connector: connector === '' ? null : connector,
    kind,
    reason,
    attempt,
    actor,
    detail,
  };
}
