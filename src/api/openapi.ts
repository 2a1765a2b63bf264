import type { FastifyInstance, RouteOptions } from 'fastify';
import type { TSchema } from 'typebox/type';
import { ProblemSchema } from './schemas.ts';

/** What the document says of a route beyond the schemas that its requests are checked by. */
export interface RouteDoc {
  readonly summary: string;
  /** The body, where it is read by other means than a schema. */
  readonly body?: TSchema;
  /** By status. `schema`: JSON; `type`: another media type; neither: no body, or problem details from 400 on. */
  readonly answers: Readonly<Record<number, RouteAnswer>>;
}

interface RouteAnswer {
  readonly description: string;
  readonly schema?: TSchema;
  readonly type?: string;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How the OpenAPI document shows the route; a route without it is not shown. */
    doc?: RouteDoc;
  }
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const JSON_TYPE = 'application/json';
const PROBLEM_TYPE = 'application/problem+json';

/**
 * `GET /openapi.json`: the document (OpenAPI 3.1) of all routes that are registered after this, made of their schemas when
 * it is first asked for. Its schemas are JSON Schema as they are; those with an `$id` become components.
 */
export function addOpenApi(app: FastifyInstance, version: string): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    if (route.config?.doc !== undefined && route.method !== 'HEAD') routes.push(route);
  });
  let text: string | null = null;
  const doc: RouteDoc = {
    summary: 'This document.',
    answers: { 200: { description: 'OpenAPI 3.1.', type: JSON_TYPE } },
  };
  app.get('/openapi.json', { config: { role: 'open', doc } }, async (_request, reply) => {
    text ??= JSON.stringify(documentOf(routes, version));
    return reply.type('application/json; charset=utf-8').send(text);
  });
}

function documentOf(routes: readonly RouteOptions[], version: string): Json {
  const components: Record<string, Json> = {};
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = route.url.replaceAll(/:(\w+)/g, '{$1}');
    const operations = paths[path] ?? {};
    paths[path] = operations;
    for (const method of [route.method].flat()) {
      operations[method.toLowerCase()] = operationOf(route, components);
    }
  }
  hoist(ProblemSchema, components);
  return {
    openapi: '3.1.0',
    info: {
      title: 'connect-medic',
      version,
      description:
        'Remediations of Kafka Connect connectors, pauses and the audit trail. Times are RFC 3339 UTC. Errors are problem details (RFC 9457).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic' },
      },
    },
  };
}

function operationOf({ config, schema }: RouteOptions, components: Record<string, Json>): Json {
  const { doc, role = 'open' } = config ?? {};
  if (doc === undefined) throw new Error('only routes with a doc are collected');
  const body = doc.body ?? (schema?.body as TSchema | undefined);
  const parameters = [
    ...parametersOf(schema?.params, 'path', components),
    ...parametersOf(schema?.querystring, 'query', components),
  ];
  return {
    summary: doc.summary,
    ...(role === 'open'
      ? { security: [{}] }
      : { description: `Needs the role \`${role}\`.`, security: [{ bearer: [] }, { basic: [] }] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { [JSON_TYPE]: { schema: hoist(body, components) } } } }),
    responses: answersOf(doc, role !== 'open', body !== undefined, parameters.length > 0, components),
  };
}

/** What is told of a route, and what may come of any route of its kind. */
function answersOf(
  doc: RouteDoc,
  closed: boolean,
  hasBody: boolean,
  hasParameters: boolean,
  components: Record<string, Json>,
): Json {
  const anywhere: Record<number, string> = {
    ...(hasBody || hasParameters ? { 400: 'The request cannot be read.' } : {}),
    ...(closed
      ? { 401: 'A valid credential is needed.', 403: 'A role is missing, or another site asks.' }
      : {}),
    ...(hasBody ? { 413: 'The body is too large.' } : {}),
    ...(hasParameters ? { 431: 'Path, query and headers are too large.' } : {}),
    ...(closed ? { 503: 'The ledger is not available, or too many requests are under way.' } : {}),
  };
  const answers: Record<string, Json> = {};
  for (const [status, description] of Object.entries(anywhere)) {
    answers[status] = answerOf(Number(status), { description }, components);
  }
  for (const [status, answer] of Object.entries(doc.answers)) {
    answers[status] = answerOf(Number(status), answer, components);
  }
  return answers;
}

function answerOf(status: number, answer: RouteAnswer, components: Record<string, Json>): Json {
  const { description, schema, type } = answer;
  if (schema !== undefined) {
    return { description, content: { [type ?? JSON_TYPE]: { schema: hoist(schema, components) } } };
  }
  if (type !== undefined) return { description, content: { [type]: {} } };
  if (status < 400) return { description };
  return { description, content: { [PROBLEM_TYPE]: { schema: hoist(ProblemSchema, components) } } };
}

function parametersOf(schema: unknown, place: 'path' | 'query', components: Record<string, Json>): Json[] {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, TSchema & { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: hoist(property, components),
  }));
}

/** The schema as JSON, with every part that has an `$id` put among the components and referred to. */
function hoist(schema: unknown, components: Record<string, Json>): Json {
  if (Array.isArray(schema)) return schema.map((part) => hoist(part, components));
  if (typeof schema !== 'object' || schema === null) return schema as Json;
  const { $id, ...rest } = schema as { $id?: string };
  const plain = Object.fromEntries(
    Object.entries(rest).map(([name, part]) => [name, hoist(part, components)]),
  );
  if ($id === undefined) return plain;
  components[$id] = plain;
  return { $ref: `#/components/schemas/${$id}` };
}
