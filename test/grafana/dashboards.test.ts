/** The shipped dashboards: what is committed is what the sources say, and each panel is whole. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { generatedPrometheusRules } from '../../deploy/prometheus-rules.gen.ts';
import { dashboards, generatedDashboards } from '../../grafana/dashboards.gen.ts';
import { ROOT } from '../stack/parts.ts';
import { provisionMonitoring } from '../stack/provision.ts';
import { dashboardQueries } from './panels.ts';

const run = promisify(execFile);
/** Units that Grafana knows and we use. */
const UNITS = ['short', 's', 'ms', 'bytes', 'percentunit', 'cps', 'reqps'];
/** Every replica reports these from the one ledger and the one Connect: a sum over replicas would be too high. */
const SHARED = 'connector_state|tasks|remediations|held|escalated|attempts|last_restart_timestamp_seconds';

interface PanelJson {
  type: string;
  title: string;
  id: number;
  datasource?: { uid: string };
  gridPos: { x: number; w: number };
  targets?: { expr: string; refId: string; datasource?: { uid: string } }[];
}

interface DashboardJson {
  uid: string;
  title: string;
  panels: PanelJson[];
  templating: { list: { name: string; type: string; datasource?: { uid: string } }[] };
  annotations: { list: { datasource?: { uid: string } }[] };
}

async function committed(): Promise<DashboardJson[]> {
  const folder = join(ROOT, 'grafana/dashboards');
  const files = await readdir(folder);
  return await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(folder, file), 'utf8')) as DashboardJson),
  );
}

describe('generated files', () => {
  for (const [what, generate] of [
    ['dashboards', async () => generatedDashboards()],
    ['prometheus-rules', generatedPrometheusRules],
  ] as const) {
    test(`are what the sources say, and no others lie beside them: npm run ${what}`, async () => {
      const files = await generate();
      for (const [path, text] of files) assert.equal(await readFile(path, 'utf8'), text, path);
      const [path = ''] = files.keys();
      assert.equal((await readdir(dirname(path))).length, files.size);
    });
  }
});

describe('the dashboards', () => {
  test('have titles, descriptions, units and queries in every panel', () => {
    for (const { title, rows } of dashboards) {
      const panels = rows.flatMap((row) => row.panels);
      const titles = panels.map((panel) => panel.title);
      assert.deepEqual(titles, [...new Set(titles)], `${title}: each panel's title once`);
      for (const panel of panels) {
        assert.match(panel.description, /^[A-Z0-9a-z_].{15,}\.$/s, panel.title);
        assert.ok(UNITS.includes(panel.unit), `${panel.title}: ${panel.unit}`);
        assert.ok(panel.queries.length > 0, panel.title);
      }
    }
  });

  test('rate over $__rate_interval, so that no zoom and no scrape interval makes gaps', () => {
    for (const { rows } of dashboards) {
      for (const { title, queries } of rows.flatMap((row) => row.panels)) {
        for (const { expr } of queries) {
          for (const [, window] of expr.matchAll(/\[([^\]]+)\]/g)) {
            assert.ok(['$__rate_interval', '$__range', '1d'].includes(window ?? ''), `${title}: ${window}`);
          }
        }
      }
    }
  });

  test('take the maximum of what every replica reports', () => {
    const shared = new RegExp(`connect_medic_(?:${SHARED})\\b`, 'g');
    for (const { where, promql } of dashboardQueries()) {
      for (const { index } of promql.matchAll(shared)) {
        // The innermost aggregation around it; label_replace and a comparison may stand between.
        assert.match(promql.slice(0, index), /max by \([^)]*\) \((?:label_replace\()?$/, where);
      }
    }
  });

  test('leave the data source, the cluster and the connector to the reader', async () => {
    for (const { title, panels, templating, annotations } of await committed()) {
      const [first, second, third] = templating.list.map(({ name }) => name);
      assert.deepEqual([first, second, third], ['datasource', 'cluster', 'connector'], title);
      const sources = [
        ...panels.filter(({ type }) => type !== 'row').flatMap((panel) => [panel, ...(panel.targets ?? [])]),
        ...templating.list.filter(({ type }) => type === 'query'),
        ...annotations.list,
      ];
      for (const { datasource } of sources) assert.equal(datasource?.uid, '$datasource', title);
    }
  });

  test('have ids of their own, and panels that fit the grid', async () => {
    const all = await committed();
    assert.equal(new Set(all.map(({ uid }) => uid)).size, all.length);
    for (const { title, panels } of all) {
      assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, title);
      for (const { gridPos, title: panel } of panels) {
        assert.ok(gridPos.x + gridPos.w <= 24, `${title}: ${panel}`);
      }
    }
  });

  test('ask in PromQL that Prometheus can read', async () => {
    const { promtool } = await provisionMonitoring();
    const rules = dashboardQueries().map(({ promql }, index) => ({ record: `query_${index}`, expr: promql }));
    const directory = await mkdtemp(join(tmpdir(), 'connect-medic-panels-'));
    try {
      const file = join(directory, 'queries.yml');
      await writeFile(file, stringify({ groups: [{ name: 'queries', rules }] }));
      await run(promtool, ['check', 'rules', file]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('are provisioned from files that Grafana can read', async () => {
    for (const [folder, key] of [
      ['dashboards', 'providers'],
      ['datasources', 'datasources'],
    ] as const) {
      const path = join(ROOT, 'grafana/provisioning', folder);
      for (const file of await readdir(path)) {
        const document = parse(await readFile(join(path, file), 'utf8')) as Record<string, unknown>;
        assert.equal(document['apiVersion'], 1);
        assert.ok(Array.isArray(document[key]), file);
      }
    }
  });
});
