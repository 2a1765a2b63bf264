import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import type { Pack } from '../core/diagnosis.ts';
import type { AuditEvent, Remediation } from '../core/model.ts';
import type { Policy } from '../core/policy.ts';
import { retried } from '../core/retry.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { mergeAll } from '../ledger/record.ts';
import { problem } from './problem.ts';
import { toJson } from './remediation-json.ts';
import { RemediationParams, RemediationSchema } from './schemas.ts';

export interface RetryDependencies {
  readonly ledger: Ledger;
  readonly pack: Pack;
  readonly policyFor: (cluster: string, connector: string) => Policy;
  /** Names of the configured clusters. */
  readonly clusters: readonly string[];
  /** An operator did something: one line in the log. */
  readonly onOperator: (event: AuditEvent) => void;
  /** This connector is due now. */
  readonly onRetried: (cluster: string, connector: string) => void;
}

/** `POST /api/v1/remediations/{cluster}/{connector}/retry`: an operator gives a fresh budget. */
export async function retryRoutes(instance: FastifyInstance, deps: RetryDependencies): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.post(
    '/api/v1/remediations/:cluster/:connector/retry',
    {
      config: {
        role: 'operate',
        doc: {
          summary: 'Gives a fresh budget: count 0, rolling window empty, escalation taken back, due now.',
          answers: {
            202: { description: 'The remediation as it is now.', schema: RemediationSchema },
            404: { description: 'There is no remediation of this connector.' },
            409: { description: 'Its cluster is configured no more: nothing would look at it.' },
          },
        },
      },
      schema: { params: RemediationParams },
    },
    async (request, reply) => {
      const { cluster, connector } = request.params;
      const key = { cluster, connector };
      const [written] = await mergeAll<string, Remediation | 'none' | 'unconfigured'>(
        deps.ledger,
        [{ key, item: request.actor }],
        {
          whenFull: 'none',
          merge: (current, actors, nowMs) => {
            const actor = actors[0] ?? request.actor;
            if (current === null) return { next: null, events: [], outcomes: ['none'] };
            // No lane serves it: due now, it would be due for ever.
            if (!deps.clusters.includes(cluster)) {
              return { next: null, events: [], outcomes: ['unconfigured'] };
            }
            const next = retried(current, actor, nowMs);
            return { next, events: [eventOf(key, actor, nowMs)], outcomes: [next] };
          },
        },
      );
      if (written === undefined || written === 'none') {
        return problem(reply, 404, 'There is no remediation of this connector.');
      }
      if (written === 'unconfigured') return problem(reply, 409, 'Its cluster is configured no more.');
      deps.onOperator(eventOf(key, request.actor, Date.now()));
      deps.onRetried(cluster, connector);
      return reply.code(202).send(toJson(written, deps.policyFor(cluster, connector), deps.pack));
    },
  );
}

function eventOf(key: { cluster: string; connector: string }, actor: string, atMs: number): AuditEvent {
  return { atMs, ...key, kind: 'operator', reason: 'operator', attempt: null, actor, detail: 'retry' };
}
