/** The parts that benchmarks are made of: real processes in a directory of their own, all of which end with it. */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RedisServer, startRedis } from '../redis/server.ts';
import { freePorts } from '../stack/ports.ts';
import { answersOk, ManagedProcess, onExit } from '../stack/process.ts';
import { prepareService, type Service } from '../stack/service.ts';
import { type ConnectScript, ScriptedConnect } from './connect.ts';
import { Load } from './load.ts';

/** With `always` Redis answers when the write is on the disk, as SQLite does; with `everysec`, its default, up to a second before. */
export type Store = 'SQLite' | 'Redis, everysec' | 'Redis, always';

const START_TIMEOUT_MS = 60_000;
const BASELINE = join(import.meta.dirname, 'baseline.ts');

/** How Redis is to be run for connect-medic: see docs/operations.md. */
const REDIS_AS_ADVISED = ['appendonly yes', 'maxmemory-policy noeviction'];

/** One restart at once, and the next one after the benchmark. */
export const ONCE = { delays: ['0s', '1h'], thenEvery: 'off', stableFor: '1h', jitter: '0%' };

/** Where CPU profiles of the services are written when they end; null: none are made, since profiling costs time itself. */
export const profiles: { directory: string | null } = { directory: null };

/** A directory and what runs in it. */
export class Bench {
  readonly directory: string;
  readonly #ends: (() => unknown)[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    const remove = (): void => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    const forget = onExit(remove);
    this.#ends.push(() => {
      remove();
      forget();
    });
  }

  /** Runs the work and ends everything that was started for it, also when it fails. */
  static async with<T>(work: (bench: Bench) => Promise<T>): Promise<T> {
    const bench = new Bench(await mkdtemp(join(tmpdir(), 'connect-medic-bench-')));
    try {
      return await work(bench);
    } finally {
      for (const end of bench.#ends.reverse()) await end();
    }
  }

  async connect(script: Partial<ConnectScript>): Promise<ScriptedConnect> {
    const connect = await ScriptedConnect.start(script);
    this.#ends.push(() => connect.close());
    return connect;
  }

  /** null where the store is none. */
  async redis(store: Store): Promise<RedisServer | null> {
    if (store === 'SQLite') return null;
    const fsync = store === 'Redis, always' ? 'always' : 'everysec';
    const redis = await startRedis({ config: [...REDIS_AS_ADVISED, `appendfsync ${fsync}`] });
    this.#ends.push(() => redis.stop());
    return redis;
  }

  load(url: string): Load {
    const load = new Load(url);
    this.#ends.push(() => load.close());
    return load;
  }

  /**
   * The service as it is shipped. Limits that are there to be gentle to Connect are raised, storm groups are off: each
   * connector is to be restarted by itself here. `ledger` defaults to a SQLite file.
   */
  async service(
    connect: ScriptedConnect,
    { name = 'connect-medic', ledger, env = {}, cluster = {}, ...config }: ServiceSettings = {},
  ): Promise<Service> {
    const [port = 0] = await freePorts(1);
    const prepared = await prepareService({
      name,
      directory: this.directory,
      port,
      config: {
        ...(ledger === undefined ? {} : { ledger }),
        clusters: [{ name: 'default', urls: [connect.url], maxUnverified: 10_000, ...cluster }],
        policy: ONCE,
        storm: { threshold: 'off' },
        log: { level: 'warn' },
        ...config,
      },
    });
    const { spec } = prepared.process;
    const { directory } = profiles;
    const profiled = directory === null ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${directory}` };
    Object.assign(spec, { env: { ...process.env, ...profiled, ...env }, startTimeoutMs: START_TIMEOUT_MS });
    this.#ends.push(() => prepared.process.stop());
    await prepared.process.start();
    return prepared;
  }

  /** A bare Fastify that makes one durable write an alert; see baseline.ts. */
  async baseline(
    name: string,
    ...store: readonly string[]
  ): Promise<{ url: string; process: ManagedProcess }> {
    const [port = 0] = await freePorts(1);
    const url = `http://127.0.0.1:${port}`;
    const process_ = new ManagedProcess({
      name,
      command: process.execPath,
      args: [BASELINE, String(port), ...store],
      cwd: this.directory,
      logFile: join(this.directory, `${name}.log`),
      ready: () => answersOk(`${url}/livez`),
      startTimeoutMs: START_TIMEOUT_MS,
    });
    this.#ends.push(() => process_.stop());
    await process_.start();
    return { url, process: process_ };
  }
}

/** Configuration of the service; `cluster` is merged into the only cluster. */
export interface ServiceSettings {
  readonly name?: string;
  readonly ledger?: Readonly<Record<string, unknown>>;
  readonly env?: NodeJS.ProcessEnv;
  readonly cluster?: Readonly<Record<string, unknown>>;
  readonly [section: string]: unknown;
}

/** The process id of something that runs. */
export function pidOf({ process: { pid } }: { process: ManagedProcess }): number {
  if (pid === undefined) throw new Error('it does not run');
  return pid;
}
