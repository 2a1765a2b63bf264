/**
 * The pod that the chart describes, started for real: the image with the chart's own configuration, mounts, user and security
 * context, as a kubelet would start it. Skipped where there is no Helm or nothing to build images with.
 */
import assert from 'node:assert/strict';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { command } from '../stack/debian.ts';
import { waitFor } from '../stack/process.ts';
import { cannotBuild, Image } from './containers.ts';
import { Chart, type KubernetesObject, type Values } from './helm.ts';

const opened = await Chart.open();
const skip = typeof opened === 'string' ? opened : cannotBuild;
const START_TIMEOUT_MS = 30_000;
/** podSecurityContext.fsGroup: what secrets' files and the volume belong to. */
const GROUP = 1000;

const VALUES: Values = {
  fullnameOverride: 'medic',
  secret: { data: { alertmanager: 'a-token', oncall: 'a-password' } },
  tls: { enabled: true, secretName: 'medic-tls' },
  config: {
    server: {
      auth: [
        {
          name: 'alertmanager',
          bearerTokenFile: '/etc/connect-medic/secrets/medic/alertmanager',
          roles: ['webhook'],
        },
        {
          name: 'oncall',
          basic: { username: 'oncall', passwordFile: '/etc/connect-medic/secrets/medic/oncall' },
          roles: ['read', 'operate'],
        },
      ],
    },
    clusters: [{ name: 'default', urls: ['http://127.0.0.1:1'] }],
  },
};

interface Pod {
  securityContext: { runAsUser: number; runAsGroup: number };
  containers: [{ volumeMounts: { name: string; mountPath: string; subPath?: string }[] }];
  volumes: { name: string; secret?: { secretName: string }; configMap?: { name: string } }[];
}

describe("the chart's pod", { skip }, () => {
  let image: Image;
  let folder: string;
  before(async () => {
    image = await Image.build('connect-medic:test');
    folder = await mkdtemp(join(tmpdir(), 'connect-medic-pod-'));
  });
  after(async () => {
    if (typeof opened !== 'string') await opened.close();
    await image?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** A volume's files, as a kubelet writes them. */
  async function volume(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const path = join(folder, name);
    await mkdir(path);
    for (const [file, text] of Object.entries(files)) {
      await writeFile(join(path, file), text);
      await chown(join(path, file), 0, GROUP);
      await chmod(join(path, file), 0o440);
    }
    return path;
  }

  async function certificate(): Promise<Record<string, string>> {
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const text = await command('openssl', [...args, '-subj', '/CN=medic', '-keyout', '-']);
    const part = (what: string): string =>
      new RegExp(`-----BEGIN ${what}-----[\\s\\S]+?-----END ${what}-----\n`).exec(text)?.[0] ?? '';
    return { 'tls.crt': part('CERTIFICATE'), 'tls.key': part('PRIVATE KEY') };
  }

  test('is ready over TLS, lets the right callers in, and shows no secret', async () => {
    assert.ok(typeof opened !== 'string');
    const objects = await opened.render(VALUES);
    const the = (kind: string): KubernetesObject =>
      objects.find((each) => each.kind === kind) as KubernetesObject;
    const { spec: pod } = (the('Deployment').spec as { template: { spec: Pod } }).template;
    const [{ volumeMounts }] = pod.containers;

    const folders = new Map<string, string>();
    for (const { name, configMap, secret } of pod.volumes) {
      const files = configMap
        ? the('ConfigMap').data
        : secret?.secretName === 'medic-tls'
          ? await certificate()
          : secret && the('Secret').stringData;
      if (files !== undefined) folders.set(name, await volume(name, files));
    }
    const mounts = volumeMounts.flatMap(({ name, mountPath, subPath = '' }) => {
      const source = folders.get(name);
      // The claim: a fresh volume, of the image's own path.
      return source === undefined ? [] : ['-v', `${join(source, subPath)}:${mountPath}:ro`];
    });
    const { runAsUser, runAsGroup } = pod.securityContext;
    const id = await image.start([
      ...['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--network', 'none'],
      ...['--user', `${runAsUser}:${runAsGroup}`, ...mounts],
    ]);
    const node = (script: string) => image.podman('exec', id, 'node', '-e', script);
    const status = async (path: string, authorization = ''): Promise<string> => {
      const options = JSON.stringify({ agent: false, rejectUnauthorized: false, headers: { authorization } });
      const url = JSON.stringify(`https://127.0.0.1:9099${path}`);
      const script = `require('node:https').get(${url}, ${options}, (answer) => { answer.resume(); console.log(answer.statusCode); })`;
      return (await node(script)).output.trim();
    };
    await waitFor('the pod to be ready', async () => (await status('/readyz')) === '200', START_TIMEOUT_MS);

    assert.equal(await status('/livez'), '200');
    assert.equal(await status('/api/v1/remediations'), '401');
    const basic = (password: string) => `Basic ${Buffer.from(`oncall:${password}`).toString('base64')}`;
    assert.equal(await status('/api/v1/remediations', basic('a-password')), '200');
    assert.equal(await status('/api/v1/remediations', basic('another')), '401');
    assert.equal(await status('/api/v1/remediations', 'Bearer a-token'), '403');

    const check = await image.podman('exec', id, 'node', '/app/src/main.ts', '--check');
    assert.match(check.output, /in use: a service is running on it/);
    const { output: log } = await image.podman('logs', id);
    assert.doesNotMatch(log + check.output, /a-token|a-password/);
  });
});
