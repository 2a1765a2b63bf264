import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { example, page } from '../../docs/configuration.gen.ts';
import { policyFor } from '../../src/config/config.ts';
import { type Node, nodeOf } from '../../src/config/nodes.ts';
import { configSchema } from '../../src/config/schema.ts';
import { valid } from './helpers.ts';
import { makePem } from './pem.ts';

describe('docs/configuration.md', () => {
  const onDisk = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

  it('is what the schema says', () => assert.equal(onDisk, page()));

  it('has an example that is valid', async () => {
    const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(onDisk) ?? [];
    assert.equal(yaml, example);
    const config = valid(yaml, {
      env: { MEDIC_TOKEN: 'a-token', CONNECT_PASSWORD: 'a password' },
      files: { '/run/secrets/oncall': 'x\n', '/etc/connect-medic/ca.pem': (await makePem()).ca },
    });
    assert.deepEqual(config.clusters[1]?.urls, ['http://localhost:8083']);
    assert.equal(policyFor(config, 'analytics', 'any').thenEveryMs, null);
  });

  it('describes every key', () => {
    const missing: string[] = [];
    const walk = (node: Node, path: string): void => {
      if (node.description === '') missing.push(path);
      if (node.type === 'array') walk(node.items, `${path}[]`);
      if (node.type !== 'object') return;
      for (const [name, child] of Object.entries(node.properties)) {
        // The README promises each key; those of an overlay are those of the policy.
        if (!onDisk.includes(name)) missing.push(`${path}.${name}`);
        walk(child, `${path}.${name}`);
      }
    };
    walk(nodeOf(configSchema), '');
    assert.deepEqual(missing, []);
  });

  it('the README begins with a configuration that is valid', async () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const [, yaml = ''] = /```yaml\n(# connect-medic\.yml.*?)```/s.exec(readme) ?? [];
    assert.notEqual(yaml, '');
    valid(yaml);
  });
});
