import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

/** What strangers can make the log say is told so often at most: whoever has no credential shall not fill the disk. */
const EVERY_MS = 10_000;

/** Tells refused requests in the log: the first at once, those of the next seconds as a number with the one after them. */
export function createRefusalLog(log: Logger): (request: FastifyRequest, status: 401 | 403) => void {
  const seldom = { 401: createSeldom(), 403: createSeldom() };
  return (request, status) => {
    seldom[status]((untold) => {
      // A request whose path cannot be read has met no hook that says who sent it.
      const { method, actor = 'anonymous', ip } = request;
      const path = request.routeOptions.url ?? 'unknown';
      log.warn({ method, path, actor, status, ip, ...untold }, 'request refused');
    });
  };
}

/** Tells connections that were dropped since there were too many, in the same way. */
export function createDropLog(log: Logger, atMost: number): () => void {
  const seldom = createSeldom();
  return () =>
    seldom((untold) => log.warn({ atMost, ...untold }, 'a connection was dropped: too many are open'));
}

type Untold = { readonly untold?: number };

/** Calls what it is given, but not more often than every so long; the next call then learns how many were passed over. */
function createSeldom(): (tell: (untold: Untold) => void) => void {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return (tell) => {
    // Not the wall clock: that may be set back.
    const nowMs = performance.now();
    if (nowMs - toldAtMs < EVERY_MS) {
      untold += 1;
      return;
    }
    tell(untold === 0 ? {} : { untold });
    toldAtMs = nowMs;
    untold = 0;
  };
}
