import { after } from 'node:test';
import { ledgerContract } from './contract.ts';
import { redisHarness } from './redis-harness.ts';

const redis = redisHarness();
ledgerContract('Redis', redis.open, { durable: true });
after(redis.stop);
