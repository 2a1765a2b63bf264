import type { Clock } from '../clock.ts';
import type { ConnectClient, ReadResult } from '../connect/client.ts';
import { diagnose, maskCredentials } from '../core/diagnosis.ts';
import type { HoldSeen } from '../core/holds.ts';
import type { Look } from '../core/look.ts';
import { type ConnectLook, failedParts } from '../core/verdict.ts';
import type { BulkRead } from './cluster-reader.ts';

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
  holds: readonly HoldSeen[],
): Promise<TimedLook> {
  const { result, begunAtMs } = bulk;
  if (result.outcome !== 'ok') return { look: asLook(unreadable(result), holds), readAtMs: begunAtMs };
  const status = result.value.get(connector);
  if (status) return { look: asLook({ kind: 'status', status }, holds), readAtMs: begunAtMs };
  if (status === null) {
    const detail = 'its entry in the status of all connectors cannot be read';
    return { look: asLook(noStatus(detail), holds), readAtMs: begunAtMs };
  }
  return lookAtOne(client, clock, connector, holds);
}

/**
 * Reads one connector by itself. A worker that has just started lists little and answers 404 to everything, so only
 * Connect's own 404 for `GET /connectors/{c}` says `missing`.
 */
export async function lookAtOne(
  client: ConnectClient,
  clock: Clock,
  connector: string,
  holds: readonly HoldSeen[],
): Promise<TimedLook> {
  // From its beginning: what is read may change while the answer is under way.
  const readAtMs = clock.monotonic();
  const status = await client.status(connector);
  if (status.outcome === 'ok') {
    return { look: asLook({ kind: 'status', status: status.value }, holds), readAtMs };
  }
  if (status.outcome !== 'not_found') return { look: asLook(unreadable(status), holds), readAtMs };
  const settings = await client.settings(connector);
  if (settings.outcome !== 'ok') return { look: asLook(unreadable(settings), holds), readAtMs };
  if (settings.value === 'missing') return { look: asLook({ kind: 'missing' }, holds), readAtMs };
  return {
    look: asLook(noStatus('it exists, but Connect has no status for it yet'), holds),
    readAtMs,
  };
}

function asLook(connect: ConnectLook, holds: readonly HoldSeen[]): Look {
  const cause = connect.kind === 'status' ? diagnose(failedParts(connect.status)) : null;
  return { connect, holds, cause, plan: { kind: 'failed' } };
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
