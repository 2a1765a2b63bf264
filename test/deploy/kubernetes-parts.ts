/**
 * Helm, kubeconform and the schemas of the Kubernetes objects that the chart makes, for the tests of the chart: built and taken
 * from Go modules into `.stack/kubernetes/`, once. It needs Go, and takes two to four minutes.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { command, onPath } from '../stack/debian.ts';
import { alone, FOLDER, hasStamp, type Log, Problems, replaceFolder } from '../stack/parts.ts';

export interface KubernetesParts {
  helm: string;
  kubeconform: string;
  /** For kubeconform's `-schema-location`. */
  schemas: string;
}

/** The Kubernetes whose schemas these are, for `helm template --kube-version`. */
export const KUBERNETES = '1.34.4';
const HELM = 'helm.sh/helm/v3/cmd/helm@v3.22.0';
const KUBECONFORM = 'github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0';
const KUBERNETES_MODULE = `k8s.io/kubernetes@v${KUBERNETES}`;
const OPERATOR_MODULE = 'github.com/prometheus-operator/prometheus-operator@v0.85.0';
/** Kinds of the Prometheus Operator, as its files call them. */
const OPERATOR_KINDS = ['servicemonitors', 'prometheusrules'];

type Schema = Record<string, unknown>;

/** Throws `MissingParts` where there is no Go that can build them, or no way to the modules. */
export async function provisionKubernetes(log: Log = () => {}): Promise<KubernetesParts> {
  return alone(() => kubernetesParts(log));
}

async function kubernetesParts(log: Log): Promise<KubernetesParts> {
  const folder = join(FOLDER, 'kubernetes');
  const key = `${HELM} ${KUBECONFORM} ${KUBERNETES_MODULE} ${OPERATOR_MODULE}`;
  if (!(await hasStamp(folder, key))) {
    const go = onPath('go');
    const how = 'put a current Go on PATH, of which Helm and kubeconform are built';
    if (go === undefined) throw new Problems([`Helm: ${how}`]);
    log('building Helm and kubeconform; this takes some minutes');
    await replaceFolder(folder, key, async (temporary) => {
      try {
        await build(go, temporary);
        await writeSchemas(go, join(temporary, 'schemas'));
      } catch (error) {
        throw new Problems([`Helm: ${how}. ${error instanceof Error ? error.message : String(error)}`]);
      }
    });
  }
  return {
    helm: join(folder, 'helm'),
    kubeconform: join(folder, 'kubeconform'),
    schemas: join(folder, 'schemas', '{{.ResourceKind}}{{.KindSuffix}}.json'),
  };
}

async function build(go: string, folder: string): Promise<void> {
  const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0' };
  for (const program of [HELM, KUBECONFORM]) {
    await command(go, ['install', '-trimpath', '-ldflags=-s -w', program], folder, env);
  }
}

async function writeSchemas(go: string, folder: string): Promise<void> {
  await mkdir(folder);
  const api = await moduleFolder(go, KUBERNETES_MODULE, folder);
  const swagger = JSON.parse(await readFile(join(api, 'api/openapi-spec/swagger.json'), 'utf8')) as {
    definitions: Record<string, Schema>;
  };
  for (const [name, text] of kubernetesSchemas(swagger.definitions)) {
    await writeFile(join(folder, name), text);
  }
  const operator = await moduleFolder(go, OPERATOR_MODULE, folder);
  for (const kind of OPERATOR_KINDS) {
    const file = join(operator, 'example/prometheus-operator-crd', `monitoring.coreos.com_${kind}.yaml`);
    const resource = parse(await readFile(file, 'utf8')) as {
      spec: {
        group: string;
        names: { kind: string };
        versions: { name: string; schema: { openAPIV3Schema: Schema } }[];
      };
    };
    const { group, names, versions } = resource.spec;
    for (const { name, schema } of versions) {
      const { metadata, ...properties } = schema.openAPIV3Schema['properties'] as Record<string, Schema>;
      const whole = { ...schema.openAPIV3Schema, properties };
      const text = JSON.stringify({ ...closed(whole), properties: { ...closed(properties), metadata } });
      await writeFile(join(folder, schemaName(group, name, names.kind)), text);
    }
  }
}

async function moduleFolder(go: string, module: string, cwd: string): Promise<string> {
  const output = await command(go, ['mod', 'download', '-json', module], cwd);
  return /"Dir": "([^"]+)"/.exec(output)?.[1] ?? '';
}

/**
 * A schema for each kind of the Kubernetes API, with the definitions that it needs; unknown fields are refused, as the API server
 * does with `--validate=strict`.
 */
function* kubernetesSchemas(definitions: Record<string, Schema>): Generator<[string, string]> {
  const strict = Object.fromEntries(Object.entries(definitions).map(([name, each]) => [name, closed(each)]));
  for (const [name, definition] of Object.entries(definitions)) {
    const kinds = definition['x-kubernetes-group-version-kind'];
    if (!Array.isArray(kinds) || kinds.length !== 1) continue;
    const [{ group, version, kind }] = kinds as [{ group: string; version: string; kind: string }];
    const needed: Record<string, unknown> = {};
    const take = (wanted: string): void => {
      if (wanted in needed) return;
      needed[wanted] = strict[wanted];
      for (const [, next] of JSON.stringify(strict[wanted]).matchAll(/"#\/definitions\/([^"]+)"/g)) {
        if (next !== undefined) take(next);
      }
    };
    take(name);
    yield [
      schemaName(group, version, kind),
      JSON.stringify({ $ref: `#/definitions/${name}`, definitions: needed }),
    ];
  }
}

/** kubeconform's `{{.ResourceKind}}{{.KindSuffix}}`: the first part of the group, and the version. */
function schemaName(group: string, version: string, kind: string): string {
  const [first = ''] = group.split('.');
  return `${[kind, first, version]
    .filter((part) => part !== '')
    .join('-')
    .toLowerCase()}.json`;
}

/** The same schema with no other properties than those that it names. */
function closed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(closed) as T;
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, each]) => [key, closed(each)]);
  const copy = Object.fromEntries(entries) as Record<string, unknown>;
  const isObject = 'properties' in copy && !('additionalProperties' in copy);
  // IntOrString is written as a string with a format; a number is as good.
  if (copy['format'] === 'int-or-string') return { anyOf: [{ type: 'string' }, { type: 'integer' }] } as T;
  const open = copy['x-kubernetes-preserve-unknown-fields'] === true;
  return (isObject && !open ? { ...copy, additionalProperties: false } : copy) as T;
}
