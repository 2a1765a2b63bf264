/** What Alertmanager would send, as text that is ready to post. */

/** `bench-00001` and so on. */
export function connectorName(index: number): string {
  return `bench-${String(index).padStart(5, '0')}`;
}

export interface AlertTarget {
  readonly connector: string;
  readonly task: number;
}

/** One webhook body in Alertmanager's format (version 4), with the labels and annotations that the shipped rules give. */
export function webhookBody(targets: readonly AlertTarget[]): string {
  return JSON.stringify({
    version: '4',
    groupKey: '{}/{remediation="kafka-connect"}:{connect_cluster="default"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'connect-medic',
    groupLabels: { connect_cluster: 'default' },
    commonLabels: { alertname: 'KafkaConnectTaskFailed', connect_cluster: 'default' },
    commonAnnotations: {},
    externalURL: 'http://alertmanager.example:9093',
    alerts: targets.map(({ connector, task }) => ({
      status: 'firing',
      labels: {
        alertname: 'KafkaConnectTaskFailed',
        connect_cluster: 'default',
        connector,
        remediation: 'kafka-connect',
        severity: 'none',
        task: String(task),
      },
      annotations: {
        summary: `Task ${task} of connector ${connector} has failed.`,
        runbook_url: 'https://runbooks.example/kafka-connect#task-failed',
      },
      startsAt: '2026-01-01T00:00:00.000Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://prometheus.example:9090/graph?g0.expr=kafka_connect_task_failed+%3E+0&g0.tab=1',
      fingerprint: fingerprintOf(connector, task),
    })),
  });
}

/** Webhooks of `size` alerts, each alert about another connector (the dearest case): `count` connectors in all. */
export function bodiesOf(count: number, size: number): string[] {
  const bodies: string[] = [];
  for (let from = 0; from < count; from += size) {
    const many = Math.min(size, count - from);
    bodies.push(
      webhookBody(
        Array.from({ length: many }, (_, index) => ({ connector: connectorName(from + index), task: 0 })),
      ),
    );
  }
  return bodies;
}

/** Sixteen hexadecimal digits, another one for each target: FNV-1a. */
function fingerprintOf(connector: string, task: number): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(`${connector}/${task}`)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
}
