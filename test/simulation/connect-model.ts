import type { ReadOutcome } from '../../src/connect/client.ts';
import type { ConnectorStatus, ConnectState } from '../../src/core/model.ts';
import type { Rng } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** What makes a connector fail. */
export interface Ailment {
  readonly trace: string | null;
  /** Parts that fail: null is the connector instance. */
  readonly parts: readonly (number | null)[];
  /** A start from then on heals it; Infinity: none does. Simulation time. */
  readonly healsAtMs: number;
}

export interface Part {
  /** null: the connector instance. */
  readonly id: number | null;
  state: ConnectState;
  /** What the status topic says, which follows the state. */
  shown: ConnectState;
  /** Raised with each change: what was planned before it does not happen any more. */
  generation: number;
  shownGeneration: number;
}

export interface ConnectorModel {
  readonly name: string;
  readonly parts: readonly Part[];
  exists: boolean;
  mode: 'on' | 'paused' | 'stopped';
  ailment: Ailment | null;
  optedOut: boolean;
  config: number;
}

/** How the REST API behaves. `sparse`: a worker that has read little of the status topic yet. */
export type RestMode = 'well' | Exclude<ReadOutcome, 'ok' | 'not_found'> | 'sparse' | 'missing';

export interface ConnectTraits {
  /** How far the status topic lags behind, milliseconds. */
  readonly statusLagMs: number;
  /** How long a hopeless task shows RUNNING after a restart, at most. */
  readonly lieMs: number;
  /** Share of restarts that a worker forgets: what was RESTARTING stays so. */
  readonly forgets: number;
}

/** What becomes of a restart call at a worker. */
export type Posted = 'accepted' | 'conflict' | 'refused' | 'not_found';

/**
 * A Kafka Connect cluster: connectors, their parts, a status topic that lags, restarts that are accepted and happen later, or
 * never; rebalances, lost workers, and a REST API with its ways to fail.
 */
export class ConnectModel {
  readonly cluster: string;
  readonly connectors: ReadonlyMap<string, ConnectorModel>;
  readonly traits: ConnectTraits;
  rest: RestMode = 'well';
  rebalancing = false;
  /** A worker died and nobody has noticed: statuses stay as they are, and calls cannot be forwarded. */
  workerLost = false;
  readonly #scheduler: Scheduler;
  readonly #rng: Rng;

  constructor(
    cluster: string,
    names: readonly { name: string; tasks: number }[],
    traits: ConnectTraits,
    scheduler: Scheduler,
    rng: Rng,
  ) {
    this.cluster = cluster;
    this.traits = traits;
    this.#scheduler = scheduler;
    this.#rng = rng;
    const part = (id: number | null): Part => ({
      id,
      state: 'RUNNING',
      shown: 'RUNNING',
      generation: 0,
      shownGeneration: 0,
    });
    this.connectors = new Map(
      names.map(({ name, tasks }) => [
        name,
        {
          name,
          parts: [part(null), ...Array.from({ length: tasks }, (_, id) => part(id))],
          exists: true,
          mode: 'on',
          ailment: null,
          optedOut: false,
          config: 0,
        },
      ]),
    );
  }

  /** As the REST API shows it; null: there is no such connector. */
  status({ exists, mode, parts, ailment }: ConnectorModel): ConnectorStatus | null {
    const [instance, ...tasks] = parts;
    if (!exists || instance === undefined) return null;
    const shown = ({ shown: state }: Part) => ({
      state,
      workerId: 'w:8083',
      trace: state === 'FAILED' ? (ailment?.trace ?? null) : null,
    });
    return {
      connector: shown(instance),
      tasks: mode === 'stopped' ? [] : tasks.map((task) => ({ id: task.id ?? 0, ...shown(task) })),
    };
  }

  isRunning({ exists, mode, parts }: ConnectorModel): boolean {
    return (
      exists && mode === 'on' && parts.every(({ state, shown }) => state === 'RUNNING' && shown === 'RUNNING')
    );
  }

  fail(connector: ConnectorModel, ailment: Ailment): void {
    if (!connector.exists) return;
    connector.ailment = ailment;
    for (const part of connector.parts) {
      if (ailment.parts.includes(part.id) && part.state === 'RUNNING') this.#enter(part, 'FAILED');
    }
  }

  /** The cause is gone, and a start heals it; the parts that run already stay as they are. */
  mend(connector: ConnectorModel): void {
    if (connector.ailment !== null)
      connector.ailment = { ...connector.ailment, healsAtMs: this.#scheduler.nowMs };
  }

  /** What Connect does with a restart that reached it: `null` for all FAILED parts, else this part, whatever its state. */
  restart(connector: ConnectorModel, parts: 'failed' | readonly (number | null)[]): Posted {
    if (!connector.exists) return 'not_found';
    if (this.workerLost) return 'refused';
    if (this.rebalancing) return 'conflict';
    for (const part of connector.parts) {
      if (parts === 'failed' ? part.state !== 'FAILED' : !parts.includes(part.id)) continue;
      if (connector.mode !== 'on') {
        this.#enter(part, connector.mode === 'paused' ? 'PAUSED' : 'STOPPED');
        continue;
      }
      this.#enter(part, 'RESTARTING');
      if (this.#rng.chance(this.traits.forgets)) continue;
      this.#later(part, this.#rng.between(50, 1_500), () => this.#start(connector, part));
    }
    return 'accepted';
  }

  /** All parts lose their workers and get others after a while. */
  rebalance(ms: number): void {
    if (this.rebalancing) return;
    this.rebalancing = true;
    for (const connector of this.connectors.values()) {
      if (!connector.exists || connector.mode !== 'on') continue;
      for (const part of connector.parts) if (this.#rng.chance(0.8)) this.#enter(part, 'UNASSIGNED');
    }
    this.#scheduler.after(ms, () => {
      this.rebalancing = false;
      for (const connector of this.connectors.values()) {
        for (const part of connector.parts) {
          if (connector.mode === 'on' && part.state === 'UNASSIGNED') this.#start(connector, part);
        }
      }
    });
  }

  /** A worker dies: nothing is seen of it for a while, then its parts are reassigned. */
  loseWorker(unnoticedMs: number, unassignedMs: number): void {
    this.workerLost = true;
    this.#scheduler.after(unnoticedMs, () => {
      this.workerLost = false;
      this.rebalance(unassignedMs);
    });
  }

  setMode(connector: ConnectorModel, mode: ConnectorModel['mode']): void {
    if (!connector.exists || connector.mode === mode) return;
    connector.mode = mode;
    for (const part of connector.parts) {
      // Measured: a FAILED task can stay behind in a connector that is paused.
      if (mode !== 'on' && part.state === 'FAILED' && part.id !== null && mode === 'paused') continue;
      if (mode === 'on') this.#start(connector, part);
      else this.#enter(part, mode === 'paused' ? 'PAUSED' : 'STOPPED');
    }
  }

  remove(connector: ConnectorModel): void {
    connector.exists = false;
    for (const part of connector.parts) part.generation += 1;
  }

  /** Created, or its configuration written anew: everything starts. */
  configure(connector: ConnectorModel): void {
    connector.config += 1;
    connector.exists = true;
    if (connector.mode === 'on') for (const part of connector.parts) this.#start(connector, part);
  }

  #start(connector: ConnectorModel, part: Part): void {
    const { ailment } = connector;
    if (connector.mode !== 'on' || !connector.exists) return;
    const ails = ailment?.parts.includes(part.id) === true && this.#scheduler.nowMs < ailment.healsAtMs;
    // Measured: a hopeless task shows RUNNING for about a second.
    const lies = ails && this.#rng.chance(0.7);
    this.#enter(part, ails && !lies ? 'FAILED' : 'RUNNING');
    if (lies) this.#later(part, this.#rng.between(0, this.traits.lieMs), () => this.#enter(part, 'FAILED'));
  }

  #enter(part: Part, state: ConnectState): void {
    part.generation += 1;
    part.state = state;
    const { generation } = part;
    this.#scheduler.after(this.traits.statusLagMs, () => {
      // Of two changes in one moment the later one stays.
      if (generation < part.shownGeneration) return;
      part.shownGeneration = generation;
      part.shown = state;
    });
  }

  #later(part: Part, ms: number, run: () => void): void {
    const { generation } = part;
    this.#scheduler.after(ms, () => {
      if (part.generation === generation) run();
    });
  }
}
