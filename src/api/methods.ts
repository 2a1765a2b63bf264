import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { problem } from './problem.ts';

/**
 * The answer to what no route takes: 405 with `Allow` where the path is known by another method, else 404. Routes that are
 * registered after this count. Gives the handler, for requests that also have a body that cannot be read.
 */
export function addNotFound(
  app: FastifyInstance,
): (request: FastifyRequest, reply: FastifyReply) => FastifyReply {
  const known: { path: RegExp; methods: string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    // Parameters hold anything but a slash; nothing else in our paths means anything in a pattern but the dot.
    const path = new RegExp(`^${url.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`);
    known.push({ path, methods: [method].flat() });
  });
  const notFound = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = new Set(known.filter((one) => one.path.test(path)).flatMap(({ methods }) => methods));
    if (allowed.size === 0) return problem(reply, 404, 'There is nothing here.');
    const allow = [...allowed].sort().join(', ');
    return problem(reply.header('allow', allow), 405, `Only ${allow} is answered here.`);
  };
  app.setNotFoundHandler(notFound);
  return notFound;
}
