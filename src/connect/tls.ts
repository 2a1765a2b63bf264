import { readFile } from 'node:fs/promises';
import { buildConnector } from 'undici';
import type { ConnectClientOptions } from './client.ts';

/**
 * Opens connections, with the configured certificate files. The files are read for each new connection, so that a rotated
 * certificate is used without a restart; one that cannot be read fails the connection, and with it the request, by name.
 *
 * HTTP/1.1 only: over HTTP/2 whether a request left could not be told as surely.
 */
export function connectorFor(tls: ConnectClientOptions['tls'], timeoutMs: number): buildConnector.connector {
  const options = { allowH2: false, timeout: timeoutMs, maxCachedSessions: 0 };
  const plain = buildConnector(options);
  if (tls === null) return plain;
  return (target, callback) => {
    if (target.protocol !== 'https:') return plain(target, callback);
    void readFiles(tls).then(
      (files) => {
        try {
          buildConnector({ ...options, ...files })(target, callback);
        } catch (error) {
          // A file that is no certificate or no key: thrown before the callback could be called.
          callback(asError(error), null);
        }
      },
      (error: unknown) => callback(asError(error), null),
    );
  };
}

async function readFiles(
  tls: NonNullable<ConnectClientOptions['tls']>,
): Promise<{ ca?: Buffer; cert?: Buffer; key?: Buffer }> {
  const [ca, cert, key] = await Promise.all(
    [tls.caFile, tls.certFile, tls.keyFile].map((file) => (file === undefined ? undefined : readFile(file))),
  );
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
