/** Evaluates every query of the shipped dashboards in a Prometheus, and says which lack data that must be there. */
import { setTimeout as sleep } from 'node:timers/promises';
import { dashboards } from '../../grafana/dashboards.gen.ts';
import type { DashboardSpec, Expectation } from '../../grafana/spec.ts';

/** Where Prometheus scrapes each second, as in the test's stack, this holds a few samples. */
const RATE_INTERVAL = '15s';
const RANGE_S = 1_200;
const STEP_S = 5;
const REQUEST_TIMEOUT_MS = 20_000;
const RETRY_EVERY_MS = 1_000;

export interface DashboardQuery {
  /** Dashboard, panel and number of the query: for messages. */
  readonly where: string;
  /** PromQL without Grafana's variables. */
  readonly promql: string;
  readonly shape: 'instant' | 'range';
  readonly expect: Expectation;
}

export interface PanelsChecked {
  readonly queries: number;
  /** Of these, with data. */
  readonly withData: number;
  /** One line for each query that is refused, or that is empty and must not be. */
  readonly problems: readonly string[];
}

/** Every query that Grafana would send for our dashboards: panels, annotations and variables, with All chosen. */
export function dashboardQueries(): DashboardQuery[] {
  return dashboards.flatMap((spec) => [
    ...spec.rows.flatMap((row) =>
      row.panels.flatMap(({ title, kind, queries }) =>
        queries.map(({ expr, expect }, index): DashboardQuery => {
          const letter = String.fromCharCode(65 + index);
          const shape = kind === 'stat' || kind === 'table' ? 'instant' : 'range';
          const promql = withoutVariables(expr, spec);
          return { where: `${spec.file}: ${title} (${letter})`, promql, shape, expect: expect ?? 'data' };
        }),
      ),
    ),
    ...spec.annotations.map(
      ({ name, expr }): DashboardQuery => ({
        where: `${spec.file}: annotation ${name}`,
        promql: withoutVariables(expr, spec),
        shape: 'range',
        expect: 'data',
      }),
    ),
  ]);
}

/**
 * Evaluates all of them, again and again for at most `withinMs`, until nothing that must be there is missing. Meant for
 * a stack on which a failure, a recovery and an escalation took place within the last twenty minutes.
 */
export async function checkPanels(prometheusUrl: string, withinMs = 30_000): Promise<PanelsChecked> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const checked = await checkOnce(prometheusUrl);
    if (checked.problems.length === 0 || Date.now() > deadline) return checked;
    await sleep(RETRY_EVERY_MS);
  }
}

async function checkOnce(prometheusUrl: string): Promise<PanelsChecked> {
  const problems: string[] = [];
  const queries = dashboardQueries();
  let withData = 0;
  for (const query of queries) {
    const answer = await evaluate(prometheusUrl, query);
    if (typeof answer === 'string') problems.push(`${query.where}: ${answer}: ${query.promql}`);
    else if (answer > 0) withData += 1;
    else if (query.expect === 'data') problems.push(`${query.where}: no data: ${query.promql}`);
  }
  return { queries: queries.length, withData, problems };
}

function withoutVariables(expr: string, { settings }: DashboardSpec): string {
  const known: Record<string, string> = {
    cluster: '.*',
    connector: '.*',
    __rate_interval: RATE_INTERVAL,
    __range: `${RANGE_S}s`,
    ...Object.fromEntries(settings.map(({ name, value }) => [name, value])),
  };
  // "$1" in label_replace is no variable.
  return expr.replace(/\$([a-z_]+)/g, (_, name: string) => {
    const value = known[name];
    if (value === undefined) throw new Error(`$${name} is no variable of the dashboard: ${expr}`);
    return value;
  });
}

/** The number of series with a value, or why Prometheus refused the query. */
async function evaluate(prometheusUrl: string, { promql, shape }: DashboardQuery): Promise<number | string> {
  const nowS = Date.now() / 1_000;
  const parameters = new URLSearchParams({ query: promql });
  if (shape === 'range') {
    parameters.set('start', String(nowS - RANGE_S));
    parameters.set('end', String(nowS));
    parameters.set('step', String(STEP_S));
  }
  const path = shape === 'range' ? 'query_range' : 'query';
  const response = await fetch(`${prometheusUrl}/api/v1/${path}?${parameters}`, {
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  const body = (await response.json()) as {
    error?: string;
    data?: { result: { value?: [number, string]; values?: [number, string][] }[] };
  };
  if (body.data === undefined) return body.error ?? `status ${response.status}`;
  return body.data.result.filter(({ value, values = [] }) =>
    [...values, ...(value === undefined ? [] : [value])].some(([, number]) => number !== 'NaN'),
  ).length;
}
