/** A connection of TCP over Node's `net`, for both versions of `wasi:sockets`: a source and a sink of bytes. */
import type { Socket } from "node:net";
import { CLOSED, type Sink, type Source } from "../../wasi/io/streams.ts";
import type { Net } from "./network.ts";

/** What TCP alone has, where the guest has not said otherwise. Times in nanoseconds. */
export interface TcpSettings {
  backlog: number;
  keepAlive: boolean;
  idle: bigint;
  interval: bigint;
  count: number;
}

export const TCP_SETTINGS: TcpSettings = {
  backlog: 128,
  keepAlive: false,
  idle: 7_200_000_000_000n,
  interval: 75_000_000_000n,
  count: 9,
};

/** Connections that wait to be accepted. */
export const MOST_WAITING = 128;

/** A connection, closed when the socket and both of its streams are dropped. */
export class Connection {
  readonly socket: Socket;
  #held = 3;
  readonly #closed: () => void;

  constructor(net: Net, socket: Socket) {
    this.socket = socket;
    // Told to whoever reads or writes.
    socket.on("error", () => undefined);
    this.#closed = net.opened(() => socket.destroy());
    socket.once("close", this.#closed);
  }

  release(): void {
    if (--this.#held === 0) this.socket.destroySoon();
  }

  source(): Source {
    const { socket } = this;
    const now = (): Uint8Array | undefined => {
      const chunk = socket.read() as Uint8Array | null;
      return chunk === null ? undefined : new Uint8Array(chunk);
    };
    return {
      async read() {
        for (;;) {
          const chunk = now();
          if (chunk !== undefined) return chunk;
          if (socket.errored) throw socket.errored;
          if (socket.readableEnded || socket.destroyed) return undefined;
          await oneOf(socket, ["readable", "end", "close"]);
        }
      },
      close: () => this.release(),
    };
  }

  sink(): Sink {
    const { socket } = this;
    return {
      write(bytes) {
        if (socket.errored) throw socket.errored;
        if (socket.writableEnded || socket.destroyed) throw CLOSED;
        return new Promise((resolve, reject) =>
          socket.write(bytes, (error) => (error == null ? resolve() : reject(error))),
        );
      },
      close: () => this.release(),
    };
  }
}

function oneOf(socket: Socket, events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of events) socket.off(event, done);
      resolve();
    };
    for (const event of events) socket.on(event, done);
  });
}
