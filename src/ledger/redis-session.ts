import { LedgerUnavailable } from './ledger.ts';
import { LedgerOpenError } from './open-error.ts';
import { listOf, type Reply, textOf } from './redis-codec.ts';
import type { RedisConnection } from './redis-connection.ts';
import { explainRedisError } from './redis-errors.ts';
import { loadScripts, type Script, type ScriptName } from './redis-scripts.ts';

/** Raised with each change of the keys; a ledger with a higher one is refused. */
export const schemaVersion = 1;
/** The first Redis with exclusive ranges of streams, which the audit trail is read by. */
const versionAtLeast = [6, 2] as const;
/** How long a write waits for its replicas; below the time that a command may take. */
const replicasWithinMs = 1_000;

/** A key, and what it must be where it exists. */
export interface TypedKey {
  readonly name: string;
  readonly type: 'hash' | 'stream' | 'list' | 'set' | 'zset';
}

export interface RedisSessionOptions {
  readonly connection: RedisConnection;
  /** The keys that each script takes first, in its order. */
  readonly keys: readonly TypedKey[];
  /** Further keys, of no cluster, that only a ledger of ours may have. */
  readonly furtherKeys: readonly TypedKey[];
  /** Replicas that must acknowledge each write; 0: none. */
  readonly replicas: number;
  /** See `RedisLedgerOptions`. */
  readonly testClock: (() => number) | undefined;
  readonly onWarning: (text: string) => void;
}

/**
 * The connection as the ledger uses it: each operation is one script, carried out whole or not at all, and whatever
 * stands in its way becomes `LedgerUnavailable`.
 *
 * Before the first script of each connection it is made sure that the server is new enough and that the keys are ours.
 * What is wrong there does not end the process, which may have been running for months: each call says so until it is
 * mended.
 */
export class RedisSession {
  readonly #connection: RedisConnection;
  readonly #options: RedisSessionOptions;
  readonly #scripts = loadScripts();
  readonly #warned = new Set<string>();
  #opening: { readonly epoch: number; readonly done: Promise<void> } | null = null;
  #closed = false;

  constructor(options: RedisSessionOptions) {
    this.#connection = options.connection;
    this.#options = options;
  }

  /**
   * Runs a script. `keys` and `args` are what comes after those that every script takes.
   *
   * Rejects with `LedgerUnavailable`. A write may have happened then: its answer was lost, or too few replicas have
   * acknowledged it in time. It is not undone, and is not sent again.
   */
  async run(
    name: ScriptName,
    keys: readonly TypedKey[] = [],
    args: readonly (string | number)[] = [],
  ): Promise<Reply> {
    try {
      await this.open();
      const opening = this.#opening;
      try {
        return await this.#evaluate(name, keys, args);
      } catch (error) {
        // Its data went under our feet (FLUSHALL, an empty replica took over): begun anew, as at the first start.
        if (!isRefusal(error, 'NOMARK')) throw error;
        // Once for all who meet it at the same time.
        if (this.#opening === opening) {
          this.#opening = null;
          this.#options.onWarning(
            `ledger ${this.#connection.description}: its data is gone (FLUSHALL, or an empty server in its place); begun anew`,
          );
        }
        await this.open();
        return await this.#evaluate(name, keys, args);
      }
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  /**
   * Makes sure that the ledger can be used. Rejects with `LedgerOpenError` where it cannot and this will not mend
   * itself; with anything else where it cannot now.
   */
  async open(): Promise<void> {
    if (this.#closed) throw new Error('it is closed');
    if (!this.#connection.ready) throw new Error('not connected', { cause: this.#connection.lastError });
    const { epoch } = this.#connection;
    if (this.#opening?.epoch !== epoch) this.#opening = { epoch, done: this.#check() };
    const opening = this.#opening;
    try {
      await opening.done;
    } catch (error) {
      if (this.#opening === opening) this.#opening = null;
      throw error;
    }
    // Connected anew meanwhile, perhaps to another server.
    if (this.#connection.epoch !== epoch) throw new Error('the connection was lost');
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  async #check(): Promise<void> {
    await this.#checkServer();
    try {
      await this.#evaluate('open', this.#options.furtherKeys, []);
    } catch (error) {
      const failure = isRefusal(error, 'NEWER') ? 'newer' : isRefusal(error, 'FOREIGN') ? 'foreign' : null;
      if (failure === null) throw error;
      throw new LedgerOpenError(failure, `ledger ${this.#connection.description}: ${refusalText(error)}`);
    }
  }

  /** What the server says of itself; an ACL may forbid all of it. */
  async #checkServer(): Promise<void> {
    const info = await this.#ask('INFO', []);
    if (typeof info !== 'string') return;
    const field = (name: string): string | null =>
      new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? null;
    const version = field('redis_version');
    const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
    const [majorAtLeast, minorAtLeast] = versionAtLeast;
    if (version !== null && (major < majorAtLeast || (major === majorAtLeast && minor < minorAtLeast))) {
      throw new LedgerOpenError(
        'unusable',
        `ledger ${this.#connection.description}: Redis is version ${version}, ${versionAtLeast.join('.')} is needed`,
      );
    }
    const policy = field('maxmemory_policy');
    if (policy !== null && policy !== 'noeviction') {
      this.#warn(`maxmemory-policy is ${policy}: Redis may throw remediations away; set it to noeviction`);
    }
    if (field('aof_enabled') !== '0') return;
    const save = await this.#ask('CONFIG', ['GET', 'save']);
    if (save !== null && listOf(save)[1] === '') {
      this.#warn(
        'Redis keeps nothing on disk (neither appendonly nor save is on): its restart loses the ledger',
      );
    }
  }

  /** A question to the server; null where it may not be asked. */
  async #ask(command: string, args: readonly string[]): Promise<Reply> {
    try {
      return await this.#connection.send(command, args);
    } catch (error) {
      if (error instanceof Error && /^(?:NOPERM|ERR unknown command)/i.test(error.message)) return null;
      throw error;
    }
  }

  #warn(text: string): void {
    if (this.#warned.has(text)) return;
    this.#warned.add(text);
    this.#options.onWarning(`ledger ${this.#connection.description}: ${text}`);
  }

  /** EVALSHA; and EVAL where Redis does not have the script: the first time, after SCRIPT FLUSH, after a failover. */
  async #evaluate(
    name: ScriptName,
    keys: readonly TypedKey[],
    args: readonly (string | number)[],
  ): Promise<Reply> {
    const script = this.#scripts.get(name);
    if (script === undefined) throw new RangeError(`no script ${name}`);
    const all = [...this.#options.keys, ...keys];
    const clock = this.#options.testClock;
    const rest = [
      all.length,
      ...all.map((key) => key.name),
      schemaVersion,
      clock === undefined ? '' : Math.round(clock()),
      all.map((key) => key.type).join(' '),
    ].concat(args);
    try {
      return await this.#send(script, 'EVALSHA', [script.sha, ...rest]);
    } catch (error) {
      if (!isRefusal(error, 'NOSCRIPT')) throw error;
      return this.#send(script, 'EVAL', [script.lua, ...rest]);
    }
  }

  async #send(script: Script, command: string, args: readonly (string | number)[]): Promise<Reply> {
    const { replicas, keys } = this.#options;
    if (!script.writes || replicas === 0) return this.#connection.send(command, args);
    const wait = { replicas, timeoutMs: replicasWithinMs };
    const { reply, acknowledged } = await this.#connection.sendAndWait(
      command,
      args,
      keys[0]?.name ?? '',
      wait,
    );
    if (acknowledged < replicas) {
      throw new Error(
        `${acknowledged} of ${replicas} replicas acknowledged a write within ${replicasWithinMs} ms`,
      );
    }
    return reply;
  }

  #unavailable(error: unknown): unknown {
    if (error instanceof LedgerUnavailable || error instanceof TypeError || error instanceof RangeError) {
      return error;
    }
    // Already names the ledger.
    if (error instanceof LedgerOpenError) return new LedgerUnavailable(error.message);
    // No cause: Redis's errors carry the command with its arguments, which are records or a password.
    const text = this.#connection.masked(explainRedisError(error));
    return new LedgerUnavailable(`ledger ${this.#connection.description}: ${text}`);
  }
}

function isRefusal(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.startsWith(`${code} `);
}

function refusalText(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^[A-Z]+ /, '') : textOf(String(error));
}
