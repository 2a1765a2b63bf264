import type { AuditEvent, Pause } from '../../src/core/model.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite.ts';
import { AlertmanagerLink } from './alertmanager-link.ts';
import { Alertmanager, Prometheus } from './alertmanager-model.ts';
import { ConnectLink } from './connect-link.ts';
import { ConnectModel, type ConnectorModel } from './connect-model.ts';
import { planIncidents } from './incidents.ts';
import { LedgerClock } from './ledger-clock.ts';
import { type LedgerState, ledgerLink } from './ledger-link.ts';
import { CALM, EPOCH_MS, Life, type Weather } from './life.ts';
import { Rng } from './random.ts';
import { type Replica, startReplica } from './replica.ts';
import { drawScenario, type Scenario } from './scenario.ts';
import { Scheduler } from './scheduler.ts';
import type { Violation } from './truth.ts';
import { Witness } from './witness.ts';

/** A silence is known to all who ask so long after it began: the view's cache, its reading, and what comes before the call. */
const MUTED_FOR_MS = 15_000;
/** How long a connector that is gone, or was, may be taken for gone. */
const GONE_SEEN_MS = 30_000;
/**
 * What can be healed is healed, and for the rest a human is called, so long after the last fault. Mostly it takes a minute or
 * two; a part that stays RESTARTING for ever makes its connector wait six minutes before each attempt.
 */
const LIVE_WITHIN_MS = 3_600_000;
const CHECK_EVERY_MS = 2_000;

/** A place where a process runs; who dies there is started anew. */
interface Slot {
  replica: Replica | null;
  starts: number;
}

export interface RunResult {
  readonly seed: number;
  readonly violation: Violation | null;
  readonly events: number;
  readonly attempts: number;
  readonly simulatedMs: number;
}

/** One simulated world from its seed. `log` gets the story, line by line. */
export async function simulate(
  seed: number,
  log: ((line: string) => void) | null = null,
): Promise<RunResult> {
  const world = new World(seed, log);
  try {
    await world.run();
  } finally {
    await world.end();
  }
  return {
    seed,
    violation: world.witness.violation,
    events: world.scheduler.events,
    attempts: world.witness.attemptsMade,
    simulatedMs: world.scheduler.nowMs,
  };
}

/** Connect clusters, Alertmanagers, the ledger and the processes, in one time that the seed orders. */
export class World {
  readonly scenario: Scenario;
  readonly scheduler: Scheduler;
  readonly witness: Witness;
  readonly clusters: readonly ConnectModel[];
  readonly alertmanagers: readonly Alertmanager[];
  readonly replicas: readonly Slot[];
  readonly ledgerClock: LedgerClock;
  readonly ledgerState: LedgerState;
  readonly #rng: Rng;
  readonly #prometheus: Prometheus;
  readonly #ledger: Ledger;
  /** `untilMs` on the ledger's clock. */
  readonly #pauses: { cluster: string | null; connector: string | null; untilMs: number }[] = [];
  readonly #gone = new Map<string, number>();
  readonly #firingSince = new Map<string, number>();
  #stormy = true;

  constructor(seed: number, log: ((line: string) => void) | null) {
    const rng = new Rng(seed);
    this.scenario = drawScenario(rng.fork());
    const { scenario } = this;
    this.scheduler = new Scheduler(rng.fork());
    this.ledgerClock = new LedgerClock(this.scheduler);
    this.ledgerState = { down: false, claimsAtOnce: scenario.claimsAtOnce };
    this.witness = new Witness(this.scheduler, this.ledgerClock, log);
    this.clusters = scenario.clusters.map(
      ({ name, connectors }) =>
        new ConnectModel(name, connectors, scenario.connect, this.scheduler, rng.fork()),
    );
    this.#prometheus = new Prometheus(this.clusters, scenario.alerts);
    // Without a configured one somebody still sends the webhooks; it is only never asked.
    this.alertmanagers = Array.from(
      { length: Math.max(1, scenario.alertmanagers) },
      (_, index) =>
        new Alertmanager({
          name: `am${index}`,
          prometheus: this.#prometheus,
          traits: scenario.alerts,
          scheduler: this.scheduler,
          rng: rng.fork(),
          deliver: (_from, body) => this.deliver(body),
        }),
    );
    this.#ledger = openSqliteLedger({
      path: ':memory:',
      limits: { remediations: 1_000, events: 200 },
      now: () => this.ledgerClock.now(),
    });
    this.#rng = rng.fork();
    this.replicas = Array.from({ length: scenario.replicas }, () => ({ replica: null, starts: 0 }));
    this.witness.truth = {
      policy: scenario.policy,
      maxUnverified: scenario.maxUnverified,
      looksSoon: (cluster) => scenario.hangingNeighbour && cluster === 'a',
      isPaused: (cluster, connector) => this.#isPaused(cluster, connector),
      isMuted: (cluster, connector, part) => this.#isMuted(cluster, connector, part),
      isGone: (cluster, connector) => this.#isGone(cluster, connector),
      writes: (cluster, connector) => this.#find(cluster, connector)?.config ?? 0,
      failsAlike: (cluster, connector) => this.#failsAlike(cluster, connector),
    };
    planIncidents(this, rng.fork());
  }

  async run(): Promise<void> {
    const { scenario, scheduler, witness } = this;
    witness.say(() => JSON.stringify(scenario));
    for (const [index, slot] of this.replicas.entries()) this.#start(slot, index);
    this.#every(scenario.alerts.evaluateEveryMs, () => this.#evaluate());
    for (const one of this.alertmanagers) this.#every(scenario.alerts.groupIntervalMs, () => one.tick());
    const neighbour = this.clusters[1];
    if (scenario.hangingNeighbour && neighbour !== undefined) neighbour.rest = 'timeout';
    await scheduler.run(scenario.faultsUntilMs, () => witness.violation !== null);
    if (witness.violation !== null) return;
    this.#calm();
    let unwell: string | null = 'nothing was checked';
    for (
      let untilMs = scheduler.nowMs;
      unwell !== null && scheduler.nowMs < scenario.faultsUntilMs + LIVE_WITHIN_MS;
    ) {
      untilMs += CHECK_EVERY_MS;
      await scheduler.run(untilMs, () => witness.violation !== null);
      if (witness.violation !== null) return;
      unwell = this.#unwell();
    }
    if (unwell !== null) witness.violate('P7', `${LIVE_WITHIN_MS / 1_000} s after the last fault ${unwell}`);
  }

  async end(): Promise<void> {
    this.#stormy = false;
    for (const { replica } of this.replicas) replica?.life.die('the end');
    await this.#ledger.close();
  }

  /** As a load balancer does it: to any replica, and an error where nobody is there or nobody answers. */
  async deliver(body: unknown): Promise<boolean> {
    const { scheduler } = this;
    const slot = this.replicas[this.#rng.between(0, this.replicas.length - 1)];
    const latencyMs = this.#rng.chance(0.05) ? this.#rng.between(0, 5_000) : this.#rng.between(0, 30);
    return new Promise((resolve) => {
      scheduler.after(10_000, () => resolve(false));
      scheduler.after(latencyMs, () => {
        const replica = slot?.replica;
        if (!replica?.life.alive) return resolve(false);
        replica.webhook(body).then(
          (status) => {
            // An answer can be lost: then it is sent once more.
            if (!this.#rng.chance(0.02)) resolve(status === 202);
          },
          (error: unknown) => this.witness.fault(replica.life, 'webhook', error),
        );
      });
    });
  }

  pause(cluster: string | null, connector: string | null, ms: number, early: boolean): void {
    const untilMs = this.ledgerClock.now() + ms;
    const scope = { cluster, connector: cluster === null ? null : connector };
    const pause: Pause = { ...scope, reason: 'work', untilMs, by: 'ada', atMs: EPOCH_MS };
    const seen = { ...scope, untilMs };
    const before = this.#pauses.find(
      (one) => one.cluster === scope.cluster && one.connector === scope.connector,
    );
    if (before !== undefined) this.#pauses.splice(this.#pauses.indexOf(before), 1);
    this.#pauses.push(seen);
    this.witness.say(() => `pause ${JSON.stringify(scope)} for ${ms} ms`);
    void this.#ledger.putPause(pause, operatorEvent(scope));
    if (!early) return;
    this.scheduler.after(ms * 0.5, () => {
      if (!this.#pauses.includes(seen)) return;
      this.#pauses.splice(this.#pauses.indexOf(seen), 1);
      void this.#ledger.removePause(scope, operatorEvent(scope));
      void this.replicas[0]?.replica?.remediator.resumed(scope).catch(() => {});
    });
  }

  /** It does not exist from now on, or does again. */
  gone(cluster: string, connector: string): void {
    this.#gone.set(`${cluster}/${connector}`, this.scheduler.nowMs);
  }

  #start(slot: Slot, index: number): void {
    const { scenario, scheduler, witness } = this;
    slot.starts += 1;
    const skewMs = this.#rng.between(-60_000, 60_000);
    const life = new Life(`r${index}.${slot.starts}`, scheduler, this.#rng.fork(), skewMs, (dead, at) => {
      witness.say(() => `${dead.name} dies ${at}`);
      if (this.#stormy) scheduler.after(this.#rng.between(500, 20_000), () => this.#start(slot, index));
    });
    const weather = (usual: Weather) => (): Weather => (this.#isCalm() ? CALM : usual);
    if (!this.#isCalm()) life.mortality = scenario.mortality;
    witness.say(() => `${life.name} starts`);
    slot.replica = startReplica({
      life,
      ledger: ledgerLink(this.#ledger, life, weather(scenario.ledgerWeather), this.ledgerState, witness),
      connects: this.clusters.map(
        (model) =>
          new ConnectLink({
            model,
            life,
            weather: weather(scenario.connectWeather),
            witness,
            scheduler,
            rng: this.#rng.fork(),
          }),
      ),
      alertmanagers: this.alertmanagers.slice(0, scenario.alertmanagers).map(
        (model) =>
          new AlertmanagerLink({
            model,
            prometheus: this.#prometheus,
            life,
            weather: () => CALM,
            scheduler,
          }),
      ),
      policy: scenario.policy,
      maxUnverified: scenario.maxUnverified,
      statusEveryMs: scenario.statusEveryMs,
      resyncEveryMs: scenario.resyncEveryMs,
      onClusterAlert: scenario.onClusterAlert,
      witness,
    });
  }

  #every(ms: number, run: () => void): void {
    this.scheduler.after(ms, () => {
      run();
      this.#every(ms, run);
    });
  }

  #isCalm(): boolean {
    return this.scheduler.nowMs >= this.scenario.faultsUntilMs;
  }

  /** No more faults: what is broken by then stays so only where a restart or a human has to mend it. */
  #calm(): void {
    this.witness.say(() => 'no more faults');
    this.ledgerState.down = false;
    for (const cluster of this.clusters) cluster.rest = 'well';
    for (const { replica } of this.replicas) if (replica !== null) replica.life.mortality = 0;
  }

  #evaluate(): void {
    this.#prometheus.evaluate();
    const { firing } = this.#prometheus;
    for (const key of this.#firingSince.keys()) if (!firing.has(key)) this.#firingSince.delete(key);
    for (const key of firing.keys()) {
      if (!this.#firingSince.has(key)) this.#firingSince.set(key, this.scheduler.nowMs);
    }
  }

  #isPaused(cluster: string, connector: string): boolean {
    return this.#pauses.some(
      (one) =>
        this.ledgerClock.now() < one.untilMs &&
        (one.cluster === null || one.cluster === cluster) &&
        (one.connector === null || one.connector === connector),
    );
  }

  #isMuted(cluster: string, connector: string, part: number | null): string | null {
    const asked = this.alertmanagers.slice(0, this.scenario.alertmanagers);
    if (asked.length === 0) return null;
    const sinceMs = this.scheduler.nowMs - MUTED_FOR_MS;
    const labels: Readonly<Record<string, string>> = {
      connect_cluster: cluster,
      connector,
      ...(part === null ? {} : { task: String(part) }),
    };
    const silenced = asked.every(({ silences }) =>
      silences.some(
        ({ startsAtMs, endsAtMs, matchers }) =>
          startsAtMs <= sinceMs &&
          this.scheduler.nowMs < endsAtMs &&
          Object.entries(matchers).every(([name, value]) => labels[name] === value),
      ),
    );
    if (silenced) return `it has been silenced for ${MUTED_FOR_MS / 1_000} s`;
    const alert = [...this.#prometheus.firing].find(
      ([, one]) =>
        one['connect_cluster'] === cluster &&
        one['connector'] === connector &&
        (one['task'] ?? '') === (part === null ? '' : String(part)),
    );
    const firesLong =
      alert !== undefined && (this.#firingSince.get(alert[0]) ?? Number.POSITIVE_INFINITY) <= sinceMs;
    const inhibited = asked.every(
      ({ inhibited: map }) => (map.get(`${cluster}/${connector}`) ?? Number.POSITIVE_INFINITY) <= sinceMs,
    );
    return firesLong && inhibited ? `its alert has been inhibited for ${MUTED_FOR_MS / 1_000} s` : null;
  }

  #isGone(cluster: string, connector: string): boolean {
    const one = this.#find(cluster, connector);
    const goneAtMs = this.#gone.get(`${cluster}/${connector}`) ?? Number.NEGATIVE_INFINITY;
    return one === null || !one.exists || this.scheduler.nowMs - goneAtMs < GONE_SEEN_MS;
  }

  #find(cluster: string, connector: string): ConnectorModel | null {
    return this.clusters.find((one) => one.cluster === cluster)?.connectors.get(connector) ?? null;
  }

  #failsAlike(cluster: string, connector: string): number {
    const model = this.clusters.find((one) => one.cluster === cluster);
    const trace = model?.connectors.get(connector)?.ailment?.trace ?? null;
    if (model === undefined || trace === null) return 0;
    return [...model.connectors.values()].filter(({ ailment }) => ailment?.trace === trace).length;
  }

  /** What is neither healed nor in a human's hands; null: all is well. */
  #unwell(): string | null {
    const { scenario, witness, scheduler } = this;
    if (this.clusters.some((one) => one.rebalancing || one.workerLost)) return 'a cluster is rebalancing';
    for (const model of this.clusters) {
      for (const connector of model.connectors.values()) {
        const key = `${model.cluster}/${connector.name}`;
        if (!connector.exists || connector.mode !== 'on' || model.isRunning(connector)) continue;
        const record = witness.records.get(key);
        const called = record !== undefined && record.escalation !== null;
        const { ailment } = connector;
        const heals = ailment === null || ailment.healsAtMs <= scheduler.nowMs;
        const forgotten = connector.parts.some(({ state }) => state === 'RESTARTING');
        if (called && (!heals || forgotten || scenario.policy.thenEveryMs === null)) continue;
        // Connect forgot a restart, which happens, and the record was no longer waiting for it: an operator sees the hold.
        if (forgotten && record?.reason === 'rebalancing') continue;
        if (forgotten && record?.phase.state === 'stabilising') continue;
        const { threshold } = scenario.policy.storm;
        const inStorm = threshold !== null && this.#failsAlike(model.cluster, connector.name) >= threshold;
        // Nobody of a storm is exhausted: its probes go on.
        if (!heals && inStorm && record?.phase.state !== undefined) continue;
        const parts = connector.parts.map(({ state }) => state).join();
        return `${key} is ${parts}, ${heals ? 'can be healed' : 'cannot be healed'}, and its record says ${record === undefined ? 'nothing' : `${record.phase.state}, ${record.reason}`}`;
      }
    }
    const unanswered = [...witness.records.values()].find(
      (one) => one.signalAtMs !== null && this.ledgerClock.now() - one.signalAtMs > 60_000,
    );
    return unanswered === undefined
      ? null
      : `${unanswered.cluster}/${unanswered.connector} has an unanswered signal`;
  }
}

function operatorEvent({
  cluster,
  connector,
}: {
  cluster: string | null;
  connector: string | null;
}): AuditEvent {
  return {
    atMs: EPOCH_MS,
    cluster: cluster ?? '',
    connector: connector ?? '',
    kind: 'operator',
    reason: 'operator',
    attempt: null,
    actor: 'ada',
    detail: null,
  };
}
