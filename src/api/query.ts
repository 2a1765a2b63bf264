import type { FastifyRequest } from 'fastify';

/**
 * A query is text; its schema may want a number or true or false. Written so plainly they are read as such before the check;
 * bodies are left as they are, where `"1"` is no number. In a time a `+` arrives as a space: put back. A known key with an
 * empty text, as in `?cluster=`, is one that is not there: nothing has an empty name.
 */
export async function readQueryTypes(request: FastifyRequest): Promise<void> {
  const schema = request.routeOptions.schema?.querystring as
    | { properties?: Record<string, { type?: string; format?: string }> }
    | undefined;
  if (schema?.properties === undefined) return;
  const query = request.query as Record<string, unknown>;
  for (const [name, { type, format }] of Object.entries(schema.properties)) {
    const text = query[name];
    if (typeof text !== 'string') continue;
    if (text === '') delete query[name];
    else if (type === 'integer' && /^-?[0-9]{1,15}$/.test(text)) query[name] = Number(text);
    else if (type === 'boolean' && (text === 'true' || text === 'false')) query[name] = text === 'true';
    else if (format === 'date-time') query[name] = text.replace(/ (?=\d\d:\d\d$)/, '+');
  }
}
