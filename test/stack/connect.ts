/** A small client of Kafka Connect's REST API for tests: retries what is transient, throws the rest. */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from './process.ts';

export interface PartStatus {
  state: string;
  worker_id: string;
  trace?: string;
}

export interface ConnectorStatus {
  name: string;
  connector: PartStatus;
  tasks: (PartStatus & { id: number })[];
}

/** 409 during a rebalance, 500 while the leader is dead, 404 and 503 of a worker that is starting. */
const RETRIED_FOR_MS = 60_000;
const RETRY_EVERY_MS = 300;
const REQUEST_TIMEOUT_MS = 20_000;

export class ConnectClient {
  readonly #urls: () => string[];

  /** @param urls the workers that run now, asked before each request */
  constructor(urls: () => string[]) {
    this.#urls = urls;
  }

  /** Creates a connector or replaces its configuration. Retries for a minute, then throws. */
  async put(name: string, config: Record<string, string>): Promise<void> {
    await this.#retried('PUT', `/connectors/${encodeURIComponent(name)}/config`, config);
  }

  async config(name: string): Promise<Record<string, string>> {
    const response = await this.#retried('GET', `/connectors/${encodeURIComponent(name)}/config`);
    return (await response.json()) as Record<string, string>;
  }

  async delete(name: string): Promise<void> {
    await this.#retried('DELETE', `/connectors/${encodeURIComponent(name)}`);
  }

  /** undefined for a connector that Connect does not know, or not yet. */
  async status(name: string): Promise<ConnectorStatus | undefined> {
    const response = await this.request('GET', `/connectors/${encodeURIComponent(name)}/status`);
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`status of ${name}: ${response.status} ${await response.text()}`);
    return (await response.json()) as ConnectorStatus;
  }

  async names(): Promise<string[]> {
    return (await (await this.#retried('GET', '/connectors')).json()) as string[];
  }

  /** The restart that connect-medic uses too (KIP-745): what is FAILED, tasks included. */
  async restart(name: string, { onlyFailed = true } = {}): Promise<void> {
    const path = `/connectors/${encodeURIComponent(name)}/restart?includeTasks=true&onlyFailed=${onlyFailed}`;
    await this.#retried('POST', path);
  }

  async restartTask(name: string, task: number): Promise<void> {
    await this.#retried('POST', `/connectors/${encodeURIComponent(name)}/tasks/${task}/restart`);
  }

  async pause(name: string): Promise<void> {
    await this.#retried('PUT', `/connectors/${encodeURIComponent(name)}/pause`);
  }

  async resume(name: string): Promise<void> {
    await this.#retried('PUT', `/connectors/${encodeURIComponent(name)}/resume`);
  }

  async stop(name: string): Promise<void> {
    await this.#retried('PUT', `/connectors/${encodeURIComponent(name)}/stop`);
  }

  /**
   * Waits until the connector instance or any task has `state`, as Connect writes it (`FAILED`); with `RUNNING`,
   * until the instance and all tasks (at least one) have it.
   */
  async waitForState(name: string, state: string, timeoutMs = 60_000): Promise<ConnectorStatus> {
    return await waitFor(
      `${name} to be ${state}`,
      async () => {
        const status = await this.status(name).catch(() => undefined);
        if (status === undefined) return undefined;
        const states = [status.connector.state, ...status.tasks.map((task) => task.state)];
        const holds =
          state === 'RUNNING'
            ? states.length > 1 && states.every((each) => each === state)
            : states.includes(state);
        return holds ? status : undefined;
      },
      timeoutMs,
    );
  }

  /** Waits until `workers` workers call themselves healthy (Kafka 3.9 and newer): in the group, and caught up. Throws after a minute. */
  async ready(workers: number): Promise<void> {
    await waitFor(
      `${workers} Connect workers to answer`,
      async () => {
        const answers = await Promise.all(
          this.#urls().map((url) =>
            fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined),
          ),
        );
        return answers.filter((answer) => answer?.ok === true).length >= workers;
      },
      60_000,
    );
  }

  /** One request to the first worker that can be reached, with no retry on any status. Throws if none can. */
  async request(method: string, path: string, body?: unknown): Promise<Response> {
    let last: unknown = new Error('no Connect worker runs');
    for (const url of this.#urls()) {
      try {
        return await fetch(url + path, {
          method,
          signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
          ...(body === undefined
            ? {}
            : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
        });
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  async #retried(method: string, path: string, body?: unknown): Promise<Response> {
    const deadline = Date.now() + RETRIED_FOR_MS;
    for (;;) {
      let failure: unknown;
      try {
        const response = await this.request(method, path, body);
        if (response.ok) return response;
        const text = await response.text();
        failure = new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
        // JSON in a 404 is Connect's own word; HTML is a worker that has not mounted its API yet.
        const final = response.status === 400 || (response.status === 404 && text.startsWith('{'));
        if (final) throw new FinalAnswer(failure);
      } catch (error) {
        if (error instanceof FinalAnswer) throw error.cause;
        failure = error;
      }
      if (Date.now() > deadline) throw failure;
      await sleep(RETRY_EVERY_MS);
    }
  }
}

class FinalAnswer extends Error {
  constructor(cause: unknown) {
    super('final answer', { cause });
  }
}
