/** That the benchmarks run and do what they say, at sizes that say nothing about speed: counts are asserted, no times. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { growth } from './growth.ts';
import { ingest } from './ingest.ts';
import { latency } from './latency.ts';
import { median, percentile, short } from './measure.ts';
import { open } from './open.ts';
import { asMarkdown, type Benchmark } from './report.ts';
import { soak } from './soak.ts';
import { status } from './status.ts';
import { storm } from './storm.ts';

const countsOf = async ({ run, name }: Benchmark): Promise<Readonly<Record<string, number>>> => {
  const section = await run('smoke', () => {});
  const markdown = asMarkdown(section, `npm run bench -- --only ${name}`);
  assert.match(markdown, /^### .+\n\n.+\n\n\| /);
  return section.counts;
};

describe('the benchmarks', { timeout: 900_000 }, () => {
  it('take in every webhook that is sent, on each side', async () => {
    const { accepted = 0, refused } = await countsOf(ingest);
    assert.ok(accepted > 0);
    assert.equal(refused, 0);
  });

  it('see a restart for each webhook whose latency is measured', async () => {
    assert.deepEqual(await countsOf(latency), { restarts: 4 });
  });

  it('see each connector of a storm restarted once, by whichever replica', async () => {
    assert.deepEqual(await countsOf(storm), { 'Redis, everysec, 2 replicas': 20 });
  });

  it('open as many remediations as they say', async () => {
    assert.deepEqual(await countsOf(open), { 'Redis, everysec': 200 });
  });

  it('ask while the status is read', async () => {
    const { reads = 0, webhooks = 0 } = await countsOf(status);
    assert.ok(reads > 0);
    assert.ok(webhooks > 0);
  });

  it('restart each connector at each size', async () => {
    assert.deepEqual(await countsOf(growth), { 10: 10, 20: 20 });
  });

  it('go through storms and quiet without a warning of the runtime', async () => {
    const { storms, alerts, restarts = 0, warnings } = await countsOf(soak);
    assert.deepEqual({ storms, alerts, warnings }, { storms: 4, alerts: 160, warnings: 0 });
    assert.ok(restarts > 0);
  });
});

describe('figures', () => {
  it('take percentiles by nearest rank', () => {
    const values = [5, 1, 4, 2, 3];
    assert.equal(median(values), 3);
    assert.equal(percentile(values, 0.99), 5);
    assert.equal(percentile(values, 0.2), 1);
    assert.ok(Number.isNaN(median([])));
  });

  it('show three digits', () => {
    assert.equal(short(1234.56), '1235');
    assert.equal(short(12.3456), '12.3');
    assert.equal(short(0.0123456), '0.0123');
    assert.equal(short(Number.NaN), '–');
  });
});
