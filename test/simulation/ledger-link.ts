import { type Ledger, LedgerUnavailable } from '../../src/ledger/ledger.ts';
import type { Life, Weather } from './life.ts';
import type { Witness } from './witness.ts';

/** As `commandTimeout` of the Redis client. */
const TIMEOUT_MS = 2_000;

export interface LedgerState {
  /** Everything is refused: the disk is full, the server is down. */
  down: boolean;
  /** A claim brings so many at most: a small world has many turns then, as a large one has. */
  readonly claimsAtOnce: number;
}

/**
 * The ledger as one process sees it: the shared real one, behind a network that is late and loses requests and answers.
 */
export function ledgerLink(
  real: Ledger,
  life: Life,
  weather: () => Weather,
  state: LedgerState,
  witness: Witness,
): Ledger {
  const call = <T>(what: string, perform: () => Promise<T>): Promise<T> =>
    life.call<T>(
      what,
      weather,
      TIMEOUT_MS,
      () => {
        if (state.down) throw new LedgerUnavailable('the ledger is down');
        return perform();
      },
      (why) => Promise.reject(new LedgerUnavailable(why)),
    );
  return {
    load: (keys) => call('ledger.load', () => real.load(keys)),
    store: (writes) =>
      call('ledger.store', async () => {
        const results = await real.store(writes);
        for (const [index, { next }] of writes.entries()) {
          if (results[index] === 'stored') witness.stored(life, next);
        }
        return results;
      }),
    claim: (request) =>
      call('ledger.claim', () =>
        real.claim({ ...request, limit: Math.min(request.limit, state.claimsAtOnce) }),
      ),
    commit: (claim, next, events, keepLease) =>
      call(keepLease ? 'ledger.commit attempt' : 'ledger.commit', async () => {
        const result = await real.commit(claim, next, events, keepLease);
        if (result !== null && result !== 'full') {
          witness.committed(life, claim.remediation, next, events, keepLease !== undefined);
        }
        return result;
      }),
    refresh: (claim) => call('ledger.refresh', () => real.refresh(claim)),
    release: (claim) => call('ledger.release', () => real.release(claim)),
    wake: (keys) => call('ledger.wake', () => real.wake(keys)),
    list: (filter) => call('ledger.list', () => real.list(filter)),
    overview: () => call('ledger.overview', () => real.overview()),
    events: (filter) => call('ledger.events', () => real.events(filter)),
    eventPage: (filter) => call('ledger.eventPage', () => real.eventPage(filter)),
    addHints: (hints) => call('ledger.addHints', () => real.addHints(hints)),
    hints: (cluster) => call('ledger.hints', () => real.hints(cluster)),
    dropHint: (id) => call('ledger.dropHint', () => real.dropHint(id)),
    storms: (cluster) => call('ledger.storms', () => real.storms(cluster)),
    hashKey: () => call('ledger.hashKey', () => real.hashKey()),
    pauses: () => call('ledger.pauses', () => real.pauses()),
    putPause: (pause, event) => call('ledger.putPause', () => real.putPause(pause, event)),
    removePause: (scope, event) => call('ledger.removePause', () => real.removePause(scope, event)),
    ping: () => call('ledger.ping', () => real.ping()),
    close: async () => {},
  };
}
