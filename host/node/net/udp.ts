/**
 * `wasi:sockets/udp` over Node's `dgram`.
 *
 * A socket that may not listen hears those alone that it has sent to.
 */
import { createSocket, type Socket } from "node:dgram";
import { fail, WasiTrap } from "../../wasi/io/error.ts";
import { Pollable } from "../../wasi/io/poll.ts";
import { after, isThenable, type MaybePromise } from "../../wasi/maybe.ts";
import type { WasiState } from "../../wasi/state.ts";
import { type Readiness, Waiters } from "../../wasi/waiting.ts";
import {
  codeOf,
  type Family,
  isUnspecified,
  type Net,
  type Network,
  placeOf,
  positive,
  type SocketAddress,
  socketAddressOf,
} from "./network.ts";
import { BaseSocket } from "./socket.ts";

const UDP = "wasi:sockets/udp";
/** Datagrams that wait to be received; what comes then is lost, as datagrams are. */
const MOST_WAITING = 1_024;
/** Datagrams under way at once. */
const MOST_SENT = 64;
/** Bytes of a datagram. */
const LARGEST = 65_507;

interface Datagram {
  readonly data: Uint8Array;
  readonly remoteAddress: SocketAddress;
}

interface Outgoing {
  readonly data: Uint8Array;
  readonly remoteAddress?: SocketAddress | undefined;
}

export class UdpSocket extends BaseSocket {
  #phase: "unbound" | "binding" | "bound" = "unbound";
  #socket: Socket | undefined;
  #remote: SocketAddress | undefined;
  #listens = false;

  startBind(_: Network, address: SocketAddress): void {
    if (this.#phase !== "unbound") fail(this.#phase === "binding" ? "concurrency-conflict" : "invalid-state");
    if (address.tag !== this.family) fail("invalid-argument");
    this.#listens = this.net.listens(address);
    const granted = address.val.port === 0 || this.#listens;
    if (!this.net.told(UDP, "start-bind", granted, address)) fail("access-denied");
    this.#phase = "binding";
    const socket = createSocket({ type: this.family === "ipv4" ? "udp4" : "udp6", ipv6Only: this.family === "ipv6" });
    this.#socket = socket;
    socket.once(
      "close",
      this.net.opened(() => this.#close()),
    );
    socket.once("listening", () => this.ended({}));
    socket.on("error", (error) => this.ended({ code: codeOf(error) }));
    const { host, port } = placeOf(address);
    socket.bind({ address: host, port, exclusive: true });
  }

  finishBind(): void {
    if (this.#phase !== "binding") fail("not-in-progress");
    if (this.outcome === undefined) fail("would-block");
    const { code } = this.outcome;
    if (code !== undefined) {
      this.#phase = "unbound";
      this.outcome = undefined;
      this.#close();
      fail(code);
    }
    this.#phase = "bound";
    const { hops } = this.settings;
    this.#socket!.setTTL(hops);
  }

  stream(remote: SocketAddress | undefined): MaybePromise<[IncomingDatagramStream, OutgoingDatagramStream]> {
    if (this.#phase !== "bound") fail("invalid-state");
    if (remote !== undefined) this.#check(remote);
    const granted = remote === undefined || this.net.reaches(UDP, "stream", "udp", remote);
    const go = (yes: boolean): [IncomingDatagramStream, OutgoingDatagramStream] => {
      if (!yes) fail("access-denied");
      this.#remote = remote;
      const open = { state: this.state, net: this.net, socket: this.#socket!, family: this.family, remote };
      const known = new Map<string, MaybePromise<boolean>>();
      if (remote !== undefined) known.set(placeOf(remote).shown, true);
      const hears = (from: string): boolean => (remote === undefined && this.#listens) || known.get(from) === true;
      return [new IncomingDatagramStream(open, hears), new OutgoingDatagramStream(open, known)];
    };
    if (isThenable(granted)) return this.state.waiting.for(`${UDP}#[method]udp-socket.stream`, () => granted.then(go));
    return go(granted);
  }

  localAddress(): SocketAddress {
    if (this.#phase !== "bound") return fail("invalid-state");
    const { address, port } = this.#socket!.address();
    return socketAddressOf(address, port, this.family);
  }

  remoteAddress(): SocketAddress {
    return this.#remote ?? fail("invalid-state");
  }

  unicastHopLimit(): number {
    return this.settings.hops;
  }

  setUnicastHopLimit(value: number): void {
    this.settings.hops = positive(value);
    if (this.#phase === "bound") this.#socket!.setTTL(value);
  }

  ready(): boolean {
    return this.#phase !== "binding" || this.outcome !== undefined;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #check(remote: SocketAddress): void {
    if (remote.tag !== this.family || isUnspecified(remote) || remote.val.port === 0) fail("invalid-argument");
  }

  #close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

interface Open {
  readonly state: WasiState;
  readonly net: Net;
  readonly socket: Socket;
  readonly family: Family;
  readonly remote: SocketAddress | undefined;
}

export class IncomingDatagramStream implements Readiness {
  readonly #open: Open;
  readonly #waiters = new Waiters();
  readonly #queue: Datagram[] = [];
  readonly #take: (data: Uint8Array, from: { address: string; port: number }) => void;

  constructor(open: Open, hears: (from: string) => boolean) {
    this.#open = open;
    this.#take = (data, { address, port }) => {
      const remoteAddress = socketAddressOf(address, port, open.family);
      if (this.#queue.length === MOST_WAITING || !hears(placeOf(remoteAddress).shown)) return;
      this.#queue.push({ data: new Uint8Array(data), remoteAddress });
      this.#waiters.wake();
    };
    open.socket.on("message", this.#take);
  }

  receive(most: bigint): Datagram[] {
    return this.#queue.splice(0, Number(most < BigInt(MOST_WAITING) ? most : BigInt(MOST_WAITING)));
  }

  subscribe(): Pollable {
    return new Pollable(this.#open.state.waiting, this);
  }

  ready(): boolean {
    return this.#queue.length > 0;
  }

  notify(wake: () => void): () => void {
    return this.#waiters.add(wake);
  }

  [Symbol.dispose](): void {
    this.#open.socket.off("message", this.#take);
  }
}

export class OutgoingDatagramStream implements Readiness {
  readonly #open: Open;
  readonly #waiters = new Waiters();
  /** Where the guest may send, by what has been asked. */
  readonly #known: Map<string, MaybePromise<boolean>>;
  #pending = 0;
  #permitted = 0;
  #failure: string | undefined;

  constructor(open: Open, known: Map<string, MaybePromise<boolean>>) {
    this.#open = open;
    this.#known = known;
  }

  checkSend(): bigint {
    this.#tell();
    this.#permitted = MOST_SENT - this.#pending;
    return BigInt(this.#permitted);
  }

  /** @returns how many were sent before the first that cannot be, whose error the next call tells */
  send(datagrams: readonly Outgoing[]): MaybePromise<bigint> {
    this.#tell();
    if (datagrams.length > this.#permitted) {
      throw new WasiTrap(
        `Expected at most the ${this.#permitted} datagrams that check-send has permitted, got ${datagrams.length}`,
      );
    }
    this.#permitted -= datagrams.length;
    const next = (at: number): MaybePromise<bigint> => {
      const datagram = datagrams[at];
      if (datagram === undefined) return BigInt(at);
      return after(this.#one(datagram), (code) => {
        if (code === undefined) return next(at + 1);
        if (at === 0) return fail(code);
        this.#failure = code;
        return BigInt(at);
      });
    };
    return next(0);
  }

  subscribe(): Pollable {
    return new Pollable(this.#open.state.waiting, this);
  }

  ready(): boolean {
    return this.#pending < MOST_SENT;
  }

  notify(wake: () => void): () => void {
    return this.#waiters.add(wake);
  }

  /** Tells of what has gone wrong since the last call. */
  #tell(): void {
    const code = this.#failure;
    this.#failure = undefined;
    if (code !== undefined) fail(code);
  }

  /** Sends one. @returns an error code, where it cannot be sent */
  #one({ data, remoteAddress }: Outgoing): MaybePromise<string | undefined> {
    const { remote, net, state, family } = this.#open;
    const to = remoteAddress ?? remote;
    if (to === undefined || to.tag !== family || isUnspecified(to) || to.val.port === 0) return "invalid-argument";
    const { shown } = placeOf(to);
    if (remote !== undefined && placeOf(remote).shown !== shown) return "invalid-argument";
    if (data.length > LARGEST) return "datagram-too-large";
    const known = this.#known.get(shown) ?? net.reaches(UDP, "send", "udp", to);
    const go = (granted: boolean): string | undefined => {
      if (!granted) return "access-denied";
      this.#known.set(shown, true);
      this.#send(data, to);
      return undefined;
    };
    if (!isThenable(known)) return go(known);
    return state.waiting.for(`${UDP}#[method]outgoing-datagram-stream.send`, () => known.then(go));
  }

  #send(data: Uint8Array, to: SocketAddress): void {
    const { host, port } = placeOf(to);
    this.#pending++;
    const done = (error: Error | null): void => {
      this.#pending--;
      if (error !== null) this.#failure = codeOf(error);
      this.#waiters.wake();
    };
    try {
      this.#open.socket.send(data, port, host, done);
    } catch (error) {
      // The socket has been dropped before its stream.
      done(error as Error);
    }
  }
}
