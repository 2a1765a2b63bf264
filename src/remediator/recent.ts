import type { Clock } from '../clock.ts';
import type { Ledger, Storms } from '../ledger/ledger.ts';
import type { BulkRead, ClusterReader } from './cluster-reader.ts';

/** A bulk read serves further turns for so long: a restart is decided on a status of a second at most, and needs time itself. */
const BULK_SERVES_MS = 800;
/** What a storm is decided on may be this old. */
const STORMS_AT_MOST_MS = 1_000;

/** What one turn of a lane has read and the next ones may still use. */
export class Recent {
  readonly #reader: Pick<ClusterReader, 'cluster' | 'read'>;
  readonly #ledger: Pick<Ledger, 'storms'>;
  readonly #clock: Clock;
  #bulk: BulkRead | null = null;
  #storms: Promise<Storms> | null = null;
  #stormsReadAtMs = 0;

  constructor(reader: Pick<ClusterReader, 'cluster' | 'read'>, ledger: Pick<Ledger, 'storms'>, clock: Clock) {
    this.#reader = reader;
    this.#ledger = ledger;
    this.#clock = clock;
  }

  /**
   * The status of all connectors, read after all that is looked at was due (`dueAtMs`, monotonic): the last read where it began
   * later than that and is young enough, else another one. Of a large cluster a read costs more than all that a turn does.
   */
  async bulk(dueAtMs: number): Promise<BulkRead> {
    const last = this.#bulk;
    if (
      last !== null &&
      last.begunAtMs > dueAtMs &&
      this.#clock.monotonic() - last.begunAtMs <= BULK_SERVES_MS
    )
      return last;
    this.#bulk = null;
    const read = await this.#reader.read();
    if (read.result.outcome === 'ok') this.#bulk = read;
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
