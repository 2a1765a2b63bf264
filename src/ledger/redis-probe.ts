import { connect } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

/**
 * Why a host cannot be connected to: refused, not trusted, a client certificate missing. The client says of a Cluster's
 * nodes and of Sentinels only that it could not. Null where it can be connected to, or says nothing in time. Never rejects.
 */
export function probe(
  { host, port }: { readonly host: string; readonly port: number },
  tls: ConnectionOptions | null,
  withinMs: number,
): Promise<Error | null> {
  return new Promise((resolve) => {
    const socket = tls === null ? connect({ host, port }) : connectTls({ ...tls, host, port });
    const end = (reason: Error | null): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.setTimeout(withinMs, () => end(null));
    socket.once('error', end);
    socket.once('close', () => end(null));
    // With TLS 1.3 a client learns only after its own handshake whether its certificate is taken. Any answer will do.
    socket.once('data', () => end(null));
    socket.once(tls === null ? 'connect' : 'secureConnect', () => socket.write('PING\r\n'));
  });
}
