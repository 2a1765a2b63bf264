import { commandTimeoutMs } from './redis-connection.ts';

/** What some answers and errors mean to an operator. The first that matches counts. */
const meanings: readonly (readonly [RegExp, string | ((message: string) => string)])[] = [
  [
    /^(?:WRONGPASS|ERR invalid password|ERR Client sent AUTH)/,
    'Redis refuses the user or the password of ledger.url',
  ],
  [/^NOAUTH/, 'Redis asks for a password, and ledger.url has none'],
  [/DB index is out of range|SELECT is not allowed/i, 'Redis does not have the database of ledger.url'],
  [/^NOPERM/, (message) => `Redis does not permit this user what the ledger needs (${message})`],
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
  [/enableOfflineQueue options is false$/, 'not connected'],
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
  return error.message === '' ? error.name : error.message;
}
