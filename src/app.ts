import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { type PausesDependencies, pauseRoutes } from './api/pauses.ts';
import { type ProbesDependencies, probeRoutes } from './api/probes.ts';
import { problem } from './api/problem.ts';
import { type RemediationsDependencies, remediationRoutes } from './api/remediations.ts';
import { addAuthentication, type Credential } from './auth.ts';
import { LedgerUnavailable } from './ledger/ledger.ts';
import { describeError } from './log.ts';
import { type WebhookDependencies, webhookRoutes } from './webhook/route.ts';

export interface AppDependencies
  extends WebhookDependencies,
    RemediationsDependencies,
    PausesDependencies,
    ProbesDependencies {
  readonly log: Logger;
  /** null: everybody may do everything. */
  readonly credentials: readonly Credential[] | null;
  readonly bodyLimitBytes: number;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer; readonly clientCa: Buffer | null } | null;
}

/** Slow clients are cut off: headers and body have to be there by then. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Builds the Fastify application. It listens nowhere and does no I/O until it is told to. */
export function buildApp(deps: AppDependencies): FastifyInstance {
  const app: FastifyInstance = Fastify({
    // The service writes its own lines: what was decided, not what was requested.
    logger: false,
    bodyLimit: deps.bodyLimitBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    onProtoPoisoning: 'remove',
    onConstructorPoisoning: 'remove',
    routerOptions: { maxParamLength: 4_096 },
    // A path that cannot be decoded meets no route and no hook: to a stranger it looks as every other path does.
    frameworkErrors: (_error, _request, reply) => {
      if (deps.credentials === null) void problem(reply as FastifyReply, 400, 'The path cannot be read.');
      else void problem(reply as FastifyReply, 401, 'A valid credential is needed.');
    },
    // A webhook is taken as it is: coercion would turn a null label into an empty one.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    ...(deps.tls === null
      ? {}
      : {
          https: {
            cert: deps.tls.cert,
            key: deps.tls.key,
            ...(deps.tls.clientCa === null
              ? {}
              : { ca: deps.tls.clientCa, requestCert: true, rejectUnauthorized: true }),
          },
        }),
  });

  // Alertmanager and people with curl send JSON under several names; what it is decides, not what it is called.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, app.getDefaultJsonParser('remove', 'remove'));

  const isWebhook = (url: string): boolean => url === '/webhook' || url.startsWith('/webhook?');
  addAuthentication(app, deps.credentials, (request, status) => {
    if (isWebhook(request.url)) {
      deps.metrics.webhook(status === 401 ? 'unauthorized' : 'forbidden', deps.clock.now());
    }
    const path = request.routeOptions.url ?? 'unknown';
    deps.log.warn({ method: request.method, path, actor: request.actor, status }, 'request refused');
  });

  app.addHook('onSend', async (_request, reply) => {
    reply.headers({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
  });

  app.setNotFoundHandler((_request, reply) => problem(reply, 404, 'There is nothing here.'));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error instanceof LedgerUnavailable ? 503 : (error.statusCode ?? 500);
    if (isWebhook(request.url)) {
      const outcome =
        status === 413
          ? 'too_large'
          : status === 503
            ? 'ledger_unavailable'
            : status < 500
              ? 'invalid'
              : 'error';
      deps.metrics.webhook(outcome, deps.clock.now());
    }
    if (status === 503) return problem(reply, 503, 'The ledger is not available now.');
    // A body that cannot be read is the sender's, under whatever name it came.
    if (status < 500) return problem(reply, status === 415 ? 400 : status, error.message);
    deps.log.error({ error: describeError(error), url: request.routeOptions.url }, 'request failed');
    return problem(reply, 500);
  });

  app.register(webhookRoutes, deps);
  app.register(remediationRoutes, deps);
  app.register(pauseRoutes, deps);
  app.register(probeRoutes, deps);
  return app;
}
