import type { ConnectClient, ReadResult, RestartResult } from '../../src/connect/client.ts';
import type { ConnectorSettings, ConnectorStatus, RestartPlan } from '../../src/core/model.ts';
import { STATUS_AGE_AT_MOST_MS, statusVerdict } from '../../src/core/verdict.ts';
import type { ConnectModel, ConnectorModel } from './connect-model.ts';
import type { Life, Weather } from './life.ts';
import type { Rng } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Witness } from './witness.ts';

export const REQUEST_TIMEOUT_MS = 3_000;
/** Put where a server might repeat what it was told; nobody may pass it on. */
export const SECRET = 'hunter2hunter2';

type Failure = Exclude<ReadResult<never>, { outcome: 'ok' }>;

/** The client of one process for one cluster, with the answers of the model behind a network. */
export class ConnectLink implements ConnectClient {
  readonly cluster: string;
  readonly #model: ConnectModel;
  readonly #life: Life;
  readonly #weather: () => Weather;
  readonly #witness: Witness;
  readonly #scheduler: Scheduler;
  readonly #rng: Rng;

  constructor(of: {
    model: ConnectModel;
    life: Life;
    weather: () => Weather;
    witness: Witness;
    scheduler: Scheduler;
    rng: Rng;
  }) {
    this.cluster = of.model.cluster;
    this.#model = of.model;
    this.#life = of.life;
    this.#weather = of.weather;
    this.#witness = of.witness;
    this.#scheduler = of.scheduler;
    this.#rng = of.rng;
  }

  async statuses(): Promise<ReadResult<ReadonlyMap<string, ConnectorStatus | null>>> {
    const begunMs = this.#scheduler.nowMs;
    const result = await this.#read('statuses', () => {
      const statuses = new Map<string, ConnectorStatus | null>();
      for (const [name, connector] of this.#model.connectors) {
        const status = this.#model.status(connector);
        if (status === null || (this.#model.rest === 'sparse' && this.#rng.chance(0.5))) continue;
        statuses.set(name, this.#rng.chance(0.005) ? null : status);
      }
      return { outcome: 'ok', value: statuses };
    });
    const statuses = result.outcome === 'ok' ? result.value : null;
    this.#witness.told.sawAll(this.#life, this.cluster, begunMs, statuses);
    if (result.outcome === 'ok') {
      for (const [name, status] of result.value) {
        if (status !== null) this.#witness.told.saw(this.#life, this.cluster, name, begunMs, status);
        else this.#witness.told.lookedAt(this.cluster, name, begunMs);
      }
    }
    return result;
  }

  async status(connector: string): Promise<ReadResult<ConnectorStatus>> {
    const begunMs = this.#scheduler.nowMs;
    const result = await this.#read<ConnectorStatus>(`status ${connector}`, () => {
      const one = this.#model.connectors.get(connector);
      const value = one === undefined ? null : this.#model.status(one);
      const { rest } = this.#model;
      if (value === null || rest === 'missing' || (rest === 'sparse' && this.#rng.chance(0.5))) {
        return { outcome: 'not_found', detail: '404 No status found' };
      }
      return { outcome: 'ok', value };
    });
    if (result.outcome === 'ok')
      this.#witness.told.saw(this.#life, this.cluster, connector, begunMs, result.value);
    return result;
  }

  async settings(connector: string): Promise<ReadResult<ConnectorSettings | 'missing'>> {
    const begunMs = this.#scheduler.nowMs;
    const result = await this.#read<ConnectorSettings | 'missing'>(`settings ${connector}`, () => {
      const one = this.#model.connectors.get(connector);
      const missing = one === undefined || !one.exists || this.#model.rest === 'missing';
      return { outcome: 'ok', value: missing ? 'missing' : settingsOf(one) };
    });
    if (result.outcome === 'ok' && result.value === 'missing') {
      this.#witness.told.saw(this.#life, this.cluster, connector, begunMs, null);
    }
    return result;
  }

  allSettings(): Promise<ReadResult<ReadonlyMap<string, ConnectorSettings>>> {
    return this.#read('all settings', () => {
      const existing = [...this.#model.connectors.values()].filter(({ exists }) => exists);
      return { outcome: 'ok', value: new Map(existing.map((one) => [one.name, settingsOf(one)])) };
    });
  }

  /** Part by part with a fresh read between the calls where the plan names parts, as the real client does. */
  async restart(
    connector: string,
    plan: RestartPlan,
    status: ConnectorStatus,
    statusAgeMs = 0,
  ): Promise<RestartResult> {
    const call = this.#witness.calls(this.#life, this.cluster, connector);
    const result = await this.#restart(connector, plan, status, statusAgeMs, call);
    this.#witness.ended(call, result.outcome);
    return result;
  }

  async #restart(
    connector: string,
    plan: RestartPlan,
    status: ConnectorStatus,
    statusAgeMs: number,
    call: number,
  ): Promise<RestartResult> {
    if (plan.kind === 'failed') return this.#post(connector, 'failed', call);
    const failed = new Set(status.tasks.flatMap(({ id, state }) => (state === 'FAILED' ? [id] : [])));
    const parts = [...(plan.connector ? [null] : []), ...plan.tasks.filter((id) => failed.has(id))];
    const results: RestartResult[] = [];
    let [now, readAtMs] = [status, this.#scheduler.nowMs - statusAgeMs];
    for (const part of parts) {
      if (this.#scheduler.nowMs - readAtMs > STATUS_AGE_AT_MOST_MS || results.length > 0) {
        readAtMs = this.#scheduler.nowMs;
        const read = await this.status(connector);
        if (read.outcome !== 'ok' || this.#scheduler.nowMs - readAtMs > STATUS_AGE_AT_MOST_MS) break;
        now = read.value;
      }
      const state = part === null ? now.connector.state : now.tasks.find(({ id }) => id === part)?.state;
      if (statusVerdict(now) === 'off' || state !== 'FAILED') continue;
      const result = await this.#post(connector, [part], call);
      results.push(result);
      if (result.outcome !== 'accepted') break;
    }
    const outcomes = results.map(({ outcome }) => outcome);
    const outcome =
      (['ambiguous', 'accepted'] as const).find((one) => outcomes.includes(one)) ?? outcomes[0] ?? 'not_sent';
    return { outcome, detail: outcomes.join(', ') };
  }

  async info(): Promise<ReadResult<{ version: string; kafkaClusterId: string | null }>> {
    return { outcome: 'ok', value: { version: '4.3.0', kafkaClusterId: null } };
  }

  async close(): Promise<void> {}

  async #post(
    connector: string,
    parts: 'failed' | readonly (number | null)[],
    call: number,
  ): Promise<RestartResult> {
    this.#witness.posts(this.#life, this.cluster, connector, parts, call);
    return this.#life.call<RestartResult>(
      `restart ${connector}`,
      this.#weather,
      REQUEST_TIMEOUT_MS,
      () => this.#handle(connector, parts, call),
      async (detail) => ({ outcome: 'ambiguous', detail }),
    );
  }

  /** What the cluster makes of a restart call that reached it. */
  #handle(
    connector: string,
    parts: 'failed' | readonly (number | null)[],
    call: number,
  ): RestartResult | Promise<RestartResult> {
    const one = this.#model.connectors.get(connector);
    const detail = `password=${SECRET}`;
    const act = (): RestartResult => {
      const outcome = one === undefined ? 'not_found' : this.#model.restart(one, parts);
      if (outcome === 'accepted') this.#witness.handled(call);
      return { outcome, detail };
    };
    switch (this.#model.rest) {
      case 'well':
      case 'sparse':
      case 'missing':
        return act();
      case 'unauthorized':
        return { outcome: 'unauthorized', detail };
      case 'unreachable':
        return { outcome: 'refused', detail };
      case 'conflict':
        return { outcome: 'conflict', detail };
      case 'server_error':
      case 'nonsense':
        // A 500 may come after the restart was written.
        if (this.#rng.chance(0.5)) act();
        return { outcome: 'ambiguous', detail };
      case 'timeout':
        // It may still run, long after the caller has given up.
        if (this.#rng.chance(0.5)) this.#scheduler.after(this.#rng.between(1_000, 60_000), act);
        return new Promise(() => {});
      default:
        return this.#model.rest satisfies never;
    }
  }

  #read<T>(what: string, answer: () => ReadResult<T>): Promise<ReadResult<T>> {
    const failed = (outcome: Failure['outcome'], detail: string): Failure => ({ outcome, detail });
    return this.#life.call<ReadResult<T>>(
      what,
      this.#weather,
      REQUEST_TIMEOUT_MS,
      () => {
        switch (this.#model.rest) {
          case 'well':
          case 'sparse':
          case 'missing':
            return answer();
          case 'timeout':
            return new Promise(() => {});
          default:
            return failed(this.#model.rest, `told ${this.#model.rest}, password=${SECRET}`);
        }
      },
      async (detail) => failed('timeout', detail),
    );
  }
}

function settingsOf({ name, optedOut, config }: ConnectorModel): ConnectorSettings {
  return { optedOut, connectorClass: 'org.example.Sink', configHash: `${name}-${config}` };
}
