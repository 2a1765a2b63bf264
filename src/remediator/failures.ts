import { setImmediate } from 'node:timers/promises';
import { type Diagnosis, examine, type Pack } from '../core/diagnosis.ts';
import type { ConnectorStatus, Remediation } from '../core/model.ts';
import { budgetRoomAtMs, type Policy } from '../core/policy.ts';
import { type Storm, type StormRow, stormOf } from '../core/storm.ts';
import { holdOf, nextAtMsOf } from '../core/transitions.ts';
import { failedParts, statusVerdict } from '../core/verdict.ts';
import type { StormFacts, Storms } from '../ledger/ledger.ts';
import type { ClusterReader, Snapshot } from './cluster-reader.ts';

/** What the failures of one cluster mean, and what they have in common. */
export class Failures {
  readonly #reader: ClusterReader;
  readonly #pack: Pack;

  constructor(reader: ClusterReader, pack: Pack) {
    this.#reader = reader;
    this.#pack = pack;
  }

  /** Another one when something is known of the connectors' settings that was not: what was judged may be judged otherwise now. */
  get version(): number {
    return this.#reader.settingsVersion;
  }

  /** null where nothing is failed. */
  examine(connector: string, status: ConnectorStatus): Diagnosis | null {
    const connectorClass = this.#reader.settingsOf(connector)?.connectorClass ?? null;
    return examine(failedParts(status), connectorClass, this.#pack);
  }

  /** Reads the settings of all connectors where those of this one are not known: its class decides which rules are about it. */
  async know(connector: string): Promise<void> {
    if (this.#reader.settingsOf(connector) === null) await this.#reader.readSettings(connector);
  }

  /** Keyed hash of the connector's configuration, as last read; null: not known. */
  configHash(connector: string): string | null {
    return this.#reader.settingsOf(connector)?.configHash ?? null;
  }

  /**
   * The connectors that fail with each signature, as one bulk read says. The connector's class is part of a signature: where one
   * is not known yet, all are read first. Empty for fewer failed connectors than `threshold`.
   */
  async groups(snapshot: Snapshot, threshold: number | null): Promise<Groups> {
    const groups = new Map<string, Set<string>>();
    if (threshold === null) return groups;
    const failing = [...snapshot].flatMap(([connector, status]) =>
      status && statusVerdict(status) === 'failed' ? [{ connector, status }] : [],
    );
    if (failing.length < threshold) return groups;
    const unknown = failing.find(({ connector }) => this.#reader.settingsOf(connector) === null);
    if (unknown !== undefined) await this.#reader.readSettings(unknown.connector);
    for (const [index, { connector, status }] of failing.entries()) {
      // Thousands of traces take a while, in which others have their turn.
      if (index % 100 === 99) await setImmediate();
      const signature = this.examine(connector, status)?.signature ?? null;
      if (signature === null) continue;
      const group = groups.get(signature) ?? new Set();
      group.add(connector);
      groups.set(signature, group);
    }
    for (const [signature, group] of groups) if (group.size < threshold) groups.delete(signature);
    return groups;
  }
}

/** The connectors of each signature that has enough of them for a storm. */
export type Groups = ReadonlyMap<string, ReadonlySet<string>>;

/** What was made of the same rows: a turn holds dozens of members against thousands of rows. */
interface Prepared {
  /** Of those that share their turns: `true` for dry runs. */
  readonly rows: Map<boolean, readonly StormRow[]>;
  readonly facts: ReadonlyMap<string, StormFacts>;
  readonly elections: Map<string, Storm>;
}
const prepared = new WeakMap<Storms, Prepared>();

function prepare(storms: Storms): Prepared {
  const known = prepared.get(storms);
  if (known !== undefined) return known;
  const facts = new Map(storms.rows.map((row) => [row.connector, row]));
  const fresh: Prepared = { rows: new Map(), facts, elections: new Map() };
  prepared.set(storms, fresh);
  return fresh;
}

/** The storm that a record is part of; null: none. */
export function stormFor(
  record: Remediation,
  signature: string | null,
  groups: Groups,
  storms: Storms,
  policyFor: (connector: string) => Policy,
  nowMs: number,
): Storm | null {
  const members = signature === null ? undefined : groups.get(signature);
  if (signature === null || members === undefined) return null;
  const { connector } = record;
  const policy = policyFor(connector);
  const given = { policy, storm: policy.storm, nowMs };
  const asRow = (facts: StormFacts): StormRow => {
    const roomAtMs = budgetRoomAtMs(policyFor(facts.connector), facts.chargedAtMs, nowMs);
    return { ...facts, roomAtMs };
  };
  const own = factsOf(record);
  const { rows, facts, elections } = prepare(storms);
  // What a dry run would do says nothing about the cause, and takes nobody's turn.
  const { dryRun } = policy;
  const peers =
    rows.get(dryRun) ?? storms.rows.filter((row) => policyFor(row.connector).dryRun === dryRun).map(asRow);
  rows.set(dryRun, peers);
  const known = facts.get(connector);
  if (members.has(connector) && known !== undefined && isSame(own, known)) {
    const group = `${signature}\n${dryRun}`;
    const storm = elections.get(group) ?? stormOf(signature, members, peers, connector, given);
    elections.set(group, storm);
    return { ...storm, mayProbe: storm.elected.includes(connector) };
  }
  // The record in hand is newer than the rows.
  const all = [...peers.filter((row) => row.connector !== connector), asRow(own)];
  return stormOf(
    signature,
    members.has(connector) ? members : new Set([...members, connector]),
    all,
    connector,
    given,
  );
}

function isSame(one: StormFacts, other: StormFacts): boolean {
  return (
    one.state === other.state &&
    one.hold === other.hold &&
    one.lastRestartAtMs === other.lastRestartAtMs &&
    one.chargedAtMs.length === other.chargedAtMs.length &&
    one.probe?.endedAtMs === other.probe?.endedAtMs
  );
}

/** The record as it is in hand, which may be newer than the rows. */
export function factsOf(record: Remediation): StormFacts {
  const { connector, phase, escalation, lastRestartAtMs, chargedAtMs, probe } = record;
  return {
    connector,
    state: phase.state,
    hold: holdOf(record)?.reason ?? null,
    escalation: escalation?.reason ?? null,
    nextAtMs: nextAtMsOf(record),
    lastRestartAtMs,
    chargedAtMs,
    probe,
  };
}

/** The signature whose probe a decision found to have proved itself; null: none. */
export function provenBy({ probe: before }: Remediation, next: Remediation | null): string | null {
  const after = next?.probe ?? null;
  return before?.ended === null && after?.ended === 'proven' ? after.signature : null;
}
