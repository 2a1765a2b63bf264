import type { Remediation } from '../core/model.ts';
import type { Policy } from '../core/policy.ts';
import type { Storm } from '../core/storm.ts';
import type { ClaimAnswer, Ledger, Pauses, Storms } from '../ledger/ledger.ts';
import type { BulkRead } from './cluster-reader.ts';
import { type Groups, stormFor } from './failures.ts';

/** What one turn of a lane knows of its cluster, shared by all remediations that it works on. */
export class Turn {
  readonly bulk: BulkRead;
  readonly groups: Groups;
  /** As of the claim. */
  readonly pauses: Pauses;
  /**
   * The ledger's time now, or a little later: as if its answer had come at once. What is counted from now on is never counted
   * from too early.
   */
  readonly latest: () => number;
  readonly #ledger: Ledger;
  readonly #cluster: string;
  readonly #recentStorms: () => Promise<Storms>;
  readonly #claimed: ReadonlySet<string>;
  /** Signatures whose elected members were woken. */
  readonly #called = new Set<string>();
  #storms: Promise<Storms> | null = null;

  constructor(of: {
    readonly ledger: Ledger;
    readonly cluster: string;
    readonly bulk: BulkRead;
    readonly groups: Groups;
    readonly answer: ClaimAnswer;
    /** As of a second ago at most: what was decided since is found out in the commit. */
    readonly recentStorms: () => Promise<Storms>;
    readonly latest: () => number;
  }) {
    this.bulk = of.bulk;
    this.groups = of.groups;
    this.pauses = of.answer.pauses;
    this.latest = of.latest;
    this.#ledger = of.ledger;
    this.#cluster = of.cluster;
    this.#recentStorms = of.recentStorms;
    this.#claimed = new Set(of.answer.claims.map(({ remediation }) => remediation.connector));
  }

  /** What storms are decided on, read when the first remediation needs it. */
  storms(): Promise<Storms> {
    this.#storms ??= this.#recentStorms();
    return this.#storms;
  }

  /**
   * Whoever may be the next probe is looked at now, whenever its own look would come: the group's rhythm counts. Once for each
   * group. Answers whether something is due by it.
   */
  async callElected({ signature, elected }: Storm): Promise<boolean> {
    if (this.#called.has(signature)) return false;
    this.#called.add(signature);
    const absent = elected.filter((connector) => !this.#claimed.has(connector));
    if (absent.length === 0) return false;
    await this.#ledger.wake(absent.map((connector) => ({ cluster: this.#cluster, connector })));
    return true;
  }

  /** A probe has proved itself, so the window has doubled: the next ones need not wait for their own looks. */
  async callMore(
    signature: string,
    proven: Remediation,
    policyFor: (connector: string) => Policy,
    nowMs: number,
  ): Promise<boolean> {
    if (!this.groups.has(signature)) return false;
    const storms = await this.#ledger.storms(this.#cluster);
    const storm = stormFor(proven, signature, this.groups, storms, policyFor, nowMs);
    this.#called.delete(signature);
    return storm !== null && this.callElected(storm);
  }
}
