import type { Clock } from '../clock.ts';
import type { ConnectClient, ReadResult } from '../connect/client.ts';
import { maskCredentials } from '../core/diagnosis.ts';
import type { Look } from '../core/look.ts';
import { type ConnectLook, statusVerdict } from '../core/verdict.ts';
import type { BulkRead } from './cluster-reader.ts';
import type { Failures } from './failures.ts';

/** A look, and when what it says was read. */
export interface TimedLook {
  readonly look: Look;
  /** Monotonic milliseconds: the status is at least that fresh. */
  readonly readAtMs: number;
}

/** What one connector looks like in a bulk read; absence from it is asked about, since it proves nothing. */
export async function lookInBulk(
  client: ConnectClient,
  clock: Clock,
  connector: string,
  bulk: BulkRead,
  failures: Failures,
): Promise<TimedLook> {
  const { result, begunAtMs } = bulk;
  const asLook = (connect: ConnectLook): Look => lookOf(connector, connect, failures);
  if (result.outcome !== 'ok') return { look: asLook(unreadable(result)), readAtMs: begunAtMs };
  const status = result.value.get(connector);
  if (status) {
    if (statusVerdict(status) === 'failed') await failures.know(connector);
    return { look: asLook({ kind: 'status', status }), readAtMs: begunAtMs };
  }
  if (status === null) {
    const detail = 'its entry in the status of all connectors cannot be read';
    return { look: asLook(noStatus(detail)), readAtMs: begunAtMs };
  }
  return lookAtOne(client, clock, connector, failures);
}

/**
 * Reads one connector by itself. A worker that has just started lists little and answers 404 to everything, so only
 * Connect's own 404 for `GET /connectors/{c}` says `missing`.
 */
export async function lookAtOne(
  client: ConnectClient,
  clock: Clock,
  connector: string,
  failures: Failures,
): Promise<TimedLook> {
  const asLook = (connect: ConnectLook): Look => lookOf(connector, connect, failures);
  // From its beginning: what is read may change while the answer is under way.
  const readAtMs = clock.monotonic();
  const status = await client.status(connector);
  if (status.outcome === 'ok') {
    if (statusVerdict(status.value) === 'failed') await failures.know(connector);
    return { look: asLook({ kind: 'status', status: status.value }), readAtMs };
  }
  if (status.outcome !== 'not_found') return { look: asLook(unreadable(status)), readAtMs };
  const settings = await client.settings(connector);
  if (settings.outcome !== 'ok') return { look: asLook(unreadable(settings)), readAtMs };
  if (settings.value === 'missing') return { look: asLook({ kind: 'missing' }), readAtMs };
  return {
    look: asLook(noStatus('it exists, but Connect has no status for it yet')),
    readAtMs,
  };
}

export function lookOf(connector: string, connect: ConnectLook, failures: Failures): Look {
  const diagnosis = connect.kind === 'status' ? failures.examine(connector, connect.status) : null;
  return {
    connect,
    holds: [],
    cause: diagnosis?.cause ?? null,
    signature: diagnosis?.signature ?? null,
    // Only beside a status: `decide` takes another hash for another configuration.
    configHash: diagnosis === null ? null : failures.configHash(connector),
    storm: null,
    plan: { kind: 'failed' },
  };
}

export function unreadable(result: Exclude<ReadResult<unknown>, { outcome: 'ok' }>): ConnectLook {
  if (result.outcome === 'unauthorized') {
    return { kind: 'unreadable', reason: 'unauthorized', detail: maskCredentials(result.detail) };
  }
  return unreadableBecause(result.detail);
}

function noStatus(detail: string): ConnectLook {
  return { kind: 'unreadable', reason: 'no_status', detail };
}

function unreadableBecause(detail: string): ConnectLook {
  return { kind: 'unreadable', reason: 'unreachable', detail: maskCredentials(detail) };
}
