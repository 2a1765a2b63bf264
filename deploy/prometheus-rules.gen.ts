/**
 * Writes the rules as objects of the Prometheus Operator (PrometheusRule). `npm run prometheus-rules`; with `--check` nothing
 * is written, and the exit status is 1 where a file differs from what would be written.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

const ROOT = join(import.meta.dirname, '..');
/** Without `.yml`: the object's name, and the file's. */
const RULES = ['kafka-connect', 'kafka-connect-humans', 'connect-medic'];

/** The generated files: text by path. Throws where a file of rules/ is missing. */
export async function generatedPrometheusRules(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of RULES) {
    const { groups } = parse(await readFile(join(ROOT, 'rules', `${name}.yml`), 'utf8')) as {
      groups: unknown[];
    };
    const object = {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: {
        name: name === 'connect-medic' ? name : `connect-medic-${name}`,
        labels: { 'app.kubernetes.io/name': 'connect-medic', 'app.kubernetes.io/component': 'rules' },
      },
      spec: { groups },
    };
    const header = `# Generated from rules/${name}.yml by npm run prometheus-rules: change it there.\n# Where Prometheus selects rules by label (spec.ruleSelector), add that label.\n`;
    files.set(
      join(ROOT, 'deploy/prometheus-rules', `${name}.yaml`),
      header + stringify(object, { lineWidth: 0 }),
    );
  }
  return files;
}

if (import.meta.main) {
  for (const [path, text] of await generatedPrometheusRules()) {
    if (process.argv.includes('--check')) {
      if ((await readFile(path, 'utf8').catch(() => '')) === text) continue;
      console.error(`${path} is not what rules/ says: npm run prometheus-rules`);
      process.exitCode = 1;
    } else {
      await writeFile(path, text);
      console.log(path);
    }
  }
}
