/** Kafka Connect: the metrics of workers, connectors and tasks that are worth a graph. Needs no connect-medic. */
import { errors, highest, offsets, sinks, sources } from './records.ts';
import { type DashboardSpec, PLAIN, type Row, ZERO_IS_BAD, ZERO_IS_GOOD } from './spec.ts';

const CLUSTER = 'connect_cluster=~"$cluster"';
const CONNECTOR = `${CLUSTER},connector=~"$connector"`;
const NAMED = '{{connect_cluster}} / {{connector}}';

/** Connectors by status: from the REST API where it is read, else from JMX. */
const STATUS = [
  `connector:kafka_connect_rest_status:max{${CONNECTOR}}`,
  `or (connector:kafka_connect_status:max{${CONNECTOR}}`,
  'unless on (connect_cluster, connector) connector:kafka_connect_rest_status:max)',
].join(' ');

const overview: Row = {
  title: 'Overview',
  panels: [
    {
      kind: 'stat',
      title: 'Workers up',
      description: 'Targets with the label connect_cluster that can be scraped.',
      unit: 'short',
      thresholds: ZERO_IS_BAD,
      queries: [{ expr: `sum(up{connect_cluster!="",${CLUSTER}})` }],
    },
    {
      kind: 'stat',
      title: 'Workers down',
      description: 'Targets with the label connect_cluster that cannot be scraped.',
      unit: 'short',
      thresholds: ZERO_IS_GOOD,
      queries: [{ expr: `count(up{connect_cluster!="",${CLUSTER}} == 0) or vector(0)` }],
    },
    {
      kind: 'stat',
      title: 'Connectors',
      description: 'All of them, whatever their state.',
      unit: 'short',
      thresholds: PLAIN,
      queries: [{ expr: `count(connector:kafka_connect_failed:max{${CONNECTOR}})` }],
    },
    {
      kind: 'stat',
      title: 'Tasks running',
      description: 'From the REST API where it is read, else from JMX.',
      unit: 'short',
      thresholds: PLAIN,
      queries: [{ expr: `sum(connector:kafka_connect_tasks:max{${CONNECTOR},status="running"})` }],
    },
    {
      kind: 'stat',
      title: 'Tasks failed',
      description:
        'From the REST API where it is read, else from JMX, which misses tasks that failed while they were being built.',
      unit: 'short',
      thresholds: ZERO_IS_GOOD,
      queries: [
        { expr: `sum(connector:kafka_connect_tasks:max{${CONNECTOR},status="failed"}) or vector(0)` },
      ],
    },
    {
      kind: 'stat',
      title: 'Version',
      description: 'Of Kafka Connect. Two of them: an upgrade is under way.',
      unit: 'short',
      thresholds: PLAIN,
      showsName: true,
      queries: [{ expr: `count by (version) (kafka_connect_version{${CLUSTER}})`, legend: '{{version}}' }],
    },
  ],
};

const states: Row = {
  title: 'Connectors and tasks',
  panels: [
    {
      kind: 'time',
      title: 'Connectors by state',
      description: 'Of the connector instances; their tasks are beside.',
      unit: 'short',
      stacked: true,
      queries: [{ expr: `sum by (status) (${STATUS})`, legend: '{{status}}' }],
    },
    {
      kind: 'time',
      title: 'Tasks by state',
      description:
        'unassigned for longer than scheduled.rebalance.max.delay.ms (5 minutes by default) is a fault.',
      unit: 'short',
      stacked: true,
      queries: [
        { expr: `sum by (status) (connector:kafka_connect_tasks:max{${CONNECTOR}})`, legend: '{{status}}' },
      ],
    },
    {
      kind: 'time',
      title: 'Tasks of each worker',
      description: 'Far from even after a rebalance: some tasks could not be moved.',
      unit: 'short',
      queries: [
        { expr: `kafka_connect_worker_task_count{${CLUSTER}}`, legend: '{{connect_cluster}} / {{instance}}' },
      ],
    },
    {
      kind: 'time',
      title: 'Starts that failed',
      description: 'Of connectors and tasks, by worker. JMX does not say of which connector.',
      unit: 'short',
      style: 'bars',
      stacked: true,
      queries: [
        {
          expr: `sum by (connect_cluster, instance) (increase(kafka_connect_worker_task_startup_failure_total{${CLUSTER}}[$__rate_interval]))`,
          legend: '{{connect_cluster}} / {{instance}}: tasks',
        },
        {
          expr: `sum by (connect_cluster, instance) (increase(kafka_connect_worker_connector_startup_failure_total{${CLUSTER}}[$__rate_interval]))`,
          legend: '{{connect_cluster}} / {{instance}}: connectors',
        },
      ],
    },
    {
      kind: 'table',
      title: 'List of connectors',
      description: 'As JMX knows them.',
      unit: 'short',
      queries: [
        {
          expr: `max by (connect_cluster, connector, status) (connector:kafka_connect_status:max{${CONNECTOR}})`,
        },
        {
          expr: `max by (connect_cluster, connector, connector_class) (kafka_connect_connector_connector_class{${CONNECTOR}})`,
        },
        {
          expr: `max by (connect_cluster, connector, connector_type) (kafka_connect_connector_connector_type{${CONNECTOR}})`,
        },
        {
          expr: `max by (connect_cluster, connector, connector_version) (kafka_connect_connector_connector_version{${CONNECTOR}})`,
        },
      ],
      columns: {
        connect_cluster: 'Cluster',
        connector: 'Connector',
        status: 'State',
        connector_type: 'Type',
        connector_class: 'Class',
        connector_version: 'Version',
      },
    },
    {
      kind: 'time',
      title: 'Share of time running',
      description: 'Of the time since a task started, the lowest of each connector. The rest it was paused.',
      unit: 'percentunit',
      max: 1,
      queries: [
        {
          expr: `min by (connect_cluster, connector) (kafka_connect_connector_task_running_ratio{${CONNECTOR}})`,
          legend: NAMED,
        },
      ],
    },
    highest(
      'Batch size, average',
      'Records that a task handles at a time, the highest of each connector.',
      'short',
      'kafka_connect_connector_task_batch_size_avg',
    ),
  ],
};

const rebalances: Row = {
  title: 'Rebalances',
  panels: [
    {
      kind: 'time',
      title: 'Rebalancing now',
      description: '1 while a worker takes part in a rebalance: restarts and changes are refused meanwhile.',
      unit: 'short',
      max: 1,
      queries: [
        {
          expr: `kafka_connect_worker_rebalance_rebalancing{${CLUSTER}}`,
          legend: '{{connect_cluster}} / {{instance}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Completed rebalances',
      description: 'Each change of a configuration makes one or two; without changes there should be none.',
      unit: 'short',
      style: 'bars',
      queries: [
        {
          expr: `max by (connect_cluster) (increase(kafka_connect_worker_rebalance_completed_rebalances_total{${CLUSTER}}[$__rate_interval]))`,
          legend: '{{connect_cluster}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Duration of rebalances',
      description: 'Average and longest of each cluster, as far back as the worker remembers.',
      unit: 'ms',
      queries: [
        {
          expr: `max by (connect_cluster) (kafka_connect_worker_rebalance_rebalance_avg_time_ms{${CLUSTER}})`,
          legend: '{{connect_cluster}}: average',
        },
        {
          expr: `max by (connect_cluster) (kafka_connect_worker_rebalance_rebalance_max_time_ms{${CLUSTER}})`,
          legend: '{{connect_cluster}}: longest',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Since the last rebalance',
      description: 'A saw with short teeth: workers come and go.',
      unit: 'ms',
      queries: [
        {
          expr: `min by (connect_cluster) (kafka_connect_worker_rebalance_time_since_last_rebalance_ms{${CLUSTER}})`,
          legend: '{{connect_cluster}}',
        },
      ],
    },
  ],
};

const jvm: Row = {
  title: 'JVM of the workers',
  panels: [
    {
      kind: 'time',
      title: 'Heap',
      description:
        'Used share of the largest heap allowed. High at the lowest points: too small, or a connector leaks.',
      unit: 'percentunit',
      max: 1,
      queries: [
        {
          expr: `jvm_memory_used_bytes{area="heap",${CLUSTER}} / (jvm_memory_max_bytes{area="heap",${CLUSTER}} > 0)`,
          legend: '{{connect_cluster}} / {{instance}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Time in garbage collection',
      description:
        'Share of the time. Above a tenth tasks suffer; pauses beyond the session timeout cost a rebalance.',
      unit: 'percentunit',
      queries: [
        {
          expr: `sum by (connect_cluster, instance) (rate(jvm_gc_collection_seconds_sum{${CLUSTER}}[$__rate_interval]))`,
          legend: '{{connect_cluster}} / {{instance}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'CPU',
      description: 'Processor cores that the worker keeps busy.',
      unit: 'short',
      queries: [
        {
          expr: `rate(process_cpu_seconds_total{${CLUSTER}}[$__rate_interval])`,
          legend: '{{connect_cluster}} / {{instance}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Threads',
      description: 'Growing with every restart of a connector: it does not end its threads.',
      unit: 'short',
      queries: [{ expr: `jvm_threads_current{${CLUSTER}}`, legend: '{{connect_cluster}} / {{instance}}' }],
    },
    {
      kind: 'time',
      title: 'Open files',
      description: 'Share of what the process may open, sockets included.',
      unit: 'percentunit',
      queries: [
        {
          expr: `process_open_fds{${CLUSTER}} / process_max_fds{${CLUSTER}}`,
          legend: '{{connect_cluster}} / {{instance}}',
        },
      ],
    },
    {
      kind: 'time',
      title: 'Duration of a scrape',
      description: 'How long the JMX exporter takes. Near the scrape timeout series begin to have gaps.',
      unit: 's',
      queries: [
        { expr: `jmx_scrape_duration_seconds{${CLUSTER}}`, legend: '{{connect_cluster}} / {{instance}}' },
      ],
    },
  ],
};

export const kafkaConnect: DashboardSpec = {
  uid: 'connect-medic-kafka-connect',
  file: 'kafka-connect',
  title: 'Kafka Connect / Workers, connectors and tasks',
  description:
    'The metrics of Kafka Connect that are worth a graph. Needs the rules of rules/, and no connect-medic.',
  annotations: [],
  settings: [],
  rows: [overview, states, rebalances, sources, sinks, errors, offsets, jvm],
};
