/** The lower half of the remediation dashboard: how fast it is, and whether alerts reach connect-medic. */
import { PLAIN, type Row, ZERO_IS_BAD, ZERO_IS_CALM } from './spec.ts';

const OWN_CLUSTER = 'cluster=~"$cluster"';
const quantile = (share: number, histogram: string, window: string): string =>
  `histogram_quantile(${share}, sum by (le) (increase(${histogram}_bucket[${window}])))`;

export const speed: Row = {
  title: 'How fast',
  panels: [
    {
      kind: 'stat',
      title: 'Time to recovery, median',
      description:
        'From the first signal of a failure until the connector had run for the whole stable time. All clusters.',
      unit: 's',
      width: 6,
      noValue: 'no recovery',
      thresholds: PLAIN,
      queries: [{ expr: quantile(0.5, 'connect_medic_time_to_recovery_seconds', '$__range') }],
    },
    {
      kind: 'stat',
      title: 'Time to recovery, 95%',
      description: 'The same for the slowest twentieth.',
      unit: 's',
      width: 6,
      noValue: 'no recovery',
      thresholds: PLAIN,
      queries: [{ expr: quantile(0.95, 'connect_medic_time_to_recovery_seconds', '$__range') }],
    },
    {
      kind: 'stat',
      title: 'Webhook to restart, median',
      description: 'From the arrival of a webhook to the restart call that it led to at once. All clusters.',
      unit: 's',
      width: 6,
      noValue: 'no restart',
      thresholds: PLAIN,
      queries: [{ expr: quantile(0.5, 'connect_medic_webhook_to_restart_seconds', '$__range') }],
    },
    {
      kind: 'stat',
      title: 'Webhook to restart, 99%',
      description: 'The same for the slowest hundredth.',
      unit: 's',
      width: 6,
      noValue: 'no restart',
      thresholds: PLAIN,
      queries: [{ expr: quantile(0.99, 'connect_medic_webhook_to_restart_seconds', '$__range') }],
    },
  ],
};

export const pipeline: Row = {
  title: 'Health of the pipeline',
  panels: [
    {
      kind: 'stat',
      title: 'Replicas up',
      description: 'connect-medic processes that Prometheus can scrape.',
      unit: 'short',
      thresholds: ZERO_IS_BAD,
      queries: [{ expr: 'sum(up{job="connect-medic"})' }],
    },
    {
      kind: 'stat',
      title: 'Ledger',
      description: 'Down: webhooks are answered with 503, and nothing is restarted.',
      unit: 'short',
      thresholds: ZERO_IS_BAD,
      values: { '0': { text: 'down', color: 'red' }, '1': { text: 'up', color: 'green' } },
      queries: [{ expr: 'min(connect_medic_ledger_up)' }],
    },
    {
      kind: 'stat',
      title: 'Last Watchdog',
      description:
        'How long ago the alert that always fires came. As long as it comes, other alerts come as well.',
      unit: 's',
      noValue: 'none yet',
      thresholds: [
        { from: null, color: 'green' },
        { from: 600, color: 'orange' },
        { from: 900, color: 'red' },
      ],
      queries: [
        {
          expr: 'clamp_min(time() - (max(max_over_time(connect_medic_last_watchdog_timestamp_seconds[1d])) > 0), 0)',
        },
      ],
    },
    {
      kind: 'stat',
      title: 'Last webhook',
      description: 'How long ago Alertmanager delivered anything.',
      unit: 's',
      noValue: 'none yet',
      thresholds: PLAIN,
      queries: [
        {
          expr: 'clamp_min(time() - (max(max_over_time(connect_medic_last_webhook_timestamp_seconds[1d])) > 0), 0)',
        },
      ],
    },
    {
      kind: 'stat',
      title: 'Limits hit',
      description: 'Within the chosen time range, any limit.',
      unit: 'short',
      thresholds: ZERO_IS_CALM,
      queries: [{ expr: 'round(sum(increase(connect_medic_limit_hits_total[$__range])))' }],
    },
    {
      kind: 'stat',
      title: 'Version',
      description: 'Of connect-medic. Two of them: an upgrade is under way.',
      unit: 'short',
      thresholds: PLAIN,
      showsName: true,
      queries: [{ expr: 'count by (version) (connect_medic_build_info)', legend: '{{version}}' }],
    },
    {
      kind: 'time',
      title: 'Webhooks by outcome',
      description:
        'Everything but accepted and ledger_unavailable is refused, and Alertmanager does not repeat it.',
      unit: 'short',
      style: 'bars',
      stacked: true,
      queries: [
        {
          expr: 'sum by (outcome) (increase(connect_medic_webhooks_total[$__rate_interval])) > 0',
          legend: '{{outcome}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Alerts by what became of them',
      description: 'unknown_cluster, no_target and invalid say that labels and configuration do not agree.',
      unit: 'short',
      style: 'bars',
      stacked: true,
      queries: [
        {
          expr: 'sum by (status, outcome) (increase(connect_medic_alerts_total[$__rate_interval])) > 0',
          legend: '{{status}}: {{outcome}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Requests to Kafka Connect',
      description:
        'By what came back. timeout: one connector that hangs can block the REST API of a whole cluster.',
      unit: 'reqps',
      queries: [
        {
          expr: `sum by (cluster, outcome) (rate(connect_medic_connect_requests_total{${OWN_CLUSTER}}[$__rate_interval])) > 0`,
          legend: '{{cluster}}: {{outcome}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Requests to Alertmanager',
      description:
        'Silences and alerts are asked for before each restart; without an answer nothing is restarted.',
      unit: 'reqps',
      noValue: 'No Alertmanager is configured.',
      queries: [
        {
          expr: 'sum by (operation, outcome) (rate(connect_medic_alertmanager_requests_total[$__rate_interval])) > 0',
          legend: '{{operation}}: {{outcome}}',
          expect: 'maybe',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Alerts that fire',
      description:
        'Of the shipped rules, by name. The first three of Kafka Connect drive restarts, the others are for humans.',
      unit: 'short',
      stacked: true,
      queries: [
        {
          expr: 'count by (alertname) (ALERTS{alertname=~"(KafkaConnect|ConnectMedic).*",alertstate="firing"})',
          legend: '{{alertname}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Memory of connect-medic',
      description: 'Resident memory of each replica.',
      unit: 'bytes',
      queries: [{ expr: 'process_resident_memory_bytes{job="connect-medic"}', legend: '{{instance}}' }],
    },
  ],
};
