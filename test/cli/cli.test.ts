import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the service's command line in a folder of its own until it ends. */
function run(cwd: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd, env: { PATH: process.env['PATH'] ?? '', ...env } };
    execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) => {
      resolve({
        code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
        stdout,
        stderr,
      });
    });
  });
}

/** A worker that says just enough for `--check`. */
const answers: Record<string, unknown> = {
  '/': { version: '4.3.0', commit: 'x', kafka_cluster_id: 'k' },
  '/connectors': {
    orders: {
      status: {
        name: 'orders',
        connector: { state: 'RUNNING', worker_id: 'w:1' },
        tasks: [{ id: 0, state: 'FAILED', worker_id: 'w:1', trace: 'a.B: boom' }],
        type: 'sink',
      },
    },
  },
  '/am/api/v2/status': { versionInfo: { version: '0.25.0' } },
  '/am/api/v2/silences': [],
  '/am/api/v2/alerts': [],
  '/blind/api/v2/status': { versionInfo: { version: '0.25.0' } },
};

describe('the command line', () => {
  let folder: string;
  let server: Server;
  let url: string;
  const seen: (string | undefined)[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'connect-medic-cli-'));
    server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      const body = answers[(request.url ?? '').split('?', 1)[0] ?? ''];
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? { error_code: 404, message: 'no' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });
  const config = (text: string): string => {
    const file = join(folder, `c${readdirSync(folder).length}.yml`);
    writeFileSync(file, text);
    return file;
  };

  it('says how it is used', async () => {
    const help = await run(folder, ['--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /--config FILE.*--check/s);
    const wrong = await run(folder, ['--chekc']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--chekc/);
  });

  it('does not start on a configuration with problems, and names all of them', async () => {
    const file = config(`servr: {}\npolicy: { settle: 5 }\nstatusEvery: \${NOWHERE}\n`);
    for (const args of [
      ['--config', file],
      ['--config', file, '--check'],
    ]) {
      const { code, stdout, stderr } = await run(folder, args);
      assert.equal(code, 1);
      assert.equal(stdout, '');
      for (const part of ['servr', 'policy.settle', 'NOWHERE']) assert.ok(stderr.includes(part), part);
    }
  });

  it('names the problems of the diagnosis file together with those of the configuration', async () => {
    const rules = config('rules: [{ id: 1 }]\n');
    const file = config(`servr: {}\ndiagnosisFile: ${rules}\n`);
    const fine = config(`diagnosisFile: ${rules}\n`);
    for (const [args, both] of [
      [['--config', file], true],
      [['--config', file, '--check'], true],
      [['--config', fine], false],
    ] as const) {
      const { code, stderr } = await run(folder, args);
      assert.equal(code, 1);
      assert.match(stderr, /rules\[0\]/);
      assert.equal(stderr.includes('servr'), both);
    }
  });

  it('says why it cannot start also where the log is silent', async () => {
    const [, port] = url.split(/:(?=\d+$)/);
    for (const [text, reason] of [
      [`ledger: { url: 'sqlite:/nowhere/at/all.db' }`, /\/nowhere\/at\/all\.db/],
      [`ledger: { url: 'memory:' }\nserver: { port: ${port} }`, /^cannot listen on .*EADDRINUSE/],
    ] as const) {
      const { code, stdout, stderr } = await run(folder, [
        '--config',
        config(`${text}\nlog: { level: silent }\n`),
      ]);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, reason);
      const loud = await run(folder, ['--config', config(`${text}\n`)]);
      assert.deepEqual([loud.code, loud.stderr], [1, '']);
    }
  });

  it('does not start on a file that is not there', async () => {
    const { code, stderr } = await run(folder, ['--config', join(folder, 'nowhere.yml')]);
    assert.equal(code, 1);
    assert.match(stderr, /nowhere\.yml/);
  });

  it('--check tries everything and says what it found', async () => {
    const file = config(
      `ledger: { url: 'sqlite:${join(folder, 'a.db')}' }\nclusters: [{ name: main, urls: ['${url}'] }]\n` +
        `alertmanagers: [{ url: '${url}/am' }]\n`,
    );
    const { code, stdout } = await run(folder, ['--config', file, '--check']);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /cluster main .*Kafka Connect 4\.3\.0, 1 connectors, 1 failed parts/);
    assert.match(stdout, /alertmanager .*0\.25\.0/);
    assert.match(stdout, /ledger .*a\.db: is not there yet, and can be created/);
  });

  it('--check fails when one of several URLs is dead', async () => {
    const file = config(
      `ledger: { url: 'memory:' }\nclusters: [{ urls: ['${url}', 'http://127.0.0.1:1'] }]\n`,
    );
    const { code, stdout } = await run(folder, ['--config', file, '--check']);
    assert.equal(code, 1);
    assert.match(stdout, /^ok .*Kafka Connect 4\.3\.0/m);
    assert.match(stdout, /^FAILED .*127\.0\.0\.1:1\b.*refused/m);
  });

  it('--check fails when an Alertmanager does not say which silences there are', async () => {
    const file = config(
      `ledger: { url: 'memory:' }\nclusters: [{ urls: ['${url}'] }]\nalertmanagers: [{ url: '${url}/blind' }]\n`,
    );
    const { code, stdout } = await run(folder, ['--config', file, '--check']);
    assert.equal(code, 1);
    assert.match(stdout, /^FAILED .*alertmanager .*silences/m);
  });

  it('--prometheus goes with --check, and its URL holds no credentials', async () => {
    const cases: [args: readonly string[], message: RegExp][] = [
      [['--prometheus', url], /--prometheus goes with --check/],
      [['--check', '--prometheus-bearer-file', 'token'], /--prometheus-bearer-file goes with --prometheus/],
      [
        ['--check', '--prometheus', 'http://u:pl4nted-s3cret@p:9090'],
        /without user name and password: a token goes into --prometheus-bearer-file/,
      ],
      [['--check', '--prometheus', 'p:9090'], /a URL that begins with http/],
    ];
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await run(folder, args);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.match(stderr, /^Usage: /m);
      assert.ok(!stderr.includes('s3cret'));
    }
  });

  it('--check --prometheus asks that Prometheus, with the token of a file', async () => {
    const file = config(`ledger: { url: 'memory:' }\nclusters: [{ urls: ['${url}'] }]\n`);
    writeFileSync(join(folder, 'token'), 'a-t0ken\n');
    const args = ['--prometheus', `${url}/prom/`, '--prometheus-bearer-file', 'token'];
    const { code, stdout } = await run(folder, ['--config', file, '--check', ...args]);
    assert.equal(code, 1);
    assert.match(stdout, /^FAILED {2}prometheus http:\/\/127.*\/prom: nonsense: 404/m);
    assert.ok(seen.includes('Bearer a-t0ken'));
    assert.ok(!stdout.includes('a-t0ken'));
  });

  it('ends on SIGTERM although a client began a request and never ends it, and is not cut short by further signals', async () => {
    const file = config(
      `server: { port: 0 }\nledger: { url: 'memory:' }\nclusters: [{ urls: ['${url}'] }]\n`,
    );
    const service = spawn(process.execPath, [MAIN, '--config', file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(service, 'exit');
    let port = 0;
    const lines = createInterface({ input: service.stdout })[Symbol.asyncIterator]();
    const line = async (): Promise<{ address?: string; msg: string }> =>
      JSON.parse((await lines.next()).value ?? '{}');
    for (;;) {
      const { address } = await line();
      if (address === undefined) continue;
      port = Number(new URL(address).port);
      break;
    }
    const stalled = connect(port, '127.0.0.1');
    stalled.on('error', () => undefined);
    await once(stalled, 'connect');
    stalled.write('POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{');
    service.kill('SIGTERM');
    while (!(await line()).msg.startsWith('ending'));
    service.kill('SIGTERM');
    service.kill('SIGINT');
    assert.deepEqual(await ended, [0, null]);
    stalled.destroy();
  });

  it('P10: shows no secret of the configuration, whatever goes wrong', async () => {
    const secret = 'pl4nted-s3cret';
    const file = config(
      [
        `server: { auth: [{ name: x, bearerToken: '\${TOKEN}', roles: [webhook] }] }`,
        `ledger: { url: 'redis://user:${secret}@127.0.0.1:1/0' }`,
        `clusters: [{ urls: ['${url}', 'http://127.0.0.1:1'], auth: { basic: { username: u, password: ${secret} } } }]`,
        `alertmanagers: [{ url: 'http://127.0.0.1:1', auth: { bearerToken: ${secret} } }]`,
        '',
      ].join('\n'),
    );
    const { stdout, stderr } = await run(folder, ['--config', file, '--check'], { TOKEN: secret });
    assert.match(stdout, /FAILED/);
    assert.ok(seen.includes(`Basic ${Buffer.from(`u:${secret}`).toString('base64')}`), 'it was used');
    for (const text of [stdout, stderr])
      assert.ok(!text.includes(secret) && !text.includes('czNjcmV0'), text);
  });
});
