import type { FastifyInstance } from 'fastify';
import * as Type from 'typebox/type';
import { problem } from '../api/problem.ts';
import type { Clock } from '../clock.ts';
import { readPayload, type SignalRules } from '../core/signals.ts';
import { LedgerUnavailable } from '../ledger/ledger.ts';
import type { Metrics } from '../metrics.ts';
import type { Intake } from './intake.ts';

export interface WebhookDependencies {
  readonly intake: Intake;
  readonly rules: SignalRules;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** For the document only: bodies are read by `readPayload`, which takes what is readable and tells what is not. */
const Payload = Type.Object({
  version: Type.Optional(Type.Literal('4')),
  alerts: Type.Array(
    Type.Unknown({
      description:
        '`status` (firing, resolved), `labels` (texts by name), `fingerprint`. One that cannot be read is ignored, and counted.',
    }),
  ),
});
const Count = Type.Integer({ minimum: 0 });
const doc = {
  summary: "Takes Alertmanager's notifications.",
  body: Payload,
  answers: {
    202: {
      description: 'Every signal is durable.',
      schema: Type.Object({ accepted: Count, ignored: Count }),
    },
  },
};

/**
 * `POST /webhook`: Alertmanager's notifications. It answers 202 only once every signal is durable in the ledger, and 503
 * when that cannot be: Alertmanager retries a 5xx, and gives up on a 4xx at once, so overload is never a 429. Another method is
 * 405: a redirected POST arrives as a GET, and a 200 to it would count as delivered.
 */
export async function webhookRoutes(app: FastifyInstance, deps: WebhookDependencies): Promise<void> {
  const { intake, rules, metrics, clock } = deps;

  app.post('/webhook', { config: { role: 'webhook', doc } }, async (request, reply) => {
    const reading = readPayload(request.body, rules);
    if (!reading.ok) {
      metrics.webhook('invalid', clock.now());
      return problem(reply, 400, reading.problem);
    }
    try {
      const { accepted, ignored } = await intake.take(reading);
      metrics.webhook('accepted', clock.now());
      return reply.code(202).send({ accepted, ignored });
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error;
      metrics.webhook('ledger_unavailable', clock.now());
      metrics.ledgerUp(false);
      return problem(reply, 503, 'The ledger cannot be written now; send this again.');
    }
  });
}
