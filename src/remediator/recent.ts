import type { Clock } from '../clock.ts';
import type { Remediation } from '../core/model.ts';
import type { ClaimAnswer, Ledger, Storms } from '../ledger/ledger.ts';
import type { BulkRead, ClusterReader } from './cluster-reader.ts';

/**
 * A bulk read serves further turns for so long after its answer, however long that took: a slow cluster would else be read again
 * for each few of its remediations. Those that are about to be restarted need a younger one, so for them it counts from the
 * beginning of the read.
 */
const BULK_SERVES_MS = 800;
/** Where reads take longer than that, twice in a row, none is young enough for a restart: each of those looks by itself. */
const SLOW_READ_MS = 1_300;
/** What a storm is decided on may be this old. */
const STORMS_AT_MOST_MS = 1_000;

/** What a read is wanted for. */
export interface Wanted {
  /** When the last of what is looked at was due, in monotonic milliseconds as far as the ledger's clock can be trusted. */
  readonly dueAtMs: number;
  /**
   * Its latest version. A read serves nobody who was written after it: where the ledger's clock jumps, what was restarted just
   * now seems to have been due long ago, and a status from before the call would judge the call.
   */
  readonly version: number;
  /** The last version that had been given out to anybody by now. */
  readonly revision: number;
  /** Some are about to be restarted, if it shows them FAILED. */
  readonly forRestarts: boolean;
}

/** What one turn of a lane has read and the next ones may still use. */
export class Recent {
  readonly #reader: Pick<ClusterReader, 'cluster' | 'read'>;
  readonly #ledger: Pick<Ledger, 'storms'>;
  readonly #clock: Clock;
  #bulk: { readonly read: BulkRead; readonly endedAtMs: number; readonly revision: number } | null = null;
  #slowInARow = 0;
  #storms: Promise<Storms> | null = null;
  #stormsReadAtMs = 0;

  constructor(reader: Pick<ClusterReader, 'cluster' | 'read'>, ledger: Pick<Ledger, 'storms'>, clock: Clock) {
    this.#reader = reader;
    this.#ledger = ledger;
    this.#clock = clock;
  }

  /**
   * The status of all connectors, read after all that is looked at was due: the last read where that is so, and it is young
   * enough, else another one. Of a large cluster a read costs more than all that a turn does.
   */
  async bulk({ dueAtMs, version, revision, forRestarts }: Wanted): Promise<BulkRead> {
    const last = this.#bulk;
    if (
      last !== null &&
      last.read.begunAtMs > dueAtMs &&
      last.revision >= version &&
      this.#clock.monotonic() -
        (forRestarts && this.#slowInARow < 2 ? last.read.begunAtMs : last.endedAtMs) <=
        BULK_SERVES_MS
    )
      return last.read;
    this.#bulk = null;
    const read = await this.#reader.read();
    const endedAtMs = this.#clock.monotonic();
    this.#slowInARow = endedAtMs - read.begunAtMs > SLOW_READ_MS ? this.#slowInARow + 1 : 0;
    if (read.result.outcome === 'ok') this.#bulk = { read, endedAtMs, revision };
    return read;
  }

  /** Thousands of rows are not read anew in each of the turns that a storm makes. */
  storms(): Promise<Storms> {
    if (this.#clock.monotonic() - this.#stormsReadAtMs >= STORMS_AT_MOST_MS || this.#storms === null) {
      this.#stormsReadAtMs = this.#clock.monotonic();
      this.#storms = this.#ledger.storms(this.#reader.cluster);
      this.#storms.catch(() => {
        this.#storms = null;
      });
    }
    return this.#storms;
  }

  forgetStorms(): void {
    this.#storms = null;
  }

  /** Nothing is due: the status of a large cluster is not kept for nothing. */
  forgetBulk(): void {
    this.#bulk = null;
  }
}

/** What the claims of an answer that came at `claimedAtMs` (monotonic) want. */
export function wantedFor({ nowMs, claims, revision }: ClaimAnswer, claimedAtMs: number): Wanted {
  return {
    dueAtMs: claimedAtMs - nowMs + Math.max(...claims.map(({ remediation }) => dueAtMsOf(remediation))),
    version: Math.max(...claims.map(({ version }) => version)),
    revision,
    forRestarts: claims.some(({ remediation }) => isNext(remediation, nowMs)),
  };
}

/** Its attempt is due, and only a place is missing, if anything. */
function isNext({ phase }: Remediation, nowMs: number): boolean {
  if (phase.state === 'held') return phase.hold.reason === 'concurrency';
  return phase.state === 'waiting' && phase.nextAtMs <= nowMs;
}

/**
 * A look that began later shows what was known: it had become due, and whatever was said of it had been said. A call whose end
 * was never written down may have ended just now.
 */
function dueAtMsOf({ lookAtMs, signalAtMs, alerts, phase, attemptLog }: Remediation): number {
  if (phase.state === 'restarting' && attemptLog.at(-1)?.outcome === null) return Number.POSITIVE_INFINITY;
  return Math.max(lookAtMs, signalAtMs ?? 0, ...alerts.map(({ seenAtMs }) => seenAtMs));
}
