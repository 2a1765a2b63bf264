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
