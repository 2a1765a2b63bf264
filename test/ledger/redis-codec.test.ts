import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  compareKeys,
  eventArguments,
  eventOf,
  idEnds,
  idOf,
  keyOf,
  parseHead,
  rowOf,
} from '../../src/ledger/redis-codec.ts';
import { event, key } from './records.ts';

// Quotes, backslashes, commas and brackets are what an id is made of; the last two are on both sides of the surrogates.
const name = fc.string({
  unit: fc.constantFrom('"', '\\', ',', '[', ']', 'a', '\n', '\u{1F600}', '\u{FFFD}'),
});

describe('what the ledger writes into Redis', () => {
  it('names each record by an id of its own, which can be read back', () => {
    fc.assert(
      fc.property(name, name, (cluster, connector) => {
        assert.deepEqual(keyOf(idOf({ cluster, connector })), { cluster, connector });
      }),
    );
  });

  it('finds the ids of a cluster and of a connector by their ends, and no others', () => {
    fc.assert(
      fc.property(name, name, name, name, (cluster, connector, otherCluster, otherConnector) => {
        const { head, tail } = idEnds({ cluster, connector });
        const id = idOf({ cluster: otherCluster, connector: otherConnector });
        assert.equal(id.startsWith(head), otherCluster === cluster);
        assert.equal(id.endsWith(tail), otherConnector === connector);
      }),
    );
  });

  it('orders names by code point', () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        const expected = Buffer.compare(Buffer.from(one), Buffer.from(other));
        assert.equal(Math.sign(compareKeys(key(one), key(other))), expected);
      }),
    );
  });

  it('keeps each field of an event', () => {
    const happened = event('orders', { atMs: 5, attempt: 2, detail: 'x', actor: 'ann' });
    assert.deepEqual(eventOf(...eventArguments(happened)), happened);
  });

  it('takes what is not its own for nothing', () => {
    assert.equal(keyOf('x'), null);
    assert.equal(keyOf('[1,2]'), null);
    assert.equal(parseHead('1 2 3'), null);
    assert.equal(rowOf('["a","b"]', '1 2 3 - 0 {}'), null);
    assert.equal(rowOf('["a","b"]', '1 2 3 - 0 ['), null);
    assert.equal(eventOf('1', '["a","b"]', '[]'), null);
  });
});
