import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** What Node found wrong with bytes that are no request; every other code is a 400. */
const statuses: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** Answers what is no HTTP request with problem details (RFC 9457), and ends the connection. */
export function answerBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  // Nobody is there any more, or part of an answer was written.
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const status = statuses[error.code ?? ''] ?? 400;
  const title = STATUS_CODES[status] ?? 'Error';
  const body = JSON.stringify({ type: 'about:blank', title, status });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'content-type: application/problem+json; charset=utf-8',
    'x-content-type-options: nosniff',
    'connection: close',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** Answers `Expect` with anything but `100-continue`, which nobody sends, with problem details as well. */
export function answerExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const status = 417;
  const body = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status });
  response.writeHead(status, {
    'content-type': 'application/problem+json; charset=utf-8',
    connection: 'close',
  });
  response.end(body);
}
