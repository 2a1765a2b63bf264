import type { Random } from './random.ts';

/** What the connectors of the lab are: half JDBC sinks, a third Debezium sources, the rest S3 sinks. */
export const connectorClasses = [
  'io.confluent.connect.jdbc.JdbcSinkConnector',
  'io.debezium.connector.postgresql.PostgresConnector',
  'io.confluent.connect.s3.S3SinkConnector',
] as const;

export function connectorClassOf(connector: number): string {
  const share = connector % 10;
  return connectorClasses[share < 5 ? 0 : share < 8 ? 1 : 2];
}

const sinkFailed =
  'org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask due to unrecoverable exception.\n\tat org.apache.kafka.connect.runtime.WorkerSinkTask.deliverMessages(WorkerSinkTask.java:636)';
const caused = (cause: string): string =>
  `${sinkFailed}\nCaused by: ${cause}\n\tat org.example.Client.call(Client.java:42)\n`;

/** The failures of an incident, as Connect would show them. `host` names what is down, and is the same for all its victims. */
const texts = {
  /** What a restart heals as soon as it is over; the shipped diagnosis calls it transient or unknown. */
  transient: [
    (host: string) =>
      `java.net.ConnectException: Connection to ${host}:5432 refused. Check that the hostname is correct`,
    (host: string) => `java.net.SocketTimeoutException: connect timed out: ${host}:5432`,
    (host: string) => `org.apache.kafka.common.errors.TimeoutException: Timeout expired for ${host}:9092`,
    (host: string) => `com.example.driver.BackendException: server ${host} closed the session`,
  ],
  /** What only a human mends; the shipped diagnosis calls it permanent. */
  permanent: [
    () =>
      'org.apache.kafka.common.errors.SaslAuthenticationException: Authentication failed: Invalid username or password',
    () => 'org.postgresql.util.PSQLException: FATAL: password authentication failed for user "sink"',
    () =>
      'org.apache.kafka.common.errors.TopicAuthorizationException: Not authorized to access topics: [orders]',
  ],
  /** What only a human mends as well, but no rule says so. */
  unclear: [
    () => 'com.example.driver.TenantException: tenant is in a state that does not allow this',
    () => 'java.lang.IllegalStateException: unexpected row layout',
  ],
} as const;

/** Which sort of text an incident shows. */
export type Sort = keyof typeof texts;

export function traceOf(sort: Sort, host: string, random: Random): string {
  const some = texts[sort];
  const text = some[Math.floor(random() * some.length)] ?? some[0];
  return caused(text(host));
}

/** Every text with the sort that it belongs to, for the test that holds them against the shipped diagnosis. */
export function allTraces(): { readonly sort: Sort; readonly trace: string }[] {
  const of = (sort: Sort): { sort: Sort; trace: string }[] =>
    texts[sort].map((text) => ({ sort, trace: caused(text('db-1.example')) }));
  return [...of('transient'), ...of('permanent'), ...of('unclear')];
}
