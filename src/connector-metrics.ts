import { setImmediate as othersFirst } from 'node:timers/promises';
import { simpleClassName } from './core/diagnosis.ts';
import { type ConnectorStatus, connectStates, type RestartOutcome, restartOutcomes } from './core/model.ts';
import type { OverviewRow } from './ledger/ledger.ts';

/** What Connect said of the connectors of one cluster; null: an entry that could not be read. */
export type Snapshot = ReadonlyMap<string, ConnectorStatus | null>;
export type Snapshots = ReadonlyMap<string, Snapshot>;

/** Work done in one go, in milliseconds. */
const PIECE_MS = 5;

const taskStates = connectStates.filter((state) => state !== 'STOPPED');

/**
 * The metrics with a series, or a dozen, for each connector. They are written straight from what the ledger and Connect
 * say, a few connectors at a time: a quarter of a million series of ten thousand connectors, made at once, would hold up a
 * webhook for a good part of a second. Between two scrapes only the counters are kept.
 */
export class ConnectorMetrics {
  /** By cluster, connector and outcome. */
  readonly #restarts = new Map<string, Map<string, Map<RestartOutcome, number>>>();

  restarted(cluster: string, connector: string, outcome: RestartOutcome): void {
    const counts = this.#countsOf(cluster, connector);
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }

  /**
   * The text format, in pieces. `rows` is null while the ledger cannot be read, and a cluster is missing from `snapshots`
   * while it cannot be read: no stale truth is shown.
   */
  async *page(rows: readonly OverviewRow[] | null, snapshots: Snapshots): AsyncGenerator<string> {
    let texts: string[] = [];
    let begunAtMs = performance.now();
    for (const text of this.#texts(rows, snapshots)) {
      texts.push(text);
      if (performance.now() - begunAtMs < PIECE_MS) continue;
      yield texts.join('');
      await othersFirst();
      texts = [];
      begunAtMs = performance.now();
    }
    yield texts.join('');
  }

  *#texts(rows: readonly OverviewRow[] | null, snapshots: Snapshots): Generator<string> {
    const shown: OverviewRow[] = [];
    if (rows !== null) {
      this.#forget(rows, snapshots);
      for (const row of rows) {
        // It went away with its connector.
        if (isOver(row) && snapshots.get(row.cluster)?.has(row.connector) === false) continue;
        shown.push(row);
        // From the moment a remediation opens its counter is there, at 0.
        this.#countsOf(row.cluster, row.connector);
        yield '';
      }
    }
    yield head('restarts_total', 'Restart attempts by what came back.', 'counter');
    for (const [cluster, connectors] of this.#restarts) {
      for (const [connector, counts] of connectors) {
        const before = `connect_medic_restarts_total{${target(cluster, connector)},outcome="`;
        yield restartOutcomes
          .map((outcome) => `${before}${outcome}"} ${counts.get(outcome) ?? 0}\n`)
          .join('');
      }
    }
    yield head('attempts', 'Restart attempts of the present failure.');
    for (const { cluster, connector, attempts } of shown) {
      yield `connect_medic_attempts{${target(cluster, connector)}} ${attempts}\n`;
    }
    yield head('last_restart_timestamp_seconds', 'When it was last restarted, Unix time.');
    for (const { cluster, connector, lastRestartAtMs } of shown) {
      if (lastRestartAtMs === null) continue;
      yield `connect_medic_last_restart_timestamp_seconds{${target(cluster, connector)}} ${lastRestartAtMs / 1_000}\n`;
    }
    yield head('escalated', '1 while a human is needed.');
    for (const { cluster, connector, escalation, causeClass } of shown) {
      if (escalation === null) continue;
      const cause = quoted(simpleClassName(causeClass ?? 'unknown'));
      yield `connect_medic_escalated{${target(cluster, connector)},reason="${escalation}",cause=${cause}} 1\n`;
    }
    yield head('connector_state', '1 for the state that the REST API reports.');
    for (const [cluster, connector, { connector: instance }] of entries(snapshots)) {
      const before = `connect_medic_connector_state{${target(cluster, connector)},state="`;
      yield connectStates
        .map((state) => `${before}${state.toLowerCase()}"} ${instance.state === state ? 1 : 0}\n`)
        .join('');
    }
    yield head('tasks', 'Tasks by the state that the REST API reports.');
    for (const [cluster, connector, { tasks }] of entries(snapshots)) {
      const before = `connect_medic_tasks{${target(cluster, connector)},state="`;
      yield taskStates
        .map((state) => {
          const count = tasks.filter((task) => task.state === state).length;
          return `${before}${state.toLowerCase()}"} ${count}\n`;
        })
        .join('');
    }
  }

  #countsOf(cluster: string, connector: string): Map<RestartOutcome, number> {
    const connectors = this.#restarts.get(cluster) ?? new Map<string, Map<RestartOutcome, number>>();
    this.#restarts.set(cluster, connectors);
    const counts = connectors.get(connector) ?? new Map<RestartOutcome, number>();
    connectors.set(connector, counts);
    return counts;
  }

  /**
   * Connector labels exist only for connectors that Connect reports, and go away with them. A worker that is just starting
   * reports nothing: while a remediation is open, its connector is not taken for gone.
   */
  #forget(rows: readonly OverviewRow[], snapshots: Snapshots): void {
    const open = new Set<string>();
    for (const row of rows) if (!isOver(row)) open.add(`${row.cluster}\n${row.connector}`);
    for (const [cluster, snapshot] of snapshots) {
      const connectors = this.#restarts.get(cluster);
      for (const connector of connectors?.keys() ?? []) {
        if (snapshot.has(connector) || open.has(`${cluster}\n${connector}`)) continue;
        connectors?.delete(connector);
      }
    }
  }
}

/** Nothing is done about it any more; only its window is remembered. */
function isOver({ state }: OverviewRow): boolean {
  return state === 'closed' || state === 'recovered';
}

function head(name: string, help: string, type: 'counter' | 'gauge' = 'gauge'): string {
  return `# HELP connect_medic_${name} ${help}\n# TYPE connect_medic_${name} ${type}\n`;
}

function target(cluster: string, connector: string): string {
  return `cluster=${quoted(cluster)},connector=${quoted(connector)}`;
}

/** A label's value as the text format wants it. */
function quoted(text: string): string {
  const escaped = text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
  return `"${escaped}"`;
}

function* entries(snapshots: Snapshots): Generator<readonly [string, string, ConnectorStatus]> {
  for (const [cluster, snapshot] of snapshots) {
    for (const [connector, status] of snapshot) if (status !== null) yield [cluster, connector, status];
  }
}
