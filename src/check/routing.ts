import type { Config } from '../config/config.ts';
import { formatDuration, parseDuration } from '../config/duration.ts';
import { formatMatcher } from '../config/matcher.ts';
import { readAlert, WATCHDOG } from '../core/signals.ts';
import type { AlertmanagerFacts } from './alertmanager.ts';
import { type Findings, names, shown } from './findings.ts';
import { signalRulesOf } from './labels.ts';
import { type Route, type Routing, RoutingError, readRouting, routesOf, type Webhook } from './route-tree.ts';

type Labels = Readonly<Record<string, string>>;

/** Behind whatever prefix a proxy adds. */
const WEBHOOK_PATH = '/webhook';

/** docs/operations.md recommends 10 to 15 minutes: what a webhook lost comes again with the next repetition. */
const REPEAT_AT_MOST_MS = 15 * 60_000;

/**
 * Judges Alertmanager's own configuration: whether alerts get from it to the webhook, and how. All of it is a note, since the
 * pull path brings the same alerts without any route, only later.
 */
export function judgeRouting(
  { url, alerts, configuration }: AlertmanagerFacts,
  config: Config,
  findings: Findings,
): void {
  const note = (text: string): void => findings.note(`alertmanager ${url}: ${text}`);
  if (configuration === null) {
    note('it does not show its configuration: its routes were not looked at');
    return;
  }
  let routing: Routing;
  try {
    routing = readRouting(configuration);
  } catch (error) {
    if (!(error instanceof RoutingError)) throw error;
    note(`its routes were not looked at: ${error.message}`);
    return;
  }
  // What this service does not take is for somebody else's receiver.
  const rules = signalRulesOf(config);
  const live = alerts.filter(
    (alert) => rules.isForRemediation(alert.labels) && readAlert(alert, rules, 'firing').kind !== 'ignored',
  );
  const samples = [...samplesOf(config), ...live.map(({ labels }) => labels)];
  const ways = samples.map((labels) => waysOf(routing, labels));
  const lost = ways.findIndex((way) => way.hits.length === 0);
  if (lost >= 0) note(lostText(routing, samples[lost] ?? {}, ways[lost]?.receivers ?? [], config));
  const all = ways.flatMap((way) => way.hits);
  const known = all.filter(({ webhook }) => webhook.url !== null);
  // Where ours can be told from others, nothing is said about those.
  const hits = known.length > 0 ? known : all;
  if (hits.length === 0) return;
  if (lost < 0) {
    const receivers = names(new Set(hits.map(({ route }) => route.receiver)));
    const unsure = known.length > 0 ? '' : `; its URL is not shown, and has to end in ${WEBHOOK_PATH}`;
    const label = formatMatcher(config.remediationLabel);
    findings.ok(`alertmanager ${url}`, `alerts with ${label} go to the receiver ${receivers}${unsure}`);
  }
  for (const text of new Set(hits.flatMap((hit) => oddities(hit, config)))) note(text);
  if (waysOf(routing, { alertname: WATCHDOG, severity: 'none' }).hits.length === 0) {
    note(
      `no route leads the alert ${WATCHDOG} to the webhook: ConnectMedicWatchdogStale cannot tell when alerts stop arriving`,
    );
  }
}

/** A route that ends at a webhook which is, or may be, ours. */
interface Hit {
  readonly route: Route;
  readonly webhook: Webhook;
}

function waysOf(
  routing: Routing,
  labels: Labels,
): { readonly receivers: readonly string[]; readonly hits: readonly Hit[] } {
  const routes = routesOf(routing.root, labels);
  return {
    receivers: routes.map(({ receiver }) => receiver),
    hits: routes.flatMap((route) =>
      (routing.receivers.get(route.receiver) ?? []).filter(mayBeOurs).map((webhook) => ({ route, webhook })),
    ),
  };
}

/** A URL that is not shown may be any: the benefit of the doubt. */
function mayBeOurs({ url }: Webhook): boolean {
  return url === null || url.pathname.endsWith(WEBHOOK_PATH);
}

/** What the shipped rules' alerts look like, for each cluster. None where the remediation label is no plain equality. */
function samplesOf({ remediationLabel, labels, clusters }: Config): Labels[] {
  if (remediationLabel.op !== '=') return [];
  return clusters.map(({ name }) => ({
    alertname: 'KafkaConnectTaskFailed',
    severity: 'warning',
    [remediationLabel.name]: remediationLabel.value,
    ...(labels.cluster !== '' && { [labels.cluster]: name }),
    [labels.connector]: 'example',
    [labels.task]: '0',
  }));
}

function lostText(routing: Routing, labels: Labels, reached: readonly string[], config: Config): string {
  const late = `connect-medic hears of such alerts only by asking, every ${formatDuration(config.resyncEveryMs)}`;
  const cluster = config.labels.cluster === '' ? undefined : labels[config.labels.cluster];
  const which = `an alert with ${formatMatcher(config.remediationLabel)}${cluster === undefined ? '' : ` of the cluster ${shown(cluster)}`}`;
  const ours = [...routing.receivers]
    .filter(([, webhooks]) => webhooks.some(mayBeOurs))
    .map(([name]) => name);
  if (ours.length > 0) {
    return `${which} goes to ${names(reached)}, and not on to ${names(ours)}: add a route as in rules/alertmanager.example.yml, before the one that takes it or with continue: true there; ${late}`;
  }
  const near = [...routing.receivers.values()]
    .flat()
    .find(({ url }) => url !== null && (url.port === String(config.server.port) || /medic/i.test(url.host)));
  const hint =
    near?.url == null
      ? ''
      : ` (the path of ${shown(near.url.host)} is ${shown(near.url.pathname)}, not ${WEBHOOK_PATH}: what is sent there is answered 404)`;
  return `no receiver has a webhook whose URL ends in ${WEBHOOK_PATH}${hint}: ${late}`;
}

function oddities({ route, webhook }: Hit, config: Config): string[] {
  const who = `receiver ${shown(route.receiver)}`;
  const texts: string[] = [];
  const repeat = parseDuration(route.repeatInterval);
  if (config.server.auth !== 'none' && webhook.url !== null && !webhook.authenticates) {
    texts.push(
      `${who} sends no credentials, and server.auth asks for some: its webhooks are answered 401 unless something between adds them`,
    );
  }
  if (!webhook.sendResolved) {
    texts.push(
      `${who} has send_resolved: false: a look that a resolved alert would bring forward comes later`,
    );
  }
  if (webhook.followRedirects) {
    texts.push(
      `${who} follows redirects: a redirected webhook becomes a GET, and whatever page answers it counts as delivered; set follow_redirects: false`,
    );
  }
  if (webhook.maxAlerts > 0) {
    texts.push(`${who} has max_alerts: ${webhook.maxAlerts}: what is cut off is noticed only by asking`);
  }
  const apart = [config.labels.cluster, config.labels.connector].filter(
    (label) => label !== '' && !route.groupBy.includes(label) && !route.groupBy.includes('...'),
  );
  if (apart.length > 0) {
    texts.push(
      `the route to ${who} does not group by ${apart.join(' and ')}: alerts of several connectors come in one notification, late and all or none`,
    );
  }
  if (repeat.ok && repeat.ms > REPEAT_AT_MOST_MS) {
    texts.push(
      `the route to ${who} has repeat_interval: ${shown(route.repeatInterval)}: what a webhook lost comes again only then; 10m to 15m is better`,
    );
  }
  if (route.mutedAt.length > 0) {
    texts.push(`the route to ${who} is muted at times (${names(route.mutedAt)}): no webhooks come then`);
  }
  return texts;
}
