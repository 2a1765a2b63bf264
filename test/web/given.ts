import type { FastifyInstance } from 'fastify';
import type { Cause, Phase, Remediation } from '../../src/core/model.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { remediation } from '../core/given.ts';

const MINUTE = 60_000;

/** Markup that runs, where it is read as markup. */
export const MARKUP = '<img src=x onerror="alert(1)"><script>alert(2)</script>';

const cause: Cause = {
  class: 'org.apache.kafka.connect.errors.ConnectException',
  message: 'the target database refuses connections at <host>',
  verdict: 'transient',
  rule: 'jdbc-connection',
};

/** Remediations in every state, as they are at `nowMs`. */
export function everyState(nowMs: number): Remediation[] {
  const ago = (minutes: number): number => nowMs - minutes * MINUTE;
  const one = (connector: string, phase: Phase, over: Partial<Remediation> = {}): Remediation =>
    remediation(phase, {
      connector,
      openedAtMs: ago(50),
      sinceMs: ago(4),
      lookAtMs: nowMs + 60 * MINUTE,
      cause,
      ...over,
    });
  const hold = { sinceMs: ago(3), untilMs: nowMs + 30 * MINUTE };
  return [
    one(
      'audit-log',
      { state: 'waiting', nextAtMs: nowMs + 5 * MINUTE },
      { attempts: 2, lastRestartAtMs: ago(1) },
    ),
    one(
      'invoices-sink',
      {
        state: 'held',
        nextAtMs: ago(2),
        hold: { reason: 'silenced', detail: 'silence 3f2a by ann: broker upgrade', ...hold },
        refusals: 0,
        retryAtMs: 0,
      },
      { attempts: 1 },
    ),
    one(
      'a->b.MirrorSourceConnector',
      {
        state: 'restarting',
        calledAtMs: nowMs,
        looks: 0,
        from: 'waiting',
        dueAtMs: nowMs,
        previousRestartAtMs: null,
        refusals: 0,
      },
      {
        attempts: 1,
        lastRestartAtMs: nowMs,
        attemptLog: [{ number: 1, atMs: nowMs, outcome: null, detail: null }],
        chargedAtMs: [nowMs],
      },
    ),
    one('orders-source', { state: 'stabilising', stableMs: 60_000, seenAtMs: nowMs }, { attempts: 1 }),
    one(
      'payments-sink',
      { state: 'escalated', nextAtMs: nowMs + 55 * MINUTE, hold: null, refusals: 0, retryAtMs: 0 },
      {
        attempts: 7,
        lastRestartAtMs: ago(5),
        reason: 'exhausted',
        escalation: { reason: 'exhausted', sinceMs: ago(4) },
        attemptLog: [{ number: 7, atMs: ago(5), outcome: 'accepted', detail: null }],
        alerts: [
          {
            fingerprint: 'f',
            status: 'firing',
            seenAtMs: ago(5),
            labels: { alertname: 'KafkaConnectTaskFailed', connector: 'payments-sink', task: '0' },
          },
        ],
        history: [{ atMs: ago(5), state: 'restarting', reason: 'attempt', attempt: 7, detail: null }],
      },
    ),
    one(
      'profiles-cdc',
      { state: 'escalated', nextAtMs: null, hold: null, refusals: 0, retryAtMs: 0 },
      {
        attempts: 1,
        reason: 'permanent',
        escalation: { reason: 'permanent', sinceMs: ago(9) },
        cause: {
          class: 'org.apache.kafka.common.errors.SaslAuthenticationException',
          message: 'Authentication failed: Invalid username or password',
          verdict: 'permanent',
          rule: 'kafka-authentication',
        },
      },
    ),
    one('returns', { state: 'recovered', untilMs: nowMs + 600 * MINUTE }, { attempts: 1, cause: null }),
    one(
      'old-export',
      { state: 'closed', as: 'off', untilMs: nowMs + 600 * MINUTE, ranSince: false },
      { reason: 'off' },
    ),
  ];
}

/** One whose every text is markup. */
export function hostile(nowMs: number): Remediation {
  return remediation(
    {
      state: 'held',
      nextAtMs: nowMs,
      hold: { reason: 'silenced', detail: `silence by ${MARKUP}: ${MARKUP}`, sinceMs: nowMs, untilMs: null },
      refusals: 0,
      retryAtMs: 0,
    },
    {
      connector: MARKUP,
      lookAtMs: nowMs + 60 * MINUTE,
      cause: { class: `x.${MARKUP}`, message: MARKUP, verdict: 'unknown', rule: MARKUP },
      alerts: [{ fingerprint: 'f', status: 'firing', seenAtMs: nowMs, labels: { alertname: MARKUP } }],
      attemptLog: [{ number: 1, atMs: nowMs, outcome: 'ambiguous', detail: MARKUP }],
      history: [{ atMs: nowMs, state: 'held', reason: 'silenced', attempt: 1, detail: MARKUP }],
    },
  );
}

/** Puts records into the ledger, with an event each. */
export async function put(ledger: Ledger, records: readonly Remediation[]): Promise<void> {
  for (let from = 0; from < records.length; from += 1_000) {
    await ledger.store(
      records.slice(from, from + 1_000).map((next) => ({
        key: next,
        expectedVersion: null,
        next,
        events: [
          {
            atMs: next.sinceMs,
            cluster: next.cluster,
            connector: next.connector,
            kind: 'decision',
            reason: next.reason,
            attempt: next.attempts > 0 ? next.attempts : null,
            actor: 'connect-medic',
            detail: null,
          },
        ],
      })),
    );
  }
}

/** Listens on a free port of loopback; gives the address. */
export async function listen(app: FastifyInstance): Promise<string> {
  return app.listen({ host: '127.0.0.1', port: 0 });
}
