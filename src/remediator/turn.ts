import type { Remediation } from '../core/model.ts';
import type { Policy } from '../core/policy.ts';
import type { Storm } from '../core/storm.ts';
import type { ClaimAnswer, Ledger, Pauses, Storms } from '../ledger/ledger.ts';
import type { BulkRead } from './cluster-reader.ts';
import { type Failures, type Groups, stormFor } from './failures.ts';

/** What one turn of a lane knows of its cluster, shared by all remediations that it works on. */
export class Turn {
  readonly bulk: BulkRead;
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
  readonly #failures: Failures;
  readonly #threshold: number | null;
  #groups: Promise<Groups> | null = null;
  #groupsVersion = -1;
  #storms: Promise<Storms> | null = null;

  constructor(of: {
    readonly ledger: Ledger;
    readonly cluster: string;
    readonly bulk: BulkRead;
    readonly failures: Failures;
    /** Members from which on a storm is one; null: never. */
    readonly threshold: number | null;
    readonly answer: ClaimAnswer;
    /** As of a second ago at most: what was decided since is found out in the commit. */
    readonly recentStorms: () => Promise<Storms>;
    readonly latest: () => number;
  }) {
    this.bulk = of.bulk;
    this.#failures = of.failures;
    this.#threshold = of.threshold;
    this.pauses = of.answer.pauses;
    this.latest = of.latest;
    this.#ledger = of.ledger;
    this.#cluster = of.cluster;
    this.#recentStorms = of.recentStorms;
    this.#claimed = new Set(of.answer.claims.map(({ remediation }) => remediation.connector));
  }

  /**
   * Who fails alike, by what is known of the connectors' classes when this resolves: made anew where a class became known
   * meanwhile, or a look would have another signature than its group.
   */
  async groups(): Promise<Groups> {
    const { result } = this.bulk;
    if (result.outcome !== 'ok') return new Map();
    for (;;) {
      const { version } = this.#failures;
      if (this.#groups === null || this.#groupsVersion !== version) {
        this.#groupsVersion = version;
        this.#groups = this.#failures.groups(result.value, this.#threshold);
      }
      const groups = await this.#groups;
      if (this.#groupsVersion === this.#failures.version) return groups;
    }
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
    const groups = await this.groups();
    if (!groups.has(signature)) return false;
    const storms = await this.#ledger.storms(this.#cluster);
    const storm = stormFor(proven, signature, groups, storms, policyFor, nowMs);
    this.#called.delete(signature);
    return storm !== null && this.callElected(storm);
  }
}
