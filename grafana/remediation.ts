/** Remediation: what is failing, what connect-medic does about it, and whether alerts reach it. */
import { pipeline, speed } from './pipeline.ts';
import { type DashboardSpec, PLAIN, type Row, ZERO_IS_CALM, ZERO_IS_GOOD } from './spec.ts';

/** Recorded series call the cluster connect_cluster, as alerts do; the service's own metrics call it cluster. */
const RECORDED = 'connect_cluster=~"$cluster",connector=~"$connector"';
const OWN = 'cluster=~"$cluster",connector=~"$connector"';
const OWN_CLUSTER = 'cluster=~"$cluster"';

/** The service's label `cluster` as `connect_cluster`, for joins with recorded series. */
const renamed = (expr: string): string =>
  `label_replace(${expr}, "connect_cluster", "$1", "cluster", "(.*)")`;

/** What was decided and called. A restart that was not sent, or that a dry run kept back, takes nothing from the budget. */
const CHARGED = 'outcome=~"accepted|ambiguous|not_found"';

const now: Row = {
  title: 'Now',
  panels: [
    {
      kind: 'stat',
      title: 'Failed connectors',
      description:
        'Connectors that are FAILED, or have a FAILED task, by JMX or by the REST API. Paused ones do not count.',
      unit: 'short',
      queries: [{ expr: `count(connector:kafka_connect_failed:max{${RECORDED}} == 1) or vector(0)` }],
      thresholds: ZERO_IS_GOOD,
    },
    {
      kind: 'stat',
      title: 'Under remediation',
      description: 'Remediations that are waiting, held, restarting or stabilising.',
      unit: 'short',
      queries: [
        {
          expr: `sum(max by (cluster, state) (connect_medic_remediations{${OWN_CLUSTER},state=~"waiting|held|restarting|stabilising"}))`,
        },
      ],
      thresholds: ZERO_IS_CALM,
    },
    {
      kind: 'stat',
      title: 'Escalated',
      description: 'Connectors that need a human: restarts do not help, or cannot.',
      unit: 'short',
      queries: [
        { expr: `count(max by (cluster, connector) (connect_medic_escalated{${OWN}}) == 1) or vector(0)` },
      ],
      thresholds: ZERO_IS_GOOD,
    },
    {
      kind: 'stat',
      title: 'Held',
      description: 'Remediations that something keeps from acting now; the reasons are below.',
      unit: 'short',
      queries: [{ expr: `sum(max by (cluster, reason) (connect_medic_held{${OWN_CLUSTER}}))` }],
      thresholds: ZERO_IS_CALM,
    },
    {
      kind: 'stat',
      title: 'Recovered',
      description: 'Failures that were healed within the chosen time range. All clusters.',
      unit: 'short',
      queries: [{ expr: 'round(sum(increase(connect_medic_time_to_recovery_seconds_count[$__range])))' }],
      thresholds: PLAIN,
    },
    {
      kind: 'stat',
      title: 'Restarts',
      description: 'Restarts that took an attempt within the chosen time range.',
      unit: 'short',
      queries: [{ expr: `round(sum(increase(connect_medic_restarts_total{${OWN},${CHARGED}}[$__range])))` }],
      thresholds: PLAIN,
    },
    {
      kind: 'table',
      title: 'What is failing, and why',
      description:
        'Each failed or escalated connector with the attempts of this failure, why it was escalated, and the class of its root cause. The whole trace is in the API.',
      unit: 'short',
      noValue: 'Nothing is failing.',
      queries: [
        {
          expr: `max by (connect_cluster, connector) (connector:kafka_connect_failed:max{${RECORDED}} == 1)`,
        },
        {
          expr: `max by (connect_cluster, connector) (${renamed(`connect_medic_attempts{${OWN}}`)}) and on (connect_cluster, connector) (connector:kafka_connect_failed:max{${RECORDED}} == 1)`,
        },
        {
          expr: `max by (connect_cluster, connector, reason, cause) (${renamed(`connect_medic_escalated{${OWN}} == 1`)})`,
        },
      ],
      columns: {
        connect_cluster: 'Cluster',
        connector: 'Connector',
        'Value #B': 'Attempts',
        reason: 'Escalated as',
        cause: 'Cause',
      },
    },
  ],
};

const history: Row = {
  title: 'History',
  panels: [
    {
      kind: 'timeline',
      title: 'State of each connector',
      description:
        'By JMX and the REST API: the worst of the connector and its tasks. Restarts and escalations are the marks.',
      unit: 'short',
      queries: [
        {
          expr: [
            `(connector:kafka_connect_failed:max{${RECORDED}} == 1) * 3`,
            `or on (connect_cluster, connector) connector:kafka_connect_off:max{${RECORDED}}`,
            `or on (connect_cluster, connector) 2 * max by (connect_cluster, connector) (clamp_max(connector:kafka_connect_tasks:max{${RECORDED},status=~"unassigned|restarting"} > 0, 1))`,
            `or on (connect_cluster, connector) (connector:kafka_connect_failed:max{${RECORDED}} == 0)`,
          ].join('\n'),
          legend: '{{connect_cluster}} / {{connector}}',
        },
      ],
      values: {
        '0': { text: 'running', color: 'green' },
        '1': { text: 'paused or stopped', color: 'blue' },
        '2': { text: 'unsettled', color: 'yellow' },
        '3': { text: 'FAILED', color: 'red' },
      },
    },
    {
      kind: 'time',
      title: 'Remediations by state',
      description:
        'recovered and closed ones rest until their rolling window is over; all others are being worked on.',
      unit: 'short',
      stacked: true,
      queries: [
        {
          expr: `sum by (state) (max by (cluster, state) (connect_medic_remediations{${OWN_CLUSTER}}))`,
          legend: '{{state}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Holds by reason',
      description: 'Why remediations do not act. The runbook has a line for each reason.',
      unit: 'short',
      stacked: true,
      queries: [
        {
          expr: `sum by (reason) (max by (cluster, reason) (connect_medic_held{${OWN_CLUSTER}}))`,
          legend: '{{reason}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Escalations',
      description: 'Connectors that need a human, by reason.',
      unit: 'short',
      stacked: true,
      queries: [
        {
          expr: `sum by (reason) (max by (cluster, connector, reason) (connect_medic_escalated{${OWN}}))`,
          legend: '{{reason}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Decisions by reason',
      description: 'Each look at a connector ends in a decision; doing nothing has a reason as well.',
      unit: 'short',
      style: 'bars',
      stacked: true,
      queries: [
        {
          expr: `sum by (reason) (increase(connect_medic_decisions_total{${OWN_CLUSTER}}[$__rate_interval])) > 0`,
          legend: '{{reason}}',
        },
      ],
    },
  ],
};

const restarts: Row = {
  title: 'Restarts and the budget',
  panels: [
    {
      kind: 'time',
      title: 'Restarts by outcome',
      description:
        'accepted means that Connect took the request, not that it helped. conflict, refused and unauthorized are not charged.',
      unit: 'short',
      style: 'bars',
      stacked: true,
      queries: [
        {
          expr: `sum by (outcome) (increase(connect_medic_restarts_total{${OWN}}[$__rate_interval])) > 0`,
          legend: '{{outcome}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Attempts of the present failure',
      description:
        'Against the number of delays in the policy: once they are used up, the connector is escalated as exhausted.',
      unit: 'short',
      queries: [
        {
          expr: `max by (cluster, connector) (connect_medic_attempts{${OWN}})`,
          legend: '{{cluster}} / {{connector}}',
        },
        { expr: 'vector($attempts)', legend: 'policy.delays' },
      ],
    },
    {
      kind: 'time',
      title: 'Restarts within a day, against the rolling budget',
      description: 'Survives recovery: when it is spent, the connector is escalated as unstable.',
      unit: 'short',
      width: 24,
      queries: [
        {
          expr: `sum by (cluster, connector) (increase(connect_medic_restarts_total{${OWN},${CHARGED}}[1d]))`,
          legend: '{{cluster}} / {{connector}}',
        },
        { expr: 'vector($budget)', legend: 'policy.budget.restarts' },
      ],
    },
  ],
};

export const remediation: DashboardSpec = {
  uid: 'connect-medic-remediation',
  file: 'remediation',
  title: 'Kafka Connect / Remediation',
  description: 'What is failing, what connect-medic does about it, and whether alerts reach it.',
  annotations: [
    {
      name: 'Restarts',
      expr: `sum by (cluster, connector, outcome) (increase(connect_medic_restarts_total{${OWN}}[1m])) > 0`,
      title: 'Restart of {{connector}}',
      text: '{{cluster}}: {{outcome}}',
      color: 'blue',
    },
    {
      name: 'Escalations',
      expr: `max by (cluster, connector, reason, cause) (connect_medic_escalated{${OWN}}) unless max by (cluster, connector, reason, cause) (connect_medic_escalated{${OWN}} offset 1m)`,
      title: 'Escalation of {{connector}}',
      text: '{{cluster}}: {{reason}}, {{cause}}',
      color: 'red',
    },
  ],
  settings: [
    {
      name: 'attempts',
      label: 'Delays in the policy',
      value: '7',
      description: 'Drawn beside the attempts: how many delays policy.delays has.',
    },
    {
      name: 'budget',
      label: 'Rolling budget',
      value: '20',
      description: "Drawn beside a day's restarts: policy.budget.restarts.",
    },
  ],
  rows: [now, history, restarts, speed, pipeline],
};
