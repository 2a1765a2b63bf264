import { connect, createServer, type Server } from 'node:net';

/**
 * Below Linux's ephemeral range (32768–60999): a port from that range can be taken by any outgoing connection
 * while its process is down, and a killed worker must find its own port free when it comes back.
 */
const FIRST = 20_000;
const LAST = 32_000;
const TRIES_PER_PORT = 50;

/** Picks `count` different loopback ports on which nothing listens. Throws if it finds too few. */
export async function freePorts(count: number): Promise<number[]> {
  const held: { port: number; server: Server }[] = [];
  try {
    for (let tries = 0; held.length < count; tries++) {
      if (tries > count * TRIES_PER_PORT) throw new Error(`no ${count} free ports in ${FIRST}–${LAST}`);
      const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
      const server = await hold(port);
      if (server !== undefined) held.push({ port, server });
    }
    return held.map(({ port }) => port);
  } finally {
    await Promise.all(held.map(({ server }) => new Promise((resolve) => server.close(resolve))));
  }
}

/** Whether something on 127.0.0.1 accepts connections on `port`. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1_000 });
    const answer = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.once('timeout', () => answer(false));
  });
}

function hold(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
