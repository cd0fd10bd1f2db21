/** The resource `tcp-socket` of `wasi:sockets` 0.3 over Node's `net`. */
import type { ImportCall } from "../../../model/async-values.ts";
import * as net from "node:net";
import { getSystemErrorName } from "node:util";
import { CLOSED } from "../../../wasi/io/streams.ts";
import { drained, drop, err, flowing, type GuestStream, refusedFlow, type Result } from "../../../wasi/p3/streams.ts";
import type { WasiState } from "../../../wasi/state.ts";
import { Connection, MOST_WAITING, TCP_SETTINGS, type TcpSettings } from "../connection.ts";
import { type Family, isUnicast, isUnspecified, placeOf, type SocketAddress, socketAddressOf } from "../network.ts";
import { type Code, codeOf, refuse } from "./codes.ts";
import { BaseSocket, positive, TYPES } from "./socket.ts";

type Phase = "unbound" | "bound" | "connecting" | "connected" | "listening" | "closed";

/** What Node has of a socket before it connects or listens. */
interface BoundHandle {
  getsockname(found: { address?: string; port?: number }): number;
  close(): void;
}

/**
 * Binds at once, which 0.3 wants and Node does for itself when it listens without a name to look up.
 * @returns the handle, or the number of an error
 */
type Bind = (address: string, port: number, family: 4 | 6, fd: undefined, flags: number) => BoundHandle | number;

const { _createServerHandle: createHandle } = net as { _createServerHandle?: Bind };
/** Of libuv: no IPv4 address in IPv6. */
const IPV6_ONLY = 1;

/** The variant for what went wrong with a connection. */
function connectionCode(error: unknown): Code {
  return error === CLOSED ? { tag: "connection-broken" } : codeOf(error);
}

export class TcpSocket extends BaseSocket {
  readonly #tcp: TcpSettings;
  #phase: Phase = "unbound";
  #local: SocketAddress | undefined;
  #handle: BoundHandle | undefined;
  #unheld: (() => void) | undefined;
  #connection: Connection | undefined;
  /** Of one that listens: closes what nobody can accept from. */
  #unlisten: (() => void) | undefined;
  #sends = false;
  #receives = false;

  /**
   * @param from the socket that has accepted it, whose settings it has
   * @internal
   */
  constructor(state: WasiState, family: Family, from?: TcpSocket) {
    super(state, family, from?.settings);
    this.#tcp = { ...(from === undefined ? TCP_SETTINGS : from.#tcp) };
  }

  bind(address: SocketAddress): void {
    if (this.#phase !== "unbound") refuse("invalid-state");
    if (!isUnicast(address, this.family)) refuse("invalid-argument");
    // A port that the system chooses, for a connection: nobody can come to it.
    const granted = address.val.port === 0 || this.net.listens(address);
    if (!this.net.told(TYPES, "tcp-socket.bind", granted, address)) refuse("access-denied");
    this.#bind(address);
  }

  async connect(address: SocketAddress, call?: ImportCall): Promise<void> {
    if (this.#phase !== "unbound" && this.#phase !== "bound") refuse("invalid-state");
    if (!isUnicast(address, this.family) || isUnspecified(address) || address.val.port === 0)
      refuse("invalid-argument");
    this.#phase = "connecting";
    try {
      const granted = await this.net.reaches(TYPES, "tcp-socket.connect", "tcp", address);
      if (!granted) refuse("access-denied");
      await this.#connect(address, call?.signal);
    } catch (error) {
      this.#phase = "closed";
      this.#closeHandle();
      throw error;
    }
  }

  listen(): AsyncIterable<TcpSocket[]> {
    if (this.#phase !== "unbound" && this.#phase !== "bound") refuse("invalid-state");
    if (this.#phase === "unbound") this.#bind(this.anywhere);
    const local = this.#local!;
    if (!this.net.told(TYPES, "tcp-socket.listen", this.net.listens(local), local)) refuse("access-denied");
    this.#phase = "listening";
    return this.#accepting();
  }

  send(data: GuestStream): Promise<Result<undefined, Code>> {
    const connection = this.#connected();
    if (connection === undefined || this.#sends) {
      drop(data);
      return Promise.resolve(err({ tag: "invalid-state" }));
    }
    this.#sends = true;
    return sent(connection, data);
  }

  receive(): [AsyncIterable<Uint8Array> | [], Promise<Result<undefined, Code>>] {
    const connection = this.#connected();
    if (connection === undefined || this.#receives) return refusedFlow({ tag: "invalid-state" });
    this.#receives = true;
    const { socket } = connection;
    const source = connection.source();
    const close = (): void => {
      // What still comes is dropped.
      socket.resume();
      source.close!();
    };
    return flowing({ next: () => source.read(1), close }, connectionCode);
  }

  getLocalAddress(): SocketAddress {
    const socket = this.#connection?.socket;
    if (socket?.localAddress !== undefined) return socketAddressOf(socket.localAddress, socket.localPort!, this.family);
    return this.#local ?? refuse("invalid-state");
  }

  getRemoteAddress(): SocketAddress {
    const socket = this.#connected()?.socket;
    if (socket?.remoteAddress === undefined) return refuse("invalid-state");
    return socketAddressOf(socket.remoteAddress, socket.remotePort!, this.family);
  }

  getIsListening(): boolean {
    return this.#phase === "listening";
  }

  setListenBacklogSize(value: bigint): void {
    positive(value);
    if (this.#phase === "listening") refuse("not-supported");
    if (this.#phase === "connected" || this.#phase === "connecting") refuse("invalid-state");
    this.#tcp.backlog = Number(value < 4096n ? value : 4096n);
  }

  getKeepAliveEnabled(): boolean {
    return this.#tcp.keepAlive;
  }

  setKeepAliveEnabled(value: boolean): void {
    this.#tcp.keepAlive = value;
    this.#keepAlive();
  }

  getKeepAliveIdleTime(): bigint {
    return this.#tcp.idle;
  }

  setKeepAliveIdleTime(value: bigint): void {
    this.#tcp.idle = positive(value);
    this.#keepAlive();
  }

  getKeepAliveInterval(): bigint {
    return this.#tcp.interval;
  }

  setKeepAliveInterval(value: bigint): void {
    this.#tcp.interval = positive(value);
  }

  getKeepAliveCount(): number {
    return this.#tcp.count;
  }

  setKeepAliveCount(value: number): void {
    this.#tcp.count = positive(value);
  }

  getHopLimit(): number {
    return this.settings.hops;
  }

  setHopLimit(value: number): void {
    this.settings.hops = positive(value);
  }

  /** Its streams outlive it. */
  [Symbol.dispose](): void {
    const connection = this.#connection;
    if (this.#phase === "connected") {
      connection!.release();
      if (!this.#sends) connection!.release();
      if (!this.#receives) connection!.release();
    } else connection?.socket.destroy();
    this.#phase = "closed";
    this.#unlisten?.();
    this.#closeHandle();
  }

  #connected(): Connection | undefined {
    return this.#phase === "connected" ? this.#connection : undefined;
  }

  #bind(address: SocketAddress): void {
    if (createHandle === undefined) refuse("not-supported");
    const { host, port } = placeOf(address);
    const isIpv6 = this.family === "ipv6";
    const handle = createHandle!(host, port, isIpv6 ? 6 : 4, undefined, isIpv6 ? IPV6_ONLY : 0);
    if (typeof handle === "number") return refuse(tagOf(handle));
    const found: { address?: string; port?: number } = {};
    // An address that is in use is told of here.
    const failure = handle.getsockname(found);
    if (failure !== 0) {
      handle.close();
      return refuse(tagOf(failure));
    }
    const local = socketAddressOf(found.address!, found.port!, this.family);
    const { shown } = placeOf(local);
    // The system would have two sockets bound to it while neither listens, so that a port is free again as soon as it is closed.
    if (this.net.bound.has(shown)) {
      handle.close();
      return refuse("address-in-use");
    }
    this.net.bound.add(shown);
    this.#handle = handle;
    const closed = this.net.opened(() => this.#closeHandle());
    this.#unheld = () => {
      this.net.bound.delete(shown);
      closed();
    };
    this.#local = local;
    this.#phase = "bound";
    return undefined;
  }

  async #connect(address: SocketAddress, signal: AbortSignal | undefined): Promise<void> {
    const { host, port } = placeOf(address);
    const handle = this.#takeHandle();
    // Of a bound one nothing is read before it is connected.
    const socket = new net.Socket({ allowHalfOpen: true, ...(handle && { handle, manualStart: true }) } as object);
    const connection = new Connection(this.net, socket);
    this.#connection = connection;
    const stop = (): void => void socket.destroy();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("error", (error) => reject({ payload: codeOf(error) } as never));
        // The instance has ended.
        socket.once("close", () => reject({ payload: { tag: "connection-aborted" } } as never));
        socket.connect({ host, port }, resolve);
      });
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    socket.setNoDelay(true);
    this.#phase = "connected";
    this.#keepAlive();
  }

  #accepting(): AsyncIterable<TcpSocket[]> {
    const waiting: net.Socket[] = [];
    let wake: (() => void) | undefined;
    let over = false;
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      if (over || waiting.length === MOST_WAITING) socket.destroy();
      else waiting.push(socket);
      wake?.();
    });
    // The address stays taken as long as the socket or the stream of its connections is there.
    const unlisten = (): void => {
      if (over && this.#phase === "closed") server.close();
    };
    const close = (): void => {
      over = true;
      for (const socket of waiting.splice(0)) socket.destroy();
      unlisten();
      wake?.();
    };
    this.#unlisten = unlisten;
    const ended = (): void => {
      server.close();
      close();
    };
    server.once("close", this.net.opened(ended));
    server.on("error", ended);
    server.listen(this.#takeHandle(), this.#tcp.backlog);
    const next = async (): Promise<TcpSocket[] | undefined> => {
      while (waiting.length === 0 && !over) await new Promise<void>((resolve) => (wake = resolve));
      const socket = waiting.shift();
      return socket && [this.#accepted(socket)];
    };
    return flowing({ next, close }, codeOf)[0];
  }

  #accepted(socket: net.Socket): TcpSocket {
    const accepted = new (this.constructor as typeof TcpSocket)(this.state, this.family, this);
    accepted.#connection = new Connection(this.net, socket);
    accepted.#phase = "connected";
    accepted.#keepAlive();
    return accepted;
  }

  #keepAlive(): void {
    const { keepAlive, idle } = this.#tcp;
    this.#connection?.socket.setKeepAlive(keepAlive, Number(idle / 1_000_000n));
  }

  /** What it is bound by, which is somebody else's from then on. */
  #takeHandle(): BoundHandle | undefined {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#unheld?.();
    this.#unheld = undefined;
    return handle;
  }

  #closeHandle(): void {
    this.#takeHandle()?.close();
  }
}

/** Sends a stream to its end, and then says that there is no more. */
async function sent(connection: Connection, data: GuestStream): Promise<Result<undefined, Code>> {
  const { socket } = connection;
  const sink = connection.sink();
  try {
    const result = await drained(data, (bytes) => sink.write(bytes), connectionCode);
    if (result.tag === "ok" && !socket.destroyed) await new Promise<void>((resolve) => void socket.end(resolve));
    return result;
  } finally {
    sink.close!();
  }
}

function tagOf(errno: number): string {
  return codeOf({ code: getSystemErrorName(errno) }).tag;
}
