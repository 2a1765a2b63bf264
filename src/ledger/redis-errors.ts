/** How long Redis may take for an answer. A claim or a commit takes well under a millisecond of it. */
export const commandTimeoutMs = 2_000;

/** What some answers and errors mean to an operator. The first that matches counts. */
const meanings: readonly (readonly [RegExp, string | ((message: string) => string)])[] = [
  [
    /^(?:WRONGPASS|ERR invalid password|ERR Client sent AUTH)/,
    'Redis refuses the user or the password of ledger.url',
  ],
  [/^NOAUTH/, 'Redis asks for a password, and ledger.url has none'],
  [/DB index is out of range|SELECT is not allowed/i, 'Redis does not have the database of ledger.url'],
  [/^NOPERM/, (message) => `Redis does not permit this user what the ledger needs (${message})`],
  [
    /can't run this command/,
    'Redis does not permit this user a command that the ledger needs (see the list in the documentation)',
  ],
  [
    /^MOVED /,
    'Redis is a node of a Cluster: ledger.url must begin with redis+cluster:// or rediss+cluster://',
  ],
  [/cluster support disabled/, 'Redis is no Cluster: ledger.url must not begin with redis+cluster://'],
  [
    /^All sentinels are unreachable.*No such master/,
    'the Sentinels know no primary of the name that is in ledger.url',
  ],
  [
    /^All sentinels are unreachable.*NOAUTH/,
    'the Sentinels ask for a password, and ledger.url has no sentinelPassword',
  ],
  [
    /^All sentinels are unreachable.*WRONGPASS/,
    'the Sentinels refuse sentinelUser or sentinelPassword of ledger.url',
  ],
  [/^All sentinels are unreachable.*unknown command/, 'the hosts of ledger.url are no Sentinels'],
  [
    /^All sentinels are unreachable(?:.*Last error: (.*))?$/,
    (message) => `no Sentinel can be asked (${message.replace(/^.*Last error: /, '')})`,
  ],
  [/alert (?:number 116|certificate required)/, 'Redis asks for a client certificate: certFile and keyFile'],
  [/alert (?:number 48|unknown ca)/, 'Redis does not trust the client certificate: certFile'],
  [
    /self-signed certificate|unable to (?:verify|get)|certificate has expired|altnames/,
    (message) => `the certificate of Redis is not trusted (${message}): caFile`,
  ],
  [/wrong version number|packet length too long/, 'Redis does not speak TLS there: redis, not rediss'],
  // A Redis without TLS only waits for the rest of what it takes for a command.
  [/^connect ETIMEDOUT$/, 'no answer: a wrong host or port, a firewall, or rediss where Redis speaks no TLS'],
  [/^BUSY /, 'Redis is busy with a script of somebody that does not end'],
  [/^READONLY/, 'Redis is a replica now, and cannot be written'],
  [/^LOADING/, 'Redis is starting: it reads its data'],
  [/^MASTERDOWN/, 'Redis is a replica that has lost its primary'],
  [/^CLUSTERDOWN/, 'the Redis Cluster is down'],
  [/^OOM/, 'Redis is out of memory (maxmemory), and takes no writes'],
  [/^MISCONF/, 'Redis cannot write its snapshot to disk, and takes no writes'],
  [/^NOREPLICAS/, 'Redis has too few replicas to take writes (min-replicas-to-write)'],
  [/^(?:FOREIGN|NEWER) /, (message) => message.replace(/^[A-Z]+ /, '')],
  [/^Command timed out/, `no answer within ${commandTimeoutMs} ms; a write may still have happened`],
  [/^Socket timeout/, 'the connection was silent for too long'],
  [
    /^Connection is closed|^Command aborted/,
    'the connection was lost; a write that was under way may still have happened',
  ],
  [/^Reached the max retries/, 'the connection was lost; a write that was under way may still have happened'],
];

/** One line for an operator. It may still hold a secret of the URL: mask it. */
export function explainRedisError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = messageOf(error);
  for (const [pattern, meaning] of meanings) {
    if (pattern.test(message)) return typeof meaning === 'string' ? meaning : meaning(message);
  }
  const cause = error.cause instanceof Error ? explainRedisError(error.cause) : null;
  return cause === null ? message : `${message}: ${cause}`;
}

/** Node gives an error without a message when every address of a name refused the connection. */
function messageOf(error: Error): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join('; ');
  }
  return error.message === '' ? error.name : withoutScript(error.message);
}

/** Before Redis 7 what a command answers inside a script comes wrapped into where the script called it. */
export function withoutScript(message: string): string {
  return message.replace(/^ERR Error running script \(call to \w+\): (?:@?\w+: ?\d+: )*-?/, '');
}
