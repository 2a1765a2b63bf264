import { formatMatcher, type Matcher, matches } from '../config/matcher.ts';
import { joined } from '../connect/detail.ts';
import { type PayloadReading, readAlert, type SignalRules } from '../core/signals.ts';
import type { AlertmanagerClient, ListedAlert } from './client.ts';

export type PullResult =
  | {
      readonly outcome: 'ok';
      /** What a webhook with these alerts would have been read as: `Intake.take` takes it. */
      readonly reading: Extract<PayloadReading, { ok: true }>;
      /** Which Alertmanagers did not answer, and why; null: all did. */
      readonly missing: string | null;
    }
  /** None answered. Nothing follows from it: an alert that is not seen is not a resolved one. */
  | { readonly outcome: 'unknown'; readonly detail: string };

/**
 * Reads the active alerts that fit `remediationLabel` from all Alertmanagers: what webhooks lost, and what a silence that ended
 * without a new notification kept back. Alerts of several Alertmanagers with one fingerprint are one; an alert that any of them
 * silences or inhibits, or whose status cannot be read, is left out: it opens nothing. Never rejects.
 */
export async function pullAlerts(
  clients: readonly AlertmanagerClient[],
  remediationLabel: Matcher,
  rules: SignalRules,
): Promise<PullResult> {
  // Suppressed ones are read as well: only then is it seen that another Alertmanager suppresses an alert.
  const query = { filter: [formatMatcher(remediationLabel)], active: true };
  const answers = await Promise.all(
    clients.map(async (client) => ({ name: client.name, result: await client.alerts(query) })),
  );
  const missing = answers.flatMap(({ name, result }) =>
    result.outcome === 'ok' ? [] : [`${name}: alerts ${result.outcome} (${result.detail})`],
  );
  if (missing.length === answers.length) {
    return {
      outcome: 'unknown',
      detail: answers.length === 0 ? 'no Alertmanager is configured' : joined(missing),
    };
  }
  const alerts = new Map<string, ListedAlert | null>();
  for (const { result } of answers) {
    if (result.outcome !== 'ok') continue;
    for (const alert of result.value) {
      // A proxy may drop the query.
      if (!matches(remediationLabel, alert.labels)) continue;
      const known = alerts.get(alert.fingerprint);
      if (known === undefined) alerts.set(alert.fingerprint, isFree(alert) ? alert : null);
      else if (!isFree(alert)) alerts.set(alert.fingerprint, null);
    }
  }
  const readings = [...alerts.values()].flatMap((alert) =>
    alert === null ? [] : [readAlert(alert, rules, 'firing')],
  );
  return {
    outcome: 'ok',
    reading: { ok: true, readings, truncated: [], watchdog: false },
    missing: missing.length === 0 ? null : joined(missing),
  };
}

function isFree({ status }: ListedAlert): boolean {
  return status !== null && status.silencedBy.length + status.inhibitedBy.length === 0;
}
