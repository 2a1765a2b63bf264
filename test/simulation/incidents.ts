import type { Alertmanager, Labels } from './alertmanager-model.ts';
import { REQUEST_TIMEOUT_MS, SECRET } from './connect-link.ts';
import type { Ailment, ConnectModel, ConnectorModel, RestMode } from './connect-model.ts';
import type { Rng } from './random.ts';
import type { IncidentKind } from './scenario.ts';
import type { World } from './world.ts';

const SECOND = 1_000;

const restModes: readonly [RestMode, ...RestMode[]] = [
  'unauthorized',
  'unreachable',
  'unreachable',
  'timeout',
  'timeout',
  'server_error',
  'server_error',
  'conflict',
  'nonsense',
  'sparse',
  'missing',
];

/** Plans all that goes wrong in a run. Everything is over at `faultsUntilMs`, or heals by itself soon after. */
export function planIncidents(world: World, rng: Rng): void {
  const { scenario, scheduler } = world;
  const { incidents, faultsUntilMs } = scenario;
  for (const kind of Object.keys(incidents) as IncidentKind[]) {
    for (let n = 0; n < incidents[kind]; n += 1) {
      // Its own stream: what one incident draws does not move the next one.
      const own = rng.fork();
      const latestMs =
        kind === 'relapse' ? 5_000 : kind === 'failure' ? faultsUntilMs * 0.7 : faultsUntilMs * 0.9;
      scheduler.at(own.between(1_000, latestMs), () => {
        world.witness.say(() => `incident: ${kind}`);
        happen[kind](world, own);
      });
    }
  }
}

/** How long an incident may last, so that it is over in time. */
function lasting(world: World, rng: Rng, atMostMs: number): number {
  return Math.max(
    1,
    Math.min(rng.between(500, atMostMs), world.scenario.faultsUntilMs - world.scheduler.nowMs),
  );
}

function aCluster(world: World, rng: Rng): ConnectModel | undefined {
  return world.clusters[rng.between(0, world.clusters.length - 1)];
}

function aConnector(world: World, rng: Rng): { cluster: ConnectModel; connector: ConnectorModel } | null {
  const cluster = aCluster(world, rng);
  const all = [...(cluster?.connectors.values() ?? [])];
  const connector = all[rng.between(0, all.length - 1)];
  return cluster === undefined || connector === undefined ? null : { cluster, connector };
}

const happen: Readonly<Record<IncidentKind, (world: World, rng: Rng) => void>> = {
  failure: (world, rng) => {
    const first = aConnector(world, rng);
    if (first === null) return;
    const { scenario } = world;
    const alike = rng.chance(scenario.alike);
    const hopeless = rng.chance(scenario.hopeless);
    const healsAtMs = hopeless
      ? Number.POSITIVE_INFINITY
      : rng.chance(0.5)
        ? 0
        : rng.between(world.scheduler.nowMs, scenario.faultsUntilMs);
    const trace = alike
      ? `org.apache.kafka.connect.errors.ConnectException: database is away, password=${SECRET}\n\tat org.example.Sink.put(Sink.java:1)`
      : hopeless && rng.chance(0.5)
        ? 'org.example.HopelessException: no such class\n\tat org.example.Sink.start(Sink.java:2)'
        : rng.chance(0.2)
          ? null
          : `org.example.Exception${first.connector.name}: failed\n\tat org.example.Sink.put(Sink.java:1)`;
    const some = alike ? [...first.cluster.connectors.values()] : [first.connector];
    for (const connector of some) {
      const all = connector.parts.map(({ id }) => id);
      const parts = rng.chance(0.2)
        ? all
        : rng.chance(0.3)
          ? [null]
          : all.slice(rng.between(1, all.length - 1));
      const ailment: Ailment = { trace, parts, healsAtMs };
      world.scheduler.after(rng.between(0, alike ? 5_000 : 0), () => first.cluster.fail(connector, ailment));
    }
  },
  rest: (world, rng) => {
    const cluster = aCluster(world, rng);
    if (cluster === undefined) return;
    cluster.rest = rng.pick(restModes);
    // A 404 of Connect's own for what exists is seen for a moment at most: a worker that has not read its topic.
    const ms = cluster.rest === 'missing' ? rng.between(200, 1_500) : lasting(world, rng, 40_000);
    world.scheduler.after(ms, () => {
      cluster.rest = 'well';
    });
  },
  rebalance: (world, rng) => aCluster(world, rng)?.rebalance(lasting(world, rng, 30_000)),
  worker_lost: (world, rng) =>
    aCluster(world, rng)?.loseWorker(lasting(world, rng, 10_000), rng.between(1_000, 30_000)),
  operator: (world, rng) => {
    const target = aConnector(world, rng);
    if (target === null) return;
    const connector = rng.chance(0.7) ? target.connector.name : null;
    world.pause(
      rng.chance(0.2) ? null : target.cluster.cluster,
      connector,
      lasting(world, rng, 50_000),
      rng.chance(0.5),
    );
  },
  configuration: (world, rng) => {
    const target = aConnector(world, rng);
    if (target === null) return;
    const { cluster, connector } = target;
    const what = rng.pick(['pause', 'stop', 'remove', 'opt_out', 'write', 'pause']);
    const ms = lasting(world, rng, 40_000);
    const stays = rng.chance(0.2);
    world.witness.say(() => `${cluster.cluster}/${connector.name}: ${what}`);
    if (what === 'write') {
      if (connector.exists) cluster.configure(connector);
    } else if (what === 'opt_out') {
      connector.optedOut = true;
      world.scheduler.after(ms, () => {
        connector.optedOut = false;
      });
    } else if (what === 'remove') {
      cluster.remove(connector);
      world.gone(cluster.cluster, connector.name);
      if (stays) return;
      world.scheduler.after(ms, () => {
        world.gone(cluster.cluster, connector.name);
        cluster.configure(connector);
      });
    } else {
      cluster.setMode(connector, what === 'pause' ? 'paused' : 'stopped');
      if (!stays) world.scheduler.after(ms, () => cluster.setMode(connector, 'on'));
    }
  },
  silence: (world, rng) => {
    const target = aConnector(world, rng);
    if (target === null) return;
    const { cluster, connector } = target;
    const matchers: Labels = {
      connect_cluster: cluster.cluster,
      ...(rng.chance(0.8) ? { connector: connector.name } : {}),
      ...(rng.chance(0.2) ? { task: '0' } : {}),
    };
    const startsAtMs = world.scheduler.nowMs;
    const endsAtMs = startsAtMs + lasting(world, rng, 70_000);
    world.witness.say(() => `silence ${JSON.stringify(matchers)}`);
    const silence = { id: `s${rng.between(0, 1e9)}`, matchers, startsAtMs, endsAtMs };
    eachOf(world.alertmanagers, world, rng, (one) => one.silences.push(silence));
  },
  inhibition: (world, rng) => {
    const target = aConnector(world, rng);
    if (target === null) return;
    const key = `${target.cluster.cluster}/${target.connector.name}`;
    for (const one of world.alertmanagers) one.inhibited.set(key, world.scheduler.nowMs);
    world.scheduler.after(lasting(world, rng, 50_000), () => {
      for (const one of world.alertmanagers) one.inhibited.delete(key);
    });
  },
  alertmanager: (world, rng) => {
    const one = world.alertmanagers[rng.between(0, Math.max(0, world.alertmanagers.length - 1))];
    if (one === undefined) return;
    one.api = rng.pick(['hang', 'error', 'silences_error', 'refused']);
    world.scheduler.after(lasting(world, rng, 40_000), () => {
      one.api = 'well';
    });
  },
  ledger: (world, rng) => {
    world.ledgerState.down = true;
    world.scheduler.after(lasting(world, rng, 20_000), () => {
      world.ledgerState.down = false;
    });
  },
  crash: (world, rng) =>
    world.replicas[rng.between(0, world.replicas.length - 1)]?.replica?.life.die('at random'),
  freeze: (world, rng) => {
    world.replicas[rng.between(0, world.replicas.length - 1)]?.replica?.life.freeze(
      lasting(world, rng, 90_000),
    );
  },
  clock: (world, rng) => {
    const life = world.replicas[rng.between(0, world.replicas.length - 1)]?.replica?.life;
    if (life !== undefined) life.skewMs += rng.between(-3_600 * SECOND, 3_600 * SECOND);
  },
  // A lease forgives as much: a call is made only while twice its own timeout is left.
  ledger_clock: (world, rng) => {
    const jump = (): void => world.ledgerClock.jump(rng.between(500, 2 * REQUEST_TIMEOUT_MS));
    if (rng.chance(0.3)) jump();
    // What was read before a call must not be taken for what came after it.
    else world.witness.afterNextCall = () => world.scheduler.after(rng.between(0, 500), jump);
  },
  nonsense: (world, rng) => {
    const label = { alertname: 'x', connector: 'c0' };
    const body = rng.pick<unknown>([
      null,
      'text',
      { version: '3', alerts: [] },
      { version: '4', alerts: 'none' },
      {
        version: '4',
        alerts: [null, { status: 'firing', labels: null }, { status: 'burning', labels: label }],
      },
      { version: '4', alerts: [{ status: 'firing', labels: { ...label, connect_cluster: 'elsewhere' } }] },
      { version: '4', truncatedAlerts: 3, groupLabels: {}, alerts: [] },
      {
        version: '4',
        alerts: [{ status: 'resolved', labels: { ...label, connect_cluster: 'a' }, fingerprint: 'r' }],
      },
    ]);
    void world.deliver(body);
  },
  // Each restart heals it, and it is stable, and soon after it fails again.
  relapse: (world, rng) => {
    const target = aConnector(world, rng);
    if (target === null) return;
    const { cluster, connector } = target;
    const { stableForMs } = world.scenario.policy;
    const restsMs = (typeof stableForMs === 'number' ? stableForMs : 0) + rng.between(3_000, 6_000);
    let ranSinceMs = Number.NEGATIVE_INFINITY;
    const again = (): void => {
      const { nowMs } = world.scheduler;
      if (nowMs > world.scenario.faultsUntilMs) return;
      if (!cluster.isRunning(connector)) ranSinceMs = Number.POSITIVE_INFINITY;
      else if (ranSinceMs > nowMs) ranSinceMs = nowMs;
      else if (nowMs - ranSinceMs >= restsMs) {
        cluster.fail(connector, { trace: 'org.example.Relapse: again', parts: [0], healsAtMs: nowMs });
      }
      world.scheduler.after(1_000, again);
    };
    again();
  },
};

/** Silences spread by gossip: at once to one, to the others soon. */
function eachOf(
  all: readonly Alertmanager[],
  world: World,
  rng: Rng,
  act: (one: Alertmanager) => void,
): void {
  for (const one of all) world.scheduler.after(rng.between(0, 2_000), () => act(one));
}
