import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { everyState, hostile, put } from '../web/given.ts';
import { type Built, build } from './given.ts';

type Validate = ((data: unknown) => boolean) & { errors?: unknown };
interface Operation {
  readonly security: readonly object[];
  readonly parameters?: readonly { name: string; in: string }[];
  readonly responses: Record<string, { content?: Record<string, { schema?: object }> }>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, object> };
}

// Fastify's own validator: nothing is installed for it.
const require = createRequire(createRequire(import.meta.url).resolve('@fastify/ajv-compiler'));
const Ajv = require('ajv/dist/2020').default as new (
  options: object,
) => { addSchema(schema: object): void; compile(schema: object): Validate };

describe('GET /openapi.json', () => {
  let built: Built;
  let document: Document;
  before(async () => {
    built = await build();
    await put(built.ledger, [...everyState(Date.now()), hostile(Date.now())]);
    const response = await built.app.inject('/openapi.json');
    assert.equal(response.statusCode, 200);
    document = response.json();
  });
  after(async () => {
    await built.app.close();
    await built.ledger.close();
  });

  it('names every call of the contract', () => {
    const calls = Object.entries(document.paths)
      .flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method} ${path}`))
      .sort();
    assert.deepEqual(calls, [
      'delete /api/v1/pauses',
      'get /api/v1/events',
      'get /api/v1/pauses',
      'get /api/v1/remediations',
      'get /api/v1/remediations/{cluster}/{connector}',
      'get /api/v1/summary',
      'get /livez',
      'get /metrics',
      'get /openapi.json',
      'get /readyz',
      'post /api/v1/remediations/{cluster}/{connector}/retry',
      'post /webhook',
      'put /api/v1/pauses',
    ]);
  });

  it('says which calls need a credential, and names each parameter of a path', () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const { security, parameters = [], responses } of Object.values(operations)) {
        const closed = path.startsWith('/api/') || path === '/webhook';
        assert.equal(
          security.some((one) => Object.keys(one).length > 0),
          closed,
          path,
        );
        assert.equal('401' in responses, closed, path);
        const named = parameters.filter((one) => one.in === 'path').map(({ name }) => `{${name}}`);
        assert.deepEqual(path.match(/\{\w+\}/g) ?? [], named);
      }
    }
  });

  it('describes what is really answered', async () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    const schemas = JSON.parse(
      JSON.stringify(document).replaceAll('"#/components/', '"openapi#/components/'),
    );
    ajv.addSchema({ ...schemas, $id: 'openapi' });
    for (const [method, url, path, status, payload] of [
      ['GET', '/api/v1/remediations', '/api/v1/remediations', 200],
      ['GET', '/api/v1/remediations?limit=2', '/api/v1/remediations', 200],
      ['GET', '/api/v1/remediations?limit=x', '/api/v1/remediations', 400],
      ['GET', '/api/v1/remediations/a/payments-sink', '/api/v1/remediations/{cluster}/{connector}', 200],
      ['GET', '/api/v1/remediations/a/none', '/api/v1/remediations/{cluster}/{connector}', 404],
      [
        'POST',
        '/api/v1/remediations/a/payments-sink/retry',
        '/api/v1/remediations/{cluster}/{connector}/retry',
        202,
      ],
      ['PUT', '/api/v1/pauses', '/api/v1/pauses', 200, { reason: 'r' }],
      ['PUT', '/api/v1/pauses', '/api/v1/pauses', 400, {}],
      ['GET', '/api/v1/pauses', '/api/v1/pauses', 200],
      ['GET', '/api/v1/events', '/api/v1/events', 200],
      ['GET', '/api/v1/summary', '/api/v1/summary', 200],
      ['POST', '/webhook', '/webhook', 202, { version: '4', alerts: [] }],
      ['POST', '/webhook', '/webhook', 400, {}],
      ['GET', '/livez', '/livez', 200],
      ['GET', '/readyz', '/readyz', 200],
    ] as const) {
      const response = await built.app.inject({ method, url, ...(payload ? { payload } : {}) });
      assert.equal(response.statusCode, status, `${method} ${url}: ${response.body}`);
      const type = String(response.headers['content-type']).split(';')[0] ?? '';
      const { schema } = schemas.paths[path][method.toLowerCase()].responses[status].content[type];
      const validate = ajv.compile(schema);
      assert.ok(validate(response.json()), `${method} ${url}: ${JSON.stringify(validate.errors)}`);
    }
  });
});
