/**
 * Real Redis servers on loopback, one process each, that can be killed, stopped (SIGSTOP) and started again on the same
 * port and data.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../stack/ports.ts';
import { logTail, ManagedProcess, onExit } from '../stack/process.ts';
import { provisionRedis, type RedisParts } from '../stack/redis-parts.ts';
import type { TlsFiles } from './tls.ts';

const run = promisify(execFile);
const CLI_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 20_000;
const GRACE_MS = 2_000;

export interface RedisOptions {
  /** For file names and messages. Default `redis-PORT`. */
  name?: string;
  /** Default: a free one. */
  port?: number;
  /** Data, configuration and log. Default: a temporary directory that is removed with `stop()`. */
  dir?: string;
  /** `always`: an append-only file, synced before each answer, so that SIGKILL loses nothing. Default `no`: nothing is kept. */
  appendonly?: 'no' | 'always';
  /** For clients and between the servers. Default none. */
  password?: string;
  /** TLS only; the plain port is closed. */
  tls?: TlsFiles;
  /** With `tls`: clients have to show a certificate. Default false. */
  tlsClientCert?: boolean;
  /** Follows this server. */
  replicaOf?: Pick<RedisServer, 'port' | 'password'>;
  /** Further lines of redis.conf. */
  config?: readonly string[];
}

/** One Redis server, or one Sentinel. */
export class RedisServer {
  readonly name: string;
  readonly port: number;
  readonly password: string | undefined;
  readonly directory: string;
  readonly process: ManagedProcess;
  readonly #parts: RedisParts;
  readonly #tls: TlsFiles | undefined;
  readonly #end: () => void;

  constructor(parts: RedisParts, spec: ServerSpec) {
    this.name = spec.name;
    this.port = spec.port;
    this.password = spec.password;
    this.directory = spec.directory;
    this.#parts = parts;
    this.#tls = spec.tls;
    this.#end = spec.end;
    this.process = new ManagedProcess({
      name: spec.name,
      command: parts.server,
      args: [spec.configFile, ...spec.args],
      env: parts.env,
      cwd: spec.directory,
      logFile: join(spec.directory, `${spec.name}.log`),
      ready: async () => (await this.cli('ping')) === 'PONG',
      startTimeoutMs: START_TIMEOUT_MS,
      graceMs: GRACE_MS,
    });
  }

  /** `127.0.0.1:port`. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** As `ledger.url` wants it, with the password, and with the certificate authority where there is TLS. */
  get url(): string {
    const credentials = this.password === undefined ? '' : `:${encodeURIComponent(this.password)}@`;
    const query = this.#tls === undefined ? '' : `?caFile=${encodeURIComponent(this.#tls.caFile)}`;
    return `redis${this.#tls === undefined ? '' : 's'}://${credentials}${this.host}/0${query}`;
  }

  /** Starts it, or starts it again; resolves once it answers PING. */
  start(): Promise<void> {
    return this.process.start();
  }

  /** SIGKILL. `start()` brings it back on the same port and data. */
  kill9(): Promise<void> {
    return this.process.kill9();
  }

  /** SIGSTOP: connections stay open, and nothing is answered until `thaw()`. */
  freeze(): void {
    this.process.signal('SIGSTOP');
  }

  thaw(): void {
    this.process.signal('SIGCONT');
  }

  /** Runs redis-cli with one command and returns what it prints. Throws on an error answer. */
  async cli(...args: readonly string[]): Promise<string> {
    const tls =
      this.#tls === undefined
        ? []
        : [
            '--tls',
            '--cacert',
            this.#tls.caFile,
            '--cert',
            this.#tls.clientCert,
            '--key',
            this.#tls.clientKey,
          ];
    const env = {
      ...this.#parts.env,
      ...(this.password === undefined ? {} : { REDISCLI_AUTH: this.password }),
    };
    const argv = ['-e', '-h', '127.0.0.1', '-p', String(this.port), ...tls, ...args];
    const { stdout } = await run(this.#parts.cli, argv, { env, timeout: CLI_TIMEOUT_MS });
    return stdout.trim();
  }

  /** One field of `INFO`; undefined where there is none. */
  async info(field: string): Promise<string | undefined> {
    const text = await this.cli('info');
    return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(text)?.[1];
  }

  tail(): string {
    return logTail(this.process.spec.logFile);
  }

  /** Ends the process and removes a directory that was made for it. Idempotent. */
  async stop(): Promise<void> {
    await this.process.stop();
    this.#end();
  }
}

interface ServerSpec {
  readonly name: string;
  readonly port: number;
  readonly password: string | undefined;
  readonly directory: string;
  readonly configFile: string;
  readonly args: readonly string[];
  readonly tls: TlsFiles | undefined;
  readonly end: () => void;
}

/** A server that is set up and not started yet. */
export async function prepareRedis(
  options: RedisOptions = {},
  args: readonly string[] = [],
): Promise<RedisServer> {
  const parts = await provisionRedis();
  const [free = 0] = options.port === undefined ? await freePorts(1) : [options.port];
  const { name = `redis-${free}`, password, tls, appendonly = 'no', replicaOf, config = [] } = options;
  const own = options.dir === undefined ? await temporaryDirectory() : null;
  const directory = own?.path ?? options.dir ?? '';
  const data = join(directory, `${name}.data`);
  mkdirSync(data, { recursive: true });
  const secret = password ?? replicaOf?.password;
  const lines = [
    'bind 127.0.0.1',
    'daemonize no',
    'save ""',
    `dir ${data}`,
    ...(appendonly === 'always' ? ['appendonly yes', 'appendfsync always'] : ['appendonly no']),
    ...(tls === undefined
      ? [`port ${free}`]
      : [
          'port 0',
          `tls-port ${free}`,
          `tls-ca-cert-file ${tls.caFile}`,
          `tls-cert-file ${tls.serverCert}`,
          `tls-key-file ${tls.serverKey}`,
          `tls-auth-clients ${options.tlsClientCert === true ? 'yes' : 'no'}`,
          'tls-replication yes',
        ]),
    ...(secret === undefined
      ? []
      : [`requirepass ${JSON.stringify(secret)}`, `masterauth ${JSON.stringify(secret)}`]),
    ...(replicaOf === undefined ? [] : [`replicaof 127.0.0.1 ${replicaOf.port}`]),
    // The default of five seconds leaves replicas empty for so long.
    'repl-diskless-sync-delay 0',
    ...config,
  ];
  const configFile = join(directory, `${name}.conf`);
  await writeFile(configFile, `${lines.join('\n')}\n`);
  return new RedisServer(parts, {
    name,
    port: free,
    password: secret,
    directory,
    configFile,
    args,
    tls,
    end: own?.remove ?? (() => {}),
  });
}

/** A running Redis server that answers. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const server = await prepareRedis(options);
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** A directory that goes away with `remove()`, or else with this process. */
export async function temporaryDirectory(): Promise<{ path: string; remove: () => void }> {
  const path = await mkdtemp(join(tmpdir(), 'connect-medic-redis-'));
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  const forget = onExit(remove);
  return {
    path,
    remove: () => {
      remove();
      forget();
    },
  };
}
