/**
 * The contract between exporters and rules: every series that the shipped rules and dashboards ask for is one that a worker
 * with rules/jmx-exporter.yml, the service, or the rules themselves produce.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { dashboards } from '../../grafana/dashboards.gen.ts';
import { ROOT } from '../stack/parts.ts';

export const RULE_FILES = ['kafka-connect.yml', 'kafka-connect-humans.yml', 'connect-medic.yml'] as const;

/** Prometheus makes these itself. */
const OF_PROMETHEUS = ['up', 'ALERTS'];

/** Of Strimzi's metrics reporter, which needs no JMX exporter: the recorded series take them where they are. */
const OF_OTHER_EXPORTERS = [
  'kafka_connect_connector_metrics_status_info',
  'kafka_connect_connector_task_metrics_status_info',
  'kafka_connect_connect_worker_metrics_task_startup_failure_total',
];

/** Whatever number of tasks there is, a series of the pack has these labels and no others. */
const LABELS = new Set([
  'connector',
  'task',
  'status',
  'connector_class',
  'connector_type',
  'connector_version',
  'clientid',
  'version',
  'leader_name',
  'connect_protocol',
]);

const KEYWORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan']);

interface Rule {
  record?: string;
  alert?: string;
  expr: string;
}

/** The names of the series in a PromQL expression; Grafana's variables may be in it. */
export function seriesIn(promql: string): Set<string> {
  const bare = promql
    .replace(/"(?:[^"\\]|\\.)*"/g, '')
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, '')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ');
  const words = bare.matchAll(/(?<![\w$:])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])/g);
  return new Set([...words].map(([, word = '']) => word).filter((word) => !KEYWORDS.has(word.toLowerCase())));
}

/** All series that rules and dashboards ask for, by where; and those that the rules record. */
export async function seriesUsed(): Promise<{ used: Map<string, string>; recorded: Set<string> }> {
  const used = new Map<string, string>();
  const recorded = new Set<string>();
  for (const file of RULE_FILES) {
    const { groups } = parse(await readFile(join(ROOT, 'rules', file), 'utf8')) as {
      groups: { rules: Rule[] }[];
    };
    for (const { record, alert, expr } of groups.flatMap((group) => group.rules)) {
      if (record !== undefined) recorded.add(record);
      for (const series of seriesIn(expr)) used.set(series, `${file}: ${alert ?? record}`);
    }
  }
  for (const { file, rows, annotations } of dashboards) {
    const panels = rows.flatMap((row) => row.panels);
    for (const { title, queries } of panels) {
      for (const { expr } of queries)
        for (const series of seriesIn(expr)) used.set(series, `${file}: ${title}`);
    }
    for (const { name, expr } of annotations) {
      for (const series of seriesIn(expr)) used.set(series, `${file}: annotation ${name}`);
    }
  }
  return { used, recorded };
}

/** Series that are asked for and that none of `produced`, the rules and Prometheus make: one line each. */
export async function unknownSeries(produced: ReadonlySet<string>, only = /./): Promise<string[]> {
  const { used, recorded } = await seriesUsed();
  const known = new Set([...OF_PROMETHEUS, ...OF_OTHER_EXPORTERS, ...recorded]);
  return [...used]
    .filter(([series]) => only.test(series) && !known.has(series) && !produced.has(series))
    .map(([series, where]) => `${where}: nothing produces ${series}`);
}

/** What the pages of real workers and of the service say. */
export interface Exported {
  /** `/metrics` of each worker's JMX exporter. */
  readonly workers: readonly string[];
  /** `/metrics` of connect-medic. */
  readonly service: string;
  /** The connectors that Connect's REST API names. */
  readonly connectors: readonly string[];
}

/** Breaches of the contract, one line each: unknown series, odd labels, names and tasks that Connect does not have. */
export async function contractProblems({ workers, service, connectors }: Exported): Promise<string[]> {
  const samples = workers.flatMap(samplesOf);
  const produced = new Set([...samples, ...samplesOf(service)].map(({ name }) => name));
  const problems = await unknownSeries(produced);
  const names = new Set(connectors.flatMap((name) => [name, quoted(name)]));
  for (const { name, labels } of samples) {
    if ('_objectname' in labels)
      problems.push(`${name}: two beans have the same labels: ${labels['_objectname']}`);
    if (!name.startsWith('kafka_connect_')) continue;
    for (const [label, value] of Object.entries(labels)) {
      if (!LABELS.has(label)) problems.push(`${name}: the label ${label} is none of ours`);
      if (label === 'connector' && !names.has(value))
        problems.push(`${name}: no connector is called ${value}`);
      if (label === 'task' && !/^\d+$/.test(value)) problems.push(`${name}: no task is called ${value}`);
    }
  }
  return [...new Set(problems)];
}

/** As JMX writes a name with characters that it escapes (javax.management.ObjectName.quote). */
function quoted(name: string): string {
  return `"${name.replace(/[\\"*?]/g, '\\$&')}"`;
}

function samplesOf(page: string): { name: string; labels: Record<string, string> }[] {
  return page.split('\n').flatMap((line) => {
    const [, name, text = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) return [];
    const labels: Record<string, string> = {};
    for (const [, label = '', value = ''] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[label] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    }
    return [{ name, labels }];
  });
}
