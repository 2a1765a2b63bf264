import type {
  AlertmanagerClient,
  AlertmanagerResult,
  AlertsQuery,
  ListedAlert,
  ListedSilence,
} from '../../src/alertmanager/client.ts';
import type { Alertmanager, Prometheus } from './alertmanager-model.ts';
import { EPOCH_MS, type Life, never, type Weather } from './life.ts';
import type { Scheduler } from './scheduler.ts';

const TIMEOUT_MS = 5_000;

/** The client of one process for one Alertmanager. */
export class AlertmanagerLink implements AlertmanagerClient {
  readonly name: string;
  readonly #model: Alertmanager;
  readonly #prometheus: Prometheus;
  readonly #life: Life;
  readonly #weather: () => Weather;
  readonly #scheduler: Scheduler;

  constructor(of: {
    model: Alertmanager;
    prometheus: Prometheus;
    life: Life;
    weather: () => Weather;
    scheduler: Scheduler;
  }) {
    this.name = of.model.name;
    this.#model = of.model;
    this.#prometheus = of.prometheus;
    this.#life = of.life;
    this.#weather = of.weather;
    this.#scheduler = of.scheduler;
  }

  alerts({ active }: AlertsQuery): Promise<AlertmanagerResult<readonly ListedAlert[]>> {
    return this.#ask('alerts', () => {
      const listed = [...this.#prometheus.firing].map(([fingerprint, labels]) => ({
        fingerprint,
        labels,
        status: { silencedBy: this.#model.silencedBy(labels), inhibitedBy: this.#model.inhibitedBy(labels) },
      }));
      return listed.filter(
        ({ status }) => active || status.silencedBy.length + status.inhibitedBy.length > 0,
      );
    });
  }

  silences(): Promise<AlertmanagerResult<readonly ListedSilence[]>> {
    return this.#ask('silences', () =>
      this.#model.silences.map(({ id, matchers, startsAtMs, endsAtMs }) => ({
        id,
        state:
          this.#scheduler.nowMs >= endsAtMs
            ? 'expired'
            : this.#scheduler.nowMs < startsAtMs
              ? 'pending'
              : 'active',
        createdBy: 'ada',
        comment: 'maintenance',
        endsAtMs: EPOCH_MS + endsAtMs,
        matchers: Object.entries(matchers).map(([name, value]) => ({
          name,
          value,
          isRegex: false,
          isEqual: true,
        })),
      })),
    );
  }

  async status(): Promise<AlertmanagerResult<{ readonly version: string }>> {
    return { outcome: 'ok', value: { version: '0.34.0' } };
  }

  async close(): Promise<void> {}

  #ask<T>(what: 'alerts' | 'silences', answer: () => T): Promise<AlertmanagerResult<T>> {
    return this.#life.call<AlertmanagerResult<T>>(
      `${this.name} ${what}`,
      this.#weather,
      TIMEOUT_MS,
      () => {
        const { api } = this.#model;
        if (api === 'hang') return never();
        if (api === 'refused') return { outcome: 'unreachable', detail: 'refused' };
        // From 0.32 one silence with several matcher sets can make the whole list of silences a 500.
        if (api === 'error' || (api === 'silences_error' && what === 'silences')) {
          return { outcome: 'server_error', detail: '500' };
        }
        return { outcome: 'ok', value: answer() };
      },
      async (detail) => ({ outcome: 'timeout', detail }),
    );
  }
}
