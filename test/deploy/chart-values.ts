/** Installations that the chart is tested with. */
import type { Values } from './helm.ts';

const CALLERS = [
  {
    name: 'alertmanager',
    bearerTokenFile: '/etc/connect-medic/secrets/medic-callers/alertmanager',
    roles: ['webhook'],
  },
  {
    name: 'oncall',
    basic: { username: 'oncall', passwordFile: '/etc/connect-medic/secrets/medic-callers/oncall' },
    roles: ['read', 'operate'],
  },
];

/** The least that is needed. */
export const OPEN: Values = { config: { server: { auth: 'none' } } };

/** One replica, with a volume. */
export const SQLITE: Values = { config: { server: { auth: CALLERS } }, secrets: ['medic-callers'] };

/** Two replicas; every secret exists already, and several clusters and Alertmanagers ask for one. */
export const LOCKED: Values = {
  secrets: ['medic-callers', 'kafka-connect', 'alertmanager'],
  ledger: { kind: 'redis', redis: { secretName: 'medic-redis', secretKey: 'ledger', replicas: 1 } },
  tls: { enabled: true, secretName: 'medic-tls' },
  config: {
    server: { auth: CALLERS, bodyLimitBytes: 16_777_216 },
    limits: { events: 1_000_000 },
    alertmanagers: [
      {
        url: 'https://alertmanager-0.monitoring/am',
        auth: { bearerTokenFile: '/etc/connect-medic/secrets/alertmanager/token' },
        tls: { caFile: '/etc/connect-medic/secrets/alertmanager/ca.crt' },
      },
      { url: 'http://alertmanager-1.monitoring:9093' },
    ],
    clusters: [
      {
        name: 'payments',
        urls: ['https://connect-0.kafka:8443', 'https://connect-1.kafka:8443'],
        auth: {
          basic: { username: 'medic', passwordFile: '/etc/connect-medic/secrets/kafka-connect/password' },
        },
      },
      { name: 'analytics', urls: ['http://analytics.kafka:8083/'], requestTimeout: '20s' },
    ],
    policy: { dryRun: true },
    overrides: [{ match: ['connector=~"legacy-.*"'], policy: { enabled: false } }],
  },
};

/** With everything of the Prometheus Operator and Grafana. */
export const MONITORED: Values = {
  ...OPEN,
  serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
  prometheusRule: { enabled: true, runbookUrl: 'https://example.org/operations.md' },
  grafanaDashboards: { enabled: true, annotations: { grafana_folder: 'Kafka Connect' } },
};

/** Secrets that the chart makes, and every switch the other way. */
export const OWN_SECRETS: Values = {
  fullnameOverride: 'medic',
  replicaCount: 3,
  image: { repository: 'registry.example.org:5000/medic', digest: `sha256:${'a'.repeat(64)}` },
  secret: { data: { 'webhook-token': 'not-a-secret' } },
  ledger: { kind: 'redis', redis: { url: 'redis://:not-a-password@redis:6379/0' } },
  config: {
    server: {
      auth: [
        {
          name: 'alertmanager',
          bearerTokenFile: '/etc/connect-medic/secrets/medic/webhook-token',
          roles: ['webhook'],
        },
      ],
    },
  },
  tls: { enabled: true, secretName: 'medic-tls', clientCaKey: 'ca.crt' },
  networkPolicy: { enabled: false },
  podDisruptionBudget: { enabled: false },
  serviceAccount: { create: false },
  topologySpreadConstraints: [],
  env: [{ name: 'TZ', value: 'UTC' }],
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [{ key: 'kafka', operator: 'Exists' }],
};

export const INSTALLATIONS: Readonly<Record<string, Values>> = {
  'the least that is needed': OPEN,
  'one replica with SQLite': SQLITE,
  'two locked replicas with Redis': LOCKED,
  'everything for monitoring': MONITORED,
  "secrets of the chart's own": OWN_SECRETS,
};
