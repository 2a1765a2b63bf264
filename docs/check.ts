import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { escalationReasons, holdReasons, reasons, states } from '../src/core/model.ts';
import { metricProblems } from './metrics.check.ts';

/**
 * Checks that the documentation is whole: every alert has its runbook section, every reason, hold, escalation, state and metric
 * has its line, and every link inside the repository leads somewhere. Run by `npm run docs:check`; exit status 0 or 1.
 */
const root = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const problems: string[] = [];

const operations = read('docs/operations.md');
for (const word of new Set<string>([...reasons, ...holdReasons, ...escalationReasons])) {
  if (!operations.includes(`\`${word}\``)) {
    problems.push(`docs/operations.md does not explain the reason ${word}`);
  }
}
problems.push(...(await metricProblems(operations)));
const architecture = read('docs/architecture.md');
for (const state of states) {
  if (!architecture.includes(`\`${state}\``)) problems.push(`docs/architecture.md does not explain ${state}`);
}

/** The anchor that a Markdown renderer gives to a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
const anchorsOf = (path: string): Set<string> =>
  new Set([...read(path).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading ?? '')));

interface RuleFile {
  groups?: { rules: { alert?: string; annotations?: { runbook_url?: string } }[] }[];
}
for (const file of readdirSync(join(root, 'rules')).filter((name) => name.endsWith('.yml'))) {
  const { groups = [] } = parse(read(`rules/${file}`)) as RuleFile;
  for (const { alert, annotations } of groups.flatMap((group) => group.rules)) {
    if (alert === undefined) continue;
    const [path = '', anchor = ''] = (annotations?.runbook_url ?? '').split('#');
    if (path !== 'docs/operations.md' || !anchorsOf(path).has(anchor)) {
      problems.push(`rules/${file}: ${alert} has no section in docs/operations.md`);
    }
  }
}

const pagesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join(folder, path));
const markdown = ['README.md', 'CHANGELOG.md', ...pagesIn('docs')];
for (const path of markdown) {
  for (const [, target = ''] of read(path).matchAll(/(?:\]\(|\bsrc(?:set)?=")([^)"\s]+)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file = '', anchor] = target.split('#');
    const linked = file === '' ? path : join(dirname(path), file);
    if (!existsSync(join(root, linked))) problems.push(`${path}: ${target} leads nowhere`);
    else if (anchor !== undefined && !anchorsOf(linked).has(anchor)) {
      problems.push(`${path}: ${target} names no heading`);
    }
  }
}

for (const problem of problems) console.error(problem);
if (problems.length === 0) console.log('the documentation is whole');
process.exitCode = problems.length === 0 ? 0 : 1;
