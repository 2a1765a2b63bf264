import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import * as Type from 'typebox/type';
import type { ConnectorStatus } from '../core/model.ts';
import type { Ledger, OverviewRow } from '../ledger/ledger.ts';
import { LedgerUnavailable } from '../ledger/ledger.ts';
import type { Metrics } from '../metrics.ts';
import { problem } from './problem.ts';

export interface ProbesDependencies {
  readonly ledger: Ledger;
  readonly metrics: Metrics;
  /** The clusters that can be read now, with what Connect says. */
  readonly snapshots: () => ReadonlyMap<string, ReadonlyMap<string, ConnectorStatus | null>>;
  /** False while the process ends. */
  readonly isOpen: () => boolean;
}

/** `/livez`, `/readyz` and `/metrics`: open to everybody. */
export async function probeRoutes(app: FastifyInstance, deps: ProbesDependencies): Promise<void> {
  const { ledger, metrics } = deps;

  const ok = { description: 'It is.', schema: Type.Object({ status: Type.Literal('ok') }) };
  const live = { summary: 'Whether the process answers.', answers: { 200: ok } };
  const ready = {
    summary: 'Whether the ledger can be written.',
    answers: { 200: ok, 503: { description: 'It cannot, or the process is ending.' } },
  };
  const page = {
    summary: 'Metrics for Prometheus.',
    answers: { 200: { description: 'The text format.', type: 'text/plain' } },
  };

  // Liveness depends on nothing outside: restarting this process heals neither Connect nor the ledger.
  app.get('/livez', { config: { role: 'open', doc: live } }, async () => ({ status: 'ok' }));

  app.get('/readyz', { config: { role: 'open', doc: ready } }, async (_request, reply) => {
    if (!deps.isOpen()) return problem(reply, 503, 'The service is shutting down.');
    try {
      await ledger.ping();
      return { status: 'ok' };
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error;
      return problem(reply, 503, 'The ledger cannot be written now.');
    }
  });

  app.get('/metrics', { config: { role: 'open', doc: page } }, async (_request, reply) => {
    let rows: readonly OverviewRow[] | null = null;
    try {
      rows = await ledger.overview();
      await ledger.ping();
      metrics.ledgerUp(true);
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error;
      metrics.ledgerUp(false);
    }
    const pieces = metrics.pieces(rows, deps.snapshots());
    return reply.type(metrics.registry.contentType).send(Readable.from(pieces, { objectMode: false }));
  });
}
