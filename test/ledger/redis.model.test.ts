import { after } from 'node:test';
import { ledgerModel } from './model.ts';
import { redisHarness } from './redis-harness.ts';

// Not reopened there: the model takes a closed ledger's leases for void, and those in Redis may be another process's.
const redis = redisHarness();
ledgerModel('Redis', redis.open, { durable: false });
after(redis.stop);
