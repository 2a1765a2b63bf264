import { Metrics } from '../src/metrics.ts';

/** Labels whose values are names that somebody gave, or versions. */
const openLabels = new Set(['cluster', 'connector', 'cause', 'version', 'node_version', 'le']);
const PREFIX = 'connect_medic_';

/** One metric as the page for Prometheus shows it: its type, and the values of each label. */
interface Shown {
  readonly type: string;
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * What the section “Metrics” of docs/operations.md gets wrong, read off the service's own page: a metric without a row, a row
 * without a metric, another type, a label or a value of a closed label set that is not named. A row begins with the name in
 * backquotes, `connect_medic_` left out; the process's own metrics are told by their prefix. Values may be explained elsewhere on the page,
 * as the reasons are.
 */
export async function metricProblems(operations: string): Promise<string[]> {
  const problems: string[] = [];
  const [, section = ''] = /^## Metrics\n(.*?)(?=^## |$(?![\s\S]))/ms.exec(operations) ?? [];
  const rows = new Map(
    [...section.matchAll(/^\| `(\w+)`( +\| (?:counter|gauge|histogram|summary) .*)$/gm)].map(
      ([, name = '', row = '']) => [name, row],
    ),
  );
  const shown = await metricsShown();
  for (const [name, { type, labels }] of shown) {
    if (!name.startsWith(PREFIX)) {
      const group = `\`${name.split('_')[0]}_*\``;
      if (!section.includes(group)) problems.push(`docs/operations.md does not explain the metric ${name}`);
      continue;
    }
    const row = rows.get(name.slice(PREFIX.length));
    if (row === undefined) {
      problems.push(`docs/operations.md does not explain the metric ${name}`);
      continue;
    }
    const [, saidType = '', saidLabels = ''] = row.split('|').map((cell) => cell.trim());
    if (saidType !== type) problems.push(`docs/operations.md: ${name} is a ${type}`);
    const named = new Set([...saidLabels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label));
    for (const label of named) {
      if (!labels.has(label)) problems.push(`docs/operations.md: ${name} has no label ${label}`);
    }
    for (const [label, values] of labels) {
      if (label === 'le') continue;
      if (!named.has(label)) problems.push(`docs/operations.md: ${name} has the label ${label}`);
      if (openLabels.has(label)) continue;
      for (const value of values) {
        if (!operations.includes(`\`${value}\``)) {
          problems.push(`docs/operations.md does not explain ${name}{${label}="${value}"}`);
        }
      }
    }
  }
  for (const name of rows.keys()) {
    if (!shown.has(PREFIX + name)) problems.push(`docs/operations.md: there is no metric ${PREFIX}${name}`);
  }
  return problems;
}

/** The page of a service that has one escalated connector: every metric has a sample then. */
async function metricsShown(): Promise<ReadonlyMap<string, Shown>> {
  const [cluster, connector] = ['c', 'k'];
  const metrics = new Metrics([cluster], '0');
  const row = { cluster, connector, attempts: 1, lastRestartAtMs: 0, causeClass: null, hold: null } as const;
  const part = { state: 'RUNNING', workerId: '', trace: null } as const;
  const page = await metrics.page(
    [{ ...row, state: 'escalated', escalation: 'exhausted' }],
    new Map([[cluster, new Map([[connector, { connector: part, tasks: [] }]])]]),
  );
  const shown = new Map<string, { type: string; labels: Map<string, Set<string>> }>();
  for (const [, name = '', type = ''] of page.matchAll(/^# TYPE (\w+) (\w+)$/gm)) {
    shown.set(name, { type, labels: new Map() });
  }
  for (const [, sample = '', labels = ''] of page.matchAll(/^(\w+)\{(.*)\} /gm)) {
    const metric = shown.get(sample) ?? shown.get(sample.replace(/_(bucket|sum|count)$/, ''));
    if (metric === undefined) throw new Error(`a sample without a type: ${sample}`);
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      const values = metric.labels.get(label) ?? new Set();
      metric.labels.set(label, values.add(value));
    }
  }
  return shown;
}
