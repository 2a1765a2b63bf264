import assert from 'node:assert/strict';
import type { AuditEvent, Phase, Remediation } from '../../src/core/model.ts';
import type { Claim, Key, Ledger, Stored, Write } from '../../src/ledger/ledger.ts';

/** What a commit answered that was not refused. */
export function written(answer: Claim | 'full' | null): Claim {
  assert.ok(answer !== null && answer !== 'full', `the commit was refused: ${answer}`);
  return answer;
}

export const key = (connector: string, cluster = 'payments'): Key => ({ cluster, connector });

/** A record as a first signal leaves it; what a test is about is given by name. */
export function remediation(
  connector: string,
  given: Partial<Remediation> & { lookAtMs: number },
): Remediation {
  return {
    cluster: 'payments',
    connector,
    phase: { state: 'waiting', nextAtMs: given.lookAtMs },
    sinceMs: given.lookAtMs,
    reason: 'signal',
    openedAtMs: given.lookAtMs,
    attempts: 0,
    attemptLog: [],
    chargedAtMs: [],
    lastRestartAtMs: null,
    escalation: null,
    cause: null,
    signature: null,
    probe: null,
    configHash: null,
    alerts: [],
    signalAtMs: null,
    mixedSinceMs: null,
    mixedSeenAtMs: null,
    missingSinceMs: null,
    history: [],
    ...given,
  };
}

export function restarting(looks: number, calledAtMs: number): Phase {
  return {
    state: 'restarting',
    calledAtMs,
    looks,
    from: 'waiting',
    dueAtMs: calledAtMs,
    previousRestartAtMs: null,
    refusals: 0,
  };
}

export function event(connector: string, given: Partial<AuditEvent> & { atMs: number }): AuditEvent {
  return {
    cluster: 'payments',
    connector,
    kind: 'decision',
    reason: 'signal',
    attempt: null,
    actor: 'connect-medic',
    detail: null,
    ...given,
  };
}

export function create(next: Remediation, events: readonly AuditEvent[] = []): Write {
  return { key: key(next.connector, next.cluster), expectedVersion: null, next, events };
}

export function replace(stored: Stored, next: Remediation, events: readonly AuditEvent[] = []): Write {
  return { ...create(next, events), expectedVersion: stored.version };
}

export async function nowOf(ledger: Ledger): Promise<number> {
  return (await ledger.load([])).nowMs;
}

export async function loadOne(ledger: Ledger, of: Key): Promise<Stored | null> {
  return (await ledger.load([of])).stored[0] ?? null;
}

/** The record, which a test has put there. */
export async function loaded(ledger: Ledger, of: Key): Promise<Stored> {
  const stored = await loadOne(ledger, of);
  if (stored === null) throw new Error(`${of.cluster}/${of.connector} is missing`);
  return stored;
}
