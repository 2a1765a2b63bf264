import type { FastifyInstance } from 'fastify';
import type * as Type from 'typebox/type';
import { states } from '../core/model.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { SummarySchema } from './schemas.ts';
import { rfc3339 } from './time.ts';

export interface SummaryDependencies {
  readonly ledger: Ledger;
  /** Names of the configured clusters. */
  readonly clusters: readonly string[];
  /** Of this program. */
  readonly version: string;
}

/** `GET /api/v1/summary`: how many remediations are in which state, and who is asking. */
export async function summaryRoutes(app: FastifyInstance, deps: SummaryDependencies): Promise<void> {
  app.get(
    '/api/v1/summary',
    {
      config: {
        role: 'read',
        doc: {
          summary: 'Counts by state, the time, and what the caller may do.',
          answers: { 200: { description: 'The summary.', schema: SummarySchema } },
        },
      },
    },
    async (request): Promise<Type.Static<typeof SummarySchema>> => {
      const rows = await deps.ledger.overview();
      const { nowMs } = await deps.ledger.pauses();
      const counts = new Map(states.map((state) => [state, 0]));
      for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1);
      return {
        now: rfc3339(nowMs),
        version: deps.version,
        actor: request.actor,
        roles: [...request.roles],
        clusters: [...deps.clusters],
        remediations: Object.fromEntries(counts) as Record<(typeof states)[number], number>,
        escalated: rows.filter(({ escalation }) => escalation !== null).length,
      };
    },
  );
}
