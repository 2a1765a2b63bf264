import type { ClusterConfig } from '../config/config.ts';
import { maskCredentials } from '../core/diagnosis.ts';
import type { ConnectorStatus } from '../core/model.ts';
import { connectClient } from '../service.ts';
import { Findings, shown } from './findings.ts';

/** The connectors of a cluster; null: a status that cannot be read. */
export type Connectors = ReadonlyMap<string, ConnectorStatus | null>;

/**
 * Tries each URL of a cluster by itself: one worker that answers would hide another one that does not. Resolves with the
 * connectors that the first one names, null where none could be read.
 */
export async function checkCluster(cluster: ClusterConfig, findings: Findings): Promise<Connectors | null> {
  const workers = await Promise.all(cluster.urls.map((url) => checkWorker(cluster, url)));
  for (const worker of workers) findings.add(worker.findings.list);
  return workers.find(({ connectors }) => connectors !== null)?.connectors ?? null;
}

async function checkWorker(
  cluster: ClusterConfig,
  url: string,
): Promise<{ readonly findings: Findings; readonly connectors: Connectors | null }> {
  const findings = new Findings();
  const what = `cluster ${cluster.name} ${url}`;
  const client = connectClient({ ...cluster, urls: [url] }, null);
  try {
    const info = await client.info();
    if (info.outcome !== 'ok') {
      findings.failed(what, `${info.outcome}: ${maskCredentials(info.detail)}`);
      return { findings, connectors: null };
    }
    const statuses = await client.statuses();
    if (statuses.outcome !== 'ok') {
      findings.failed(what, `${statuses.outcome}: ${maskCredentials(statuses.detail)}`);
      return { findings, connectors: null };
    }
    const connectors = statuses.value;
    const parts = [...connectors.values()].flatMap((one) => (one ? [one.connector, ...one.tasks] : []));
    const failedParts = parts.filter(({ state }) => state === 'FAILED').length;
    findings.ok(
      what,
      `Kafka Connect ${shown(info.value.version)}, ${connectors.size} connectors, ${failedParts} failed parts`,
    );
    return { findings, connectors };
  } finally {
    await client.close();
  }
}
