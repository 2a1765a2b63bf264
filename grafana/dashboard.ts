/** Makes Grafana's dashboards of our specifications, with the builders of Grafana's Foundation SDK. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import * as dash from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import type {
  Annotation,
  DashboardSpec,
  Panel,
  Setting,
  StatPanel,
  TablePanel,
  Threshold,
  TimelinePanel,
  TimePanel,
} from './spec.ts';

/** Of Grafana 11.0: newer ones bring it up to theirs, an older one would not read a newer schema as it should. */
const SCHEMA_VERSION = 39;
/** Chosen by the reader: no dashboard names a data source of its own. */
const DATA_SOURCE = { type: 'prometheus', uid: '$datasource' };
const TAGS = ['kafka-connect', 'connect-medic'];
const ALL = { text: 'All', value: '$__all', selected: true };
/** The smallest interval of $__rate_interval: four scrapes of fifteen seconds. */
const SCRAPE_INTERVAL = '15s';

/** The dashboard as Grafana imports it. */
export function buildDashboard(spec: DashboardSpec): dash.Dashboard {
  const builder = new dash.DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags(TAGS)
    .editable()
    .tooltip(dash.DashboardCursorSync.Crosshair)
    .time({ from: 'now-6h', to: 'now' })
    .refresh('1m')
    .timezone('browser')
    .variables([
      new dash.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
      labelVariable('cluster', 'Connect cluster', 'connector:kafka_connect_failed:max', 'connect_cluster'),
      labelVariable(
        'connector',
        'Connector',
        'connector:kafka_connect_failed:max{connect_cluster=~"$cluster"}',
        'connector',
      ),
      ...spec.settings.map(settingVariable),
    ])
    .annotations(spec.annotations.map(annotation))
    .link(
      new dash.DashboardLinkBuilder('Kafka Connect dashboards')
        .type(dash.DashboardLinkType.Dashboards)
        .tags(TAGS)
        .includeVars(true)
        .keepTime(true),
    );
  for (const row of spec.rows) {
    builder.withRow(new dash.RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panelOf(panel));
  }
  const dashboard = builder.build();
  dashboard.schemaVersion = SCHEMA_VERSION;
  // Ids make links to a panel stable; the SDK leaves them to Grafana.
  for (const [index, panel] of (dashboard.panels ?? []).entries()) panel.id = index + 1;
  return dashboard;
}

function labelVariable(name: string, label: string, series: string, from: string): dash.QueryVariableBuilder {
  const query = `label_values(${series}, ${from})`;
  return new dash.QueryVariableBuilder(name)
    .label(label)
    .datasource(DATA_SOURCE)
    .query(query)
    .definition(query)
    .refresh(dash.VariableRefresh.OnTimeRangeChanged)
    .sort(dash.VariableSort.AlphabeticalCaseInsensitiveAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current(ALL);
}

function settingVariable({ name, label, value, description }: Setting): dash.TextBoxVariableBuilder {
  return new dash.TextBoxVariableBuilder(name)
    .label(label)
    .description(description)
    .defaultValue(value)
    .current({ text: value, value, selected: true });
}

function annotation({ name, expr, title, text, color }: Annotation): dash.AnnotationQueryBuilder {
  return new dash.AnnotationQueryBuilder()
    .name(name)
    .datasource(DATA_SOURCE)
    .enable(true)
    .iconColor(color)
    .expr(expr)
    .step('60s')
    .titleFormat(title)
    .textFormat(text);
}

function panelOf(panel: Panel): Builder<dash.Panel> {
  switch (panel.kind) {
    case 'stat':
      return statOf(panel);
    case 'time':
      return timeOf(panel);
    case 'timeline':
      return timelineOf(panel);
    case 'table':
      return tableOf(panel);
    default:
      return panel satisfies never;
  }
}

function statOf(panel: StatPanel): Builder<dash.Panel> {
  return new stat.PanelBuilder()
    .title(panel.title)
    .description(panel.description)
    .datasource(DATA_SOURCE)
    .targets(panel.queries.map((_, index) => target(panel, index, 'instant')))
    .unit(panel.unit)
    .span(panel.width ?? 4)
    .height(panel.height ?? 4)
    .noValue(panel.noValue ?? 'none')
    .mappings(mappings(panel))
    .thresholds(thresholds(panel))
    .colorScheme(new dash.FieldColorBuilder().mode(dash.FieldColorModeId.Thresholds))
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .textMode(panel.showsName === true ? BigValueTextMode.Name : BigValueTextMode.Auto);
}

function timeOf(panel: TimePanel): Builder<dash.Panel> {
  const builder = new timeseries.PanelBuilder()
    .title(panel.title)
    .description(panel.description)
    .datasource(DATA_SOURCE)
    .targets(panel.queries.map((_, index) => target(panel, index, 'range')))
    .interval(SCRAPE_INTERVAL)
    .unit(panel.unit)
    .span(panel.width ?? 12)
    .height(panel.height ?? 8)
    .noValue(panel.noValue ?? 'none')
    .mappings(mappings(panel))
    .drawStyle(panel.style === 'bars' ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .fillOpacity(panel.style === 'bars' ? 80 : panel.stacked === true ? 25 : 8)
    .lineWidth(panel.style === 'bars' ? 0 : 1)
    .showPoints(VisibilityMode.Auto)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (panel.stacked === true) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  builder.min(panel.min ?? 0);
  if (panel.max !== undefined) builder.max(panel.max);
  return builder;
}

function timelineOf(panel: TimelinePanel): Builder<dash.Panel> {
  return new statetimeline.PanelBuilder()
    .title(panel.title)
    .description(panel.description)
    .datasource(DATA_SOURCE)
    .targets(panel.queries.map((_, index) => target(panel, index, 'range')))
    .interval(SCRAPE_INTERVAL)
    .unit(panel.unit)
    .span(panel.width ?? 24)
    .height(panel.height ?? 10)
    .noValue(panel.noValue ?? 'none')
    .mappings(mappings(panel))
    .thresholds(thresholds(panel))
    .colorScheme(new dash.FieldColorBuilder().mode(dash.FieldColorModeId.Thresholds))
    .showValue(VisibilityMode.Never)
    .mergeValues(true)
    .rowHeight(0.85)
    .perPage(30)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    );
}

function tableOf(panel: TablePanel): Builder<dash.Panel> {
  const fields = Object.keys(panel.columns);
  const values = panel.queries.map((_, index) => `Value #${letter(index)}`);
  const hidden = ['Time', 'Value', ...values].filter((field) => !fields.includes(field));
  return new table.PanelBuilder()
    .title(panel.title)
    .description(panel.description)
    .datasource(DATA_SOURCE)
    .targets(panel.queries.map((_, index) => target(panel, index, 'table')))
    .unit(panel.unit)
    .span(panel.width ?? 24)
    .height(panel.height ?? 8)
    .noValue(panel.noValue ?? 'none')
    .mappings(mappings(panel))
    .filterable(true)
    .transformations([
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: Object.fromEntries(hidden.map((field) => [field, true])),
          indexByName: Object.fromEntries(fields.map((field, index) => [field, index])),
          renameByName: panel.columns,
        },
      },
    ]);
}

function target(panel: Panel, index: number, shape: 'instant' | 'range' | 'table'): DataqueryBuilder {
  const query = panel.queries[index];
  if (query === undefined) throw new Error(`${panel.title} has no query ${index}`);
  const builder = new DataqueryBuilder().refId(letter(index)).datasource(DATA_SOURCE).expr(query.expr);
  if (query.legend !== undefined) builder.legendFormat(query.legend);
  if (shape === 'range') return builder.range();
  return shape === 'table' ? builder.instant().format(PromQueryFormat.Table) : builder.instant();
}

/** Grafana's name of a query: A, B, C … */
function letter(index: number): string {
  return String.fromCharCode(65 + index);
}

function thresholds({ thresholds: steps }: Panel): dash.ThresholdsConfigBuilder {
  const given: readonly Threshold[] = steps ?? [{ from: null, color: 'green' }];
  return new dash.ThresholdsConfigBuilder()
    .mode(dash.ThresholdsMode.Absolute)
    .steps(given.map(({ from, color }) => ({ value: from, color })));
}

function mappings({ values }: Panel): dash.ValueMapping[] {
  if (values === undefined) return [];
  const options = Object.fromEntries(
    Object.entries(values).map(([value, { text, color }], index) => [value, { text, color, index }]),
  );
  return [{ type: dash.MappingType.ValueToText, options }];
}
