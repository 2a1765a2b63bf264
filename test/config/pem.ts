import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeTls } from '../redis/tls.ts';

/** Real files of TLS as texts: a configuration that names others is refused. */
export interface Pem {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export async function makePem(): Promise<Pem> {
  const directory = await mkdtemp(join(tmpdir(), 'connect-medic-pem-'));
  const { serverCert, serverKey, caFile } = await makeTls(directory);
  const [cert, key, ca] = await Promise.all([
    readFile(serverCert, 'utf8'),
    readFile(serverKey, 'utf8'),
    readFile(caFile, 'utf8'),
  ]);
  await rm(directory, { recursive: true });
  return { cert, key, ca };
}

/** What fits a path that a configuration names: TLS files by their usual names, a Redis URL, else a text. */
export function contentOf(path: string, pem: Pem): string {
  if (/redis-url$|\/ledger\//.test(path)) return 'redis://redis.example.org';
  if (path.endsWith('ca.crt')) return pem.ca;
  if (path.endsWith('.crt')) return pem.cert;
  return path.endsWith('.key') ? pem.key : 'text';
}
