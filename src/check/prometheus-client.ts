import { Pool } from 'undici';
import type { AlertmanagerResult } from '../alertmanager/client.ts';
import { classify } from '../alertmanager/http-client.ts';
import { exchange } from '../connect/exchange.ts';
import type { Parsed } from '../connect/parse.ts';
import { readCredentials } from '../connect/read.ts';
import { connectorFor } from '../connect/tls.ts';
import {
  type Group,
  parseAlertmanagerCount,
  parseGroups,
  parseVector,
  parseVersion,
  type Sample,
} from './prometheus-parse.ts';

/** How a question to Prometheus ended: as one to Alertmanager does. */
export type PrometheusResult<T> = AlertmanagerResult<T>;

/** Prometheus' HTTP API as `--check` uses it: reading only, nothing throws for what a server does. */
export interface PrometheusClient {
  /** `GET /api/v1/status/buildinfo`. */
  version(): Promise<PrometheusResult<string>>;
  /** `GET /api/v1/query` of an instant vector, as of now. */
  query(promql: string): Promise<PrometheusResult<readonly Sample[]>>;
  /** `GET /api/v1/rules`. */
  rules(): Promise<PrometheusResult<readonly Group[]>>;
  /** `GET /api/v1/alertmanagers`: how many are in use. */
  alertmanagers(): Promise<PrometheusResult<number>>;
  close(): Promise<void>;
}

export interface PrometheusClientOptions {
  /** With or without a path prefix; no credentials in it. */
  readonly url: string;
  /** `Authorization` header value maker; null: none. */
  readonly authorization: (() => string) | null;
}

const REQUEST_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 3_000;
/** The rules of a large Prometheus, with the alerts that fire, are some tens of megabytes. */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

/** A client for one Prometheus. Throws a TypeError for what is no http or https URL. */
export function createPrometheusClient({ url, authorization }: PrometheusClientOptions): PrometheusClient {
  const { origin, pathname } = new URL(url);
  const prefix = pathname.replace(/\/+$/, '');
  // The request's own deadline covers headers and body.
  const pool = new Pool(origin, {
    connect: connectorFor(null, CONNECT_TIMEOUT_MS),
    connections: 4,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const read = async <T>(path: string, parse: (data: unknown) => Parsed<T>): Promise<PrometheusResult<T>> => {
    const credentials = readCredentials({ authorization });
    if ('fault' in credentials) return { outcome: 'unauthorized', detail: credentials.fault };
    const answer = await exchange(pool, {
      method: 'GET',
      path: `${prefix}/api/v1/${path}`,
      authorization: credentials.authorization,
      timeoutMs: REQUEST_TIMEOUT_MS,
      bodyLimitBytes: BODY_LIMIT_BYTES,
    });
    return classify(answer, parse, credentials.authorization);
  };
  return {
    version: () => read('status/buildinfo', parseVersion),
    query: (promql) => read(`query?${new URLSearchParams({ query: promql })}`, parseVector),
    rules: () => read('rules', parseGroups),
    alertmanagers: () => read('alertmanagers', parseAlertmanagerCount),
    close: () => pool.close(),
  };
}
