import type { ConnectorSettings, ConnectorStatus, RestartOutcome, RestartPlan } from '../core/model.ts';

/**
 * Kafka Connect's REST API as connect-medic uses it. Nothing here throws for what a server does or fails to do: each
 * call ends in one of a closed set of outcomes, which is also the label of `connect_medic_connect_requests_total`.
 */
export interface ConnectClient {
  readonly cluster: string;

  /** `GET /connectors?expand=status`: everything in one call. A connector whose entry cannot be read is `null`. */
  statuses(): Promise<ReadResult<ReadonlyMap<string, ConnectorStatus | null>>>;

  /** `GET /connectors/{c}/status`. */
  status(connector: string): Promise<ReadResult<ConnectorStatus>>;

  /**
   * `GET /connectors/{c}`: what its configuration says to connect-medic. `missing` only for a 404 with Connect's own JSON error body (`error_code`): a
   * worker that is just starting answers 404 in HTML to every path, which is `unreachable`.
   */
  settings(connector: string): Promise<ReadResult<ConnectorSettings | 'missing'>>;

  /** `GET /connectors?expand=info`: the settings of all. */
  allSettings(): Promise<ReadResult<ReadonlyMap<string, ConnectorSettings>>>;

  /**
   * Restarts what is FAILED, with one KIP-745 call, or part by part before Kafka 3.0 or where the plan names parts.
   * `status` is the look that led here: it says which parts are FAILED. A part-wise restart reads the status again
   * before any call that would come later than two seconds after the last read, since the task endpoint restarts running
   * tasks as well, and skips what is not FAILED any more. `statusAgeMs` is how old `status` is at the call; left out, it
   * counts as just read. Takes at most twice the request timeout.
   */
  restart(
    connector: string,
    plan: RestartPlan,
    status: ConnectorStatus,
    statusAgeMs?: number,
  ): Promise<RestartResult>;

  /** `GET /`: which version, which Kafka cluster; for `--check` and the fallback before Kafka 3.0. */
  info(): Promise<ReadResult<{ version: string; kafkaClusterId: string | null }>>;

  close(): Promise<void>;
}

/** How a read ended. */
export const readOutcomes = [
  'ok',
  /** 401 or 403. */
  'unauthorized',
  /** No connection, TLS failure, reset, or a worker that is still starting (a 404 that is not Connect's own). */
  'unreachable',
  /** No whole answer within `requestTimeout`. */
  'timeout',
  /** 5xx. */
  'server_error',
  /** 409. */
  'conflict',
  /** 404 with Connect's own JSON body, where the call does not expect one. */
  'not_found',
  /** An answer that is not what Connect would say: HTML, broken JSON, another shape, a redirect, too large. */
  'nonsense',
] as const;
export type ReadOutcome = (typeof readOutcomes)[number];

export type ReadResult<T> =
  | {
      readonly outcome: 'ok';
      readonly value: T;
    }
  | {
      readonly outcome: Exclude<ReadOutcome, 'ok'>;
      /** One line for a human; no secrets, no trace of more than a line. */
      readonly detail: string;
    };

export interface RestartResult {
  /** `not_sent`: nothing was FAILED any more when the status was read again. */
  readonly outcome: Exclude<RestartOutcome, 'dry_run'>;
  readonly detail: string;
}

export interface ConnectClientOptions {
  readonly cluster: string;
  /** Any workers of the cluster, tried in turn; a path prefix is kept. */
  readonly urls: readonly string[];
  readonly requestTimeoutMs: number;
  /** `Authorization` header value maker, read at each request so that a rotated secret is used; null: none. */
  readonly authorization: (() => string) | null;
  readonly tls: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string } | null;
  /** A keyed hash, for what is kept of a configuration; null while there is no key. */
  readonly hash: (text: string) => string | null;
  /** Called after each HTTP request. */
  readonly onRequest: (operation: 'status' | 'settings' | 'restart' | 'info', outcome: string) => void;
}
