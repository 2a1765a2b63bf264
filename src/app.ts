import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { answerBroken, answerExpectation } from './api/broken.ts';
import { eventRoutes } from './api/events.ts';
import {
  addLimits,
  addSameSiteCheck,
  addSecurityHeaders,
  CONNECTIONS_AT_MOST,
  setSecurityHeaders,
} from './api/guard.ts';
import { addNotFound } from './api/methods.ts';
import { addOpenApi } from './api/openapi.ts';
import { type PausesDependencies, pauseRoutes } from './api/pauses.ts';
import { type ProbesDependencies, probeRoutes } from './api/probes.ts';
import { problem } from './api/problem.ts';
import { readQueryTypes } from './api/query.ts';
import { createDropLog, createRefusalLog } from './api/refusals.ts';
import { type RemediationsDependencies, remediationRoutes } from './api/remediations.ts';
import { type RetryDependencies, retryRoutes } from './api/retry.ts';
import { type SummaryDependencies, summaryRoutes } from './api/summary.ts';
import { addAuthentication, type Credential, challengesOf, isKnown } from './auth.ts';
import { LedgerUnavailable } from './ledger/ledger.ts';
import type { ListenerTls } from './listener-tls.ts';
import { describeError } from './log.ts';
import { pageRoutes } from './web/routes.ts';
import { type WebhookDependencies, webhookRoutes } from './webhook/route.ts';

export interface AppDependencies
  extends WebhookDependencies,
    RemediationsDependencies,
    RetryDependencies,
    PausesDependencies,
    SummaryDependencies,
    ProbesDependencies {
  readonly log: Logger;
  /** null: everybody may do everything. */
  readonly credentials: readonly Credential[] | null;
  readonly bodyLimitBytes: number;
  /** null: plain HTTP. */
  readonly tls: ListenerTls | null;
}

/** Slow clients are cut off: the headers have to be there by then. */
const HEADERS_TIMEOUT_MS = 10_000;
/** And the body by then. */
const REQUEST_TIMEOUT_MS = 30_000;
/** A connection on which nothing moves for so long is closed: also one whose client does not read its answer. */
const IDLE_TIMEOUT_MS = 60_000;
/** How often that is looked at. */
const TIMEOUT_CHECK_MS = 5_000;
/** Of all headers and the path together: two long names, every character of them percent-encoded, fit. */
const HEADER_BYTES_AT_MOST = 32_768;

/** Builds the Fastify application. It listens nowhere and does no network I/O until it is told to. */
export function buildApp(deps: AppDependencies): FastifyInstance {
  const { credentials, tls, bodyLimitBytes, metrics, clock, log } = deps;
  const server = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    maxHeaderSize: HEADER_BYTES_AT_MOST,
  };
  const tellRefused = createRefusalLog(log);
  const challenges = challengesOf(credentials ?? []);
  const app: FastifyInstance = Fastify({
    // The service writes its own lines: what was decided, not what was requested.
    logger: false,
    bodyLimit: bodyLimitBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    onProtoPoisoning: 'remove',
    onConstructorPoisoning: 'remove',
    routerOptions: { maxParamLength: 12_000 },
    clientErrorHandler: answerBroken,
    // A path that cannot be decoded meets no route and no hook: to a stranger it looks as every other path does.
    frameworkErrors: (_error, request, given) => {
      const reply = given as FastifyReply;
      setSecurityHeaders(reply);
      if (isKnown(credentials, request.headers.authorization)) {
        void problem(reply, 400, 'The path cannot be read.');
      } else {
        tellRefused(request, 401);
        reply.header('www-authenticate', challenges);
        void problem(reply, 401, 'A valid credential is needed.');
      }
    },
    // A webhook is taken as it is: coercion would turn a null label into an empty one.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    ...(tls === null
      ? { http: server }
      : {
          https: {
            ...server,
            cert: tls.cert,
            key: tls.key,
            ...(tls.clientCa === null
              ? {}
              : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
          },
        }),
  });
  app.server.maxConnections = CONNECTIONS_AT_MOST;
  const tellDropped = createDropLog(log, CONNECTIONS_AT_MOST);
  app.server.on('drop', () => {
    metrics.limitHit('connections', 1);
    tellDropped();
  });
  app.server.on('checkExpectation', answerExpectation);

  // Alertmanager and people with curl send JSON under several names; what it is decides, not what it is called.
  const parseJson = app.getDefaultJsonParser('remove', 'remove');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, text, done) => {
    // Many clients announce JSON and send nothing where nothing is asked for; who needs a body says so.
    if (text === '') done(null, undefined);
    else void parseJson(request, text as string, done);
  });

  const isWebhook = (url: string): boolean => url === '/webhook' || url.startsWith('/webhook?');
  addAuthentication(app, credentials, (request, status) => {
    if (isWebhook(request.url)) {
      metrics.webhook(status === 401 ? 'unauthorized' : 'forbidden', clock.now());
    }
    tellRefused(request, status);
  });
  addSameSiteCheck(app);
  addLimits(app, { bodyLimitBytes, onTooMany: () => metrics.limitHit('requests', 1) });
  addSecurityHeaders(app);
  app.addHook('preValidation', readQueryTypes);
  const notFound = addNotFound(app);
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error instanceof LedgerUnavailable ? 503 : (error.statusCode ?? 500);
    if (isWebhook(request.url)) metrics.webhook(webhookOutcome(status), clock.now());
    if (status === 413) {
      metrics.limitHit('body', 1);
      // Closed with bytes unread, the connection would be reset, and a client that is still sending never reads why. The
      // rest is thrown away as it comes, until REQUEST_TIMEOUT_MS at most.
      reply.removeHeader('connection');
      request.raw.resume();
    }
    if (status === 503) return problem(reply, 503, 'The ledger is not available now.');
    // What nobody reads need not be readable.
    if (request.is404 && status < 500) return notFound(request, reply);
    // A body that cannot be read is the sender's, under whatever name it came.
    if (status < 500) return problem(reply, status === 415 ? 400 : status, error.message);
    log.error({ error: describeError(error), url: request.routeOptions.url }, 'request failed');
    return problem(reply, 500);
  });

  addOpenApi(app, deps.version);
  app.register(webhookRoutes, deps);
  app.register(remediationRoutes, deps);
  app.register(retryRoutes, deps);
  app.register(pauseRoutes, deps);
  app.register(eventRoutes, deps);
  app.register(summaryRoutes, deps);
  app.register(probeRoutes, deps);
  app.register(pageRoutes);
  return app;
}

function webhookOutcome(status: number): Parameters<AppDependencies['metrics']['webhook']>[0] {
  if (status === 413) return 'too_large';
  if (status === 503) return 'ledger_unavailable';
  return status < 500 ? 'invalid' : 'error';
}
