/** A primary, a replica and three Sentinels that watch over them. */
import { freePorts } from '../stack/ports.ts';
import { waitFor } from '../stack/process.ts';
import { prepareRedis, type RedisServer, startRedis, temporaryDirectory } from './server.ts';

export interface SentinelOptions {
  /** For the servers, not for the Sentinels. Default none. */
  password?: string;
  /** See `RedisOptions`. Default `no`. */
  appendonly?: 'no' | 'always';
}

export interface SentinelGroup {
  /** As `ledger.url` wants it. */
  readonly url: string;
  /** What the Sentinels call the primary. */
  readonly primaryName: string;
  /** The two servers; the first one starts as the primary. */
  readonly servers: readonly [RedisServer, RedisServer];
  readonly sentinels: readonly RedisServer[];
  /** Whom the Sentinels name now. */
  readonly primary: () => Promise<RedisServer>;
  readonly stop: () => Promise<void>;
}

const PRIMARY_NAME = 'medic';
const SENTINELS = 3;
const QUORUM = 2;
/** A primary that is silent for so long counts as down; a failover takes about a second more. */
const DOWN_AFTER_MS = 2_000;
const READY_WITHIN_MS = 30_000;

/** Resolves once the replica is in step and the Sentinels know it and each other. */
export async function startSentinel(options: SentinelOptions = {}): Promise<SentinelGroup> {
  const directory = await temporaryDirectory();
  const started: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
    directory.remove();
  };
  try {
    const ports = await freePorts(2 + SENTINELS);
    const [primaryPort = 0, replicaPort = 0, ...sentinelPorts] = ports;
    const common = { ...options, dir: directory.path };
    const primary = await startRedis({ ...common, name: 'primary', port: primaryPort });
    started.push(primary);
    const replica = await startRedis({ ...common, name: 'replica', port: replicaPort, replicaOf: primary });
    started.push(replica);
    await waitFor('the replica', () => hasLink(replica), READY_WITHIN_MS, 50);
    const sentinels = await Promise.all(
      sentinelPorts.map((port, index) =>
        prepareSentinel(`sentinel-${index + 1}`, port, directory.path, primary),
      ),
    );
    started.push(...sentinels);
    await Promise.all(sentinels.map((sentinel) => sentinel.start()));
    await waitFor('the Sentinels', () => all(sentinels, knowsAll), READY_WITHIN_MS, 50);
    const credentials = options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`;
    return {
      url: `redis+sentinel://${credentials}${sentinels.map(({ host }) => host).join(',')}/${PRIMARY_NAME}`,
      primaryName: PRIMARY_NAME,
      servers: [primary, replica],
      sentinels,
      primary: async () => {
        const port = await primaryPortOf(sentinels);
        return port === replica.port ? replica : primary;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function prepareSentinel(
  name: string,
  port: number,
  dir: string,
  primary: RedisServer,
): Promise<RedisServer> {
  const config = [
    `sentinel monitor ${PRIMARY_NAME} 127.0.0.1 ${primary.port} ${QUORUM}`,
    `sentinel down-after-milliseconds ${PRIMARY_NAME} ${DOWN_AFTER_MS}`,
    // Sentinels that began at the same moment may elect nobody: they try again after twice this.
    `sentinel failover-timeout ${PRIMARY_NAME} 2000`,
    ...(primary.password === undefined
      ? []
      : [`sentinel auth-pass ${PRIMARY_NAME} ${JSON.stringify(primary.password)}`]),
  ];
  return prepareRedis({ name, port, dir, config }, ['--sentinel']);
}

/** Whether a replica is in step with its primary. */
export async function hasLink(replica: RedisServer): Promise<boolean> {
  return (await replica.info('master_link_status')) === 'up';
}

async function knowsAll(sentinel: RedisServer): Promise<boolean> {
  const state = await sentinel.info('master0');
  return state?.includes(`status=ok`) === true && state.includes(`slaves=1,sentinels=${SENTINELS}`);
}

/** Of any Sentinel that answers. */
async function primaryPortOf(sentinels: readonly RedisServer[]): Promise<number> {
  const running = sentinels.find(({ process }) => process.running);
  if (running === undefined) throw new Error('no Sentinel runs');
  const answer = await running.cli('sentinel', 'get-master-addr-by-name', PRIMARY_NAME);
  return Number(answer.split('\n')[1]);
}

async function all<T>(items: readonly T[], holds: (item: T) => Promise<boolean>): Promise<boolean> {
  return (await Promise.all(items.map(holds))).every(Boolean);
}
