import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Advice,
  diagnose,
  emptyPack,
  examine,
  mask,
  maskCredentials,
  type Pack,
} from '../../src/core/diagnosis.ts';
import { maskMessage } from '../../src/core/mask.ts';

describe('a signature', () => {
  /** Other versions gave them for the same failures: the hash is cyrb53, and does not change. */
  const table: readonly (readonly [trace: string, connectorClass: string | null, signature: string])[] = [
    ['a.B: read failed', 'io.example.Sink', 'B-16f90d6570bdae'],
    ['a.B: read failed', null, 'B-1a7c8e22d26886'],
    [
      'java.net.ConnectException: db.example.com:5432 refused',
      'io.example.Sink',
      'ConnectException-0abf87aca8e8e3',
    ],
    ['no Java at all', null, 'unknown-0b455f48b46659'],
  ];
  for (const [trace, connectorClass, signature] of table) {
    it(`of ${trace} at ${connectorClass} stays what it is`, () => {
      assert.equal(examine([{ trace }], connectorClass, emptyPack)?.signature, signature);
    });
  }
});

describe('what is masked for an operator', () => {
  const table: readonly (readonly [because: string, text: string, masked: string])[] = [
    ['a cookie up to its end', 'Set-Cookie: to=Ann Smith, 7; Path=/', 'Set-Cookie: ***; Path=/'],
    [
      'a key of Postman whole',
      `the key PMAK-5fa4d2c1b3e7f80012ab34cd-${'0a'.repeat(17)} was refused`,
      'the key *** was refused',
    ],
    ['a run of 32 hexadecimal digits', 'saw d41d8cd98f00b204e9800998ecf8427e there', 'saw *** there'],
    ['nothing of a shorter run', 'saw d41d8cd98f00b204 there', 'saw d41d8cd98f00b204 there'],
  ];
  for (const [because, text, masked] of table) {
    it(because, () => assert.equal(maskCredentials(text), masked));
  }

  it('is cut first: what stands far behind is not looked at', () => {
    assert.equal(maskCredentials(`refused${'\n'.repeat(1_000_000)}far behind`), 'refused ');
  });
});

describe('a mask', () => {
  const table: readonly (readonly [because: string, text: string, masked: string])[] = [
    [
      'of a UUID leaves the words before it',
      'member orders-6f9619ff-8b86-d011-b42d-00c04fc964ff left',
      'member orders-<id> left',
    ],
    ['of a UUID of digits only', 'row 00000000-0000-0000-0000-000000000000', 'row <id>'],
  ];
  for (const [because, text, masked] of table) it(because, () => assert.equal(mask(text), masked));

  it('tells hosts in lower case, each once, sorted', () => {
    const { hosts } = maskMessage(
      'z.example.com:9092, then DB.example.com:5432, db.example.com:5432, a.io:80',
    );
    assert.deepEqual(hosts, ['a.io:80', 'db.example.com:5432', 'z.example.com:9092']);
  });
});

describe('a diagnosis', () => {
  const hopeless: Advice = { id: 'r', verdict: 'permanent', because: 'b', do: 'd' };

  it('judges a trace once that many tasks share', () => {
    const judged: unknown[] = [];
    const pack: Pack = {
      judge: ([first]) => {
        judged.push(first?.class);
        return hopeless;
      },
      advice: () => null,
    };
    const parts = ['a.B: x', 'a.B: x', 'a.C: x', 'a.B: x'].map((trace) => ({ trace }));
    assert.equal(examine(parts, null, pack)?.cause.class, 'a.B');
    assert.deepEqual(judged, ['a.B', 'a.C']);
  });

  it('is unknown without a trace, even where a rule holds for anything', () => {
    const pack: Pack = { judge: () => hopeless, advice: () => null };
    assert.equal(diagnose([{ trace: 'a.B: x' }], null, pack)?.verdict, 'permanent');
    for (const trace of [null, '', ' \n']) {
      assert.deepEqual(diagnose([{ trace }], null, pack), {
        class: 'unknown',
        message: '',
        verdict: 'unknown',
        rule: null,
      });
    }
  });

  it('has no cause without a failed part', () => assert.equal(diagnose([]), null));
});
