/**
 * `wasi:sockets/tcp` over Node's `net`.
 *
 * Node binds where it connects or listens: what is wrong with a local address is told then, and a port that the system chooses is known then.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { fail } from "../../wasi/io/error.ts";
import { InputStream, OutputStream } from "../../wasi/io/streams.ts";
import type { WasiState } from "../../wasi/state.ts";
import { Connection, MOST_WAITING, TCP_SETTINGS, type TcpSettings } from "./connection.ts";
import {
  codeOf,
  type Family,
  isUnicast,
  isUnspecified,
  type Network,
  placeOf,
  positive,
  type SocketAddress,
  socketAddressOf,
} from "./network.ts";
import { BaseSocket } from "./socket.ts";

const TCP = "wasi:sockets/tcp";

type Phase = "unbound" | "binding" | "bound" | "connecting" | "connected" | "opening" | "listening" | "closed";

type Streams = [input: InputStream, output: OutputStream];

export class TcpSocket extends BaseSocket {
  readonly #tcp: TcpSettings;
  readonly #waiting: Socket[] = [];
  #phase: Phase = "unbound";
  #local: SocketAddress | undefined;
  #connection: Connection | undefined;
  #server: Server | undefined;

  /** @param from the socket that has accepted it, whose settings it has */
  constructor(state: WasiState, family: Family, from?: TcpSocket) {
    super(state, family, from?.settings);
    this.#tcp = { ...(from === undefined ? TCP_SETTINGS : from.#tcp) };
  }

  startBind(_: Network, address: SocketAddress): void {
    if (this.#phase !== "unbound") fail(this.#phase === "binding" ? "concurrency-conflict" : "invalid-state");
    if (!isUnicast(address, this.family)) fail("invalid-argument");
    // A port that the system chooses, for a connection: nobody can come to it.
    const granted = address.val.port === 0 || this.net.listens(address);
    if (!this.net.told(TCP, "start-bind", granted, address)) fail("access-denied");
    this.#local = address;
    this.#phase = "binding";
  }

  finishBind(): void {
    if (this.#phase !== "binding") fail("not-in-progress");
    this.#phase = "bound";
  }

  startConnect(_: Network, address: SocketAddress): void {
    if (this.#phase !== "unbound" && this.#phase !== "bound")
      fail(this.#phase === "connecting" || this.#phase === "binding" ? "concurrency-conflict" : "invalid-state");
    if (!isUnicast(address, this.family) || isUnspecified(address) || address.val.port === 0) fail("invalid-argument");
    const granted = this.net.reaches(TCP, "start-connect", "tcp", address);
    if (granted === false) fail("access-denied");
    this.#phase = "connecting";
    this.outcome = undefined;
    void this.#connect(granted, address);
  }

  finishConnect(): Streams {
    if (this.#phase !== "connecting") fail("not-in-progress");
    this.#finish();
    this.#phase = "connected";
    return this.#streams(this.#connection!);
  }

  startListen(): void {
    if (this.#phase !== "bound") fail(this.#phase === "opening" ? "concurrency-conflict" : "invalid-state");
    const local = this.#local!;
    if (!this.net.told(TCP, "start-listen", this.net.listens(local), local)) fail("access-denied");
    this.#phase = "opening";
    this.outcome = undefined;
    const { host, port } = placeOf(local);
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      if (this.#waiting.length === MOST_WAITING) socket.destroy();
      else this.#waiting.push(socket);
      this.waiters.wake();
    });
    this.#server = server;
    const closed = this.net.opened(() => this.#closeServer());
    server.once("close", closed);
    server.once("listening", () => this.ended({}));
    server.on("error", (error) => this.ended({ code: codeOf(error) }));
    server.listen({ host, port, backlog: this.#tcp.backlog, ipv6Only: true, exclusive: true });
  }

  finishListen(): void {
    if (this.#phase !== "opening") fail("not-in-progress");
    this.#finish();
    this.#phase = "listening";
  }

  accept(): [TcpSocket, ...Streams] {
    if (this.#phase !== "listening") fail("invalid-state");
    const socket = this.#waiting.shift();
    if (socket === undefined) return fail("would-block");
    const accepted = new TcpSocket(this.state, this.family, this);
    accepted.#phase = "connected";
    accepted.#connection = new Connection(this.net, socket);
    return [accepted, ...accepted.#streams(accepted.#connection)];
  }

  localAddress(): SocketAddress {
    const socket = this.#connection?.socket;
    if (socket?.localAddress !== undefined) return socketAddressOf(socket.localAddress, socket.localPort!, this.family);
    const listening = this.#server?.address() as AddressInfo | null | undefined;
    if (listening != null) return socketAddressOf(listening.address, listening.port, this.family);
    if (this.#local === undefined || this.#phase === "binding") return fail("invalid-state");
    return this.#local;
  }

  remoteAddress(): SocketAddress {
    const socket = this.#connection?.socket;
    if (this.#phase !== "connected" || socket?.remoteAddress === undefined) return fail("invalid-state");
    return socketAddressOf(socket.remoteAddress, socket.remotePort!, this.family);
  }

  isListening(): boolean {
    return this.#phase === "listening";
  }

  setListenBacklogSize(value: bigint): void {
    positive(value);
    if (this.#phase === "listening" || this.#phase === "opening") fail("not-supported");
    if (this.#phase === "connected" || this.#phase === "connecting") fail("invalid-state");
    this.#tcp.backlog = Number(value < 4096n ? value : 4096n);
  }

  keepAliveEnabled(): boolean {
    return this.#tcp.keepAlive;
  }

  setKeepAliveEnabled(value: boolean): void {
    this.#tcp.keepAlive = value;
    this.#keepAlive();
  }

  keepAliveIdleTime(): bigint {
    return this.#tcp.idle;
  }

  setKeepAliveIdleTime(value: bigint): void {
    this.#tcp.idle = positive(value);
    this.#keepAlive();
  }

  keepAliveInterval(): bigint {
    return this.#tcp.interval;
  }

  setKeepAliveInterval(value: bigint): void {
    this.#tcp.interval = positive(value);
  }

  keepAliveCount(): number {
    return this.#tcp.count;
  }

  setKeepAliveCount(value: number): void {
    this.#tcp.count = positive(value);
  }

  hopLimit(): number {
    return this.settings.hops;
  }

  setHopLimit(value: number): void {
    this.settings.hops = positive(value);
  }

  shutdown(how: "receive" | "send" | "both"): void {
    if (this.#phase !== "connected") fail("invalid-state");
    const { socket } = this.#connection!;
    if (how !== "receive") socket.end();
    // What still comes is dropped.
    if (how !== "send") socket.resume();
  }

  ready(): boolean {
    if (this.#phase === "listening") return this.#waiting.length > 0;
    return (this.#phase !== "connecting" && this.#phase !== "opening") || this.outcome !== undefined;
  }

  [Symbol.dispose](): void {
    if (this.#phase === "connected") this.#connection!.release();
    else this.#connection?.socket.destroy();
    this.#phase = "closed";
    this.#closeServer();
  }

  async #connect(granted: true | PromiseLike<boolean>, address: SocketAddress): Promise<void> {
    try {
      if (!(await granted)) return this.ended({ code: "access-denied" });
    } catch {
      // A function that cannot tell has granted nothing.
      return this.ended({ code: "access-denied" });
    }
    if (this.#phase !== "connecting") return undefined;
    const { host, port } = placeOf(address);
    const local = this.#local && placeOf(this.#local);
    const socket = connect({
      host,
      port,
      family: this.family === "ipv4" ? 4 : 6,
      allowHalfOpen: true,
      ...(local !== undefined && { localAddress: local.host, localPort: local.port }),
    });
    this.#connection = new Connection(this.net, socket);
    socket.once("connect", () => {
      socket.setNoDelay(true);
      this.#keepAlive();
      this.ended({});
    });
    socket.once("error", (error) => this.ended({ code: codeOf(error) }));
    // The instance has ended.
    socket.once("close", () => this.ended({ code: "connection-aborted" }));
    return undefined;
  }

  /** Of what is under way: `would-block`, or its error, after which the socket is of no more use. */
  #finish(): void {
    if (this.outcome === undefined) fail("would-block");
    const { code } = this.outcome;
    if (code === undefined) return;
    this.#phase = "closed";
    this.#closeServer();
    fail(code);
  }

  #streams(connection: Connection): Streams {
    const { waiting } = this.state;
    return [new InputStream(waiting, connection.source()), new OutputStream(waiting, connection.sink())];
  }

  #keepAlive(): void {
    const { keepAlive, idle } = this.#tcp;
    this.#connection?.socket.setKeepAlive(keepAlive, Number(idle / 1_000_000n));
  }

  #closeServer(): void {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    this.#server?.close();
    this.#server = undefined;
  }
}
