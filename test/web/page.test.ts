import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Credential } from '../../src/auth.ts';
import { type Built, build } from '../api/given.ts';
import { pausedEvent, remediation } from '../core/given.ts';
import { Browser, type Page } from './browser.ts';
import { everyState, hostile, listen, MARKUP, put } from './given.ts';

/** Screenshots are kept where this names a folder. */
const SHOTS = process.env['SCREENSHOTS'];

const credentials: Credential[] = [
  {
    name: 'oncall',
    roles: ['read', 'operate'],
    scheme: { kind: 'basic', username: 'oncall', password: () => 'pässword' },
  },
  {
    name: 'wall',
    roles: ['read'],
    scheme: { kind: 'basic', username: 'wall', password: () => 'w' },
  },
];
const oncall = { username: 'oncall', password: 'pässword' };
const wall = { username: 'wall', password: 'w' };

describe('the status page in a real Chromium', () => {
  let browser: Browser;
  let built: Built;
  before(async () => {
    browser = await Browser.launch();
  });
  after(async () => {
    await browser?.close();
  });
  afterEach(async () => {
    built.app.server.closeAllConnections();
    await built.app.close();
    await built.ledger.close();
  });

  /** No word on the console, no dialog, nothing asked for elsewhere: nothing that the policy had to stop. */
  const assertClean = (page: Page, address: string): void => {
    assert.deepEqual(page.said, []);
    assert.deepEqual(page.dialogs, []);
    assert.deepEqual(
      page.asked.filter((url) => !url.startsWith(address)),
      [],
    );
  };
  const keep = async (page: Page, name: string): Promise<void> => {
    if (SHOTS === undefined) return;
    await mkdir(SHOTS, { recursive: true });
    await writeFile(join(SHOTS, `${name}.png`), await page.screenshot());
  };
  const connectors = (page: Page): Promise<string[]> =>
    page.value("[...document.querySelectorAll('#list h3')].map((one) => one.textContent)");

  /** The page of what was built, in a browser of its own. */
  const opened = async (): Promise<Page> => {
    const page = await browser.page();
    await page.open(await listen(built.app));
    return page;
  };

  it('shows what fails with its state, cause, attempts and next attempt, escalations first', async () => {
    built = await build();
    await put(built.ledger, everyState(Date.now()));
    const pause = {
      cluster: 'a',
      connector: null,
      reason: 'broker upgrade',
      untilMs: Date.now() + 3_600_000,
    };
    await built.ledger.putPause(
      { ...pause, by: 'ann', atMs: Date.now() },
      pausedEvent(Date.now(), { cluster: 'a', detail: 'broker upgrade' }),
    );
    const address = await listen(built.app);
    const page = await browser.page();
    await page.open(address);
    await page.until("document.querySelectorAll('#list .card').length === 6");
    assert.deepEqual(await connectors(page), [
      'payments-sink',
      'profiles-cdc',
      'a->b.MirrorSourceConnector',
      'audit-log',
      'invoices-sink',
      'orders-source',
    ]);
    const text = await page.text();
    for (const words of [
      /A human is needed: every restart of the list was made and it still fails/,
      /7 of 7 restarts/,
      /Still failed, and tried seldom\. Next restart in 5[45]m/,
      /A restart cannot help\. SaslAuthenticationException: Authentication failed/,
      /Held: silence 3f2a by ann: broker upgrade/,
      /Failed\. Next restart in 4m 5\ds|Failed\. Next restart in 5m 00s/,
      /cluster a: broker upgrade \(ann, ends in/,
      /ann paused it: broker upgrade/,
      /Up to date/,
    ]) {
      assert.match(text, words);
    }
    assertClean(page, address);
    await keep(page, 'light');

    const dark = await browser.page({ dark: true });
    await dark.open(address);
    await dark.until("document.querySelectorAll('#list .card').length === 6");
    assert.notEqual(
      await dark.value('getComputedStyle(document.body).backgroundColor'),
      await page.value('getComputedStyle(document.body).backgroundColor'),
    );
    await keep(dark, 'dark');

    const phone = await browser.page({ width: 360, height: 740, mobile: true });
    await phone.open(address);
    await phone.until("document.querySelectorAll('#list .card').length === 6");
    assert.equal(
      await phone.value('document.documentElement.scrollWidth <= window.innerWidth'),
      true,
      'nothing is wider than the phone',
    );
    await keep(phone, 'phone');
  });

  it('counts the next attempt down, and follows the ledger without a reload', async () => {
    built = await build();
    const [waiting] = everyState(Date.now());
    assert.ok(waiting);
    await put(built.ledger, [waiting]);
    const page = await opened();
    const shown = "document.querySelector('#list [data-counted=until]')?.textContent";
    await page.until(shown);
    const first = await page.value<string>(shown);
    await page.until(`${shown} !== ${JSON.stringify(first)}`);

    const [stored] = (await built.ledger.load([waiting])).stored;
    const next = { ...waiting, phase: { state: 'stabilising', stableMs: 0, seenAtMs: null } } as const;
    await built.ledger.store([{ key: waiting, expectedVersion: stored?.version ?? null, next, events: [] }]);
    await page.until("document.querySelector('#list .badge').textContent === 'stabilising'");

    built.down = true;
    await page.until("document.querySelector('#fresh').classList.contains('stale')");
    assert.match(await page.text(), /Cannot be updated: The ledger is not available now\./);
    assert.deepEqual(await connectors(page), ['audit-log'], 'what was known stays');
    built.down = false;
    await page.until("document.querySelector('#fresh').textContent === 'Up to date'");
  });

  it('asks for nothing while nobody looks, and at once when somebody does again', async () => {
    built = await build();
    const [waiting] = everyState(Date.now());
    assert.ok(waiting);
    await put(built.ledger, [waiting]);
    const page = await opened();
    await page.until("document.querySelector('#fresh').textContent === 'Up to date'");
    const look = (hidden: boolean): Promise<unknown> =>
      page.value(
        `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });` +
          "document.dispatchEvent(new Event('visibilitychange'))",
      );
    await look(true);
    await page.until("performance.getEntriesByType('resource').every((one) => one.responseEnd > 0)");
    const before = page.asked.length;
    // Longer than it waits between two questions, on its own clock.
    await page.value('globalThis.from = performance.now()');
    await page.until('performance.now() - globalThis.from > 5_500');
    assert.equal(page.asked.length, before);
    await look(false);
    await page.until("document.querySelector('#fresh').textContent === 'Up to date'");
    assert.ok(page.asked.length > before);
  });

  it('shows markup in names, traces, comments and pauses as text (P10: nothing runs)', async () => {
    built = await build();
    const nowMs = Date.now();
    await put(built.ledger, [hostile(nowMs)]);
    await built.ledger.putPause(
      { cluster: null, connector: null, reason: MARKUP, by: MARKUP, atMs: nowMs, untilMs: null },
      pausedEvent(nowMs, { actor: MARKUP, detail: MARKUP }),
    );
    const address = await listen(built.app);
    const page = await browser.page();
    await page.open(address);
    await page.until("document.querySelector('#list .card button[aria-expanded]')");
    await page.click('#list .card button[aria-expanded]');
    await page.until("document.querySelector('.more')");
    const text = await page.text();
    assert.ok(text.split(MARKUP).length > 9, text);
    assert.equal(await page.value("document.querySelectorAll('main img, main script').length"), 0);
    assertClean(page, address);
    await keep(page, 'markup');
  });

  it('lets those who may operate retry, pause and resume', async () => {
    built = await build({ credentials });
    await put(built.ledger, everyState(Date.now()));
    const address = await listen(built.app);
    const page = await browser.page({ credentials: oncall });
    await page.open(address);
    const retry = 'button[aria-label="Retry payments-sink"]';
    await page.until(`document.querySelector('${retry}')`);
    assert.match(await page.text(), /oncall · 0\.0\.0-test/);
    await page.click(retry);
    await page.until("document.querySelector('#list .alarm, #counts .alarm strong').textContent === '1'");
    assert.deepEqual(built.retried, ['a/payments-sink']);

    await page.click('button[aria-label="Pause audit-log"]');
    await page.until("document.querySelector('#dialog').open");
    await page.type('#pause-reason', 'schema <migration>');
    await keep(page, 'dialog');
    await page.click('#pause-set');
    await page.until("document.querySelector('#pause-list li')");
    assert.match(await page.text(), /a \/ audit-log: schema <migration> \(oncall, ends in/);
    const [pause] = (await built.ledger.pauses()).pauses;
    assert.deepEqual([pause?.connector, pause?.by], ['audit-log', 'oncall']);
    await page.click('#pause-list button');
    await page.until("document.querySelector('#pauses').hidden");
    assert.equal((await built.ledger.pauses()).pauses.length, 0);
    const acts = (await built.ledger.events()).filter(({ kind }) => kind === 'operator');
    assert.deepEqual(
      acts.map(({ actor, detail }) => `${actor}: ${detail?.split(' (')[0]}`),
      ['oncall: retry', 'oncall: schema <migration>', 'oncall: the pause was ended'],
    );
  });

  it('shows no buttons to those who may only read', async () => {
    built = await build({ credentials });
    await put(built.ledger, everyState(Date.now()));
    const address = await listen(built.app);
    const page = await browser.page({ credentials: wall });
    await page.open(address);
    await page.until("document.querySelectorAll('#list .card').length === 6");
    assert.equal(
      await page.value("document.querySelectorAll('[aria-label^=Retry], [aria-label^=Pause]').length"),
      0,
    );
    assert.equal(await page.value("document.querySelector('#pause-any').hidden"), true);
  });

  it('works where the password is part of its address', async () => {
    built = await build({ credentials });
    await put(built.ledger, everyState(Date.now()));
    const address = await listen(built.app);
    const page = await browser.page();
    await page.open(address.replace('http://', `http://oncall:${encodeURIComponent(oncall.password)}@`));
    await page.until("document.querySelectorAll('#list .card').length === 6");
    assert.deepEqual(page.said, []);
  });

  it('stays quick with five thousand connectors, a page at a time, and finds one by its name', async () => {
    built = await build();
    const nowMs = Date.now();
    const many = Array.from({ length: 5_000 }, (_, index) =>
      remediation(
        { state: 'waiting', nextAtMs: nowMs + 600_000 },
        { connector: `c-${String(index).padStart(4, '0')}`, lookAtMs: nowMs + 600_000 },
      ),
    );
    await put(built.ledger, many);
    const page = await opened();
    await page.until("document.querySelector('#place').textContent === '1–50 of 5000'");
    await page.click('#next');
    await page.until("document.querySelector('#place').textContent === '51–100 of 5000'");
    assert.equal((await connectors(page))[0], 'c-0050');
    await page.click('#previous');
    await page.until("document.querySelector('#place').textContent === '1–50 of 5000'");
    await page.type('#search', 'C-4321');
    await page.until("document.querySelectorAll('#list .card').length === 1");
    assert.deepEqual(await connectors(page), ['c-4321']);
  });
});
