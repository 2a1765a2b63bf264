import { diagnose } from '../../src/core/diagnosis.ts';
import type { HoldSeen } from '../../src/core/holds.ts';
import type { Look } from '../../src/core/look.ts';
import type { AuditEvent, ConnectorStatus, ConnectState, Phase, Remediation } from '../../src/core/model.ts';
import { defaultPolicy, type Policy } from '../../src/core/policy.ts';
import type { Signal } from '../../src/core/signals.ts';
import { failedParts } from '../../src/core/verdict.ts';

/** What tests start from. Time is a constant plus named durations. */
export const T0 = Date.UTC(2026, 0, 5, 3, 0, 0);
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** The default policy without jitter, so that times can be named exactly. */
export const policy: Policy = { ...defaultPolicy, jitter: 0 };

export function remediation(phase: Phase, over: Partial<Remediation> = {}): Remediation {
  return {
    cluster: 'a',
    connector: 'orders',
    phase,
    sinceMs: T0,
    reason: 'signal',
    openedAtMs: T0,
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
    lookAtMs: T0,
    history: [],
    ...over,
  };
}

export function status(connector: ConnectState, ...tasks: ConnectState[]): ConnectorStatus {
  const trace = (state: ConnectState): string | null =>
    state === 'FAILED' ? 'org.apache.kafka.connect.errors.ConnectException: no such file' : null;
  return {
    connector: { state: connector, workerId: 'w:8083', trace: trace(connector) },
    tasks: tasks.map((state, id) => ({ id, state, workerId: 'w:8083', trace: trace(state) })),
  };
}

export function look(seen: ConnectorStatus, holds: readonly HoldSeen[] = []): Look {
  return {
    connect: { kind: 'status', status: seen },
    holds,
    cause: diagnose(failedParts(seen)),
    signature: null,
    configHash: null,
    storm: null,
    plan: { kind: 'failed' },
  };
}

const nothing = {
  holds: [],
  cause: null,
  signature: null,
  configHash: null,
  storm: null,
  plan: { kind: 'failed' },
} as const;

export const looks = {
  failed: look(status('RUNNING', 'RUNNING', 'FAILED')),
  running: look(status('RUNNING', 'RUNNING', 'RUNNING')),
  unsettled: look(status('RUNNING', 'RUNNING', 'UNASSIGNED')),
  off: look(status('PAUSED', 'PAUSED', 'FAILED')),
  missing: { connect: { kind: 'missing' }, ...nothing },
  unknown: { connect: { kind: 'unreadable', reason: 'unreachable', detail: 'timeout' }, ...nothing },
  unauthorized: { connect: { kind: 'unreadable', reason: 'unauthorized', detail: '401' }, ...nothing },
} as const satisfies Record<string, Look>;

export function signal(over: Partial<Signal> = {}): Signal {
  const labels = {
    alertname: 'KafkaConnectTaskFailed',
    connect_cluster: 'a',
    connector: 'orders',
    task: '0',
  };
  return {
    cluster: 'a',
    connector: 'orders',
    task: 0,
    status: 'firing',
    fingerprint: 'f0',
    labels,
    ...over,
  };
}

/** What is written down when an operator pauses everything. */
export function pausedEvent(atMs: number, over: Partial<AuditEvent> = {}): AuditEvent {
  return {
    atMs,
    cluster: '',
    connector: '',
    kind: 'operator',
    reason: 'paused',
    attempt: null,
    actor: 'ann',
    detail: null,
    ...over,
  };
}
