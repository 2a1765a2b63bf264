import { resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { realFiles, secretFromFile } from '../config/secret.ts';
import { type Findings, shown } from './findings.ts';
import { seriesQuery, TARGETS_QUERY } from './metric-names.ts';
import { createPrometheusClient, type PrometheusClient, type PrometheusResult } from './prometheus-client.ts';
import type { Group, Sample } from './prometheus-parse.ts';

/** Which Prometheus `--check` asks, from the command line. */
export interface PrometheusOptions {
  /** Without credentials, query and fragment. */
  readonly url: string;
  /** A file with a bearer token; null: none is sent. */
  readonly bearerFile: string | null;
}

/** What Prometheus told. */
export interface PrometheusFacts {
  readonly url: string;
  /** The series that remediation rests on, counted by name and cluster labels. */
  readonly series: readonly Sample[];
  /** `up` of the job connect-medic. */
  readonly targets: readonly Sample[];
  readonly groups: PrometheusResult<readonly Group[]>;
  readonly alertmanagers: PrometheusResult<number>;
}

/** keep_firing_for came with it: an older one does not load the shipped rules. */
const OLDEST = [2, 42] as const;

/** Asks Prometheus for what remediation rests on: series, rules, and where alerts go. */
export async function checkPrometheus(
  { url, bearerFile }: PrometheusOptions,
  config: Config,
  findings: Findings,
): Promise<PrometheusFacts | null> {
  const what = `prometheus ${url}`;
  let authorization: (() => string) | null = null;
  if (bearerFile !== null) {
    try {
      const token = secretFromFile(resolve(bearerFile), realFiles);
      authorization = () => `Bearer ${token.reveal()}`;
    } catch (error) {
      findings.failed(what, `the file of --prometheus-bearer-file cannot be read (${codeOf(error)})`);
      return null;
    }
  }
  const client = createPrometheusClient({ url, authorization });
  try {
    return await ask(client, url, config, findings);
  } finally {
    await client.close();
  }
}

async function ask(
  client: PrometheusClient,
  url: string,
  config: Config,
  findings: Findings,
): Promise<PrometheusFacts | null> {
  const what = `prometheus ${url}`;
  const [version, series, targets, groups, alertmanagers] = await Promise.all([
    client.version(),
    client.query(seriesQuery(config.labels.cluster)),
    client.query(TARGETS_QUERY),
    client.rules(),
    client.alertmanagers(),
  ]);
  if (series.outcome !== 'ok') {
    findings.failed(what, `${series.outcome}: ${shown(series.detail)}`);
    return null;
  }
  // What speaks Prometheus' query language without being one may not know its version.
  findings.ok(what, version.outcome === 'ok' ? `Prometheus ${shown(version.value)}` : 'answers queries');
  if (version.outcome === 'ok' && isOld(version.value)) {
    findings.note(
      `${what}: the shipped rules need Prometheus ${OLDEST.join('.')} or newer (keep_firing_for)`,
    );
  }
  return {
    url,
    series: series.value,
    targets: targets.outcome === 'ok' ? targets.value : [],
    groups,
    alertmanagers,
  };
}

function isOld(version: string): boolean {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) return false;
  return Number(major) < OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) < OLDEST[1]);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'it cannot be';
}
