import type { ClientTls } from '../config/config.ts';

/**
 * Alertmanager's API v2 as connect-medic uses it: reading only. Nothing here throws for what a server does or fails to do: each
 * call ends in one of a closed set of outcomes, which is also the label of `connect_medic_alertmanager_requests_total`.
 */
export interface AlertmanagerClient {
  /** Host, port and path prefix: what details show of the URL. */
  readonly name: string;

  /** `GET /api/v2/alerts`: alerts that have not ended, with their suppression as it is now. */
  alerts(query: AlertsQuery): Promise<AlertmanagerResult<readonly ListedAlert[]>>;

  /** `GET /api/v2/silences`: also pending and expired ones. */
  silences(): Promise<AlertmanagerResult<readonly ListedSilence[]>>;

  /** `GET /api/v2/status`, for `--check`. */
  status(): Promise<AlertmanagerResult<AlertmanagerStatus>>;

  /** What is under way is finished first; it ends by its own deadline. */
  close(): Promise<void>;
}

/** What is asked about, the label `operation`. */
export const alertmanagerOperations = ['alerts', 'silences', 'status'] as const;
export type AlertmanagerOperation = (typeof alertmanagerOperations)[number];

/** How a call ended, the label `outcome`. */
export const alertmanagerOutcomes = [
  'ok',
  /** 401 or 403, or credentials that cannot be read. */
  'unauthorized',
  /** No connection, TLS failure, reset. */
  'unreachable',
  /** No whole answer within `requestTimeoutMs`. */
  'timeout',
  /** 503 or 429: the concurrency limit of Alertmanager, or a proxy; asked once more before it is final. */
  'overloaded',
  /** Any other 5xx. */
  'server_error',
  /** An answer that is not what Alertmanager would say: HTML, broken JSON, another shape, a redirect, 404, too large. */
  'nonsense',
] as const;
export type AlertmanagerOutcome = (typeof alertmanagerOutcomes)[number];

export type AlertmanagerResult<T> =
  | { readonly outcome: 'ok'; readonly value: T }
  | {
      readonly outcome: Exclude<AlertmanagerOutcome, 'ok'>;
      /** One line for a human; no secrets. */
      readonly detail: string;
    };

export interface AlertsQuery {
  /** Matchers in Alertmanager's own notation, all of which have to fit; none: every alert. */
  readonly filter: readonly string[];
  /** Whether alerts that nothing suppresses are listed as well. */
  readonly active: boolean;
}

/** What Alertmanager says about itself. */
export interface AlertmanagerStatus {
  readonly version: string;
  /** Its configuration as YAML, with defaults filled in and secrets as `<secret>`; absent: not told. */
  readonly configuration?: string;
}

/** An alert as it is listed. */
export interface ListedAlert {
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  /** null: the status cannot be read, so whether it is suppressed is unknown. */
  readonly status: { readonly silencedBy: readonly string[]; readonly inhibitedBy: readonly string[] } | null;
}

/** A silence as it is listed. */
export interface ListedSilence {
  /** Empty where it cannot be read. */
  readonly id: string;
  /** null: cannot be read. */
  readonly state: 'active' | 'pending' | 'expired' | null;
  readonly createdBy: string;
  readonly comment: string;
  readonly endsAtMs: number | null;
  /** All have to fit. null: they cannot be read as a whole; null inside: this one cannot. */
  readonly matchers: readonly (ListedMatcher | null)[] | null;
}

export interface ListedMatcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

export interface AlertmanagerClientOptions {
  /** With or without a path prefix. */
  readonly url: string;
  /** `Authorization` header value maker, read at each request so that a rotated secret is used; null: none. */
  readonly authorization: (() => string) | null;
  readonly tls: ClientTls | null;
  /** For one request, waiting for a connection included. Default 5 s. A repeated one gets as long again. */
  readonly requestTimeoutMs?: number;
  /** An answer of more bytes is `nonsense`. Default 64 MiB: tens of thousands of alerts, or of silences kept after their end. */
  readonly bodyLimitBytes?: number;
  /** Called after each HTTP request. */
  readonly onRequest: (operation: AlertmanagerOperation, outcome: AlertmanagerOutcome) => void;
}
