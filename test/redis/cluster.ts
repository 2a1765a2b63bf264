/** A Redis Cluster of three primaries, each with a replica where that is wished for. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freePorts } from '../stack/ports.ts';
import { waitFor } from '../stack/process.ts';
import { provisionRedis } from '../stack/redis-parts.ts';
import { hasLink } from './sentinel.ts';
import { type RedisServer, startRedis, temporaryDirectory } from './server.ts';
import { type TlsFiles, tlsQuery } from './tls.ts';

export interface ClusterOptions {
  /** Follows one of the primaries, the first. Default false. */
  replica?: boolean;
  appendonly?: 'no' | 'always';
  password?: string;
  /** TLS only, between the nodes as well, and clients have to show a certificate. */
  tls?: TlsFiles;
}

export interface RedisCluster {
  /** As `ledger.url` wants it; names the primaries. */
  readonly url: string;
  readonly primaries: readonly RedisServer[];
  readonly replica: RedisServer | null;
  readonly stop: () => Promise<void>;
}

const PRIMARIES = 3;
/** A node that is silent for so long counts as down; its replica takes over within a few times as much. */
const NODE_TIMEOUT_MS = 2_000;
const READY_WITHIN_MS = 30_000;
const CLI_TIMEOUT_MS = 30_000;

/** Resolves once every node says that the cluster is ok and the replica is in step. */
export async function startCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const { replica: withReplica = false, ...common } = options;
  const directory = await temporaryDirectory();
  const nodes: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
    directory.remove();
  };
  try {
    const count = PRIMARIES + (withReplica ? 1 : 0);
    const ports = await freePorts(2 * count);
    const busPorts = ports.slice(count);
    for (const [index, busPort] of busPorts.entries()) {
      const config = [
        'cluster-enabled yes',
        `cluster-port ${busPort}`,
        `cluster-node-timeout ${NODE_TIMEOUT_MS}`,
        `cluster-config-file nodes.conf`,
        ...(common.tls === undefined ? [] : ['tls-cluster yes']),
      ];
      const name = `node-${index + 1}`;
      const secured = { ...common, tlsClientCert: common.tls !== undefined };
      nodes.push(
        await startRedis({ ...secured, name, port: ports[index] ?? 0, dir: directory.path, config }),
      );
    }
    const primaries = nodes.slice(0, PRIMARIES);
    const replica = nodes[PRIMARIES] ?? null;
    const address = (index: number): string => `127.0.0.1:${ports[index]}@${busPorts[index]}`;
    await clusterCli(options, ['create', ...primaries.map((_, index) => address(index)), '--cluster-yes']);
    await waitFor('the cluster', () => allOk(primaries), READY_WITHIN_MS, 50);
    if (replica !== null) await follow(replica, primaries, busPorts);
    const credentials = options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`;
    const scheme = options.tls === undefined ? 'redis' : 'rediss';
    const query = options.tls === undefined ? '' : `?${new URLSearchParams(tlsQuery(options.tls))}`;
    const url = `${scheme}+cluster://${credentials}${primaries.map(({ host }) => host).join(',')}${query}`;
    return { url, primaries, replica, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function follow(
  replica: RedisServer,
  primaries: readonly RedisServer[],
  busPorts: readonly number[],
): Promise<void> {
  const [first] = primaries;
  if (first === undefined) throw new Error('a cluster without primaries');
  const id = await first.cli('cluster', 'myid');
  await replica.cli('cluster', 'meet', '127.0.0.1', String(first.port), String(busPorts[0]));
  const all = [...primaries, replica];
  const known = async (): Promise<boolean> =>
    (await clusterInfo(replica, 'cluster_known_nodes')) === String(all.length);
  await waitFor('the cluster to know its replica', known, READY_WITHIN_MS, 50);
  await replica.cli('cluster', 'replicate', id);
  await waitFor('the replica', () => hasLink(replica), READY_WITHIN_MS, 50);
  // A primary that still takes it for an empty primary gives it no vote.
  const ofAll = async (): Promise<boolean> => {
    const views = await Promise.all(primaries.map((primary) => primary.cli('cluster', 'nodes')));
    return views.every((view) => new RegExp(`:${replica.port}@\\d+ slave `).test(view));
  };
  await waitFor('all nodes to know the replica', ofAll, READY_WITHIN_MS, 50);
  await waitFor('the cluster', () => allOk(all), READY_WITHIN_MS, 50);
}

async function allOk(nodes: readonly RedisServer[]): Promise<boolean> {
  const states = await Promise.all(nodes.map((node) => clusterInfo(node, 'cluster_state')));
  return states.every((state) => state === 'ok');
}

/** One field of `CLUSTER INFO`. */
export async function clusterInfo(node: RedisServer, field: string): Promise<string | undefined> {
  return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(await node.cli('cluster', 'info'))?.[1];
}

async function clusterCli({ password, tls }: ClusterOptions, args: readonly string[]): Promise<void> {
  const { cli, env } = await provisionRedis();
  const environment = { ...env, ...(password === undefined ? {} : { REDISCLI_AUTH: password }) };
  const secured =
    tls === undefined
      ? []
      : ['--tls', '--cacert', tls.caFile, '--cert', tls.clientCert, '--key', tls.clientKey];
  await promisify(execFile)(cli, [...secured, '--cluster', ...args], {
    env: environment,
    timeout: CLI_TIMEOUT_MS,
  });
}
