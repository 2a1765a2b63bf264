import type { ConnectorStatus, Remediation, Verdict } from './model.ts';

/** What a look at Connect brought for one connector. */
export type ConnectLook =
  | { readonly kind: 'status'; readonly status: ConnectorStatus }
  /** 404 with Connect's own JSON body from `GET /connectors/{c}`. */
  | { readonly kind: 'missing' }
  /**
   * No usable answer: `unauthorized` is 401 or 403; `no_status` means that the cluster answers, and only this connector has no
   * status that can be read; `unreachable` is everything else.
   */
  | {
      readonly kind: 'unreadable';
      readonly reason: 'unauthorized' | 'unreachable' | 'no_status';
      readonly detail: string;
    };

/** A status that leads to a restart is at most this old when the request leaves (promise P1). */
export const STATUS_AGE_AT_MOST_MS = 2_000;

/** A second 404 counts only when it comes at least this long after the first: both could be one worker starting. */
export const GONE_AFTER_MS = 2_000;

/**
 * Boils a look down to a verdict.
 *
 * - `off` wins over `failed`: a FAILED task can stay behind in a PAUSED connector (measured on Connect 4.3), and restarting
 *   what somebody paused or stopped is the worse failure.
 * - One RUNNING among others proves nothing: `running` needs the connector and all its tasks.
 * - A single 404 is `unknown`; see GONE_AFTER_MS.
 */
export function verdictOf(
  look: ConnectLook,
  remediation: Pick<Remediation, 'missingSinceMs'>,
  nowMs: number,
): Verdict {
  switch (look.kind) {
    case 'unreadable':
      return 'unknown';
    case 'missing': {
      const since = remediation.missingSinceMs;
      return since !== null && nowMs - since >= GONE_AFTER_MS ? 'gone' : 'unknown';
    }
    case 'status':
      return statusVerdict(look.status);
    default:
      return look satisfies never;
  }
}

/** The verdict on a status that was read. */
export function statusVerdict(status: ConnectorStatus): Exclude<Verdict, 'gone' | 'unknown'> {
  const { state } = status.connector;
  if (state === 'PAUSED' || state === 'STOPPED') return 'off';
  if (state === 'FAILED' || status.tasks.some((task) => task.state === 'FAILED')) return 'failed';
  if (state === 'RUNNING' && status.tasks.every((task) => task.state === 'RUNNING')) return 'running';
  return 'unsettled';
}

/** FAILED parts beside UNASSIGNED or RESTARTING ones: a rebalance or a restart is under way. */
export function isMixed(status: ConnectorStatus): boolean {
  const parts = [status.connector, ...status.tasks];
  return (
    parts.some(({ state }) => state === 'FAILED') &&
    parts.some(({ state }) => state === 'UNASSIGNED' || state === 'RESTARTING')
  );
}

/** The parts that are FAILED, in Connect's order: the connector instance (`null`) first, then tasks by id. */
export function failedParts(
  status: ConnectorStatus,
): { readonly task: number | null; readonly trace: string | null }[] {
  const failed: { task: number | null; trace: string | null }[] = [];
  if (status.connector.state === 'FAILED') failed.push({ task: null, trace: status.connector.trace });
  for (const task of status.tasks) {
    if (task.state === 'FAILED') failed.push({ task: task.id, trace: task.trace });
  }
  return failed;
}
