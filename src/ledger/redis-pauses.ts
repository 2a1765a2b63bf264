import type { AuditEvent, Pause, PauseScope } from '../core/model.ts';
import { comparePauses, parsePause, pausesAtMost } from './body.ts';
import type { Pauses } from './ledger.ts';
import { eventArguments, listOf, type Reply, textOf } from './redis-codec.ts';
import type { RedisKeys } from './redis-keys.ts';
import type { RedisSession } from './redis-session.ts';

/** An operator's pauses in Redis. */
export class RedisPauses {
  readonly #session: RedisSession;
  readonly #keys: RedisKeys;
  readonly #eventsAtMost: number;

  constructor(session: RedisSession, keys: RedisKeys, eventsAtMost: number) {
    this.#session = session;
    this.#keys = keys;
    this.#eventsAtMost = eventsAtMost;
  }

  async list(): Promise<Pauses & { readonly nowMs: number }> {
    const [nowMs, revision, pauses] = listOf(await this.#session.run('pause-list', [this.#keys.pause]));
    return { nowMs: Number(nowMs), ...pausesOf(revision, pauses) };
  }

  async put(pause: Pause, event: AuditEvent): Promise<'stored' | 'full'> {
    const { untilMs } = pause;
    const until = untilMs === null ? '-' : String(Math.round(untilMs));
    const line = `${until} ${JSON.stringify(pause)}`;
    const args = [scopeId(pause), line, pausesAtMost, this.#eventsAtMost, 1, ...eventArguments(event)];
    return (await this.#session.run('pause-put', [this.#keys.pause], args)) === 1 ? 'stored' : 'full';
  }

  async remove(scope: PauseScope, event: AuditEvent): Promise<boolean> {
    const args = [scopeId(scope), this.#eventsAtMost, 1, ...eventArguments(event)];
    return (await this.#session.run('pause-remove', [this.#keys.pause], args)) === 1;
  }
}

function scopeId({ cluster, connector }: PauseScope): string {
  return JSON.stringify([cluster, connector]);
}

/** What the scripts say of pauses. */
export function pausesOf(revision: Reply | undefined, pauses: Reply | undefined): Pauses {
  const read = listOf(pauses ?? null).map((json) => parsePause(textOf(json)));
  return {
    revision: Number(revision),
    pauses: read.filter((pause) => pause !== null).sort(comparePauses),
  };
}
