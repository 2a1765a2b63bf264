/** A port on loopback whose traffic, TCP and UDP, goes on to another one until it is cut: half of a network partition. */
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

const HOST = '127.0.0.1';

export class Link {
  readonly address: string;
  readonly #port: number;
  readonly #to: number;
  readonly #open = new Set<Socket>();
  readonly #datagrams: Datagrams = createSocket('udp4');
  /** For each sender a socket of its own, so that answers find their way back. */
  readonly #senders = new Map<number, Datagrams>();
  readonly #server = createServer((socket) => this.#pass(socket));
  #isCut = false;

  constructor(port: number, to: number) {
    this.address = `${HOST}:${port}`;
    this.#port = port;
    this.#to = to;
  }

  async start(): Promise<this> {
    this.#server.listen(this.#port, HOST);
    await once(this.#server, 'listening');
    this.#datagrams.bind(this.#port, HOST);
    await once(this.#datagrams, 'listening');
    this.#datagrams.on('message', (message, { port }) => {
      if (!this.#isCut) this.#senderOf(port).send(message, this.#to, HOST);
    });
    return this;
  }

  /** Nothing passes any more, in either direction. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#open) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    for (const socket of [this.#datagrams, ...this.#senders.values()]) socket.close();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(socket: Socket): void {
    if (this.#isCut) {
      socket.destroy();
      return;
    }
    const onward = connect(this.#to, HOST);
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      this.#open.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }

  #senderOf(port: number): Datagrams {
    const known = this.#senders.get(port);
    if (known !== undefined) return known;
    const sender = createSocket('udp4');
    // Whoever it is for may be gone.
    sender.on('error', () => {});
    sender.on('message', (message) => {
      if (!this.#isCut) this.#datagrams.send(message, port, HOST);
    });
    this.#senders.set(port, sender);
    return sender;
  }
}
