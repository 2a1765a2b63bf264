/** A primary, a replica and three Sentinels that watch over them. */
import { freePorts } from '../stack/ports.ts';
import { waitFor } from '../stack/process.ts';
import {
  prepareRedis,
  type RedisOptions,
  type RedisServer,
  startRedis,
  temporaryDirectory,
} from './server.ts';
import { type TlsFiles, tlsQuery } from './tls.ts';

export interface SentinelOptions {
  /** For the servers, not for the Sentinels. Default none. */
  password?: string;
  /** For the Sentinels, not for the servers. Default none. */
  sentinelPassword?: string;
  /** TLS only, for all of them, and clients have to show a certificate. */
  tls?: TlsFiles;
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
    const { password, sentinelPassword, tls, appendonly = 'no' } = options;
    const secured = { dir: directory.path, ...(tls === undefined ? {} : { tls, tlsClientCert: true }) };
    const common = { ...secured, appendonly, ...(password === undefined ? {} : { password }) };
    const ofSentinels = {
      ...secured,
      ...(sentinelPassword === undefined ? {} : { password: sentinelPassword }),
    };
    const primary = await startRedis({ ...common, name: 'primary', port: primaryPort });
    started.push(primary);
    const replica = await startRedis({ ...common, name: 'replica', port: replicaPort, replicaOf: primary });
    started.push(replica);
    await waitFor('the replica', () => hasLink(replica), READY_WITHIN_MS, 50);
    const sentinels = await Promise.all(
      sentinelPorts.map((port, index) =>
        prepareSentinel({ ...ofSentinels, name: `sentinel-${index + 1}`, port }, primary),
      ),
    );
    started.push(...sentinels);
    await Promise.all(sentinels.map((sentinel) => sentinel.start()));
    await waitFor('the Sentinels', () => all(sentinels, knowsAll), READY_WITHIN_MS, 50);
    const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    const scheme = tls === undefined ? 'redis' : 'rediss';
    const query = new URLSearchParams({
      ...(tls === undefined ? {} : tlsQuery(tls)),
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    });
    const hosts = sentinels.map(({ host }) => host).join(',');
    return {
      url: `${scheme}+sentinel://${credentials}${hosts}/${PRIMARY_NAME}${query.size === 0 ? '' : `?${query}`}`,
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

function prepareSentinel(options: RedisOptions, primary: RedisServer): Promise<RedisServer> {
  const config = [
    `sentinel monitor ${PRIMARY_NAME} 127.0.0.1 ${primary.port} ${QUORUM}`,
    `sentinel down-after-milliseconds ${PRIMARY_NAME} ${DOWN_AFTER_MS}`,
    // Sentinels that began at the same moment may elect nobody: they try again after twice this.
    `sentinel failover-timeout ${PRIMARY_NAME} 2000`,
    ...(primary.password === undefined
      ? []
      : [`sentinel auth-pass ${PRIMARY_NAME} ${JSON.stringify(primary.password)}`]),
    // With a password of their own they need it for each other as well.
    ...(options.password === undefined ? [] : [`sentinel sentinel-pass ${JSON.stringify(options.password)}`]),
  ];
  return prepareRedis({ ...options, config }, ['--sentinel']);
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
