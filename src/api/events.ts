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

/** `GET /api/v1/events`: the audit trail, oldest first. */
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
      const { since, cluster, connector, limit } = request.query;
      const sinceMs = since === undefined ? null : parseRfc3339(since);
      if (sinceMs !== null && !Number.isFinite(sinceMs)) {
        return problem(reply, 400, 'since is not a time as in RFC 3339, such as 2026-01-31T23:00:00Z.');
      }
      const events = await ledger.events({
        ...(sinceMs === null ? {} : { sinceMs }),
        ...(cluster === undefined ? {} : { cluster }),
        ...(connector === undefined ? {} : { connector }),
        ...(limit === undefined ? {} : { limit }),
      });
      return { events: events.map(toJson) };
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
