/** What `--check` says about Alertmanager's own configuration. Real ones are in real.test.ts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import type { ListedAlert } from '../../src/alertmanager/client.ts';
import { readRouting, routesOf } from '../../src/check/route-tree.ts';
import { judgeRouting } from '../../src/check/routing.ts';
import type { Config } from '../../src/config/config.ts';
import { labelsOf } from '../alertmanager/given.ts';
import { valid } from '../config/helpers.ts';
import { linesOf } from './given.ts';

const EXAMPLE = readFileSync(join(import.meta.dirname, '../../rules/alertmanager.example.yml'), 'utf8');

type Node = Record<string, unknown>;
interface Shape {
  route: Node & { routes: Node[] };
  receivers: { name: string; webhook_configs: (Node & { http_config: Node })[] }[];
}

/** The shipped example, changed. */
function example(
  change: (parts: { root: Node; ours: Node; routes: Node[]; webhook: Node & { http_config: Node } }) => void,
): string {
  const document = parse(EXAMPLE) as Shape;
  const [ours] = document.route.routes;
  const webhook = document.receivers[0]?.webhook_configs[0];
  assert.ok(ours !== undefined && webhook !== undefined);
  change({ root: document.route, ours, routes: document.route.routes, webhook });
  return stringify(document);
}

const plain = valid('alertmanagers: [{ url: http://am:9093 }]');
const guarded = valid(
  'server: { auth: [{ name: am, bearerToken: pl4nted-s3cret, roles: [webhook] }] }\nalertmanagers: [{ url: http://am:9093 }]',
);

function judged(
  configuration: string | null,
  config: Config = plain,
  alerts: readonly ListedAlert[] = [],
): string[] {
  return linesOf((findings) =>
    judgeRouting({ url: 'http://am:9093', alerts, configuration }, config, findings),
  );
}

const OK =
  'ok      alertmanager http://am:9093: alerts with remediation="kafka-connect" go to the receiver connect-medic';

test('there is nothing to say about the shipped example', () => {
  assert.deepEqual(judged(EXAMPLE), [OK]);
  assert.deepEqual(judged(EXAMPLE, guarded), [OK]);
});

const cases: { why: string; yaml: string; config?: Config; says: RegExp; others?: number }[] = [
  {
    why: 'a route before ours that takes the alert',
    yaml: example(({ routes }) =>
      routes.unshift({ matchers: ['severity=~"warning|critical"'], receiver: 'humans' }),
    ),
    says: /an alert with remediation="kafka-connect" of the cluster default goes to humans, and not on to connect-medic: add a route/,
  },
  {
    why: 'no webhook of ours at all',
    yaml: example(({ webhook }) => {
      webhook['url'] = 'http://chat:8080/hook';
    }),
    says: /no receiver has a webhook whose URL ends in \/webhook: connect-medic hears of such alerts only by asking, every 1m/,
  },
  {
    why: 'a URL of ours with another path',
    yaml: example(({ webhook }) => {
      webhook['url'] = 'http://user:pl4nted-s3cret@connect-medic:80/alertmanager?token=pl4nted-s3cret';
    }),
    says: /\(the path of connect-medic is \/alertmanager, not \/webhook: what is sent there is answered 404\)/,
  },
  {
    why: 'no Watchdog',
    yaml: example(({ routes }) => routes.pop()),
    says: /no route leads the alert Watchdog to the webhook/,
  },
  {
    why: 'a Watchdog that another route takes',
    yaml: example(({ routes }) => routes.splice(1, 0, { matchers: ['severity="none"'], receiver: 'humans' })),
    says: /no route leads the alert Watchdog to the webhook/,
  },
  {
    why: 'send_resolved off',
    yaml: example(({ webhook }) => {
      webhook['send_resolved'] = false;
    }),
    says: /receiver connect-medic has send_resolved: false/,
  },
  {
    why: 'redirects that are followed',
    yaml: example(({ webhook }) => {
      delete webhook.http_config['follow_redirects'];
    }),
    says: /receiver connect-medic follows redirects.*set follow_redirects: false/,
  },
  {
    why: 'alerts cut off',
    yaml: example(({ webhook }) => {
      webhook['max_alerts'] = 10;
    }),
    says: /receiver connect-medic has max_alerts: 10/,
  },
  {
    why: 'groups of several connectors, inherited from the root',
    yaml: example(({ ours }) => {
      delete ours['group_by'];
    }),
    says: /the route to receiver connect-medic does not group by connector:/,
  },
  {
    why: 'groups of everything',
    yaml: example(({ ours }) => {
      ours['group_by'] = ['alertname'];
    }),
    says: /does not group by connect_cluster and connector:/,
  },
  {
    why: 'a long repeat_interval, inherited from the root',
    yaml: example(({ ours }) => {
      delete ours['repeat_interval'];
    }),
    says: /repeat_interval: 4h: .*10m to 15m is better/,
  },
  {
    why: 'a route that is muted at times',
    yaml: example(({ ours }) => {
      ours['mute_time_intervals'] = ['nights'];
    }),
    says: /is muted at times \(nights\)/,
  },
  {
    why: 'no credentials where some are asked for',
    yaml: example(({ webhook }) => {
      delete webhook.http_config['authorization'];
    }),
    config: guarded,
    says: /receiver connect-medic sends no credentials, and server\.auth asks for some/,
  },
  { why: 'no YAML', yaml: 'route: [', says: /its routes were not looked at: it is no YAML/ },
  { why: 'no route', yaml: 'receivers: []', says: /its routes were not looked at: it has no route/ },
  { why: 'a list', yaml: '- a', says: /it has no route/ },
  {
    why: 'a matcher of a later version',
    yaml: 'route: { receiver: a, routes: [{ matchers: ["größe = ~ !"], receiver: a }] }',
    says: /one of its matchers is not understood/,
  },
];

describe('a note is made of', () => {
  for (const { why, yaml, config, says } of cases) {
    test(why, () => {
      const lines = judged(yaml, config);
      assert.ok(
        lines.some((line) => line.startsWith('note    alertmanager http://am:9093: ') && says.test(line)),
        lines.join('\n'),
      );
      assert.equal(lines.filter((line) => line.startsWith('note')).length, 1, lines.join('\n'));
      assert.ok(!lines.some((line) => line.includes('s3cret') || line.startsWith('FAILED')));
    });
  }

  test('a configuration that is not shown', () => {
    assert.match(judged(null).join(), /^note .*does not show its configuration/);
  });

  test('an alert that fires and goes elsewhere, though the examples do not', () => {
    const alert = (labels: Record<string, string>): ListedAlert => ({
      fingerprint: 'f',
      labels: labelsOf(labels),
      status: null,
    });
    const yaml = example(({ routes }) => routes.unshift({ match: { team: 'x' }, receiver: 'humans' }));
    assert.deepEqual(judged(yaml, plain, [alert({ team: 'y' })]), [OK]);
    assert.match(judged(yaml, plain, [alert({ team: 'x' })]).join(), /^note .*goes to humans/);
    // Of a cluster of somebody else's: that is his to receive.
    assert.deepEqual(judged(yaml, plain, [alert({ team: 'x', connect_cluster: 'other' })]), [OK]);
  });
});

test('newer versions do not show the URL: that is said, and the rest is looked at', () => {
  const lines = judged(
    example(({ webhook }) => {
      webhook['url'] = '<secret>';
      webhook['send_resolved'] = false;
    }),
    guarded,
  );
  assert.match(
    lines[0] ?? '',
    /^ok .*go to the receiver connect-medic; its URL is not shown, and has to end in \/webhook$/,
  );
  assert.match(lines[1] ?? '', /send_resolved/);
  assert.equal(lines.length, 2, lines.join('\n'));
});

test('where ours can be told from others, nothing is said about those', () => {
  const document = parse(EXAMPLE) as Shape;
  document.route.routes.push({ receiver: 'archive', matchers: ['remediation="kafka-connect"'] });
  document.receivers.push({
    name: 'archive',
    webhook_configs: [{ url: '<secret>', send_resolved: false, http_config: {} }],
  });
  assert.deepEqual(judged(stringify(document)), [OK]);
});

describe('the route tree is walked as Alertmanager walks it', () => {
  const tree = readRouting(
    stringify({
      route: {
        receiver: 'root',
        routes: [
          { receiver: 'first', match: { a: '1' }, continue: true },
          { match_re: { a: '1|2' }, routes: [{ receiver: 'deep', matchers: ['{b="x,y", c!~"z"}'] }] },
          { receiver: 'never', matchers: ['a="1"'] },
          { receiver: 'absent', matchers: ['c=""', 'd="1"'] },
        ],
      },
    }),
  );
  const walks: [labels: Record<string, string>, receivers: string[]][] = [
    [{ a: '0' }, ['root']],
    [{ a: '1' }, ['first', 'root']],
    [{ a: '1', b: 'x,y' }, ['first', 'deep']],
    [{ a: '2', b: 'x,y', c: 'z' }, ['root']],
    [{ a: '12' }, ['root']],
    [{ d: '1' }, ['absent']],
  ];
  for (const [labels, receivers] of walks) {
    test(JSON.stringify(labels), () => {
      assert.deepEqual(
        routesOf(tree.root, labels).map(({ receiver }) => receiver),
        receivers,
      );
    });
  }
});
