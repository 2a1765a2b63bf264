import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import type { Pack } from '../core/diagnosis.ts';
import type { Remediation } from '../core/model.ts';
import type { Policy } from '../core/policy.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { after, arrange, cursorOf, type ListOrder, parseCursor, writeList } from './listing.ts';
import { problem } from './problem.ts';
import { attemptsJson, toJson } from './remediation-json.ts';
import {
  RemediationDetailSchema,
  RemediationParams,
  RemediationsQuery,
  RemediationsSchema,
} from './schemas.ts';

export interface RemediationsDependencies {
  readonly ledger: Ledger;
  readonly pack: Pack;
  readonly policyFor: (cluster: string, connector: string) => Policy;
}

/** A page that is asked for by its cursor alone. */
const PAGE_BY_DEFAULT = 100;

/** `GET /api/v1/remediations` and one of them. */
export async function remediationRoutes(
  instance: FastifyInstance,
  deps: RemediationsDependencies,
): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();
  const { ledger, policyFor, pack } = deps;

  app.get(
    '/api/v1/remediations',
    {
      config: {
        role: 'read',
        doc: {
          summary: 'Remediations; without `limit` and `after` all of them.',
          answers: { 200: { description: 'The remediations.', schema: RemediationsSchema } },
        },
      },
      schema: { querystring: RemediationsQuery },
    },
    async (request, reply) => {
      const { order = 'name', brief = false, limit, after: cursorText, ...filter } = request.query;
      const cursor = cursorText === undefined ? null : parseCursor(cursorText);
      if (cursorText !== undefined && cursor?.order !== order) {
        return problem(reply, 400, 'after is no cursor of such a list: take next of the page before.');
      }
      const chosen = arrange(await ledger.overview(), filter, order);
      const rest = cursor === null ? chosen : after(chosen, cursor);
      const paged = limit !== undefined || cursor !== null;
      const rows = paged ? rest.slice(0, limit ?? PAGE_BY_DEFAULT) : rest;
      const render = (one: Remediation) =>
        toJson(one, policyFor(one.cluster, one.connector), pack, { brief });
      const tail = paged ? { next: nextOf(rows, rest, order), total: chosen.length } : {};
      reply.type('application/json; charset=utf-8');
      return reply.send(await writeList(ledger, rows, filter, render, tail));
    },
  );

  app.get(
    '/api/v1/remediations/:cluster/:connector',
    {
      config: {
        role: 'read',
        doc: {
          summary: 'One remediation, with its attempts.',
          answers: {
            200: { description: 'The remediation.', schema: RemediationDetailSchema },
            404: { description: 'There is no remediation of this connector.' },
          },
        },
      },
      schema: { params: RemediationParams },
    },
    async (request, reply) => {
      const { stored } = await ledger.load([request.params]);
      const found = stored[0]?.remediation;
      if (found === undefined) return problem(reply, 404, 'There is no remediation of this connector.');
      return {
        ...toJson(found, policyFor(found.cluster, found.connector), pack),
        attemptLog: attemptsJson(found),
      };
    },
  );
}

type Rows = Parameters<typeof after>[0];

/** null: there is no further page. */
function nextOf(rows: Rows, rest: Rows, order: ListOrder): string | null {
  const last = rows[rows.length - 1];
  return last === undefined || rows.length === rest.length ? null : cursorOf(last, order);
}
