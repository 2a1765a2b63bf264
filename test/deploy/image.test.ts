/** The Dockerfile, built for real and run as it is meant to be run. Skipped where there is nothing to build images with. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT } from '../stack/parts.ts';
import { freePorts } from '../stack/ports.ts';
import { answersOk, waitFor } from '../stack/process.ts';
import { cannotBuild, Image } from './containers.ts';

const LOCKED_DOWN = [
  ...['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--memory', '256m'],
  // Loopback is the machine's own: no port of a container has to be published.
  ...['--network', 'host'],
];
const CONFIG_IN_IMAGE = '/etc/connect-medic/connect-medic.yml';
const START_TIMEOUT_MS = 30_000;

interface ImageConfig {
  User: string;
  Entrypoint: string[];
  Volumes: Record<string, unknown>;
}

describe('the image', { skip: cannotBuild }, () => {
  let image: Image;
  let folder: string;
  before(async () => {
    image = await Image.build('connect-medic:test');
    folder = await mkdtemp(join(tmpdir(), 'connect-medic-image-'));
  });
  after(async () => {
    await image?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  async function configured(text: string): Promise<string[]> {
    const file = join(folder, 'connect-medic.yml');
    await writeFile(file, text);
    return [...LOCKED_DOWN, '-v', `${file}:${CONFIG_IN_IMAGE}:ro`];
  }

  test('is not root, starts without a shell in between, and says how its health is asked', async () => {
    const { output } = await image.podman('image', 'inspect', image.tag);
    const [{ Config: config, Healthcheck: health }] = JSON.parse(output) as [
      { Config: ImageConfig; Healthcheck: { Test: string[] } },
    ];
    assert.equal(config.User, '1000:1000');
    assert.deepEqual(config.Entrypoint, ['node', '/app/src/main.ts']);
    assert.deepEqual(health.Test, ['CMD', 'node', '/app/deploy/image/healthcheck.ts']);
    assert.deepEqual(Object.keys(config.Volumes), ['/var/lib/connect-medic']);
  });

  test('holds the production dependencies and nothing that installs or develops', async () => {
    const script =
      'ls /app /app/node_modules /app/node_modules/@* /usr/local/bin; find /app -type f -writable -printf "writable %p\\n"';
    const { status, output } = await image.once(['--network', 'none', '--entrypoint', 'sh'], ['-c', script]);
    assert.equal(status, 0, output);
    const names = new Set(output.split(/\s+/));
    const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean; dependencies?: Record<string, string> }>;
    };
    const last = (path: string): string => path.split('/').at(-1) ?? path;
    for (const name of Object.keys(lock.packages['']?.dependencies ?? {}))
      assert.ok(names.has(last(name)), name);
    const developing = Object.entries(lock.packages).flatMap(([path, { dev }]) => (dev ? [last(path)] : []));
    // The program `node` is there, the package is not.
    const forbidden = new Set([...developing, 'npm', 'npx', 'test', '.stack', '.git']);
    forbidden.delete('node');
    for (const name of forbidden) {
      assert.ok(!names.has(name), `${name} is in the image`);
    }
    assert.doesNotMatch(output, /^writable/m, 'a file of the program can be written by the one who runs it');
  });

  test('runs read-only, without capabilities, as process 1; is healthy; ends cleanly on SIGTERM', async () => {
    const [port = 0] = await freePorts(1);
    const url = `http://127.0.0.1:${port}`;
    const id = await image.start([
      ...(await configured(`server: { port: ${port} }\nclusters: [{ urls: ["http://127.0.0.1:1"] }]\n`)),
      ...['-e', `CONNECT_MEDIC_HEALTH_URL=${url}/livez`],
    ]);
    await waitFor(
      'the container to be ready',
      () => answersOk(`${url}/readyz`).catch(() => false),
      START_TIMEOUT_MS,
    );

    const script =
      'tr "\\0" " " < /proc/1/cmdline; echo; grep -E "^(Uid|CapEff)" /proc/1/status; ls /var/lib/connect-medic';
    const { output } = await image.podman('exec', id, 'sh', '-c', script);
    // Replaced itself once, and is process 1 still.
    assert.match(output, /^\S*node --max-semi-space-size=1 .*\/app\/src\/main\.ts /);
    assert.match(output, /^Uid:\s+1000\b/m);
    assert.match(output, /^CapEff:\s+0+$/m);
    assert.match(output, /^connect-medic\.db$/m);
    assert.equal((await image.podman('exec', id, 'touch', '/app/new')).status, 1);
    assert.equal((await image.podman('healthcheck', 'run', id)).status, 0);

    await image.podman('stop', '-t', '25', id);
    const { output: status } = await image.podman('inspect', id, '--format', '{{.State.ExitCode}}');
    assert.equal(status.trim(), '0');
    const { output: log } = await image.podman('logs', id);
    assert.match(log, /"msg":"ended"/);
  });

  test('is not healthy where nothing answers', async () => {
    const asked = ['-e', 'CONNECT_MEDIC_HEALTH_URL=http://127.0.0.1:1/livez', '--entrypoint', 'node'];
    const { status, output } = await image.once(
      ['--network', 'none', ...asked],
      ['/app/deploy/image/healthcheck.ts'],
    );
    assert.equal(status, 1);
    assert.match(output, /ECONNREFUSED/);
  });

  test('without a configuration, and without a word on who may call, it does not start, and says why', async () => {
    const without = await image.once(LOCKED_DOWN);
    assert.equal(without.status, 1);
    assert.match(without.output, /\/etc\/connect-medic\/connect-medic\.yml/);
    const open = await image.once(await configured('server: { host: 0.0.0.0, port: 0 }\n'));
    assert.equal(open.status, 1);
    assert.match(open.output, /auth/);
  });

  test('takes --check as its argument', async () => {
    const { status, output } = await image.once(
      await configured('clusters: [{ urls: ["http://127.0.0.1:1"] }]\n'),
      ['--check'],
    );
    assert.equal(status, 1);
    assert.match(output, /configuration.*is valid/);
    assert.match(output, /cannot be used/);
  });
});
