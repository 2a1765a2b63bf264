/** What stops a restart, on the real stack: silences made and ended with amtool, and pauses by API. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileSink } from '../stack/connectors.ts';
import { waitFor } from '../stack/process.ts';
import type { Service } from '../stack/service.ts';
import type { Stack } from '../stack/stack.ts';

const SOON_MS = 60_000;
/** Beyond the time at which a held attempt was due, several looks of the loop and reads of the silences have passed. */
const WELL_PAST_MS = 8_000;

export function holdsAreHonoured(given: () => { readonly stack: Stack; readonly service: Service }): void {
  test('a silence that is made during the back-off holds the next attempt until it expires, and everything says so', async () => {
    const { stack, service } = given();
    const name = 'silenced-sink';
    const requests = async (): Promise<number> => (await stack.restartsSeen(name)).requests;
    await stack.connect.put(
      name,
      fileSink(join(stack.directory, 'files', 'nowhere', 'silenced.txt'), 'lines'),
    );
    const waiting = await waitFor(
      'the first attempt to have failed',
      async () => {
        const seen = await service.remediation(name);
        return seen?.state === 'waiting' && seen.attempts === 1 ? seen : undefined;
      },
      SOON_MS,
    );
    const id = await stack.amtool(
      ...[
        'silence',
        'add',
        `connector=${name}`,
        '--duration=10m',
        '--author=ann',
        '--comment=broker upgrade',
      ],
    );

    const held = await service.waitForState(name, 'held', SOON_MS);
    assert.equal(held.hold?.reason, 'silenced');
    assert.equal(held.hold?.detail, `silence ${id} by ann: broker upgrade`);
    assert.ok(Date.parse(held.hold?.until ?? '') > Date.now());
    const dueAtMs = Date.parse(waiting.nextAt ?? '');
    await waitFor('well past its time', () => Date.now() > dueAtMs + WELL_PAST_MS, SOON_MS);
    assert.equal(await requests(), 1);
    assert.equal((await service.remediation(name))?.state, 'held');
    const gauge = (await service.samples('connect_medic_held')).find(
      ({ labels }) => labels['reason'] === 'silenced',
    );
    assert.ok((gauge?.value ?? 0) >= 1);

    await stack.amtool('silence', 'expire', id);
    const escalated = await service.waitForState(name, 'escalated', SOON_MS);
    assert.equal(escalated.attempts, 3);
    assert.equal(await requests(), 3);
  });

  test('a silence for one task keeps hands off it, while the other one is restarted', async () => {
    const { stack, service } = given();
    const name = 'half-silenced-sink';
    const id = await stack.amtool(
      ...[
        'silence',
        'add',
        `connector=${name}`,
        'task=1',
        '--duration=10m',
        '--author=ann',
        '--comment=task 1',
      ],
    );
    const config = fileSink(join(stack.directory, 'files', 'nowhere', 'half.txt'), 'lines');
    await stack.connect.put(name, { ...config, 'tasks.max': '2' });
    await waitFor(
      'the first attempt',
      async () => ((await service.remediation(name))?.attempts ?? 0) >= 1,
      SOON_MS,
    );
    const before = await stack.restartsSeen(name);
    const detail = await service.waitForState(name, 'escalated', SOON_MS);
    assert.equal(detail.attempts, 3);
    const seen = await stack.restartsSeen(name);
    assert.equal(seen.requests, 0, 'no call for all failed tasks');
    assert.equal(seen.legacyRequests, 3);
    assert.ok((seen.taskStarts[0] ?? 0) >= (before.taskStarts[0] ?? 0) + 2, 'task 0 was restarted');
    assert.equal(seen.taskStarts[1], before.taskStarts[1], 'task 1 was not');
    await stack.amtool('silence', 'expire', id);
  });

  test('a pause by API holds a connector until it is ended', async () => {
    const { stack, service } = given();
    const name = 'api-paused-sink';
    const pause = await service.send('PUT', '/api/v1/pauses', { connector: name, reason: 'broker upgrade' });
    assert.equal(pause.status, 200);
    await stack.connect.put(name, fileSink(join(stack.directory, 'files', 'nowhere', 'paused.txt'), 'lines'));
    const held = await service.waitForState(name, 'held', SOON_MS);
    assert.equal(held.hold?.reason, 'paused');
    assert.equal(held.hold?.detail, 'anonymous paused this connector: broker upgrade');
    assert.equal((await stack.restartsSeen(name)).requests, 0);
    assert.equal((await service.send('DELETE', `/api/v1/pauses?connector=${name}`)).status, 204);
    await waitFor('its restart', async () => (await stack.restartsSeen(name)).requests >= 1, SOON_MS);
  });

  test('a connector that opts out in its own configuration is not restarted', async () => {
    const { stack, service } = given();
    const name = 'opted-out-sink';
    const config = fileSink(join(stack.directory, 'files', 'nowhere', 'out.txt'), 'lines');
    await stack.connect.put(name, { ...config, 'connect.medic.enabled': 'false' });
    const held = await service.waitForState(name, 'held', SOON_MS);
    assert.equal(held.hold?.reason, 'opted_out');
    assert.equal((await stack.restartsSeen(name)).requests, 0);
  });
}
