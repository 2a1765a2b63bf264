/**
 * What a dashboard of ours consists of, and nothing else: rows of panels, each with a title, a description, a unit and
 * PromQL. dashboard.ts makes Grafana's JSON of it; the tests read it as it is.
 */

/** Whether a panel may be empty after a failure, a recovery and an escalation took place. */
export type Expectation =
  /** Data must be there. */
  | 'data'
  /** Rare events, other exporters, or features that are not configured everywhere. */
  | 'maybe';

export interface Query {
  /** PromQL with Grafana's variables: $cluster, $connector, $__rate_interval, $__range. */
  readonly expr: string;
  /** Name of each series, with `{{label}}`. Default: Prometheus' own. */
  readonly legend?: string;
  /** Default `data`. */
  readonly expect?: Expectation;
}

export interface Threshold {
  /** From this value on; null: from the beginning. */
  readonly from: number | null;
  readonly color: string;
}

interface PanelBase {
  /** Unique in its dashboard. */
  readonly title: string;
  /** What it shows, and what to make of it. */
  readonly description: string;
  /** A unit of Grafana's: `short`, `s`, `ms`, `percentunit`, `bytes`, `cps` … */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Columns of 24. Defaults: 4 for a stat, 12 for everything else. */
  readonly width?: number;
  /** Grid rows of 30 pixels. Defaults: 4 for a stat, 8 for everything else. */
  readonly height?: number;
  /** Shown in place of data. Default: "none". */
  readonly noValue?: string;
  readonly thresholds?: readonly Threshold[];
  /** Text and colour in place of a value. */
  readonly values?: Readonly<Record<string, { readonly text: string; readonly color: string }>>;
}

/** One number: how it is now. */
export interface StatPanel extends PanelBase {
  readonly kind: 'stat';
  /** Shows a label in place of the number, by the query's legend. Default false. */
  readonly showsName?: boolean;
}

/** Values over time. */
export interface TimePanel extends PanelBase {
  readonly kind: 'time';
  /** `bars` for counts per interval. Default `lines`. */
  readonly style?: 'lines' | 'bars';
  /** Default false. */
  readonly stacked?: boolean;
  readonly min?: number;
  readonly max?: number;
}

/** Coloured states over time, one line a series. */
export interface TimelinePanel extends PanelBase {
  readonly kind: 'timeline';
}

/** Rows of labels and values: how it is now. The queries are joined by the labels that they share. */
export interface TablePanel extends PanelBase {
  readonly kind: 'table';
  /** Columns by field, in their order, with the heads to show. `Value #A` is the first query's value. */
  readonly columns: Readonly<Record<string, string>>;
}

export type Panel = StatPanel | TimePanel | TimelinePanel | TablePanel;

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Events drawn over all panels: a moment wherever the query has a value. */
export interface Annotation {
  readonly name: string;
  readonly expr: string;
  readonly title: string;
  readonly text: string;
  readonly color: string;
}

/** A number that the reader can set, as `$name`. */
export interface Setting {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly description: string;
}

export interface DashboardSpec {
  /** Part of its address in Grafana: never change it. */
  readonly uid: string;
  /** Name of the generated file, without `.json`. */
  readonly file: string;
  readonly title: string;
  readonly description: string;
  readonly annotations: readonly Annotation[];
  readonly settings: readonly Setting[];
  readonly rows: readonly Row[];
}

/** Where a number above zero is bad. */
export const ZERO_IS_GOOD: readonly Threshold[] = [
  { from: null, color: 'green' },
  { from: 1, color: 'red' },
];

/** Where a number above zero is worth a look. */
export const ZERO_IS_CALM: readonly Threshold[] = [
  { from: null, color: 'green' },
  { from: 1, color: 'orange' },
];

/** Where zero is bad. */
export const ZERO_IS_BAD: readonly Threshold[] = [
  { from: null, color: 'red' },
  { from: 1, color: 'green' },
];

export const PLAIN: readonly Threshold[] = [{ from: null, color: 'blue' }];
