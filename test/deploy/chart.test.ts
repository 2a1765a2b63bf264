/** The Helm chart, rendered by Helm and read as Kubernetes would read it. Skipped where Helm cannot be built. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parse } from 'yaml';
import type { Config } from '../../src/config/config.ts';
import { valid } from '../config/helpers.ts';
import { contentOf, makePem } from '../config/pem.ts';
import { ROOT } from '../stack/parts.ts';
import { INSTALLATIONS, LOCKED, MONITORED, OPEN, OWN_SECRETS, SQLITE } from './chart-values.ts';
import { CHART, Chart, type KubernetesObject, type Values } from './helm.ts';

const opened = await Chart.open();
const skip = typeof opened === 'string' ? opened : false;
const chart = (): Chart => {
  if (typeof opened === 'string') throw new Error(opened);
  return opened;
};
after(() => (typeof opened === 'string' ? undefined : opened.close()));

interface Container {
  image: string;
  resources: unknown;
  securityContext: Record<string, unknown>;
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
  [probe: string]: unknown;
}

interface PodSpec {
  containers: [Container];
  volumes: { name: string; secret?: { secretName: string }; persistentVolumeClaim?: { claimName: string } }[];
  securityContext: Record<string, unknown>;
  topologySpreadConstraints?: unknown[];
  automountServiceAccountToken: boolean;
}

interface DeploymentSpec {
  replicas: number;
  strategy: { type: string };
  selector: { matchLabels: Record<string, string> };
  template: { metadata: { labels: Record<string, string> }; spec: PodSpec };
}

function the(kind: string, objects: readonly KubernetesObject[]): KubernetesObject {
  const found = objects.filter((object) => object.kind === kind);
  assert.equal(found.length, 1, `${found.length} objects of the kind ${kind}`);
  return found[0] as KubernetesObject;
}

function kinds(objects: readonly KubernetesObject[]): string[] {
  return [...new Set(objects.map(({ kind }) => kind))].sort();
}

function deployment(objects: readonly KubernetesObject[]): DeploymentSpec {
  return the('Deployment', objects).spec as DeploymentSpec;
}

const pem = await makePem();

/** The configuration as connect-medic itself reads it in the pod, with a file wherever something is mounted. */
function configOf(objects: readonly KubernetesObject[]): Config {
  const text = objects.find(({ data }) => data?.['connect-medic.yml'])?.data?.['connect-medic.yml'] ?? '';
  const [container] = deployment(objects).template.spec.containers;
  const files: Record<string, string> = {};
  for (const [, path = ''] of text.matchAll(/File: (\S+)/g)) {
    const mounted = container.volumeMounts.some(({ mountPath }) => path.startsWith(`${mountPath}/`));
    assert.ok(mounted, `nothing is mounted for ${path}`);
    files[path] = contentOf(path, pem);
  }
  return valid(text, { files });
}

describe('the chart', { skip }, () => {
  for (const [name, values] of Object.entries(INSTALLATIONS)) {
    test(`${name}: passes helm lint, and each object is what Kubernetes' schema says`, async () => {
      assert.match(await chart().lint(values), /0 chart\(s\) failed/);
      assert.deepEqual(await chart().problems(await chart().text(values)), []);
    });

    test(`${name}: connect-medic accepts the configuration, and finds each file in a mount`, async () => {
      const config = configOf(await chart().render(values));
      assert.equal(config.server.host, '0.0.0.0');
      assert.equal(config.server.port, 9099);
    });

    test(`${name}: every pod fits the restricted profile of Kubernetes' pod security standards`, async () => {
      const objects = await chart().render(values);
      const pods = [deployment(objects).template.spec, the('Pod', objects).spec as PodSpec];
      for (const pod of pods) {
        assert.equal(pod.automountServiceAccountToken, false);
        assert.equal(pod.securityContext['runAsNonRoot'], true);
        assert.deepEqual(pod.securityContext['seccompProfile'], { type: 'RuntimeDefault' });
        const [{ securityContext, resources }] = pod.containers;
        assert.deepEqual(securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        assert.deepEqual(resources, {
          requests: { cpu: '50m', memory: '130Mi' },
          limits: { memory: '256Mi' },
        });
      }
    });
  }

  test("the schemas find a misspelt field, in Kubernetes' own kinds and in those of the Prometheus Operator", async () => {
    const text = await chart().text(MONITORED);
    const misspelt = text
      .replace('automountServiceAccountToken', 'automount')
      .replace('honorLabels', 'honourLabels');
    const found = await chart().problems(misspelt);
    assert.equal(found.length, 2, found.join('\n'));
    assert.match(found.join('\n'), /automount/);
    assert.match(found.join('\n'), /honourLabels/);
  });

  test('with SQLite there is one replica, which ends before the next begins, and a volume that is kept', async () => {
    const objects = await chart().render(SQLITE);
    const { replicas, strategy, template } = deployment(objects);
    assert.equal(replicas, 1);
    assert.deepEqual(strategy, { type: 'Recreate' });
    const claim = the('PersistentVolumeClaim', objects).metadata.name;
    const data = template.spec.volumes.find(({ name }) => name === 'data');
    assert.equal(data?.persistentVolumeClaim?.claimName, claim);
    assert.equal(configOf(objects).ledger.kind, 'sqlite');
    assert.ok(!kinds(objects).includes('PodDisruptionBudget'), 'a budget for one pod blocks every drain');
  });

  test('a claim that exists already takes the place of the own one', async () => {
    const objects = await chart().render({
      ...SQLITE,
      ledger: { kind: 'sqlite', sqlite: { existingClaim: 'old' } },
    });
    assert.ok(!kinds(objects).includes('PersistentVolumeClaim'));
    const data = deployment(objects).template.spec.volumes.find(({ name }) => name === 'data');
    assert.equal(data?.persistentVolumeClaim?.claimName, 'old');
  });

  test('with Redis there are two replicas, spread and with a disruption budget, and no secret in the objects', async () => {
    const objects = await chart().render(LOCKED);
    const { replicas, strategy, selector, template } = deployment(objects);
    assert.equal(replicas, 2);
    assert.equal(strategy.type, 'RollingUpdate');
    assert.equal(template.spec.topologySpreadConstraints?.length, 1);
    assert.deepEqual((the('PodDisruptionBudget', objects).spec as { selector: unknown }).selector, selector);
    assert.deepEqual((the('Service', objects).spec as { selector: unknown }).selector, selector.matchLabels);
    assert.deepEqual(kinds(objects), [
      'ConfigMap',
      'Deployment',
      'NetworkPolicy',
      'Pod',
      'PodDisruptionBudget',
      'Service',
      'ServiceAccount',
    ]);
    const secrets = template.spec.volumes.flatMap(({ secret }) => (secret ? [secret.secretName] : []));
    assert.deepEqual(secrets.sort(), [
      'alertmanager',
      'kafka-connect',
      'medic-callers',
      'medic-redis',
      'medic-tls',
    ]);
    const config = configOf(objects);
    assert.equal(config.ledger.kind, 'redis');
    assert.equal(config.alertmanagers.length, 2);
    assert.equal(config.policy.dryRun, true);
    // Helm keeps numbers as floats, and may write them as such.
    assert.equal(config.server.bodyLimitBytes, 16_777_216);
    assert.equal(config.limits.events, 1_000_000);
    assert.ok(config.server.tls !== null && config.server.tls.clientCaFile === null);
  });

  test('the probes ask /livez and /readyz, over HTTPS where the listener has it', async () => {
    for (const [values, scheme] of [
      [SQLITE, 'HTTP'],
      [LOCKED, 'HTTPS'],
    ] as const) {
      const [container] = deployment(await chart().render(values)).template.spec.containers;
      const asked = (path: string) => ({ path, port: 'http', scheme });
      const get = (probe: string) => (container[probe] as { httpGet: unknown }).httpGet;
      assert.deepEqual(get('livenessProbe'), asked('/livez'));
      assert.deepEqual(get('startupProbe'), asked('/livez'));
      assert.deepEqual(get('readinessProbe'), asked('/readyz'));
    }
  });

  test('where callers need certificates, which kubelets have not, the probes only try the port', async () => {
    const objects = await chart().render(OWN_SECRETS);
    const [container] = deployment(objects).template.spec.containers;
    assert.deepEqual((container['livenessProbe'] as { tcpSocket: unknown }).tcpSocket, { port: 'http' });
    assert.equal(configOf(objects).server.tls?.clientCaFile, '/etc/connect-medic/tls/ca.crt');
  });

  test("the chart's own Secret holds what was given, and nothing else does", async () => {
    const objects = await chart().render(OWN_SECRETS);
    assert.deepEqual(the('Secret', objects).stringData, {
      'ledger-url': 'redis://:not-a-password@redis:6379/0',
      'webhook-token': 'not-a-secret',
    });
    const others = objects.filter(({ kind }) => kind !== 'Secret');
    assert.doesNotMatch(JSON.stringify(others), /not-a-/);
    const { replicas, template } = deployment(objects);
    assert.equal(replicas, 3);
    assert.equal(
      template.spec.containers[0].image,
      `registry.example.org:5000/medic@sha256:${'a'.repeat(64)}`,
    );
  });

  test('the network policy lets through Prometheus, Alertmanager, DNS and the ports of the URLs, and nothing else', async () => {
    const { ingress, egress } = the('NetworkPolicy', await chart().render(LOCKED)).spec as {
      ingress: { ports: { port: number }[]; from: { podSelector: { matchLabels: unknown } }[] }[];
      egress: { ports: { port: number; protocol: string }[]; to?: unknown[] }[];
    };
    assert.deepEqual(
      ingress.map(({ ports, from }) => [
        ports.map(({ port }) => port),
        from.map(({ podSelector }) => podSelector.matchLabels),
      ]),
      [[[9099], [{ 'app.kubernetes.io/name': 'prometheus' }, { 'app.kubernetes.io/name': 'alertmanager' }]]],
    );
    assert.deepEqual(
      egress.map(({ ports }) => ports.map(({ port, protocol }) => `${port}/${protocol}`)),
      [['53/UDP', '53/TCP'], ['8443/TCP', '8083/TCP'], ['443/TCP', '9093/TCP'], ['6379/TCP']],
    );
    const withoutRedis = the('NetworkPolicy', await chart().render(OPEN)).spec as { egress: unknown[] };
    assert.equal(withoutRedis.egress.length, 2);
  });

  test('the rules and dashboards are the shipped ones', async () => {
    const objects = await chart().render(MONITORED);
    const rules = objects.filter(({ kind }) => kind === 'PrometheusRule');
    assert.deepEqual(
      rules.map(({ metadata }) => metadata.name),
      [
        'medic-connect-medic-kafka-connect',
        'medic-connect-medic-kafka-connect-humans',
        'medic-connect-medic',
      ],
    );
    for (const [index, name] of ['kafka-connect', 'kafka-connect-humans', 'connect-medic'].entries()) {
      const shipped = await readFile(join(ROOT, 'rules', `${name}.yml`), 'utf8');
      const expected = shipped.replaceAll('docs/operations.md', 'https://example.org/operations.md');
      assert.deepEqual(rules[index]?.spec, parse(expected));
    }
    for (const file of await readdir(join(ROOT, 'grafana/dashboards'))) {
      const shipped = await readFile(join(ROOT, 'grafana/dashboards', file), 'utf8');
      const found = objects.find(({ data }) => data?.[`connect-medic-${file}`] !== undefined);
      assert.equal(found?.data?.[`connect-medic-${file}`], shipped);
      assert.equal(found.metadata.labels['grafana_dashboard'], '1');
    }
    const { endpoints } = the('ServiceMonitor', objects).spec as { endpoints: Record<string, unknown>[] };
    // The rules ask for the job `connect-medic`; the metrics' own labels win, as in the demonstration.
    assert.equal(endpoints[0]?.['honorLabels'], true);
    assert.deepEqual(endpoints[0]?.['relabelings'], [
      { action: 'replace', targetLabel: 'job', replacement: 'connect-medic' },
    ]);
  });

  test('version, appVersion and the image agree with package.json', async () => {
    const text = await readFile(join(ROOT, 'package.json'), 'utf8');
    const { version } = JSON.parse(text) as { version: string };
    const { appVersion } = parse(await readFile(join(CHART, 'Chart.yaml'), 'utf8')) as {
      appVersion: string;
    };
    assert.equal(appVersion, version);
    const [{ image }] = deployment(await chart().render(OPEN)).template.spec.containers;
    assert.equal(image, `connect-medic:${version}`);
  });

  const server = { auth: 'none' };
  const refused: [string, Values, RegExp][] = [
    ['nobody may call', {}, /config\.server\.auth is missing/],
    ['two replicas of SQLite', { ...OPEN, replicaCount: 2 }, /sqlite is one process/],
    ['Redis without a URL', { ...OPEN, ledger: { kind: 'redis' } }, /redis\.secretName .* or .*redis\.url/],
    [
      'two URLs of Redis',
      { ...OPEN, ledger: { kind: 'redis', redis: { secretName: 'a', url: 'redis://b' } } },
      /not both/,
    ],
    ['TLS without a certificate', { ...OPEN, tls: { enabled: true } }, /tls\.secretName/],
    ['an unknown value', { ...OPEN, replicas: 2 }, /additional properties 'replicas' not allowed/],
    ['an unknown ledger', { ...OPEN, ledger: { kind: 'postgres' } }, /ledger\/kind/],
    ['a ledger in the configuration', { config: { server, ledger: {} } }, /'ledger' not allowed/],
    ['a misspelt section', { config: { server, polices: {} } }, /'polices' not allowed/],
    [
      'a password in the ConfigMap',
      {
        config: {
          server: {
            auth: [{ name: 'a', basic: { username: 'a', password: 'not-a-secret' }, roles: ['read'] }],
          },
        },
      },
      /'password' not allowed/,
    ],
    [
      'credentials in a URL',
      { config: { server, alertmanagers: [{ url: 'http://a:b@c' }] } },
      /alertmanagers\/0\/url/,
    ],
    [
      'an unknown role',
      { config: { server: { auth: [{ name: 'a', bearerTokenFile: '/x', roles: ['admin'] }] } } },
      /roles\/0/,
    ],
    ['a shutdown that is cut short', { ...OPEN, terminationGracePeriodSeconds: 5 }, /minimum: got 5/],
    ['a negative number of replicas', { ...OPEN, replicaCount: -1 }, /replicaCount/],
    [
      'rules that do not exist',
      { ...OPEN, prometheusRule: { enabled: true, rules: ['mine'] } },
      /prometheusRule\/rules/,
    ],
    ['a digest that is none', { ...OPEN, image: { digest: 'latest' } }, /image\/digest/],
  ];
  for (const [what, values, why] of refused) {
    test(`${what}: refused`, async () => {
      await assert.rejects(chart().render(values), why);
    });
  }
});
