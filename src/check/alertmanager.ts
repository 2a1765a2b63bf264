import type { ListedAlert } from '../alertmanager/client.ts';
import type { AlertmanagerConfig } from '../config/config.ts';
import { formatMatcher, type Matcher } from '../config/matcher.ts';
import { alertmanagerClient } from '../service.ts';
import { type Findings, shown } from './findings.ts';

/** What one Alertmanager told. */
export interface AlertmanagerFacts {
  readonly url: string;
  /** The alerts that have not ended, suppressed ones included: all, or where that is too much those with the remediation label. */
  readonly alerts: readonly ListedAlert[];
  /** Its configuration as YAML; null: not told. */
  readonly configuration: string | null;
}

/**
 * Tries one Alertmanager. Silences and alerts are read as well: what `status` shows everybody may be closed to us there, and
 * nothing is restarted until both have been answered.
 */
export async function checkAlertmanager(
  alertmanager: AlertmanagerConfig,
  remediationLabel: Matcher,
  findings: Findings,
): Promise<AlertmanagerFacts | null> {
  const { url } = alertmanager;
  const what = `alertmanager ${url}`;
  const client = alertmanagerClient(alertmanager, null);
  const [status, silences, alerts, all] = await Promise.all([
    client.status(),
    client.silences(),
    // As the pull path asks; without the filter it can be far more than the service ever reads.
    client.alerts({ filter: [formatMatcher(remediationLabel)], active: true }),
    client.alerts({ filter: [], active: true }),
  ]);
  await client.close();
  if (status.outcome !== 'ok') findings.failed(what, `${status.outcome}: ${status.detail}`);
  else if (silences.outcome !== 'ok')
    findings.failed(what, `silences ${silences.outcome}: ${silences.detail}`);
  else if (alerts.outcome !== 'ok') findings.failed(what, `alerts ${alerts.outcome}: ${alerts.detail}`);
  else {
    const active = silences.value.filter(({ state }) => state === 'active').length;
    findings.ok(what, `Alertmanager ${shown(status.value.version)}, ${active} active silences`);
    if (all.outcome !== 'ok') {
      findings.note(
        `${what}: alerts without ${formatMatcher(remediationLabel)} were not looked at, ${all.outcome}: ${all.detail}`,
      );
    }
    return {
      url,
      alerts: all.outcome === 'ok' ? all.value : alerts.value,
      configuration: status.value.configuration ?? null,
    };
  }
  return null;
}
