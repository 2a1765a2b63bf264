/** What flows through connectors, and what goes wrong with it: the rows on records of the Kafka Connect dashboard. */
import type { Panel, Row } from './spec.ts';

const CONNECTOR = 'connect_cluster=~"$cluster",connector=~"$connector"';
const BY_CONNECTOR = 'sum by (connect_cluster, connector)';
const NAMED = '{{connect_cluster}} / {{connector}}';

/** A counter of each task, as the rate of each connector. */
function rate(title: string, description: string, metric: string): Panel {
  return {
    kind: 'time',
    title,
    description,
    unit: 'cps',
    queries: [{ expr: `${BY_CONNECTOR} (rate(${metric}{${CONNECTOR}}[$__rate_interval]))`, legend: NAMED }],
  };
}

/** A gauge of each task, as the highest of each connector. */
export function highest(title: string, description: string, unit: string, metric: string): Panel {
  return {
    kind: 'time',
    title,
    description,
    unit,
    queries: [{ expr: `max by (connect_cluster, connector) (${metric}{${CONNECTOR}})`, legend: NAMED }],
  };
}

export const sources: Row = {
  title: 'Sources',
  panels: [
    rate(
      'Records polled',
      'What source connectors read from their systems.',
      'kafka_connect_source_task_source_record_poll_total',
    ),
    rate(
      'Records written',
      'What source connectors wrote to Kafka. Lower than what was polled: transformations drop records, or writing lags.',
      'kafka_connect_source_task_source_record_write_total',
    ),
    highest(
      'Records not yet written',
      'Polled, and not yet acknowledged by Kafka. Growing: Kafka is slower than the source.',
      'short',
      'kafka_connect_source_task_source_record_active_count',
    ),
    highest(
      'Time of a poll, average',
      'How long a task takes to get a batch from its system.',
      'ms',
      'kafka_connect_source_task_poll_batch_avg_time_ms',
    ),
  ],
};

export const sinks: Row = {
  title: 'Sinks',
  panels: [
    rate(
      'Records read',
      'What sink connectors read from Kafka.',
      'kafka_connect_sink_task_sink_record_read_total',
    ),
    rate(
      'Records sent',
      'What went through transformations to the sinks.',
      'kafka_connect_sink_task_sink_record_send_total',
    ),
    highest(
      'Lag',
      'Records by which a connector is behind in the partition where it is furthest behind.',
      'short',
      'kafka_connect_sink_task_records_lag_max',
    ),
    highest(
      'Time of a put, average',
      'How long the sink takes for a batch. Close to max.poll.interval.ms the task loses its partitions.',
      'ms',
      'kafka_connect_sink_task_put_batch_avg_time_ms',
    ),
    {
      kind: 'time',
      title: 'Partitions',
      description: 'Assigned to the tasks of each sink connector. None: it reads nothing.',
      unit: 'short',
      queries: [
        { expr: `${BY_CONNECTOR} (kafka_connect_sink_task_partition_count{${CONNECTOR}})`, legend: NAMED },
      ],
    },
    highest(
      'Records not yet committed',
      'Handed to the sink, and their offsets not yet committed.',
      'short',
      'kafka_connect_sink_task_sink_record_active_count',
    ),
  ],
};

export const errors: Row = {
  title: 'Errors',
  panels: [
    {
      kind: 'time',
      title: 'Share of records with errors',
      description: 'Over five minutes. Above 5% for a quarter of an hour a human is called.',
      unit: 'percentunit',
      queries: [
        {
          expr: `connector:kafka_connect_record_errors:rate5m{${CONNECTOR}} / (connector:kafka_connect_records:rate5m{${CONNECTOR}} > 0)`,
          legend: NAMED,
          // Nothing was read within five minutes: there is no share.
          expect: 'maybe',
        },
      ],
    },
    rate(
      'Record errors',
      'Errors of conversion, transformation or write, retried ones included.',
      'kafka_connect_task_error_total_record_errors',
    ),
    rate(
      'Records skipped',
      'With errors.tolerance=all: lost, unless there is a dead-letter queue.',
      'kafka_connect_task_error_total_records_skipped',
    ),
    rate('Retries', 'Operations that were tried again.', 'kafka_connect_task_error_total_retries'),
    rate(
      'Records to the dead-letter queue',
      'What was put aside because of errors.',
      'kafka_connect_task_error_deadletterqueue_produce_requests',
    ),
    rate(
      'Failed writes to the dead-letter queue',
      'These records may be lost.',
      'kafka_connect_task_error_deadletterqueue_produce_failures',
    ),
  ],
};

export const offsets: Row = {
  title: 'Offset commits',
  panels: [
    highest(
      'Share of failed offset commits',
      'The highest of each connector. What is not committed is done again after a restart.',
      'percentunit',
      'kafka_connect_connector_task_offset_commit_failure_percentage',
    ),
    highest(
      'Time of an offset commit, longest',
      'Close to offset.flush.timeout.ms (5 seconds by default) commits begin to fail.',
      'ms',
      'kafka_connect_connector_task_offset_commit_max_time_ms',
    ),
  ],
};
