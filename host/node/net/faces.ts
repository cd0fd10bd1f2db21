/** The faces of `wasi:sockets`, which Node alone has. */
import { fail } from "../../wasi/io/error.ts";
import { Pollable } from "../../wasi/io/poll.ts";
import { after } from "../../wasi/maybe.ts";
import { type Host, hostOf } from "../../wasi/net/address.ts";
import { policyOf } from "../../wasi/net/policy.ts";
import type { Face, WasiState } from "../../wasi/state.ts";
import { type Readiness, Waiters } from "../../wasi/waiting.ts";
import { addressesOf } from "./lookup.ts";
import { codeOf, type Family, type IpAddress, ipOf, Network, networkErrorCode, netOf } from "./network.ts";
import { TcpSocket } from "./tcp.ts";
import { IncomingDatagramStream, OutgoingDatagramStream, UdpSocket } from "./udp.ts";

const LOOKUP = "wasi:sockets/ip-name-lookup";

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
    const state = this.#state;
    try {
      if (!(await granted)) this.#code = "access-denied";
      else if (host.address === undefined) {
        const all = await addressesOf(host.text);
        const found = await policyOf(state).leadsTo({ protocol: "dns", host, port: undefined }, all);
        netOf(state).resolved(host, found);
        // It is there, and leads nowhere that the guest may go.
        if (found.length === 0) this.#code = "access-denied";
        else this.#found = found.map(ipOf);
      } else this.#found = [ipOf(host.address)];
    } catch (error) {
      this.#code = codeOf(error);
    }
    this.#waiters.wake();
  }
}

function lookupFace(state: WasiState): object {
  return {
    ResolveAddressStream,
    resolveAddresses(_: Network, name: string): ResolveAddressStream {
      const host = hostOf(name) ?? fail("invalid-argument");
      const told = (granted: boolean): boolean => {
        if (state.watched) state.access(LOOKUP, "resolve-addresses", granted, host.text);
        return granted;
      };
      // An address is what it is.
      const granted =
        host.address !== undefined ||
        after(policyOf(state).allows({ protocol: "dns", host, port: undefined }), (yes) => told(yes));
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
