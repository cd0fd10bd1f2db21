/** The faces of `wasi:sockets`, which Node alone has. */
import { fail } from "../../wasi/io/error.ts";
import { Pollable } from "../../wasi/io/poll.ts";
import { type Host, hostOf } from "../../wasi/net/address.ts";
import type { Face, WasiState } from "../../wasi/state.ts";
import { type Readiness, Waiters } from "../../wasi/waiting.ts";
import { mayResolve, resolved } from "./lookup.ts";
import { codeOf, type Family, type IpAddress, Network, networkErrorCode } from "./network.ts";
import { TcpSocket } from "./tcp.ts";
import { IncomingDatagramStream, OutgoingDatagramStream, UdpSocket } from "./udp.ts";

/** The resource `resolve-address-stream`. */
class ResolveAddressStream implements Readiness {
  readonly #state: WasiState;
  readonly #waiters = new Waiters();
  #found: IpAddress[] | undefined;
  #code: string | undefined;

  constructor(state: WasiState, host: Host, granted: true | PromiseLike<boolean>) {
    this.#state = state;
    void this.#resolve(host, granted);
  }

  resolveNextAddress(): IpAddress | undefined {
    if (this.#code !== undefined) fail(this.#code);
    if (this.#found === undefined) return fail("would-block");
    return this.#found.shift();
  }

  subscribe(): Pollable {
    return new Pollable(this.#state.waiting, this);
  }

  ready(): boolean {
    return this.#found !== undefined || this.#code !== undefined;
  }

  notify(wake: () => void): () => void {
    return this.#waiters.add(wake);
  }

  async #resolve(host: Host, granted: true | PromiseLike<boolean>): Promise<void> {
    try {
      this.#found = await resolved(this.#state, host, granted);
    } catch (error) {
      this.#code = (error as { payload?: string }).payload ?? codeOf(error);
    }
    this.#waiters.wake();
  }
}

function lookupFace(state: WasiState): object {
  return {
    ResolveAddressStream,
    resolveAddresses(_: Network, name: string): ResolveAddressStream {
      const host = hostOf(name) ?? fail("invalid-argument");
      const granted = mayResolve(state, host);
      if (granted === false) return fail("access-denied");
      return new ResolveAddressStream(state, host, granted);
    },
  };
}

export const socketFaces: Readonly<Record<string, Face>> = {
  "wasi:sockets/network": () => ({ Network, networkErrorCode }),
  "wasi:sockets/instance-network": (state) => {
    const network = state.shared(Network, () => new Network());
    return { instanceNetwork: () => network };
  },
  "wasi:sockets/ip-name-lookup": lookupFace,
  "wasi:sockets/tcp": () => ({ TcpSocket }),
  "wasi:sockets/udp": () => ({ UdpSocket, IncomingDatagramStream, OutgoingDatagramStream }),
  "wasi:sockets/tcp-create-socket": (state) => ({
    createTcpSocket: (family: Family) => new TcpSocket(state, family),
  }),
  "wasi:sockets/udp-create-socket": (state) => ({
    createUdpSocket: (family: Family) => new UdpSocket(state, family),
  }),
};
