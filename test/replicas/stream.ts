import { setTimeout as sleep } from 'node:timers/promises';
import type { FakeConnect } from './connect.ts';
import type { Replicas } from './replicas.ts';

/** Time between two webhooks. */
const EVERY_MS = 20;

/**
 * Webhooks one after the other, each for a connector of its own that has just failed, to the replicas in turn, until it
 * is ended. Each is sent once; what was answered is counted.
 */
export class Stream {
  readonly accepted: string[] = [];
  /** Answered with 503: not taken, or nobody knows. */
  readonly refused: string[] = [];
  /** Anything else, which a running replica never answers. */
  readonly strange: string[] = [];
  readonly #replicas: Replicas;
  readonly #connect: FakeConnect;
  readonly #posts = new Set<Promise<void>>();
  #ended = false;
  readonly #loop: Promise<void>;

  constructor(replicas: Replicas, connect: FakeConnect) {
    this.#replicas = replicas;
    this.#connect = connect;
    this.#loop = this.#run();
  }

  /** Ends it; resolves when everything sent is answered. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#loop;
    await Promise.all(this.#posts);
  }

  async #run(): Promise<void> {
    for (let number = 1; !this.#ended; number += 1) {
      const connector = `stream-${String(number).padStart(4, '0')}`;
      this.#connect.show([connector], 'FAILED');
      const post = this.#post(connector, number).finally(() => this.#posts.delete(post));
      this.#posts.add(post);
      await sleep(EVERY_MS);
    }
  }

  async #post(connector: string, number: number): Promise<void> {
    const status = await this.#replicas.at(number % this.#replicas.all.length).post([connector]);
    if (status === 202) this.accepted.push(connector);
    else if (status === 503) this.refused.push(connector);
    else this.strange.push(`${connector}: ${status}`);
  }
}
