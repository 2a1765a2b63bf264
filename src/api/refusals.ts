import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

/** Refused requests of one kind are told so often at most: whoever has no credential shall not fill the disk. */
const EVERY_MS = 10_000;

/** Tells refused requests in the log: the first at once, those of the next seconds as a number with the one after them. */
export function createRefusalLog(log: Logger): (request: FastifyRequest, status: 401 | 403) => void {
  const told = new Map<number, { atMs: number; untold: number }>();
  return (request, status) => {
    // Not the wall clock: that may be set back.
    const nowMs = performance.now();
    const last = told.get(status);
    if (last !== undefined && nowMs - last.atMs < EVERY_MS) {
      last.untold += 1;
      return;
    }
    told.set(status, { atMs: nowMs, untold: 0 });
    const { method, actor, ip } = request;
    const untold = last?.untold ?? 0;
    const path = request.routeOptions.url ?? 'unknown';
    log.warn({ method, path, actor, status, ip, ...(untold === 0 ? {} : { untold }) }, 'request refused');
  };
}
