import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAlertmanagerStatus, parseAlerts, parseSilences } from '../../src/alertmanager/parse.ts';
import { labelsOf, listed, silence } from './given.ts';

const alert = listed('f', labelsOf());

const statuses: [what: string, status: unknown, read: unknown][] = [
  ['active', { state: 'active', silencedBy: [], inhibitedBy: [] }, { silencedBy: [], inhibitedBy: [] }],
  ['unprocessed, lists absent', { state: 'unprocessed' }, { silencedBy: [], inhibitedBy: [] }],
  [
    'null lists',
    { state: 'active', silencedBy: null, inhibitedBy: null },
    { silencedBy: [], inhibitedBy: [] },
  ],
  [
    'silenced and inhibited',
    { state: 'suppressed', silencedBy: ['s'], inhibitedBy: ['f2'], mutedBy: [] },
    { silencedBy: ['s'], inhibitedBy: ['f2'] },
  ],
  // The lists say more than the state.
  ['silenced, state odd', { state: 'new', silencedBy: ['s'] }, { silencedBy: ['s'], inhibitedBy: [] }],
  [
    'muted by a time interval',
    { state: 'suppressed', mutedBy: ['night'] },
    { silencedBy: [], inhibitedBy: [] },
  ],
  ['suppressed by nothing', { state: 'suppressed', silencedBy: [], inhibitedBy: [] }, null],
  ['no state', { silencedBy: [], inhibitedBy: [] }, null],
  ['an unknown state', { state: 'resting', silencedBy: [], inhibitedBy: [] }, null],
  ['an unknown state, and muted', { state: 'resting', mutedBy: ['night'] }, null],
  ['silences that are no texts', { state: 'active', silencedBy: [1], inhibitedBy: [] }, null],
  ['silences that are no list', { state: 'active', silencedBy: 's', inhibitedBy: [] }, null],
  ['no object', 'active', null],
];
for (const [what, status, read] of statuses) {
  test(`the status of an alert that is ${what}`, () => {
    const parsed = parseAlerts([{ ...alert, status }]);
    assert.deepEqual('value' in parsed && parsed.value[0]?.status, read);
  });
}

for (const [what, entry] of [
  ['no object', 7],
  ['without labels', { ...alert, labels: undefined }],
  ['with a label that is no text', { ...alert, labels: { a: 1 } }],
  ['without a fingerprint', { ...alert, fingerprint: '' }],
] as const) {
  test(`an alert ${what} makes the answer unreadable: it could be about anything`, () => {
    assert.ok('fault' in parseAlerts([alert, entry]));
  });
}

test('a label called __proto__ is a label', () => {
  const parsed = parseAlerts(
    JSON.parse('[{"fingerprint":"f","labels":{"__proto__":"x"},"status":{"state":"active"}}]'),
  );
  assert.deepEqual('value' in parsed && Object.entries(parsed.value[0]?.labels ?? {}), [['__proto__', 'x']]);
});

const odd: [what: string, over: Record<string, unknown>, read: Record<string, unknown>][] = [
  ['no status', { status: undefined }, { state: null }],
  ['a new state', { status: { state: 'archived' } }, { state: null }],
  ['no matchers', { matchers: undefined }, { matchers: null }],
  ['an empty list of matchers', { matchers: [] }, { matchers: null }],
  ['matchers under another name as well', { matcherSets: [[{}]] }, { matchers: null }],
  ['a matcher that is no object', { matchers: ['a=b'] }, { matchers: [null] }],
  ['a matcher without isRegex', { matchers: [{ name: 'a', value: 'b' }] }, { matchers: [null] }],
  [
    'a matcher without a name',
    { matchers: [{ name: '', value: 'b', isRegex: false }] },
    { matchers: [null] },
  ],
  [
    'isEqual that is no boolean',
    { matchers: [{ name: 'a', value: 'b', isRegex: false, isEqual: 'false' }] },
    { matchers: [null] },
  ],
  [
    'no isEqual, as before 0.22',
    { matchers: [{ name: 'a', value: 'b', isRegex: true }] },
    { matchers: [{ name: 'a', value: 'b', isRegex: true, isEqual: true }] },
  ],
  ['an end that is no time', { endsAt: 'soon' }, { endsAtMs: null }],
  ['no id', { id: 5 }, { id: '' }],
  ['unknown fields', { annotations: {}, matcherSets: [] }, {}],
];
for (const [what, over, read] of odd) {
  test(`a silence with ${what} is read as far as it can be, beside others`, () => {
    const [plain, other] = [silence('s', { a: 'b' }), silence('s', { a: 'b' }, over)];
    const parsed = parseSilences([plain, other]);
    assert.ok('value' in parsed);
    assert.deepEqual(parsed.value[1], { ...parsed.value[0], ...read });
  });
}

test('an entry that is no object is a silence that nobody knows anything of', () => {
  const parsed = parseSilences([null]);
  assert.ok('value' in parsed);
  assert.deepEqual(parsed.value[0]?.state, null);
  assert.deepEqual(parsed.value[0]?.matchers, null);
});

test('whatever JSON comes, nothing throws (P9)', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      for (const json of [
        value,
        [value],
        [{ ...alert, status: value }],
        [silence('s', {}, { matchers: value })],
      ]) {
        parseAlerts(json);
        parseSilences(json);
        parseAlertmanagerStatus(json);
      }
    }),
  );
});
