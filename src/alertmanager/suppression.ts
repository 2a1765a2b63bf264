import type { Clock } from '../clock.ts';
import { joined } from '../connect/detail.ts';
import {
  type AlertmanagerSeen,
  NO_ALERTMANAGERS,
  type SuppressedAlert,
  type SuppressionView,
} from '../core/suppression.ts';
import type { AlertmanagerClient, AlertmanagerResult, ListedAlert } from './client.ts';
import { activeSilences, rememberingTest } from './silences.ts';

const CACHE_MS = 3_000;
const FAILURE_CACHE_MS = 1_000;
const GRACE_MS = 1_000;

export interface SuppressionOptions {
  readonly clients: readonly AlertmanagerClient[];
  readonly clock: Clock;
  /** How long after its beginning a read answers everybody. Default 3 s: a silence is seen at most so late. */
  readonly cacheMs?: number;
  /** How long after its end a failed read does. Default 1 s. */
  readonly failureCacheMs?: number;
  /** How long a look waits for an Alertmanager whose last read failed; that read goes on. Default 1 s. */
  readonly graceMs?: number;
  /** Called when an Alertmanager stops to answer in full, or does so again. */
  readonly onChange?: (name: string, readable: boolean, detail: string) => void;
}

/** What all configured Alertmanagers say about silences and inhibitions. */
export interface Suppression {
  /**
   * The view of now, or of a few seconds ago at most. Whoever asks at the same time shares one read of alerts and silences per
   * Alertmanager. Never rejects. Takes as long as the slowest Alertmanager, but one that failed last time is waited for only
   * briefly, so that one which hangs does not delay every look.
   */
  view(): Promise<SuppressionView>;
}

/** Without clients the view is always empty: no silence check. */
export function createSuppression(options: SuppressionOptions): Suppression {
  const readers = options.clients.map((client) => new Reader(client, options));
  return {
    view: async () => {
      if (readers.length === 0) return NO_ALERTMANAGERS;
      return union(await Promise.all(readers.map((reader) => reader.read())));
    },
  };
}

/** What one Alertmanager said, and what it did not answer. */
interface Reading {
  readonly seen: AlertmanagerSeen;
  /** null: both alerts and silences were answered. */
  readonly fault: string | null;
}

/**
 * The union: suppressed is what any of them suppresses. One that answered in part counts by what it said; at least one has to
 * answer in full, since what is not in a full answer is known not to be there.
 */
function union(readings: readonly Reading[]): SuppressionView {
  const faults = readings.flatMap(({ seen, fault }) => (fault === null ? [] : [`${seen.name}: ${fault}`]));
  return {
    alertmanagers: readings.map(({ seen }) => seen),
    unknown: faults.length < readings.length ? null : joined(faults),
  };
}

/** Reads one Alertmanager, for everybody who asks at about the same time. */
class Reader {
  readonly #client: AlertmanagerClient;
  readonly #options: SuppressionOptions;
  readonly #fitsExpression = rememberingTest();
  #underWay: Promise<Reading> | null = null;
  #begunAtMs = 0;
  #latest: Reading | null = null;
  #freshUntilMs = Number.NEGATIVE_INFINITY;

  constructor(client: AlertmanagerClient, options: SuppressionOptions) {
    this.#client = client;
    this.#options = options;
  }

  async read(): Promise<Reading> {
    const { clock, graceMs = GRACE_MS } = this.#options;
    const latest = this.#latest;
    if (latest !== null && clock.monotonic() < this.#freshUntilMs) return latest;
    this.#underWay ??= this.#read().finally(() => {
      this.#underWay = null;
    });
    if (latest === null || latest.fault === null) return this.#underWay;
    const tiredNow = nothing(this.#client.name, `no answer yet; before that: ${latest.fault}`);
    // Counted from the beginning of the read: whoever comes later does not wait once more.
    const leftMs = this.#begunAtMs + graceMs - clock.monotonic();
    if (leftMs <= 0) return tiredNow;
    const answered = new AbortController();
    const tired = clock.sleep(leftMs, answered.signal).then(() => tiredNow);
    const reading = await Promise.race([this.#underWay, tired]);
    answered.abort();
    return reading;
  }

  async #read(): Promise<Reading> {
    const { clock, cacheMs = CACHE_MS, failureCacheMs = FAILURE_CACHE_MS, onChange } = this.#options;
    const { name } = this.#client;
    this.#begunAtMs = clock.monotonic();
    const [alerts, silences] = await Promise.all([
      // What nothing suppresses does not matter here, and is most of what there is.
      this.#client.alerts({ filter: [], active: false }),
      this.#client.silences(),
    ]);
    const reading: Reading = {
      seen: {
        name,
        silences: silences.outcome === 'ok' ? activeSilences(silences.value, this.#fitsExpression) : [],
        suppressed: alerts.outcome === 'ok' ? alerts.value.flatMap(suppressed) : [],
      },
      fault: faultOf(alerts, silences),
    };
    const before = this.#latest?.fault ?? null;
    if ((before === null) !== (reading.fault === null)) {
      onChange?.(name, reading.fault === null, reading.fault ?? '');
    }
    this.#latest = reading;
    this.#freshUntilMs =
      reading.fault === null ? this.#begunAtMs + cacheMs : clock.monotonic() + failureCacheMs;
    return reading;
  }
}

function nothing(name: string, fault: string): Reading {
  return { seen: { name, silences: [], suppressed: [] }, fault };
}

function suppressed({ fingerprint, labels, status }: ListedAlert): SuppressedAlert[] {
  if (status === null) return [{ fingerprint, labels, silencedBy: [], inhibitedBy: [], unreadable: true }];
  const { silencedBy, inhibitedBy } = status;
  if (silencedBy.length + inhibitedBy.length === 0) return [];
  return [{ fingerprint, labels, silencedBy, inhibitedBy, unreadable: false }];
}

function faultOf(alerts: AlertmanagerResult<unknown>, silences: AlertmanagerResult<unknown>): string | null {
  const faults = [
    ...(alerts.outcome === 'ok' ? [] : [`alerts ${alerts.outcome} (${alerts.detail})`]),
    ...(silences.outcome === 'ok' ? [] : [`silences ${silences.outcome} (${silences.detail})`]),
  ];
  return faults.length === 0 ? null : faults.join(', ');
}
