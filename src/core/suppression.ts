import type { HoldSeen } from './holds.ts';
import type { AlertSeen, RestartPlan } from './model.ts';
import { labelKey, readAlert, type SignalRules } from './signals.ts';

/**
 * Which parts of a connector a silence or an inhibition covers, and what that leaves a restart to touch.
 *
 * Whatever cannot be told counts against acting: a silence that cannot be evaluated is never taken for one that does not
 * match. Restarting what somebody silenced is the worse failure, waiting for fifteen seconds the lesser one.
 */

/** Whether a silence matches labels; `unknown` where that cannot be told. */
export type Fit = 'yes' | 'no' | 'unknown';

/** A silence that is active, or may be. Texts are masked and short. */
export interface SilenceSeen {
  readonly id: string;
  readonly author: string;
  readonly comment: string;
  /** On the Alertmanager's clock; null where that cannot be read. */
  readonly endsAtMs: number | null;
  readonly fit: (labels: Readonly<Record<string, string>>) => Fit;
  /** The labels that its matchers look at: what differs in others only fits alike. Absent: any. */
  readonly names?: ReadonlySet<string>;
}

/** An alert that an Alertmanager lists as suppressed, or whose status there cannot be read. */
export interface SuppressedAlert {
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Ids of silences. */
  readonly silencedBy: readonly string[];
  /** Fingerprints of alerts. */
  readonly inhibitedBy: readonly string[];
  /** The alert is listed, but whether it is suppressed cannot be read. */
  readonly unreadable: boolean;
}

/** What one Alertmanager said; a list that it did not answer is empty. */
export interface AlertmanagerSeen {
  /** Host, port and path prefix. */
  readonly name: string;
  readonly silences: readonly SilenceSeen[];
  readonly suppressed: readonly SuppressedAlert[];
}

/** All configured Alertmanagers at one moment. */
export interface SuppressionView {
  readonly alertmanagers: readonly AlertmanagerSeen[];
  /** null: at least one answered in full, or none is configured. Else which one did not, and why. */
  readonly unknown: string | null;
}

/** No Alertmanager is configured: nothing is suppressed. */
export const NO_ALERTMANAGERS: SuppressionView = { alertmanagers: [], unknown: null };

/** What may be suppressed: a connector, and the alerts seen for it in this failure. */
export interface SuppressionTarget {
  readonly cluster: string;
  readonly connector: string;
  readonly alerts: readonly Pick<AlertSeen, 'fingerprint' | 'labels'>[];
  readonly rules: SignalRules;
}

/** A part of a connector: a task by its id, or the connector instance (`null`). */
export type Part = number | null;

/** What is known of one part. `unknown` is not `free`. */
export interface PartSuppression {
  readonly part: Part;
  readonly state: 'free' | 'silenced' | 'inhibited' | 'unknown';
  /** For a human: which silence and whose, or which alert inhibits. null where it is free. */
  readonly detail: string | null;
  /** When the last silence over it ends, on the Alertmanager's clock; null where that is not known. */
  readonly untilMs: number | null;
}

/** A silence's end is passed on, but not earlier than this from now: what is read then would still be the old view. */
export const LOOK_AGAIN_AFTER_MS = 3_000;

/** How the names of the shipped alerts about connect-medic itself begin (`ConnectMedicEscalated` and so on). */
const OWN_ALERTS = 'ConnectMedic';

type Labels = Readonly<Record<string, string>>;

/** Something that covers a part. */
interface Cover {
  readonly state: Exclude<PartSuppression['state'], 'free'>;
  readonly detail: string;
  readonly untilMs: number | null;
}

/**
 * Says for each failed part whether it is suppressed.
 *
 * - A part is silenced if an active silence matches any alert seen for it in this failure, firing or resolved (a restart
 *   makes an alert vanish), by the labels that the alert carried.
 * - An alert that names no task is about the whole connector: it covers the connector instance and every task.
 * - A part for which no alert was seen yet borrows the connector's, with its own task in them: what somebody silenced by the
 *   connector's name stays silenced while the part's own alert is on its way.
 * - Every alert for this connector that an Alertmanager lists as suppressed counts as well, also one that was never notified,
 *   and one that names no connector where this remediation was opened by it. One that is inhibited by alerts
 *   seen for this very connector only does not count: a failure would else forbid its own remedy. Nor do connect-medic's own alerts (`ConnectMedic…`):
 *   to silence its page is to say that a human knows, not that the connector is to stay down.
 *
 * Silenced comes before inhibited, both before unknown.
 */
export function suppressedParts(
  view: SuppressionView,
  target: SuppressionTarget,
  failed: readonly Part[],
): PartSuppression[] {
  const listed = view.alertmanagers.flatMap((alertmanager) => listedCovers(alertmanager, target));
  const silenceOver = silencesFor(view, target);
  return failed.map((part) => {
    const covers = listed.filter((one) => isOver(one.over, part)).map(({ cover }) => cover);
    covers.push(...silenceOver(part));
    if (view.unknown !== null) covers.push({ state: 'unknown', detail: view.unknown, untilMs: null });
    return { part, ...strongest(covers) };
  });
}

/**
 * What is left to act on. All failed parts free: one call for all. Some free: those, each with its own call, and no hold.
 * None free: a hold for each reason there is, `alertmanager_unreachable` standing for `unknown`.
 *
 * `untilMs` of a hold is the earliest end, since a part may be free then. `nowMs` is the ledger's clock; the Alertmanager's may
 * differ, so an end that seems over is moved to `LOOK_AGAIN_AFTER_MS` from now: the look would else repeat without a pause.
 */
export function planAround(
  parts: readonly PartSuppression[],
  nowMs: number,
): { readonly holds: readonly HoldSeen[]; readonly plan: RestartPlan } {
  const free = parts.filter(({ state }) => state === 'free');
  if (free.length === parts.length) return { holds: [], plan: { kind: 'failed' } };
  const tasks = free.flatMap(({ part }) => (part === null ? [] : [part]));
  const plan: RestartPlan = { kind: 'parts', connector: free.some(({ part }) => part === null), tasks };
  if (free.length > 0) return { holds: [], plan };
  const holds: HoldSeen[] = [];
  for (const state of ['silenced', 'inhibited', 'unknown'] as const) {
    const held = parts.filter((part) => part.state === state);
    if (held.length === 0) continue;
    const reason = state === 'unknown' ? 'alertmanager_unreachable' : state;
    holds.push({ reason, detail: detailOf(held), untilMs: earliest(held, nowMs) });
  }
  return { holds, plan };
}

/** Both in one: what a look needs to know. Nothing failed: nothing is held. */
export function suppress(
  view: SuppressionView,
  target: SuppressionTarget,
  failed: readonly Part[],
  nowMs: number,
): { readonly holds: readonly HoldSeen[]; readonly plan: RestartPlan } {
  return planAround(suppressedParts(view, target, failed), nowMs);
}

/** The parts that a cover is over: `all`, or these. */
type Over = 'all' | readonly Part[];

function isOver(over: Over, part: Part): boolean {
  return over === 'all' || over.includes(part);
}

/**
 * What the silences say about a part, by the labels of the alerts about the whole connector and of the part's own; where there
 * is none of its own, by the connector's with the part's task in them. A connector can have a thousand failed tasks, and a
 * cluster a hundred silences, so nothing is matched twice that cannot come out differently.
 */
function silencesFor(view: SuppressionView, { alerts, rules }: SuppressionTarget): (part: Part) => Cover[] {
  const tasks = alerts.map(({ labels }) => taskOf(labels, rules));
  const matched = new Map<Labels, readonly Cover[]>();
  const once = (labels: Labels): readonly Cover[] => {
    const known = matched.get(labels) ?? silenceCovers(view, labels, () => true);
    matched.set(labels, known);
    return known;
  };
  const hasTask = ({ names }: SilenceSeen): boolean => names?.has(rules.labels.task) ?? true;
  let borrowed: readonly { readonly base: Labels; readonly covers: readonly Cover[] }[] | null = null;
  const borrow = (): NonNullable<typeof borrowed> => {
    const bases = alerts.map(({ labels }) => {
      const { [rules.labels.task]: _other, ...base } = labels;
      return base;
    });
    const distinct = new Map(bases.map((base) => [labelKey(base), base]));
    return [...distinct.values()].map((base) => ({
      base,
      covers: silenceCovers(view, base, (silence) => !hasTask(silence)),
    }));
  };
  return (part) => {
    const over = alerts.filter((_, index) => tasks[index] === null || tasks[index] === part);
    const covers = over.flatMap(({ labels }) => once(labels));
    if (tasks.includes(part)) return covers;
    borrowed ??= borrow();
    for (const { base, covers: ofBase } of borrowed) {
      const labels = part === null ? base : { ...base, [rules.labels.task]: String(part) };
      covers.push(...ofBase, ...silenceCovers(view, labels, hasTask));
    }
    return covers;
  };
}

/** What the silences of all Alertmanagers say about labels. */
function silenceCovers(
  view: SuppressionView,
  labels: Labels,
  counts: (silence: SilenceSeen) => boolean,
): Cover[] {
  return view.alertmanagers.flatMap(({ name, silences }) =>
    silences.flatMap((silence) => {
      const fit = counts(silence) ? silence.fit(labels) : 'no';
      if (fit === 'no') return [];
      return [fit === 'yes' ? silencedBy(silence) : cannotTell(silence, name)];
    }),
  );
}

/** The task that labels name; null: none, so they are about the whole connector. */
function taskOf(labels: Labels, rules: SignalRules): number | null {
  const reading = readAlert({ labels, fingerprint: '-' }, rules, 'firing');
  return reading.kind === 'signal' ? reading.signal.task : null;
}

/** What an Alertmanager's list of suppressed alerts covers of a connector. */
function listedCovers(
  { name, silences, suppressed }: AlertmanagerSeen,
  target: SuppressionTarget,
): { readonly over: Over; readonly cover: Cover }[] {
  return suppressed.flatMap((alert) => {
    const over = overOf(alert, target);
    if (over === null) return [];
    const covers = alert.silencedBy.map((id) => {
      const silence = silences.find((one) => one.id === id);
      return silence === undefined ? plain('silenced', `silence ${id}`) : silencedBy(silence);
    });
    const others = alert.inhibitedBy.filter((by) => !target.alerts.some((seen) => seen.fingerprint === by));
    const [inhibitor] = others;
    if (inhibitor !== undefined) covers.push(plain('inhibited', `inhibited by alert ${inhibitor}`));
    if (alert.unreadable) {
      covers.push(plain('unknown', `${name}: the status of alert ${alert.fingerprint} cannot be read`));
    }
    return covers.map((cover) => ({ over, cover }));
  });
}

/** The parts of this connector that a listed alert is about; null: none. */
function overOf({ labels, fingerprint }: SuppressedAlert, target: SuppressionTarget): Over | null {
  const { cluster, connector, rules, alerts } = target;
  if (labels['alertname']?.startsWith(OWN_ALERTS) === true) return null;
  const reading = readAlert({ labels, fingerprint }, rules, 'firing');
  if (reading.kind === 'signal') {
    const { signal } = reading;
    if (signal.cluster !== cluster || signal.connector !== connector) return null;
    return signal.task === null ? 'all' : [signal.task];
  }
  // It names no connector: it counts where this remediation came from it.
  const seen = alerts.filter((alert) => cameFrom(alert, fingerprint));
  const tasks = seen.map((alert) => taskOf(alert.labels, rules));
  return tasks.includes(null) ? 'all' : tasks;
}

/** With `onClusterAlert: remediate` a seen alert is one of Alertmanager's with `/` and the part behind its fingerprint. */
function cameFrom(seen: { readonly fingerprint: string }, fingerprint: string): boolean {
  return seen.fingerprint === fingerprint || seen.fingerprint.startsWith(`${fingerprint}/`);
}

function plain(state: Cover['state'], detail: string): Cover {
  return { state, detail, untilMs: null };
}

function silencedBy({ id, author, comment, endsAtMs }: SilenceSeen): Cover {
  const by = author === '' ? '' : ` by ${author}`;
  return {
    state: 'silenced',
    detail: `silence ${id}${by}${comment === '' ? '' : `: ${comment}`}`,
    untilMs: endsAtMs,
  };
}

function cannotTell({ id }: SilenceSeen, name: string): Cover {
  return plain('unknown', `${name}: silence ${id} cannot be evaluated`);
}

/** Of what covers a part, what is shown: of several silences the one that ends last, since the part is free only then. */
function strongest(covers: readonly Cover[]): Omit<PartSuppression, 'part'> {
  for (const state of ['silenced', 'inhibited', 'unknown'] as const) {
    const [first, ...others] = covers.filter((cover) => cover.state === state);
    if (first === undefined) continue;
    const endOf = (cover: Cover): number => cover.untilMs ?? Number.POSITIVE_INFINITY;
    return others.reduce((last, cover) => (endOf(cover) > endOf(last) ? cover : last), first);
  }
  return { state: 'free', detail: null, untilMs: null };
}

function detailOf(held: readonly PartSuppression[]): string | null {
  const details = [...new Set(held.flatMap(({ detail }) => (detail === null ? [] : [detail])))];
  const [first, ...others] = details;
  if (first === undefined) return null;
  return others.length === 0 ? first : `${first}; and ${others.length} more`;
}

function earliest(held: readonly PartSuppression[], nowMs: number): number | null {
  const ends = held.flatMap(({ untilMs }) => (untilMs === null ? [] : [untilMs]));
  return ends.length === 0 ? null : Math.max(Math.min(...ends), nowMs + LOOK_AGAIN_AFTER_MS);
}
