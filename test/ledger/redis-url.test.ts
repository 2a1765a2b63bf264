import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeTarget, parseRedisUrl } from '../../src/ledger/redis-url.ts';

describe('a Redis URL', () => {
  it('is read in each of its forms, with the defaults of each', () => {
    const nothing = {
      user: null,
      password: null,
      db: 0,
      primary: '',
      sentinelUser: null,
      sentinelPassword: null,
      tls: null,
    };
    assert.deepEqual(parseRedisUrl('redis://h'), {
      ...nothing,
      mode: 'single',
      hosts: [{ host: 'h', port: 6379 }],
    });
    assert.deepEqual(parseRedisUrl('rediss://u:p%40ss%2F@[::1]:7000/3?caFile=/ca.pem'), {
      ...nothing,
      mode: 'single',
      hosts: [{ host: '::1', port: 7000 }],
      user: 'u',
      password: 'p@ss/',
      db: 3,
      tls: { caFile: '/ca.pem' },
    });
    assert.deepEqual(parseRedisUrl('redis+sentinel://:p@a,b:1/prim%2Fary/2?sentinelPassword=s%26'), {
      ...nothing,
      mode: 'sentinel',
      hosts: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 1 },
      ],
      password: 'p',
      db: 2,
      primary: 'prim/ary',
      sentinelPassword: 's&',
    });
    assert.deepEqual(parseRedisUrl('REDISS+cluster://a:1,b:2/?certFile=c&keyFile=k'), {
      ...nothing,
      mode: 'cluster',
      hosts: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
      tls: { certFile: 'c', keyFile: 'k' },
    });
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['http://hunter2@h', /not a Redis URL/],
    ['redis://', /a host/],
    ['redis://h:0', /a host/],
    ['redis://h:65536', /a host/],
    ['redis://a,b', /several hosts/],
    ['redis://:hunter2/3@h', /a host|not a Redis URL/],
    ['redis://hunter2@h', /without a password/],
    ['redis://:hunter2%@h', /hexadecimal/],
    ['redis://h/one', /must be a number/],
    ['redis://h/1/2', /must be a number/],
    ['redis+sentinel://h', /NAME/],
    ['redis+cluster://h/1', /only database 0/],
    ['redis://h?caFile=x', /no query parameter "caFile"/],
    ['rediss://h?keyFile=x', /need each other/],
  ];
  for (const [url, message] of wrong) {
    it(`is refused as ${url}, without showing the password`, () => {
      assert.throws(
        () => parseRedisUrl(url),
        (error: Error) => message.test(error.message) && !error.message.includes('hunter2'),
      );
    });
  }

  it('is described without its secrets', () => {
    const described = (url: string): string => describeTarget(parseRedisUrl(url));
    assert.equal(described('rediss://u:hunter2@[::1]/3?caFile=/ca.pem'), 'rediss://[::1]:6379/3');
    assert.equal(
      described('redis+sentinel://:x@a,b/main?sentinelPassword=y'),
      'redis+sentinel://a:26379,b:26379/main',
    );
  });
});
