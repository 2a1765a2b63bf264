import type * as Type from 'typebox/type';
import {
  choice,
  duration,
  integer,
  integerOr,
  list,
  listOr,
  optional,
  secret,
  section,
  string,
} from './nodes.ts';
import { override, policyProperties, SPAN_AT_MOST_MS } from './schema-policy.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
/** Timers of the runtime end at 24.8 days. */
const PERIOD_AT_MOST_MS = DAY;

/** What a credential allows: posting webhooks, reading, acting. */
export const roles = ['webhook', 'read', 'operate'] as const;
/** Levels of pino, from the quietest. */
export const logLevels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
/** Where `ledger.url` points when neither it nor `ledger.urlFile` is given. */
export const DEFAULT_LEDGER_URL = 'sqlite:./connect-medic.db';

const basic = (whose: string) =>
  optional(
    section(
      {
        username: string('username', { description: 'User name, without a colon.' }),
        ...secret('password', 'password', { description: 'Password.' }),
      },
      { description: `HTTP basic authentication ${whose}.`, holdsSecrets: true },
    ),
  );

const clientAuth = (who: string) =>
  optional(
    section(
      {
        ...secret('bearerToken', 'token', { description: `Sent to ${who} as \`Authorization: Bearer …\`.` }),
        basic: basic(`towards ${who}`),
      },
      {
        description: `How to authenticate to ${who}: either \`bearerToken\` or \`basic\`. Absent: not at all.`,
        holdsSecrets: true,
      },
    ),
  );

const clientTls = (who: string) =>
  optional(
    section(
      {
        caFile: optional(
          string('path', {
            description: `CA certificates (PEM) that ${who} is checked against, instead of the system's.`,
          }),
        ),
        certFile: optional(
          string('path', { description: `Client certificate (PEM) shown to ${who}. Needs \`keyFile\`.` }),
        ),
        keyFile: optional(
          string('path', { description: 'Private key (PEM) of `certFile`. Needs `certFile`.' }),
        ),
      },
      { description: `TLS towards ${who}, for https URLs.` },
    ),
  );

const serverAuth = section(
  {
    name: string('name', { description: 'Who it is: the actor in the audit trail. Unique.' }),
    ...secret('bearerToken', 'token', { description: 'The token that the caller sends.' }),
    basic: basic('of the caller'),
    roles: list(
      choice(roles, {
        description: '`webhook`: may post alerts. `read`: API and status page. `operate`: retry and pause.',
      }),
      {
        description:
          'What the caller may do: `webhook` posts alerts, `read` reads, `operate` retries and pauses.',
        minItems: 1,
        maxItems: roles.length,
      },
    ),
  },
  {
    description: 'One caller: either `bearerToken` or `basic`. Several may be valid at once, for rotation.',
    holdsSecrets: true,
  },
);

const server = section(
  {
    host: string('host', {
      description:
        'Address to listen on. Other than loopback (127.0.0.0/8, ::1, localhost) needs `auth`, or the explicit `auth: none`.',
      default: '127.0.0.1',
    }),
    port: integer(0, 65_535, { description: 'Port to listen on; 0 takes any free one.', default: 9099 }),
    auth: optional(
      listOr('none', serverAuth, {
        description:
          'Who may call. `none`: everybody may do everything, and so by default on loopback. `/livez`, `/readyz`, `/metrics` and `/openapi.json` are always open.',
        implied: 'none on loopback',
        maxItems: 100,
        holdsSecrets: true,
      }),
    ),
    tls: optional(
      section(
        {
          certFile: optional(
            string('path', { description: "The server's certificate (PEM). Needs `keyFile`." }),
          ),
          keyFile: optional(
            string('path', { description: 'Private key (PEM) of `certFile`. Needs `certFile`.' }),
          ),
          clientCaFile: optional(
            string('path', {
              description: 'CA certificates (PEM): callers must show a certificate signed by one of them.',
            }),
          ),
        },
        { description: 'HTTPS. Absent: plain HTTP.' },
      ),
    ),
    bodyLimitBytes: integer(1, 268_435_456, {
      description:
        'Largest request body in bytes; a larger one is answered with 413 and its alerts are lost to the push path.',
      default: 8_388_608,
    }),
  },
  { description: 'Where connect-medic listens, and who may call it.' },
);

const ledger = section(
  {
    ...secret('url', 'ledger', {
      description:
        'Where remediations are kept. `sqlite:PATH`: a file on a local disk, one process. `memory:`: lost at exit. `redis://`, `rediss://`, `redis+sentinel://`, `redis+cluster://`: any number of replicas.',
      implied: DEFAULT_LEDGER_URL,
    }),
    keyPrefix: string('prefix', {
      description: 'Redis: what each key begins with. Services that share a Redis need different ones.',
      default: 'connect-medic',
    }),
    replicas: integer(0, 100, {
      description:
        'Redis: wait for so many replicas on each write. 0: a failover may lose the last writes, which can cost one extra restart.',
      default: 0,
    }),
  },
  { description: 'The store of remediations, pauses and the audit trail.', holdsSecrets: true },
);

const alertmanager = section(
  {
    url: string('url', { description: 'Base URL, http or https, without query and credentials.' }),
    auth: clientAuth('Alertmanager'),
    tls: clientTls('Alertmanager'),
  },
  { description: 'One Alertmanager.' },
);

const cluster = section(
  {
    name: string('name', {
      description: 'Name of the cluster: the value of the label that `labels.cluster` names. Unique.',
      default: 'default',
    }),
    urls: list(
      string('url', { description: 'REST URL of a worker, http or https, without query and credentials.' }),
      {
        description: 'REST URLs of any of its workers; tried in turn.',
        default: ['http://127.0.0.1:8083'],
        minItems: 1,
        maxItems: 100,
      },
    ),
    auth: clientAuth('Kafka Connect'),
    tls: clientTls('Kafka Connect'),
    requestTimeout: duration({
      description: 'A REST call that takes longer has failed. Shorter: a busy herder looks unreachable.',
      default: '10s',
      minMs: 10,
      maxMs: 10 * MINUTE,
    }),
    maxUnverified: integer(1, 10_000, {
      description:
        'Restarts made and not looked at yet, at most; more wait with the hold `concurrency`. 10 is about five restarts a second.',
      default: 10,
    }),
  },
  { description: 'One Kafka Connect cluster.' },
);

const labels = section(
  {
    cluster: string('label', {
      description:
        'Alert label with the name of the cluster. Empty, or absent on an alert: the only cluster configured.',
      default: 'connect_cluster',
      mayBeEmpty: true,
    }),
    connector: string('label', {
      description: 'Alert label with the name of the connector.',
      default: 'connector',
    }),
    task: string('label', { description: 'Alert label with the number of the task.', default: 'task' }),
  },
  { description: 'Which alert labels name the target.' },
);

/** The configuration: every key with its type, range, default and meaning. Documentation and reading follow it. */
export const configSchema = section(
  {
    server,
    ledger,
    alertmanagers: list(alertmanager, {
      description:
        'Alertmanagers that are asked for silences and active alerts. Empty: webhooks only, no silence check.',
      default: [],
      maxItems: 100,
    }),
    clusters: list(cluster, {
      description: 'The Kafka Connect clusters.',
      default: [{}],
      minItems: 1,
      maxItems: 1_000,
    }),
    labels,
    remediationLabel: string('matcher', {
      description:
        'Which alerts are for connect-medic: the filter of the pull path, and what an alert without a connector must carry.',
      default: 'remediation="kafka-connect"',
    }),
    onClusterAlert: choice(['look', 'remediate'], {
      description:
        'What an alert without a connector does. `look`: its cluster is read. `remediate`: each connector that is failed gets a remediation.',
      default: 'look',
    }),
    resyncEvery: duration({
      description: "How often the Alertmanagers' active alerts are read. It repairs what webhooks lose.",
      default: '1m',
      minMs: 100,
      maxMs: PERIOD_AT_MOST_MS,
    }),
    statusEvery: duration({
      description: "How often each cluster's whole status is read. Its gauges are no fresher.",
      default: '30s',
      minMs: 100,
      maxMs: PERIOD_AT_MOST_MS,
    }),
    policy: section(policyProperties, { description: 'How often, how soon and how long.' }),
    overrides: list(override, {
      description: 'Policies of some connectors: the first that matches wins.',
      default: [],
      maxItems: 1_000,
    }),
    storm: section(
      {
        threshold: integerOr('off', 2, 1_000_000, {
          description:
            'So many connectors of a cluster failing alike are a group with one probe at first. `off`: no groups.',
          default: 5,
        }),
        proof: duration({
          description: 'A probe that runs so long doubles the number of probes.',
          default: '2m',
          maxMs: SPAN_AT_MOST_MS,
        }),
        everyAtMost: duration({
          description: 'Longest time between two probes of a group.',
          default: '5m',
          maxMs: SPAN_AT_MOST_MS,
        }),
      },
      { description: 'Failures with a shared cause share their probes.' },
    ),
    diagnosisFile: optional(
      string('path', {
        description:
          'Your own diagnosis rules, in the format of `rules/diagnosis.yml`; tested before the shipped ones.',
      }),
    ),
    limits: section(
      {
        remediations: integer(1, 10_000_000, {
          description: 'Remediations kept, at most; new ones are refused beyond.',
          default: 20_000,
        }),
        alertsPerRemediation: integer(1, 10_000, {
          description:
            'Alerts remembered for one remediation, at most; a silence on a forgotten one is not seen.',
          default: 20,
        }),
        events: integer(1, 100_000_000, {
          description: 'Events of the audit trail kept, at most; the oldest go.',
          default: 100_000,
        }),
      },
      {
        description:
          'A limit on everything that is kept; `connect_medic_limit_hits_total` says when one is hit.',
      },
    ),
    log: section(
      {
        level: choice(logLevels, {
          description: 'The least important lines that are logged.',
          default: 'info',
        }),
      },
      { description: 'The log, JSON lines on standard output.' },
    ),
  },
  { description: 'The configuration of connect-medic.' },
);

/** The configuration as written, with its defaults filled in and each value checked by itself. */
export type RawConfig = Type.Static<typeof configSchema>;
/** A policy as written, complete. */
export type RawPolicy = RawConfig['policy'];
/** The keys of a policy that an override gives. */
export type PartialPolicy = RawConfig['overrides'][number]['policy'];
/** Credentials towards Kafka Connect or an Alertmanager, as written. */
export type RawClientAuth = NonNullable<RawConfig['clusters'][number]['auth']>;
