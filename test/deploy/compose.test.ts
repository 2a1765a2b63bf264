/**
 * docker-compose.yml: what the Compose Specification says of it, and that the files it mounts are there and are what the programs in the
 * containers accept. No container is started.
 *
 * test/fixtures/compose-spec.json is the specification's own schema, as compose-go 2.16.2 has it (Apache-2.0).
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse, stringify } from 'yaml';
import { valid } from '../config/helpers.ts';
import { command } from '../stack/debian.ts';
import { ROOT } from '../stack/parts.ts';
import { type MonitoringParts, provisionMonitoring } from '../stack/provision.ts';

interface Service {
  image: string;
  build?: { args?: Record<string, string>; context: string; dockerfile?: string };
  depends_on?: Record<string, unknown>;
  environment?: Record<string, string>;
  healthcheck?: unknown;
  ports?: string[];
  restart?: string;
  secrets?: (string | { source: string; target: string })[];
  volumes?: string[];
}

interface Compose {
  services: Record<string, Service>;
  secrets: Record<string, { file: string }>;
  volumes: Record<string, unknown>;
}

const FOLDER = join(ROOT, 'deploy/compose');
const read = (...path: string[]): Promise<string> => readFile(join(ROOT, ...path), 'utf8');
const yaml = async (...path: string[]): Promise<unknown> => parse(await read(...path), { merge: true });

describe('docker-compose.yml', () => {
  let compose: Compose;
  let services: [string, Service][];
  before(async () => {
    compose = (await yaml('docker-compose.yml')) as Compose;
    services = Object.entries(compose.services);
  });

  test('is what the Compose Specification says', async () => {
    const schema = JSON.parse(await read('test/fixtures/compose-spec.json')) as Record<string, unknown>;
    const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    const validate = ajv.compile(schema);
    assert.ok(validate(compose), JSON.stringify(validate.errors, null, 2));
    assert.ok(
      !validate({ ...compose, services: { kafka: { imagge: 'kafka' } } }),
      'the schema finds nothing',
    );
  });

  test('names exact versions, and one version of each image', () => {
    const images = new Set(services.map(([, { image }]) => image));
    for (const image of images) assert.match(image, /^[\w./-]+:v?\d+\.\d+\.\d+(-[\w.]+)?$/);
    const names = [...images].map((image) => image.split(':')[0]);
    assert.equal(new Set(names).size, names.length);
  });

  test('names the versions that the tests run on: Node, Kafka, the JMX exporter, connect-medic', async () => {
    const manifest = JSON.parse(await read('package.json')) as {
      version: string;
      devDependencies: { node: string };
    };
    const pom = await read('test/stack/pom.xml');
    const kafka = /<kafka\.version>([^<]+)/.exec(pom)?.[1];
    const agent = /<jmx\.agent\.version>([^<]+)/.exec(pom)?.[1];
    const medic = compose.services['connect-medic'];
    assert.equal(medic?.image, `connect-medic:${manifest.version}`);
    assert.equal(compose.services['kafka']?.image, `apache/kafka:${kafka}`);
    const worker = await read('deploy/compose/connect.Dockerfile');
    assert.match(worker, new RegExp(`^FROM apache/kafka:${kafka}$`, 'm'));
    assert.match(worker, new RegExp(`jmx_prometheus_javaagent:${agent} `));
    assert.match(await read('deploy/compose/worker.properties'), new RegExp(`connect-file-${kafka}\\.jar`));
    const tag = `${manifest.devDependencies.node}-bookworm-slim`;
    assert.equal(medic.build?.args?.['NODE_TAG'], tag);
    // What people copy from names the same one.
    for (const file of ['Dockerfile', 'docs/install.md']) {
      const named = (await read(file)).match(/\d+\.\d+\.\d+-bookworm-slim/g);
      assert.deepEqual([...new Set(named)], [tag], file);
    }
  });

  test('publishes on loopback only', () => {
    for (const [name, { ports = [] }] of services) {
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/, name);
    }
  });

  test('asks every service that stays for its health, and depends on nothing that is not there', () => {
    for (const [name, { healthcheck, restart, depends_on: needed = {}, build }] of services) {
      // connect-medic's is the image's own; the one that ends at once has none.
      const own = build !== undefined && name === 'connect-medic';
      assert.ok(healthcheck !== undefined || own || restart === 'no', name);
      for (const other of Object.keys(needed)) assert.ok(other in compose.services, `${name} needs ${other}`);
    }
  });

  test('mounts only what is there', () => {
    for (const [name, { volumes = [], secrets = [] }] of services) {
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('.')) assert.ok(existsSync(join(ROOT, source)), `${name}: ${source}`);
        else assert.ok(source in compose.volumes, `${name}: ${source}`);
      }
      for (const secret of secrets) {
        const source = typeof secret === 'string' ? secret : secret.source;
        assert.ok(existsSync(join(ROOT, compose.secrets[source]?.file ?? '-')), `${name}: ${source}`);
      }
    }
  });

  test('runs connect-medic with a configuration that it accepts, for the clusters and addresses that are there', async () => {
    const files: Record<string, string> = {};
    for (const secret of compose.services['connect-medic']?.secrets ?? []) {
      assert.ok(typeof secret === 'string');
      files[`/run/secrets/${secret}`] = await read(compose.secrets[secret]?.file ?? '');
    }
    const config = valid(await read('deploy/compose/connect-medic.yml'), { files });
    const urls = [
      ...config.clusters.flatMap((cluster) => cluster.urls),
      ...config.alertmanagers.map(({ url }) => url),
    ];
    for (const url of urls) assert.ok(new URL(url).hostname in compose.services, url);
    assert.equal(config.ledger.kind, 'redis');
    const prometheus = (await yaml('deploy/compose/prometheus.yml')) as {
      scrape_configs: {
        job_name: string;
        static_configs: [{ targets: string[]; labels?: Record<string, string> }];
      }[];
    };
    for (const {
      static_configs: [{ targets, labels }],
    } of prometheus.scrape_configs) {
      for (const target of targets) assert.ok((target.split(':')[0] ?? '') in compose.services, target);
      if (labels !== undefined) assert.equal(labels['connect_cluster'], config.clusters[0]?.name);
    }
  });

  test('routes alerts as rules/alertmanager.example.yml does', async () => {
    interface Alertmanager {
      route: unknown;
      receivers: { name: string; webhook_configs?: { url: string }[] }[];
    }
    const shipped = (await yaml('rules/alertmanager.example.yml')) as Alertmanager;
    const used = (await yaml('deploy/compose/alertmanager.yml')) as Alertmanager;
    assert.deepEqual(used.route, shipped.route);
    const webhook = ({ receivers }: Alertmanager): object => ({
      ...receivers.find(({ name }) => name === 'connect-medic')?.webhook_configs?.[0],
      url: 'elsewhere',
    });
    assert.deepEqual(webhook(used), webhook(shipped));
  });

  test('gives Grafana the shipped data source, at another address', async () => {
    const shipped = await read('grafana/provisioning/datasources/prometheus.yml');
    const used = await read('deploy/compose/grafana-datasource.yml');
    assert.equal(used, shipped.replace('http://127.0.0.1:9090', 'http://prometheus:9090'));
    const provider = (await yaml('grafana/provisioning/dashboards/connect-medic.yml')) as {
      providers: [{ options: { path: string } }];
    };
    const mounts = compose.services['grafana']?.volumes ?? [];
    assert.ok(mounts.some((mount) => mount.includes(`:${provider.providers[0].options.path}:`)));
  });

  describe('with the tools of Prometheus and Alertmanager', () => {
    let tools: MonitoringParts;
    before(async () => {
      tools = await provisionMonitoring();
    });

    test('promtool accepts the configuration of Prometheus, with every rule file', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'connect-medic-compose-'));
      try {
        const config = (await yaml('deploy/compose/prometheus.yml')) as { rule_files: string[] };
        const shipped = (await readdir(join(ROOT, 'rules'))).filter((name) =>
          /^(kafka-connect.*|connect-medic)\.yml$/.test(name),
        );
        const expected = shipped.map((name) => `/etc/prometheus/rules/${name}`);
        assert.deepEqual([...config.rule_files].sort(), expected.sort());
        const file = join(folder, 'prometheus.yml');
        const here = config.rule_files.map((path) => path.replace('/etc/prometheus', ROOT));
        await writeFile(file, stringify({ ...config, rule_files: here }));
        assert.match(await command(tools.promtool, ['check', 'config', file]), /SUCCESS/);
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    test('amtool accepts the configuration of Alertmanager', async () => {
      const output = await command(tools.amtool, ['check-config', join(FOLDER, 'alertmanager.yml')]);
      assert.match(output, /SUCCESS/);
    });
  });
});
