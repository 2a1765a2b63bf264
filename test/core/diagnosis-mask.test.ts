import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mask, maskCredentials } from '../../src/core/diagnosis.ts';
import { maskMessage } from '../../src/core/mask.ts';

describe('a mask', () => {
  const table: readonly (readonly [text: string, masked: string])[] = [
    // Addresses
    ['Failed to connect to db.example.com:5432', 'Failed to connect to <host>'],
    ['connection to 10.0.0.7:9092 lost', 'connection to <host> lost'],
    ['db.example.com/10.0.0.7:5432 refused', '<host> refused'],
    ['kafka/<unresolved>:9092', '<host>'],
    ['at [2001:db8::1]:9092', 'at <host>'],
    ['bucket.s3.eu-west-1.amazonaws.com: Name or service not known', '<host>: Name or service not known'],
    ['GET https://api.example.com/v1/orders failed', 'GET https://<host>/v1/orders failed'],
    // Classes and topics are no hosts.
    ['org.apache.kafka.common.KafkaException', 'org.apache.kafka.common.KafkaException'],
    ['topic shop.public.orders', 'topic shop.public.orders'],
    // Numbers, times and identifiers
    ['offset 12345 at 2026-01-05', 'offset <n> at <time>'],
    ['expired on Mon Jan 05 03:00:00 UTC 2026', 'expired on <time>'],
    ['2026-01-05T03:00:00.123Z lag 1,234.5', '<time> lag <n>'],
    ['row 6f9619ff-8b86-d011-b42d-00c04fc964ff', 'row <id>'],
    ['Request ID: W5B15QEASQ408SWZ', 'Request ID: <id>'],
    ['taken at 03:00:00.123 today', 'taken at <time> today'],
    ['pointer @abcdef and more', 'pointer @<id> and more'],
    ['told ann.smith+ops@mail.corp-x.zone of it', 'told <address> of it'],
    ['session Zk3-orders_consumer_group-x', 'session <id>'],
    ['commit 1b2c3d4e5f of it', 'commit <id> of it'],
    ['id 6F9619FF-8b86-d011-b42d-00c04fc964ff', 'id <id>'],
    ['java.lang.Object@1b2c3d4e at 0xdeadbeef', 'java.lang.Object@<id> at <id>'],
    // Codes and types name the cause.
    ['ORA-00942: table 7', 'ORA-00942: table <n>'],
    ['Status Code: 503; took 120 ms', 'Status Code: 503; took <n> ms'],
    ['JMSWMQ0018: Failed', 'JMSWMQ0018: Failed'],
    ['Cannot cast INT64 to 12', 'Cannot cast INT64 to <n>'],
    // Credentials
    ['jdbc:postgresql://scott:tiger@db/x', 'jdbc:postgresql://***@<host>/x'],
    ['password=hunter2, user=scott', 'password=***, user=scott'],
    ['"sasl.jaas.config": "whatever"', '"sasl.jaas.config": ***'],
    ['Authorization: Bearer abc.def-ghi', 'Authorization: ***'],
    ['PlainLoginModule required username="u" password="p";', 'PlainLoginModule ***'],
    ['Invalid value s3cr3t for configuration ssl.key', 'Invalid value *** for configuration ssl.key'],
    ['Invalid value null for configuration a.b', 'Invalid value null for configuration a.b'],
    ["Access denied for user 'a' (using password: YES)", "Access denied for user 'a' (using password: YES)"],
    ["Unrecognized token 'hello': was expecting", "Unrecognized token 'hello': was expecting"],
  ];
  for (const [text, masked] of table) it(text, () => assert.equal(mask(text), masked));

  it('takes blanks at both ends away, and keeps a message of just its length', () => {
    assert.equal(mask('  no such file  '), 'no such file');
    const whole = 'ab '.repeat(100).trim().padEnd(300, '.');
    assert.equal(mask(whole), whole);
    assert.equal(mask(`${whole}.`), `${whole.slice(0, 299)}…`);
  });

  it('takes the first word of an unknown host for an address, and tells each one once, in order', () => {
    assert.deepEqual(maskMessage('DB7: Name or service not known', true).hosts, ['db7']);
    assert.deepEqual(maskMessage('db: nobody there', true), { text: '<host>: nobody there', hosts: ['db'] });
    assert.deepEqual(maskMessage('db: nobody there'), { text: 'db: nobody there', hosts: [] });
    const { hosts } = maskMessage('from Z.example.com:1 or a.example.com:1 or z.example.com:1');
    assert.deepEqual(hosts, ['a.example.com', 'z.example.com']);
  });

  it('takes what an earlier pattern hid for no address', () => {
    assert.deepEqual(maskMessage('jdbc:x://u:p@db.example.com/orders').hosts, ['db.example.com']);
    assert.deepEqual(maskMessage('https://u:p@***').hosts, []);
  });

  describe('for an operator', () => {
    it('cuts a long text before the word that would be cut in two: a cut secret has no form', () => {
      const words = 'word '.repeat(1_600);
      assert.equal(maskCredentials(words), words);
      assert.equal(maskCredentials(`${words}w`), `${words}…`);
      assert.equal(maskCredentials(words.repeat(3)), `${words}…`);
    });

    it('cuts a long word well before the end', () => {
      const word = 'x.'.repeat(5_000);
      assert.equal(maskCredentials(word), `${word.slice(0, 7_400)} …`);
      const first = `${'x.'.repeat(3_700)} ${word}`;
      assert.equal(maskCredentials(first), `${first.slice(0, 7_400)} …`);
      const before = `${'x.'.repeat(3_699)}x ${word}`;
      assert.equal(maskCredentials(before), `${before.slice(0, 7_400)} …`);
    });

    it('leaves addresses and numbers', () => {
      assert.equal(maskCredentials('db.example.com:5432 after 12 ms'), 'db.example.com:5432 after 12 ms');
    });
  });

  /** Secrets of many alphabets; the long ones look like what clouds give out. */
  const secret = fc.oneof(
    fc.stringMatching(/^[A-Za-z]{3,8}[0-9]{1,4}[A-Za-z]{6,20}$/),
    fc.stringMatching(/^[A-Za-z0-9+/]{40}$/),
    fc.stringMatching(/^[a-f0-9]{32}$/),
    fc.stringMatching(/^[A-Z]{2}[a-z]{4}[!$%^*~|][0-9]{4}[A-Za-z]{4}$/),
  );
  /** What may stand in a password, a separator of some format included. */
  const awkward = fc.stringMatching(/^[A-Za-z]{5}[,;:#/!][0-9]{4}[A-Za-z]{5}$/);

  const forms: Readonly<Record<string, (secret: string) => string>> = {
    'a pair': (s) => `password=${s}`,
    'a pair in a list': (s) => `user=scott, password=${s}, ssl=true`,
    'a pair in a map': (s) => `{user=scott, database.password=${s}}`,
    'a property with blanks': (s) => `connection.password = ${s}`,
    'a quoted pair': (s) => `api_key: "${s}"`,
    'a single-quoted pair': (s) => `token='${s}' was refused`,
    JSON: (s) => `{"user":"scott","password":"${s}"}`,
    'escaped JSON': (s) => `{\\"user\\":\\"scott\\",\\"password\\":\\"${s}\\"}`,
    'a JSON list of names and values': (s) => `{"name":"DB_PASSWORD","value":"${s}"}`,
    XML: (s) => `<Password>${s}</Password>`,
    YAML: (s) => `client_secret: ${s}`,
    'an arrow': (s) => `password => ${s}`,
    'a query of a URL': (s) => `https://host/path?user=a&access_token=${s}&x=1`,
    'an encoded pair': (s) => `password%3D${s}`,
    'user information of a URL': (s) => `https://user:${s}@host/path`,
    'a JDBC URL': (s) => `jdbc:postgresql://db:5432/x?user=a&password=${s}`,
    'a JDBC URL of SQL Server': (s) => `jdbc:sqlserver://db:1433;user=sa;password=${s};encrypt=true`,
    'a JDBC URL of Oracle': (s) => `jdbc:oracle:thin:scott/${s}@//db:1521/orcl`,
    'a MongoDB URL': (s) => `mongodb+srv://scott:${s}@cluster0.example.net/x?retryWrites=true`,
    'a Redis URL': (s) => `redis://:${s}@redis:6379/0`,
    'an Azure connection string': (s) =>
      `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${s}==;EndpointSuffix=core.windows.net`,
    'a Service Bus connection string': (s) =>
      `Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=${s}=`,
    'a SAS token': (s) => `https://a.blob.core.windows.net/c?sv=2022-11-02&sig=${s}%3D&se=2026`,
    'a presigned URL': (s) => `https://b.s3.amazonaws.com/k?X-Amz-Signature=${s}&X-Amz-Expires=60`,
    'a bearer token': (s) => `Authorization: Bearer ${s}`,
    'a bearer token alone': (s) => `sent Bearer ${s}1 and got 401`,
    'basic authentication': (s) => `Authorization: Basic ${s}`,
    'a header in a map': (s) => `{Authorization=[Basic ${s}], Accept=[*/*]}`,
    'an API key header': (s) => `x-api-key: ${s}`,
    'a cookie': (s) => `Set-Cookie: SESSION=${s}; Path=/`,
    'a JAAS line': (s) =>
      `org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="${s}";`,
    'a JAAS property': (s) => `sasl.jaas.config=x.PlainLoginModule required password='${s}';`,
    'a value that was refused': (s) => `Invalid value ${s} for configuration x: not a number`,
    'a command line': (s) => `curl -u scott:${s} failed`,
    'an option': (s) => `mysql --password ${s} -h db`,
    SQL: (s) => `CREATE USER a IDENTIFIED BY '${s}'`,
    'a PEM block': (s) => `-----BEGIN PRIVATE KEY-----\nMII${s}\n${s}\n-----END PRIVATE KEY-----`,
    'a PEM block without end': (s) => `-----BEGIN RSA PRIVATE KEY-----\nMII${s}`,
    'an AWS credential': (s) => `aws_secret_access_key=${s}`,
    'a user info property': (s) => `basic.auth.user.info=key:${s}`,
    'a quote that does not end': (s) => `password="my ${s}`,
  };
  const separated = ['a pair', 'a pair in a list', 'a quoted pair', 'JSON', 'user information of a URL'];

  for (const [name, form] of Object.entries(forms)) {
    it(`hides a secret in ${name}`, () => {
      fc.assert(
        fc.property(secret, fc.string(), fc.string(), (planted, before, after) => {
          for (const text of [form(planted), `${before} ${form(planted)}`, `${form(planted)} ${after}`]) {
            assert.ok(!mask(text).includes(planted), mask(text));
            assert.ok(!maskCredentials(text).includes(planted), maskCredentials(text));
          }
        }),
      );
    });
  }
  for (const name of separated) {
    it(`hides a secret with a separator in it in ${name}`, () => {
      fc.assert(
        fc.property(awkward, (planted) => {
          const masked = maskCredentials(forms[name]?.(planted) ?? planted);
          for (const half of planted.split(/[,;:#/!]/)) assert.ok(!masked.includes(half), masked);
        }),
      );
    });
  }

  const known: readonly string[] = [
    'AKIAIOSFODNN7EXAMPLE',
    'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl',
    `ghp_${'aB3'.repeat(12)}`,
    'xoxb-1234567890-abcdefghijkl',
    `AIza${'Sy1'.repeat(12)}`,
    'glpat-abcdefghij1234567890',
  ];
  for (const planted of known) {
    it(`knows ${planted.slice(0, 4)}… by its own form`, () => {
      assert.ok(!maskCredentials(`the key ${planted} was refused`).includes(planted));
    });
  }

  it('does not show the beginning of a secret that is cut', () => {
    for (let length = 1_100; length < 1_300; length += 7) {
      const text = `${'x '.repeat(length / 2)}https://user:hunter2hunter2@host/path`;
      assert.ok(!mask(text).includes('hunter'));
    }
    for (let length = 7_900; length < 8_100; length += 7) {
      const text = `${'x '.repeat(length / 2)}https://user:${'hunter2'.repeat(20)}@host/path`;
      assert.ok(!maskCredentials(text).includes('hunter'));
    }
  });

  it('is one line of bounded length for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (text) => {
        const masked = mask(text);
        assert.ok(masked.length <= 300 && !masked.includes('\n'));
        assert.ok(maskCredentials(text.repeat(10)).length <= 20_000);
      }),
    );
  });

  it('masks a text that repeats the beginning of every pattern, in bounded work', () => {
    const heads = [
      'password=',
      '://',
      'token="\\',
      'Bearer ',
      '-----BEGIN A-----',
      'LoginModule ',
      'a.',
      'A1',
      '::',
    ];
    for (const head of heads) {
      assert.ok(maskCredentials(head.repeat(100_000)).length <= 20_000);
      assert.ok(mask(head.repeat(100_000)).length <= 300);
    }
  });
});
