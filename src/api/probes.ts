import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import * as Type from 'typebox/type';
import type { ConnectorStatus } from '../core/model.ts';
import type { Ledger, OverviewRow } from '../ledger/ledger.ts';
import { LedgerUnavailable } from '../ledger/ledger.ts';
import type { Metrics } from '../metrics.ts';
import { Held } from './held.ts';
import { problem } from './problem.ts';
import { shared } from './shared.ts';

export interface ProbesDependencies {
  readonly ledger: Ledger;
  readonly metrics: Metrics;
  /** The clusters that can be read now, with what Connect says. */
  readonly snapshots: () => ReadonlyMap<string, ReadonlyMap<string, ConnectorStatus | null>>;
  /** False while the process ends. */
  readonly isOpen: () => boolean;
}

/** Answers of `/metrics` under way at once, those that are still being sent included; beyond: 503. */
const PAGES_AT_ONCE = 100;
/** Pages in memory at once, as long as somebody reads them. That of 5,000 connectors is some megabytes. */
const PAGES_HELD = 4;
/** Characters of the page that are put together before others have their turn: about a millisecond. */
const PIECE_LENGTH = 65_536;

/**
 * `/livez`, `/readyz` and `/metrics`: open to everybody. So what they cost does not grow with those who ask: one ping and one
 * page are under way at a time, and everybody who asks meanwhile shares the next.
 */
export async function probeRoutes(app: FastifyInstance, deps: ProbesDependencies): Promise<void> {
  const { ledger, metrics } = deps;
  const ping = shared(() => ledger.ping());
  const metricsPage = shared(async (): Promise<readonly Buffer[]> => {
    let rows: readonly OverviewRow[] | null = null;
    try {
      rows = await ledger.overview();
      await ping();
      metrics.ledgerUp(true);
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error;
      metrics.ledgerUp(false);
    }
    return pageOf(metrics.pieces(rows, deps.snapshots()));
  });
  let underWay = 0;
  const held = new Held<readonly Buffer[]>(PAGES_HELD);

  const ok = { description: 'It is.', schema: Type.Object({ status: Type.Literal('ok') }) };
  const live = { summary: 'Whether the process answers.', answers: { 200: ok } };
  const ready = {
    summary: 'Whether the ledger can be written.',
    answers: { 200: ok, 503: { description: 'It cannot, or the process is ending.' } },
  };
  const page = {
    summary: 'Metrics for Prometheus.',
    answers: {
      200: { description: 'The text format.', type: 'text/plain' },
      503: { description: 'Too many ask at once.' },
    },
  };

  // Liveness depends on nothing outside: restarting this process heals neither Connect nor the ledger.
  app.get('/livez', { config: { role: 'open', doc: live } }, async () => ({ status: 'ok' }));

  app.get('/readyz', { config: { role: 'open', doc: ready } }, async (_request, reply) => {
    if (!deps.isOpen()) return problem(reply, 503, 'The service is shutting down.');
    try {
      await ping();
      return { status: 'ok' };
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error;
      return problem(reply, 503, 'The ledger cannot be written now.');
    }
  });

  app.get('/metrics', { config: { role: 'open', doc: page } }, async (_request, reply) => {
    if (underWay >= PAGES_AT_ONCE) {
      metrics.limitHit('requests', 1);
      reply.header('retry-after', '1');
      return problem(reply, 503, 'Too many ask for the metrics at once.');
    }
    underWay += 1;
    reply.raw.once('close', () => {
      underWay -= 1;
    });
    const pieces = await metricsPage();
    if (!reply.raw.closed)
      reply.raw.once(
        'close',
        held.read(pieces, () => reply.raw.destroy()),
      );
    return reply.type(metrics.registry.contentType).send(Readable.from(pieces, { objectMode: false }));
  });
}

/** The page in larger pieces, as bytes: one copy for everybody who shares it. Others have their turn in between. */
async function pageOf(pieces: AsyncIterable<string>): Promise<Buffer[]> {
  const page: Buffer[] = [];
  let text = '';
  for await (const piece of pieces) {
    text += piece;
    if (text.length < PIECE_LENGTH) continue;
    page.push(Buffer.from(text));
    text = '';
    await setImmediate();
  }
  page.push(Buffer.from(text));
  return page;
}
