/**
 * The resource `udp-socket` of `wasi:sockets` 0.3 over Node's `dgram`.
 *
 * A socket that may not listen hears those alone that it has sent to, or is connected to.
 */
import type { ImportCall } from "../../../model/async-values.ts";
import { createSocket, type Socket, type SocketOptions } from "node:dgram";
import { isThenable, type MaybePromise } from "../../../wasi/maybe.ts";
import { isMapped, isUnspecified, placeOf, type SocketAddress, socketAddressOf } from "../network.ts";
import { codeOf, refuse } from "./codes.ts";
import { BaseSocket, positive, TYPES } from "./socket.ts";

/** Datagrams that wait to be received; what comes then is lost, as datagrams are. */
const MOST_WAITING = 1_024;
/** Bytes of a datagram. */
const LARGEST = 65_507;

type Datagram = [data: Uint8Array, from: SocketAddress];

/** Only addresses are asked for: what they are is known at once, so that a socket is bound at once. */
const lookup: NonNullable<SocketOptions["lookup"]> = (address, options, callback) => {
  const family = (options as unknown as number) === 6 ? 6 : 4;
  callback(null, address, family);
};

export class UdpSocket extends BaseSocket {
  readonly #queue: Datagram[] = [];
  readonly #receivers: ((datagram: Datagram) => void)[] = [];
  /** What has been asked of the policy, by place. */
  readonly #known = new Map<string, MaybePromise<boolean>>();
  #socket: Socket | undefined;
  #remote: SocketAddress | undefined;
  /** Of this machine, what {@link #remote} sees. */
  #from: string | undefined;
  #listens = false;

  bind(address: SocketAddress): void {
    if (this.#socket !== undefined) refuse("invalid-state");
    if (address.tag !== this.family) refuse("invalid-argument");
    const listens = this.net.listens(address);
    const granted = address.val.port === 0 || listens;
    if (!this.net.told(TYPES, "udp-socket.bind", granted, address)) refuse("access-denied");
    this.#open(address);
    this.#listens = listens;
  }

  connect(remote: SocketAddress): void {
    this.#check(remote);
    // A program's own function may still be asked: then it is its answer that sending and receiving wait for.
    if (this.#reaches(remote, "udp-socket.connect") === false) refuse("access-denied");
    this.#bound();
    this.#from = this.#addressTo(remote);
    this.#remote = remote;
    this.#queue.length = 0;
  }

  disconnect(): void {
    if (this.#remote === undefined) refuse("invalid-state");
    this.#remote = this.#from = undefined;
  }

  async send(data: Uint8Array, to: SocketAddress | undefined): Promise<void> {
    const remote = to ?? this.#remote ?? refuse("invalid-argument");
    this.#check(remote);
    const { host, port, shown } = placeOf(remote);
    if (this.#remote !== undefined && placeOf(this.#remote).shown !== shown) refuse("invalid-argument");
    if (data.length > LARGEST) refuse("datagram-too-large");
    if (!(await this.#reaches(remote, "udp-socket.send"))) refuse("access-denied");
    const socket = this.#bound();
    await new Promise<void>((resolve, reject) =>
      socket.send(data, port, host, (error) =>
        error == null ? resolve() : reject({ payload: codeOf(error) } as never),
      ),
    );
  }

  async receive(call?: ImportCall): Promise<Datagram> {
    if (this.#socket === undefined) refuse("invalid-state");
    if (this.#remote !== undefined && !(await this.#reaches(this.#remote, "udp-socket.receive")))
      refuse("access-denied");
    const datagram = this.#queue.shift();
    if (datagram !== undefined) return datagram;
    return await new Promise<Datagram>((resolve) => {
      this.#receivers.push(resolve);
      // What comes later is for the next who asks.
      const leave = (): void => {
        const at = this.#receivers.indexOf(resolve);
        if (at >= 0) this.#receivers.splice(at, 1);
      };
      call?.signal.addEventListener("abort", leave, { once: true });
    });
  }

  getLocalAddress(): SocketAddress {
    if (this.#socket === undefined) return refuse("invalid-state");
    const { address, port } = this.#socket.address();
    const local = socketAddressOf(address, port, this.family);
    return isUnspecified(local) && this.#from !== undefined ? socketAddressOf(this.#from, port, this.family) : local;
  }

  getRemoteAddress(): SocketAddress {
    return this.#remote ?? refuse("invalid-state");
  }

  getUnicastHopLimit(): number {
    return this.settings.hops;
  }

  setUnicastHopLimit(value: number): void {
    this.settings.hops = positive(value);
    this.#socket?.setTTL(value);
  }

  [Symbol.dispose](): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  /**
   * The address of this machine that datagrams to a peer come from. Another socket is connected to learn it: connecting this one would
   * keep it from being connected to a third peer, for it loses its port when it is disconnected.
   */
  #addressTo(remote: SocketAddress): string {
    const probe = this.#make();
    try {
      const { host, port } = placeOf(remote);
      probe.connect(port, host);
      probe.remoteAddress();
      return probe.address().address;
    } catch {
      return refuse("remote-unreachable");
    } finally {
      probe.close();
    }
  }

  #make(): Socket {
    const isIpv6 = this.family === "ipv6";
    return createSocket({ type: isIpv6 ? "udp6" : "udp4", ipv6Only: isIpv6, lookup }).on("error", () => undefined);
  }

  #check(remote: SocketAddress): void {
    if (remote.tag !== this.family || isUnspecified(remote) || isMapped(remote) || remote.val.port === 0)
      refuse("invalid-argument");
  }

  /** Asked once of each place. */
  #reaches(remote: SocketAddress, action: string): MaybePromise<boolean> {
    const { shown } = placeOf(remote);
    const known = this.#known.get(shown);
    if (known !== undefined) return known;
    const granted = this.net.reaches(TYPES, action, "udp", remote);
    if (granted !== false) this.#known.set(shown, granted);
    if (isThenable(granted))
      void granted.then(
        (yes) => (yes ? this.#known.set(shown, true) : this.#known.delete(shown)),
        () => this.#known.delete(shown),
      );
    return granted;
  }

  /** The socket, bound to a port that the system chooses where it is not. */
  #bound(): Socket {
    return this.#socket ?? this.#open(this.anywhere);
  }

  #open(address: SocketAddress): Socket {
    const socket = this.#make();
    let failure: unknown;
    socket.on("error", (error) => (failure = error));
    const { host, port } = placeOf(address);
    socket.bind({ address: host, port, exclusive: true });
    if (failure !== undefined) {
      socket.close();
      return refuse(codeOf(failure).tag);
    }
    socket.once(
      "close",
      this.net.opened(() => this[Symbol.dispose]()),
    );
    socket.on("message", (data, from) => this.#take(new Uint8Array(data), from));
    socket.setTTL(this.settings.hops);
    this.#socket = socket;
    return socket;
  }

  #take(data: Uint8Array, { address, port }: { readonly address: string; readonly port: number }): void {
    const from = socketAddressOf(address, port, this.family);
    const { shown } = placeOf(from);
    const isKnown = this.#known.get(shown) === true;
    const hears =
      this.#remote === undefined ? this.#listens || isKnown : isKnown && placeOf(this.#remote).shown === shown;
    if (!hears) return;
    const receiver = this.#receivers.shift();
    if (receiver !== undefined) receiver([data, from]);
    else if (this.#queue.length < MOST_WAITING) this.#queue.push([data, from]);
  }
}
