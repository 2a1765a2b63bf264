/**
 * connect-medic as real processes on a real Redis, beside a Kafka Connect that does as the test says and counts its
 * restarts: what several replicas promise together, whatever is killed.
 */
import { describe } from 'node:test';
import { redisMayFailOver } from './failover.ts';
import { replicasMayDie } from './killed.ts';
import { replicasActAsOne } from './once.ts';
import { redisMayGoAway } from './redis-down.ts';
import { redisMayRefuseWrites } from './redis-refuses.ts';
import { redisMayBeSecured } from './secured.ts';

/** Most of the time they wait: for a lease to end, for a failover. */
const AT_ONCE = 4;

describe('several replicas on one Redis', { concurrency: AT_ONCE, timeout: 400_000 }, () => {
  // The longest first.
  replicasMayDie();
  redisMayGoAway();
  redisMayFailOver();
  replicasActAsOne();
  redisMayBeSecured();
  redisMayRefuseWrites();
});
