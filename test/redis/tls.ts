/** Certificates for tests, made by openssl: an authority, a server's certificate and a client's. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '../stack/debian.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  readonly caFile: string;
  /** For 127.0.0.1 and localhost. */
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

const DAYS = '2';

/** What a URL of `rediss` carries: the authority and the client's certificate. */
export function tlsQuery({ caFile, clientCert, clientKey }: TlsFiles): Record<string, string> {
  return { caFile, certFile: clientCert, keyFile: clientKey };
}

/** Makes a new authority of its own and what it signs, in `directory`. */
export async function makeTls(directory: string): Promise<TlsFiles> {
  const file = (name: string): string => join(directory, name);
  const openssl = (...args: readonly string[]): Promise<string> => command('openssl', args);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const [caFile, caKey] = [file('ca.pem'), file('ca.key')];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    caKey,
    '-out',
    caFile,
    '-days',
    DAYS,
    '-subj',
    '/CN=test authority',
  );

  const sign = async (name: string, extensions: string): Promise<void> => {
    const [request, certificate, extensionFile] = [
      file(`${name}.csr`),
      file(`${name}.pem`),
      file(`${name}.ext`),
    ];
    await writeFile(extensionFile, `${extensions}\n`);
    await openssl('req', ...key, '-keyout', file(`${name}.key`), '-out', request, '-subj', `/CN=${name}`);
    const by = ['-CA', caFile, '-CAkey', caKey, '-CAcreateserial', '-days', DAYS];
    await openssl('x509', '-req', '-in', request, '-out', certificate, ...by, '-extfile', extensionFile);
  };
  await sign('server', 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth');
  await sign('client', 'extendedKeyUsage=clientAuth');
  return {
    caFile,
    serverCert: file('server.pem'),
    serverKey: file('server.key'),
    clientCert: file('client.pem'),
    clientKey: file('client.key'),
  };
}
