import type { Sample } from './prometheus-parse.ts';

/** What says that something is FAILED. `REST`: connect-medic's own gauges, read from Connect's REST API. */
export const SOURCES = ['JMX', "Strimzi's reporter", 'REST'] as const;
export type Source = (typeof SOURCES)[number];

interface Known {
  readonly name: string;
  readonly about: 'connectors' | 'tasks';
  readonly source: Source;
}

/** The series that the alerts of rules/kafka-connect.yml rest on, by way of what is recorded there. */
const KNOWN: readonly Known[] = [
  { name: 'kafka_connect_connector_status', about: 'connectors', source: 'JMX' },
  { name: 'kafka_connect_connector_task_status', about: 'tasks', source: 'JMX' },
  { name: 'kafka_connect_connector_metrics_status_info', about: 'connectors', source: "Strimzi's reporter" },
  { name: 'kafka_connect_connector_task_metrics_status_info', about: 'tasks', source: "Strimzi's reporter" },
  { name: 'connect_medic_connector_state', about: 'connectors', source: 'REST' },
  { name: 'connect_medic_tasks', about: 'tasks', source: 'REST' },
];

/** What rules/kafka-connect.yml records, and from what. */
export const RECORDED: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'connector:kafka_connect_status:max',
    ['kafka_connect_connector_status', 'kafka_connect_connector_metrics_status_info'],
  ],
  [
    'task:kafka_connect_status:max',
    [
      'kafka_connect_connector_task_status',
      'kafka_connect_connector_task_metrics_status_info',
      // Strimzi's earlier packs: see TASKS_OF_CONNECTOR_STATUS.
      '',
    ],
  ],
  ['connector:kafka_connect_rest_status:max', ['connect_medic_connector_state']],
  ['connector:kafka_connect_rest_tasks:max', ['connect_medic_tasks']],
]);

export const BUILD_INFO = 'connect_medic_build_info';

/** The job name that rules/connect-medic.yml asks for. */
export const TARGETS_QUERY = 'up{job="connect-medic"}';

/** All names at once, counted by cluster; the tasks of Strimzi's earlier packs come without a name. */
export function seriesQuery(clusterLabel: string): string {
  const labels = [...new Set([clusterLabel, 'cluster', 'exported_cluster'])].filter((label) => label !== '');
  const all = [...KNOWN.map(({ name }) => name), ...RECORDED.keys(), BUILD_INFO].join('|');
  const by = labels.join(', ');
  return (
    `count by (__name__, ${by}) ({__name__=~"${all}"})` +
    ` or count by (${by}) (kafka_connect_connector_status{task!=""})`
  );
}

/** The names of the series that are there. */
export function namesIn(series: readonly Sample[]): ReadonlySet<string> {
  return new Set(series.map(({ metric }) => metric['__name__'] ?? ''));
}

/** The names that could tell of connectors or tasks, for a human. */
export function namesAbout(about: Known['about']): readonly string[] {
  return KNOWN.filter((known) => known.about === about).map(({ name }) => name);
}

/** Which cluster's connectors or tasks a series tells of. */
export interface Sight {
  readonly about: Known['about'];
  readonly source: Source;
  /** Empty: the series does not say. */
  readonly cluster: string;
  /** The cluster's name is in `exported_cluster`: scraped without honor_labels. */
  readonly displaced: boolean;
}

/** Reads the answer to `seriesQuery`. */
export function sightsOf(series: readonly Sample[], clusterLabel: string): Sight[] {
  return series.flatMap(({ metric }): Sight[] => {
    const name = metric['__name__'];
    const known: Omit<Known, 'name'> | undefined =
      name === undefined ? { about: 'tasks', source: 'JMX' } : KNOWN.find((one) => one.name === name);
    if (known === undefined) return [];
    const { about, source } = known;
    if (source !== 'REST') {
      const cluster = clusterLabel === '' ? '' : (metric[clusterLabel] ?? '');
      return [{ about, source, cluster, displaced: false }];
    }
    const exported = metric['exported_cluster'];
    return [
      { about, source, cluster: exported ?? metric['cluster'] ?? '', displaced: exported !== undefined },
    ];
  });
}
