import type { Config } from '../config/config.ts';
import { formatMatcher, matches } from '../config/matcher.ts';
import type { Connectors } from './connect.ts';
import { count, type Findings, names, shown } from './findings.ts';
import { BUILD_INFO, namesAbout, namesIn, RECORDED, type Sight, SOURCES, sightsOf } from './metric-names.ts';
import type { PrometheusFacts } from './prometheus.ts';
import type { Group, Rule } from './prometheus-parse.ts';

/** What the judgement needs beside Prometheus' answers. */
export interface Around {
  readonly config: Config;
  /** The connectors of each cluster that could be read. */
  readonly clusters: ReadonlyMap<string, Connectors>;
  /** Whether an Alertmanager lists an alert with the remediation label: then somebody's rules do fire. */
  readonly alertsSeen: boolean;
}

/** Judges what Prometheus told: whether the rules are there and work, see each cluster, and reach an Alertmanager. */
export function judgePrometheus(facts: PrometheusFacts, around: Around, findings: Findings): void {
  const what = `prometheus ${facts.url}`;
  const groups = facts.groups.outcome === 'ok' ? facts.groups.value : null;
  if (facts.groups.outcome !== 'ok') {
    const { outcome, detail } = facts.groups;
    findings.note(`${what}: its rules cannot be read, ${outcome}: ${shown(detail)}`);
  } else judgeRules(what, facts.groups.value, around, findings);
  const sights = sightsOf(facts.series, around.config.labels.cluster);
  for (const { name } of around.config.clusters) judgeCluster(what, name, sights, facts, around, findings);
  judgeNames(what, sights, around.config, findings);
  if (groups !== null) judgeRecorded(what, groups, facts, around.config, findings);
  judgeScrape(what, facts, findings);
  judgeWayOut(what, facts, around, findings);
}

function remediating(rule: Rule, config: Config): boolean {
  return rule.kind === 'alerting' && matches(config.remediationLabel, rule.labels);
}

function judgeRules(
  what: string,
  groups: readonly Group[],
  { config, alertsSeen }: Around,
  findings: Findings,
): void {
  const label = formatMatcher(config.remediationLabel);
  const mine = groups.filter(({ rules }) => rules.some((rule) => remediating(rule, config)));
  const alerts = mine.flatMap(({ rules }) => rules.filter((rule) => remediating(rule, config)));
  if (alerts.length === 0) {
    const text = `no alerting rule with ${label} is loaded`;
    if (alertsSeen) findings.note(`${what}: ${text}; such alerts come from elsewhere`);
    else findings.failed(what, `${text}: load rules/kafka-connect.yml, without it no alert drives a restart`);
    return;
  }
  const rules = mine.flatMap((group) => group.rules);
  const broken = rules.filter(({ health }) => health === 'err');
  for (const rule of broken.slice(0, 5)) {
    findings.failed(what, `the rule ${shown(rule.name)} cannot be evaluated: ${shown(rule.lastError)}`);
  }
  if (broken.length === 0) {
    findings.ok(what, `${count(alerts.length, 'alerting rule')} with ${label}`);
  }
  if (rules.some(({ health }) => health === 'unknown')) {
    findings.note(`${what}: rules that remediation rests on were not evaluated yet; try again in a minute`);
  }
}

function judgeCluster(
  what: string,
  name: string,
  sights: readonly Sight[],
  facts: PrometheusFacts,
  { config, clusters }: Around,
  findings: Findings,
): void {
  const only = config.clusters.length === 1;
  const mine = sights.filter(
    ({ cluster, displaced }) => !displaced && (cluster === name || (cluster === '' && only)),
  );
  const connectors = [...(clusters.get(name)?.values() ?? [])];
  const here = `${what}, cluster ${name}`;
  const found: string[] = [];
  for (const about of ['connectors', 'tasks'] as const) {
    const sources = SOURCES.filter((source) =>
      mine.some((one) => one.about === about && one.source === source),
    );
    if (sources.length > 0) {
      found.push(`${about} by ${sources.join(' and ')}`);
      continue;
    }
    // A failed task may be missing in JMX, a running one is not.
    const running = connectors.some((status) => {
      const parts = status === null ? [] : about === 'connectors' ? [status.connector] : status.tasks;
      return parts.some(({ state }) => state === 'RUNNING');
    });
    const where =
      config.labels.cluster === ''
        ? ''
        : ` with ${config.labels.cluster}="${name}" (connect_medic_…: cluster="${name}")`;
    const text = `no series says that one of its ${about} is FAILED: none of ${namesAbout(about).join(', ')}${where}`;
    // Its own gauges come once it runs, and are then enough.
    const later = facts.targets.some(({ value }) => value === 0);
    if (running && !later) findings.failed(here, `${text}: no alert can fire for them`);
    else
      findings.note(
        `${here}: ${text}${later ? '; connect-medic, which is scraped and down, would add them' : ''}`,
      );
  }
  if (found.length > 0) findings.ok(here, found.join(', '));
  const rest = mine.some(({ source }) => source === 'REST');
  if (found.length > 0 && !rest) {
    findings.note(
      `${here}: connect-medic's own gauges are missing, and JMX does not see a task that fails while it is built; ` +
        (sights.some((sight) => sight.displaced && sight.cluster === name)
          ? 'they come with exported_cluster: scrape connect-medic with honor_labels: true'
          : 'they are there once connect-medic runs, reads this cluster and is scraped (honor_labels: true)'),
    );
  }
  if (found.length > 0 && rest && mine.every(({ source }) => source === 'REST')) {
    findings.note(
      `${here}: only connect-medic's own gauges tell of it: alerts do not name the task, and none fires while connect-medic is down`,
    );
  }
}

/** Names on the series that are none of the configured ones. */
function judgeNames(what: string, sights: readonly Sight[], config: Config, findings: Findings): void {
  const configured = config.clusters.map(({ name }) => name);
  const others = new Set(
    sights.map(({ cluster }) => cluster).filter((cluster) => cluster !== '' && !configured.includes(cluster)),
  );
  if (others.size > 0) {
    findings.note(
      `${what}: series of the clusters ${names(others)}, which are not configured here (configured: ${names(configured)}): their alerts are ignored`,
    );
  }
  const label = config.labels.cluster;
  if (configured.length > 1 && sights.some(({ cluster, source }) => cluster === '' && source !== 'REST')) {
    findings.note(
      `${what}: series without the label ${label === '' ? 'of the cluster' : label}, though several clusters are configured: their alerts are ignored; the scrape configuration has to add it`,
    );
  }
}

/** What the loaded alerts rest on is recorded: half of a rule file fires nothing. */
function judgeRecorded(
  what: string,
  groups: readonly Group[],
  { series }: PrometheusFacts,
  config: Config,
  findings: Findings,
): void {
  const rules = groups.flatMap((group) => group.rules);
  const queries = rules.filter((rule) => remediating(rule, config)).map(({ query }) => query);
  const there = namesIn(series);
  const missing: string[] = [];
  for (const [recorded, from] of RECORDED) {
    const wanted = queries.some((query) => query.includes(recorded));
    if (!wanted || there.has(recorded) || !from.some((name) => there.has(name))) continue;
    if (rules.some(({ kind, name }) => kind === 'recording' && name === recorded)) {
      findings.note(`${what}: ${recorded} is not recorded yet; try again in a minute`);
    } else missing.push(recorded);
  }
  if (missing.length > 0) {
    findings.failed(
      what,
      `alerts rest on ${names(missing)}, which no rule records: load the whole of rules/kafka-connect.yml`,
    );
  }
}

function judgeScrape(what: string, { series, targets }: PrometheusFacts, findings: Findings): void {
  const scraped = namesIn(series).has(BUILD_INFO);
  if (targets.some(({ value }) => value === 0)) {
    findings.note(
      `${what}: a target of the job connect-medic is down (as it should be while it does not run)`,
    );
  } else if (targets.length === 0) {
    findings.note(
      scraped
        ? `${what}: connect-medic is scraped, but the job is not called connect-medic: the shipped alerts on it do not find it`
        : `${what}: connect-medic is not scraped: there is no target of the job connect-medic`,
    );
  } else findings.ok(what, 'connect-medic is scraped');
}

function judgeWayOut(
  what: string,
  { alertmanagers }: PrometheusFacts,
  { alertsSeen }: Around,
  findings: Findings,
): void {
  if (alertmanagers.outcome !== 'ok') {
    const { outcome, detail } = alertmanagers;
    findings.note(`${what}: its Alertmanagers cannot be read, ${outcome}: ${shown(detail)}`);
  } else if (alertmanagers.value > 0) {
    findings.ok(what, `sends alerts to ${count(alertmanagers.value, 'Alertmanager')}`);
  } else if (alertsSeen) {
    findings.note(`${what}: it sends alerts to no Alertmanager; such alerts come from elsewhere`);
  } else findings.failed(what, 'it sends alerts to no Alertmanager: see alerting in its configuration');
}
