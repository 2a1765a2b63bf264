import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Reply } from './redis-codec.ts';
import { commandTimeoutMs, withoutScript } from './redis-errors.ts';
import { probe } from './redis-probe.ts';
import { describeTarget, type RedisTarget } from './redis-url.ts';

/** Where nothing at all has come for this long though answers are due, the connection counts as dead and is replaced. */
const silentAtMostMs = 4_000;
const connectTimeoutMs = 3_000;
/** A Cluster's map is read again this often: a failover is seen by it. */
const slotsEveryMs = 2_000;

/** Between attempts to connect: 100, 200, 400, 800, 1600, then 2000 ms. */
const reconnectAfterMs = (attempt: number): number => Math.min(2_000, 100 * 2 ** Math.min(attempt - 1, 10));

/**
 * The connection to Redis, in whichever of its three forms. It is made and made again in the background; commands never
 * wait for it, and are sent once: what was sent and not answered is never sent again, since nobody knows whether it was
 * carried out.
 */
export class RedisConnection {
  /** For messages: without secrets. */
  readonly description: string;
  readonly #target: RedisTarget;
  readonly #client: Redis | Cluster;
  readonly #changes = new EventEmitter();
  #lastError: unknown = null;
  /** What Redis said against the connection while it was made; it counts as made all the same. */
  #refusal: unknown = null;
  #probing = false;
  #nodeChanges = 0;
  #epoch = 0;
  #closed = false;

  /** Begins to connect. Throws when a certificate cannot be read. */
  constructor(target: RedisTarget) {
    this.description = describeTarget(target);
    this.#target = target;
    this.#client = target.mode === 'cluster' ? clusterClient(target) : singleClient(target);
    const failed = (error: Error & { lastNodeError?: unknown }): void => {
      // A Cluster's own error says only that no node could be asked; the node's says why.
      const reason = error.lastNodeError ?? error;
      if (reason instanceof Error && isVague(reason) && target.mode !== 'single') {
        void this.#findReason(reason);
        return;
      }
      this.#lastError = reason;
      if (this.#client.status === 'connect' && target.mode !== 'cluster') this.#refusal = error;
      this.#changes.emit('change');
    };
    this.#client.on('error', failed);
    this.#client.on('node error', failed);
    this.#client.on('connect', () => {
      this.#refusal = null;
    });
    this.#client.on('close', () => {
      this.#epoch += 1;
    });
    // A Cluster's connection to a node is never made again: there is another one for it.
    for (const change of ['+node', '-node']) {
      this.#client.on(change, () => {
        this.#nodeChanges += 1;
      });
    }
    this.#client.on('end', () => {
      // The client never gives up by the settings below; should it do so all the same, nobody else would begin again.
      if (!this.#closed) setTimeout(() => this.#again(), 1_000).unref();
    });
    this.#client.on('ready', () => {
      this.#epoch += 1;
      if (this.#refusal === null) this.#lastError = null;
      this.#changes.emit('change');
    });
  }

  /** Changes with each connection: what was learnt about the server does not hold for the next one. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Whether commands can be sent. */
  get ready(): boolean {
    return this.#client.status === 'ready' && this.#refusal === null;
  }

  /** Why the last attempt to connect failed; null when there was none, or it did not. */
  get lastError(): unknown {
    return this.#refusal ?? this.#lastError;
  }

  /** Resolves when the connection is there, an attempt has failed, or the time is over. Never rejects. */
  async settled(withinMs: number): Promise<void> {
    if (this.ready || this.lastError !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    this.#changes.once('change', () => resolve());
    await promise;
    clearTimeout(timer);
  }

  /** Sends one command. The first of `args` that is a key decides the Cluster's node. */
  async send(command: string, args: readonly (string | number)[]): Promise<Reply> {
    try {
      // Scripts answer texts, integers, nil and lists of these.
      return (await this.#client.call(command, [...args])) as Reply;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // The connection is given up for it; those who ask before there is the next one hear why.
      if (isReadOnly(error)) this.#lastError = error;
      if (!/enableOfflineQueue options is false$/.test(error.message)) throw error;
      throw new Error('not connected', { cause: this.lastError });
    }
  }

  /**
   * Sends a command and, on the same connection, WAIT after it; resolves with the answer and with how many replicas have
   * acknowledged everything that this connection wrote. Rejects when either fails.
   */
  async sendAndWait(
    command: string,
    args: readonly (string | number)[],
    key: string,
    wait: { replicas: number; timeoutMs: number },
  ): Promise<{ reply: Reply; acknowledged: number }> {
    const waitFor = [wait.replicas, wait.timeoutMs];
    if (this.#client instanceof Redis) {
      const [reply, acknowledged] = await Promise.allSettled([
        this.send(command, args),
        this.send('WAIT', waitFor),
      ]);
      if (reply.status === 'rejected') throw reply.reason;
      if (acknowledged.status === 'rejected') throw acknowledged.reason;
      return { reply: reply.value, acknowledged: Number(acknowledged.value) };
    }
    // WAIT names no key: a read of the same key before it takes it to the node that has just written.
    const before = this.#nodeChanges;
    const reply = await this.send(command, args);
    const [read, waited] = (await this.#client
      .pipeline()
      .exists(key)
      .wait(waitFor[0] ?? 0, waitFor[1] ?? 0)
      .exec()) ?? [[new Error('the pipeline was discarded')]];
    const failure = read?.[0] ?? waited?.[0];
    if (failure) throw failure;
    // On another connection than the write's WAIT has nothing to wait for, and counts every replica.
    if (this.#nodeChanges !== before) throw new Error('Connection is closed.');
    return { reply, acknowledged: Number(waited?.[1]) };
  }

  /** Ends at once; what is under way is rejected. */
  close(): void {
    this.#closed = true;
    this.#client.disconnect();
  }

  /** The client keeps to itself why it could not connect: asked once more, without it. */
  async #findReason(vague: Error): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    const { hosts, tls } = this.#target;
    let reason: Error | null = null;
    try {
      for (const host of hosts) {
        reason ??= await probe(host, tls === null ? null : tlsOptions(tls), commandTimeoutMs);
      }
    } catch (error) {
      // A certificate's file has gone since.
      reason = error instanceof Error ? error : vague;
    }
    this.#probing = false;
    if (this.ready || this.#closed) return;
    this.#lastError = reason ?? this.#lastError ?? vague;
    this.#changes.emit('change');
  }

  #again(): void {
    if (this.#closed || this.#client.status !== 'end') return;
    // A failure comes as an event as well.
    this.#client.connect().catch(() => {});
  }

  /** A text without what the URL keeps secret, on one line. */
  masked(text: string): string {
    const { password, sentinelPassword } = this.#target;
    let shown = text;
    for (const secret of [password, sentinelPassword]) {
      if (secret !== null) shown = shown.replaceAll(secret, '***');
    }
    return (shown.split(/[\r\n]/, 1)[0] ?? '').slice(0, 300);
  }
}

function isReadOnly(error: Error): boolean {
  return withoutScript(error.message).startsWith('READONLY');
}

/** Whether an error says only that there is no connection. */
function isVague(error: Error): boolean {
  return /Connection is closed\.$/.test(error.message);
}

function commonOptions({ user, password, tls }: RedisTarget) {
  return {
    // RESP2: the scripts answer nothing that needs RESP3, and its HELLO is one command more that an ACL may forbid.
    protocol: 2 as const,
    disableClientInfo: true,
    commandTimeout: commandTimeoutMs,
    connectTimeout: connectTimeoutMs,
    socketTimeout: silentAtMostMs,
    // A server that hangs does not answer the end of a connection either.
    disconnectTimeout: 200,
    maxRetriesPerRequest: 0,
    // It asks INFO, which an ACL may forbid, and is silent while Redis reads its data: our first script says so.
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    ...(user === null ? {} : { username: user }),
    ...(password === null ? {} : { password }),
    ...(tls === null ? {} : { tls: tlsOptions(tls) }),
  } satisfies RedisOptions;
}

function singleClient(target: RedisTarget): Redis {
  const { mode, hosts, db, primary, tls, sentinelUser, sentinelPassword } = target;
  const [server] = hosts;
  const where: RedisOptions =
    mode === 'sentinel'
      ? {
          sentinels: hosts.map((host) => ({ ...host })),
          name: primary,
          ...(sentinelUser === null ? {} : { sentinelUsername: sentinelUser }),
          ...(sentinelPassword === null ? {} : { sentinelPassword }),
          sentinelCommandTimeout: commandTimeoutMs,
          // Without a delay the client would give up for good once no Sentinel answers.
          sentinelRetryStrategy: reconnectAfterMs,
          ...(tls === null ? {} : { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(tls) }),
        }
      : { host: server?.host ?? '', port: server?.port ?? 0 };
  const options: Omit<RedisOptions, 'replyMapping'> = {
    ...commonOptions(target),
    ...where,
    db,
    enableOfflineQueue: false,
    retryStrategy: reconnectAfterMs,
    // The primary has become a replica: the Sentinels, or the name, lead to the new one.
    reconnectOnError: isReadOnly,
  };
  return new Redis(options);
}

function clusterClient(target: RedisTarget): Cluster {
  return new Cluster(
    target.hosts.map((host) => ({ ...host })),
    {
      redisOptions: commonOptions(target),
      enableOfflineQueue: false,
      // It asks CLUSTER INFO, and hides a Cluster that is down behind a connection that is not there.
      enableReadyCheck: false,
      clusterRetryStrategy: reconnectAfterMs,
      slotsRefreshInterval: slotsEveryMs,
      slotsRefreshTimeout: commandTimeoutMs,
      // 0: never sent again. MOVED, ASK and TRYAGAIN say that nothing was done, and are followed.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      maxRedirections: 8,
      // With TLS the certificate is for the name, not for its address.
      ...(target.tls === null
        ? {}
        : { dnsLookup: (host: string, done: (error: null, address: string) => void) => done(null, host) }),
    },
  );
}

function tlsOptions({ caFile, certFile, keyFile }: NonNullable<RedisTarget['tls']>): ConnectionOptions {
  return {
    ...(caFile === undefined ? {} : { ca: readPem('caFile', caFile, 'CERTIFICATE') }),
    ...(certFile === undefined ? {} : { cert: readPem('certFile', certFile, 'CERTIFICATE') }),
    ...(keyFile === undefined ? {} : { key: readPem('keyFile', keyFile, 'PRIVATE KEY') }),
  };
}

/** TLS takes any file as a list of no certificates, and says later that it trusts nobody. */
function readPem(parameter: string, file: string, what: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${parameter}: ${error instanceof Error ? error.message : error}`);
  }
  if (!text.includes(`${what}-----`))
    throw new Error(`${parameter}: ${file} holds no ${what.toLowerCase()} in PEM form`);
  return text;
}
