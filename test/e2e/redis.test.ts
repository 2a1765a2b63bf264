import { startRedis } from '../redis/server.ts';
import { endToEnd } from './end-to-end.ts';

endToEnd({
  name: 'two replicas of connect-medic on one Redis beside the real stack',
  replicas: 2,
  ledger: () => startRedis(),
});
