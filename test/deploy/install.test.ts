/** What docs/install.md tells people to write is accepted by what they give it to. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parse } from 'yaml';
import { valid } from '../config/helpers.ts';
import { ROOT } from '../stack/parts.ts';
import { Chart, type Values } from './helm.ts';

const guide = await readFile(join(ROOT, 'docs/install.md'), 'utf8');
const unit = await readFile(join(ROOT, 'deploy/systemd/connect-medic.service'), 'utf8');

/** The YAML example that contains `text`. */
function example(text: string): string {
  const found = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].flatMap(([, yaml = '']) =>
    yaml.includes(text) ? [yaml] : [],
  );
  assert.equal(found.length, 1, `${found.length} examples contain ${text}`);
  return found[0] ?? '';
}

/** One value of the unit, or several of the same name. */
function settings(name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

function merged(below: unknown, above: unknown): unknown {
  const isMapping = (value: unknown): value is Values =>
    value !== null && typeof value === 'object' && !Array.isArray(value);
  if (!isMapping(below) || !isMapping(above)) return above;
  const result: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    result[key] = key in result ? merged(result[key], value) : value;
  }
  return result;
}

describe('the unit of systemd', () => {
  test('gives the service the credentials that the example of its configuration reads', () => {
    const credentials = settings('LoadCredential').map((each) => each.split(':')[0] ?? '');
    const yaml = example('sqlite:/var/lib');
    const files = Object.fromEntries(credentials.map((name) => [`/run/credentials/${name}`, 'text']));
    const config = valid(yaml, { env: { CREDENTIALS_DIRECTORY: '/run/credentials' }, files });
    assert.equal(config.server.auth === 'none' ? 0 : config.server.auth.length, credentials.length);
    assert.ok(config.ledger.kind === 'sqlite');
    assert.equal(config.ledger.path, `/var/lib/${settings('StateDirectory')[0]}/connect-medic.db`);
  });

  test('starts what is in the repository, and leaves it the time to end', () => {
    const [start = ''] = settings('ExecStart');
    const [, main = ''] = /\/opt\/connect-medic\/(\S+)/.exec(start) ?? [];
    assert.ok(existsSync(join(ROOT, main)), start);
    assert.ok(Number(settings('TimeoutStopSec')[0]) >= 25);
  });

  test('lets it listen on 0.0.0.0: Fastify then asks for the addresses of the machine, by netlink', () => {
    const families = settings('RestrictAddressFamilies').flatMap((each) => each.split(' '));
    assert.deepEqual(families.toSorted(), ['AF_INET', 'AF_INET6', 'AF_NETLINK', 'AF_UNIX']);
  });
});

const chart = await Chart.open();

describe("the guide's values for Helm", { skip: typeof chart === 'string' ? chart : false }, () => {
  after(() => (typeof chart === 'string' ? undefined : chart.close()));
  const one = parse(example('registry.example.org')) as Values;
  const two = merged(one, parse(example('in addition'))) as Values;

  for (const [name, values, replicas] of [
    ['one replica', one, 1],
    ['two replicas', two, 2],
  ] as const) {
    test(`install ${name}`, async () => {
      assert.ok(typeof chart !== 'string');
      const text = await chart.text(values);
      assert.deepEqual(await chart.problems(text), []);
      assert.match(text, new RegExp(`^  replicas: ${replicas}$`, 'm'));
    });
  }
});
