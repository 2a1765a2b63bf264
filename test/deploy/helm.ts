/** The chart as Helm renders it, for the tests of the chart. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import { MissingParts, ROOT } from '../stack/parts.ts';
import { KUBERNETES, type KubernetesParts, provisionKubernetes } from './kubernetes-parts.ts';

const run = promisify(execFile);
export const CHART = join(ROOT, 'deploy/helm/connect-medic');
const TIMEOUT_MS = 60_000;

export type Values = Readonly<Record<string, unknown>>;

/** A Kubernetes object; only what is asked of every one. */
export interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly data?: Record<string, string>;
  readonly stringData?: Record<string, string>;
  // Read by path in the tests: a type for each kind would be Kubernetes' own, and kubeconform checks them.
  readonly spec?: unknown;
}

export class Chart {
  readonly #parts: KubernetesParts;
  readonly #folder: string;

  private constructor(parts: KubernetesParts, folder: string) {
    this.#parts = parts;
    this.#folder = folder;
  }

  /** A string instead of a chart says why there is no Helm here. */
  static async open(): Promise<Chart | string> {
    try {
      return new Chart(await provisionKubernetes(), await mkdtemp(join(tmpdir(), 'connect-medic-chart-')));
    } catch (error) {
      if (error instanceof MissingParts) return error.message.replaceAll(/\s+/g, ' ');
      throw error;
    }
  }

  /** The objects' text. Throws with Helm's words where it refuses the values. */
  async text(values: Values): Promise<string> {
    return this.#helm(
      'template',
      ['medic', CHART, '--namespace', 'kafka', '--kube-version', KUBERNETES],
      values,
    );
  }

  async render(values: Values): Promise<KubernetesObject[]> {
    const documents = parseAllDocuments(await this.text(values));
    return documents.map((each) => each.toJS() as KubernetesObject | null).filter((each) => each !== null);
  }

  async lint(values: Values): Promise<string> {
    return this.#helm('lint', [CHART, '--strict', '--kube-version', KUBERNETES], values);
  }

  /** kubeconform's findings; empty where every object is what its kind's schema says. */
  async problems(text: string): Promise<string[]> {
    const file = join(this.#folder, 'rendered.yaml');
    await writeFile(file, text);
    const args = ['-strict', '-output', 'json', '-schema-location', this.#parts.schemas, file];
    const { stdout } = await run(this.#parts.kubeconform, args, { timeout: TIMEOUT_MS }).catch(
      // Exit status 1 says that there are findings.
      (error: { stdout: string }) => error,
    );
    const { resources } = JSON.parse(stdout) as { resources?: { kind: string; name: string; msg: string }[] };
    return (resources ?? []).map(({ kind, name, msg }) => `${kind} ${name}: ${msg}`);
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #helm(command: string, args: readonly string[], values: Values): Promise<string> {
    const file = join(this.#folder, 'values.yaml');
    await writeFile(file, stringify(values));
    try {
      const { stdout } = await run(this.#parts.helm, [command, ...args, '--values', file], {
        timeout: TIMEOUT_MS,
        maxBuffer: 16 * 1024 * 1024,
        env: { ...process.env, HELM_CACHE_HOME: this.#folder, HELM_CONFIG_HOME: this.#folder },
      });
      return stdout;
    } catch (error) {
      const output = error !== null && typeof error === 'object' && 'stderr' in error ? error.stderr : error;
      // Helm says of each linked file that it is one.
      throw new Error(String(output).replace(/^walk\.go:.*\n/gm, ''));
    }
  }
}
