import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';

/** The files of the status page, by the path that they are served at. */
const files: Readonly<Record<string, { readonly name: string; readonly type: string }>> = {
  '/': { name: 'index.html', type: 'text/html; charset=utf-8' },
  '/web/theme.css': { name: 'theme.css', type: 'text/css; charset=utf-8' },
  '/web/page.css': { name: 'page.css', type: 'text/css; charset=utf-8' },
  '/web/page.js': { name: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/web/cards.js': { name: 'cards.js', type: 'text/javascript; charset=utf-8' },
  '/web/words.js': { name: 'words.js', type: 'text/javascript; charset=utf-8' },
  '/web/icon.svg': { name: 'icon.svg', type: 'image/svg+xml; charset=utf-8' },
};

/** The page runs its own script and style, asks its own origin, and nothing else: no inline code, no frames, no forms. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** `GET /`: the status page and its files, for who may read. They are read once, and served from memory. */
export async function pageRoutes(app: FastifyInstance): Promise<void> {
  for (const [url, { name, type }] of Object.entries(files)) {
    const content = readFileSync(new URL(`static/${name}`, import.meta.url));
    app.get(url, { config: { role: 'read' } }, (_request, reply) =>
      reply.header('content-security-policy', POLICY).type(type).send(content),
    );
  }
}
