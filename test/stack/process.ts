/**
 * Child processes that cannot be left behind.
 *
 * Each child leads its own process group (`detached`), so that Ctrl-C in a terminal reaches only the parent,
 * which then ends its children in order. Four ways out are covered:
 *
 * - `stop()`: SIGTERM, after `graceMs` SIGKILL;
 * - SIGINT, SIGTERM, SIGHUP of the parent: everything is stopped, then the parent exits with 128 + signal;
 * - exit of the parent for any other reason, an uncaught exception included: SIGKILL, synchronously;
 * - SIGKILL of the parent: the kernel kills the children (`setpriv --pdeathsig`, where there is a setpriv).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProcessSpec {
  /** For messages only. */
  name: string;
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Standard output and error are appended here. */
  logFile: string;
  /** Asked every `PROBE_EVERY_MS` until it is true; a throw counts as false. */
  ready: () => Promise<boolean>;
  /** How long the process may take to become ready. Default 120 000: a loaded two-core machine is slow. */
  startTimeoutMs?: number;
  /** From SIGTERM to SIGKILL. Default 5 000. */
  graceMs?: number;
}

const PROBE_EVERY_MS = 150;
const PROBE_TIMEOUT_MS = 2_000;
const LOG_TAIL_LINES = 25;
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

const live = new Set<ManagedProcess>();
const atExit = new Set<() => unknown>();
let handlersInstalled = false;

/** One child process that can be stopped, killed and started again with the same settings and log. */
export class ManagedProcess {
  readonly spec: ProcessSpec;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  /** The wish to stop: an end that was asked for is no failure of a start that is under way. */
  #stopping = false;

  constructor(spec: ProcessSpec) {
    this.spec = spec;
  }

  get pid(): number | undefined {
    return this.running ? this.#child?.pid : undefined;
  }

  get running(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** How the last run ended: an exit status or a signal's name; undefined while it runs and before the first start. */
  get ended(): number | NodeJS.Signals | undefined {
    return this.#child?.exitCode ?? this.#child?.signalCode ?? undefined;
  }

  /**
   * Starts the process and waits until it is ready; does nothing if it runs already.
   * Throws, with the tail of the log, when it ends before that or when `startTimeoutMs` is over (it is
   * stopped then).
   */
  async start(): Promise<void> {
    if (this.running) return;
    installHandlers();
    const { name, command, args, cwd, env, logFile, startTimeoutMs = 120_000 } = this.spec;
    this.#stopping = false;
    const log = openSync(logFile, 'a');
    const [file, argv] = withParentDeathSignal(command, args);
    const child = spawn(file, argv, {
      cwd,
      env: env ?? process.env,
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child = child;
    live.add(this);
    let failure: Error | undefined;
    this.#ended = new Promise((resolve) => {
      const end = (error?: Error) => {
        failure = error;
        live.delete(this);
        resolve();
      };
      child.once('error', end);
      child.once('exit', () => end());
    });
    const deadline = Date.now() + startTimeoutMs;
    while (!(await probe(this.spec.ready))) {
      if (failure !== undefined) throw new Error(`${name} cannot be started: ${failure.message}`);
      if (!this.running) {
        if (this.#stopping) throw new Error(`${name} was stopped before it was ready`);
        const how = child.signalCode ?? `exit status ${child.exitCode}`;
        throw new Error(`${name} ended before it was ready (${how}):\n${logTail(logFile)}`);
      }
      if (Date.now() > deadline) {
        await this.stop();
        throw new Error(`${name} was not ready after ${startTimeoutMs} ms:\n${logTail(logFile)}`);
      }
      await Promise.race([sleep(PROBE_EVERY_MS), this.#ended]);
    }
  }

  /** SIGTERM, and SIGKILL after `graceMs`; resolves once the process has ended. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (!this.running) return;
    this.signal('SIGTERM');
    // A stopped (SIGSTOP) process would not see the SIGTERM before it goes on.
    this.signal('SIGCONT');
    const timer = setTimeout(() => this.signal('SIGKILL'), this.spec.graceMs ?? 5_000);
    await this.#ended;
    clearTimeout(timer);
  }

  /** SIGKILL: what a crash or the kernel's memory killer does. Resolves once the process has ended. */
  async kill9(): Promise<void> {
    this.#stopping = true;
    this.signal('SIGKILL');
    await this.#ended;
  }

  /** Sends a signal to the process and its children; SIGSTOP and SIGCONT make a hang. */
  signal(signal: NodeJS.Signals): void {
    const pid = this.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      // Ended between the check and the call.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}

/** Stops every process that this module started; all at once, since nothing in them is worth an order. */
export async function stopAll(): Promise<void> {
  await Promise.all([...live].map((child) => child.stop()));
}

/**
 * Registers a synchronous step (removing a directory) for the parent's exit, after all children were killed.
 * Returns a function that takes it back.
 */
export function onExit(step: () => unknown): () => void {
  installHandlers();
  atExit.add(step);
  return () => {
    atExit.delete(step);
  };
}

/** The last lines of a log file, for error messages. */
export function logTail(file: string, lines = LOG_TAIL_LINES): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return `(no log at ${file})`;
  }
}

/** Whether a GET of `url` answers 2xx within two seconds. */
export async function answersOk(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
  await response.body?.cancel();
  return response.ok;
}

/**
 * Asks `condition` until it returns something other than undefined or false; throws after `timeoutMs`.
 * @param what completes "timed out waiting for …"
 */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs: number,
  everyMs = 250,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`timed out after ${timeoutMs} ms waiting for ${what}`);
    await sleep(everyMs);
  }
}

async function probe(ready: () => Promise<boolean>): Promise<boolean> {
  try {
    return await ready();
  } catch {
    return false; // Refused, reset or timed out: not ready yet.
  }
}

function withParentDeathSignal(command: string, args: readonly string[]): [string, string[]] {
  if (SETPRIV === undefined) return [command, [...args]];
  // setpriv replaces itself by the command: the process id stays the one that was started.
  return [SETPRIV, ['--pdeathsig', 'KILL', '--', command, ...args]];
}

function installHandlers(): void {
  if (handlersInstalled) return;
  handlersInstalled = true;
  process.on('exit', () => {
    for (const child of live) child.signal('SIGKILL');
    for (const step of atExit) step();
  });
  let ending = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // A second Ctrl-C does not wait: the exit handler kills what is left.
      if (ending) process.exit(128 + constants.signals[signal]);
      ending = true;
      stopAll().finally(() => process.exit(128 + constants.signals[signal]));
    });
  }
}
