import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { emptyPack, examine } from '../../src/core/diagnosis.ts';

const signature = (trace: string | null, connectorClass: string | null = 'io.example.Sink') =>
  examine([{ trace }], connectorClass, emptyPack)?.signature;

interface Particulars {
  readonly offset: number;
  readonly uuid: string;
  readonly hex: string;
  readonly at: Date;
  readonly host: string;
  readonly port: number;
}

const particulars = (host: fc.Arbitrary<string>, port: fc.Arbitrary<number>): fc.Arbitrary<Particulars> =>
  fc.record({
    offset: fc.nat(),
    uuid: fc.uuid(),
    hex: fc.stringMatching(/^[0-9a-f]{12}$/),
    at: fc.date({ min: new Date(0), max: new Date('2099-01-01'), noInvalidDate: true }),
    host,
    port,
  });

const host = fc.stringMatching(/^db-[a-z]{3,8}$/).map((name) => `${name}.example.com`);
const port = fc.integer({ min: 1_024, max: 65_535 });

function traceOf({ offset, uuid, hex, at, host, port }: Particulars): string {
  return [
    'org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask due to unrecoverable exception.',
    `\tat org.example.Task.put(Task.java:${offset % 1_000})`,
    `Caused by: java.net.SocketTimeoutException: ${host}:${port} did not answer request ${uuid} of batch ${hex} at offset ${offset}, ${at.toISOString()}`,
    `\t... ${offset % 40} more`,
  ].join('\n');
}

describe('a signature', () => {
  it('is the same whatever the numbers, identifiers and times', () => {
    fc.assert(
      fc.property(
        host
          .chain((one) => port.map((other) => particulars(fc.constant(one), fc.constant(other))))
          .chain((same) => fc.tuple(same, same)),
        ([a, b]) => assert.equal(signature(traceOf(a)), signature(traceOf(b))),
      ),
    );
  });

  it('takes an identifier for one also where it has letters only, or digits only', () => {
    const all = ['00a00aaa00aa', 'aaaaaaaaaaaa', '000000000000', 'deadbeefcafe'];
    assert.equal(new Set(all.map((id) => signature(`a.B: batch ${id} was refused`))).size, 1);
  });

  it('differs where the host differs', () => {
    fc.assert(
      fc.property(particulars(host, port), host, (a, other) => {
        fc.pre(a.host !== other);
        assert.notEqual(signature(traceOf(a)), signature(traceOf({ ...a, host: other })));
      }),
    );
  });

  it('differs where the class, the words or the connector class differ', () => {
    const all = [
      signature('a.B: read failed'),
      signature('a.C: read failed'),
      signature('a.B: write failed'),
      signature('a.B: read failed', 'io.example.Source'),
      signature('a.B: read failed', null),
    ];
    assert.equal(new Set(all).size, all.length);
  });

  it('covers the host of a look-up that failed, which looks like any word', () => {
    assert.notEqual(
      signature('java.net.UnknownHostException: db'),
      signature('java.net.UnknownHostException: es'),
    );
  });

  it('begins with the simple class name and is short', () => {
    assert.match(signature(`a.b.SomeException: ${'x'.repeat(5_000)}`) ?? '', /^SomeException-[0-9a-f]{14}$/);
  });

  it('is absent where there is no trace: such failures are never grouped', () => {
    assert.equal(signature(null), null);
    assert.equal(signature('\n \n'), null);
  });
});
