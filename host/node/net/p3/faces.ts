/** The faces of `wasi:sockets` 0.3. */
import { fail } from "../../../wasi/io/error.ts";
import { hostOf } from "../../../wasi/net/address.ts";
import type { Face } from "../../../wasi/state.ts";
import { mayResolve, resolved } from "../lookup.ts";
import type { Family, IpAddress } from "../network.ts";
import { caseOf, codeOf, refuse } from "./codes.ts";
import { TcpSocket } from "./tcp.ts";
import { UdpSocket } from "./udp.ts";

export const types: Face = (state) => {
  class Tcp extends TcpSocket {
    static create(family: Family): TcpSocket {
      return new Tcp(state, family);
    }
  }
  class Udp extends UdpSocket {
    static create(family: Family): UdpSocket {
      return new Udp(state, family);
    }
  }
  return { TcpSocket: Tcp, UdpSocket: Udp };
};

export const lookup: Face = (state) => ({
  async resolveAddresses(name: string): Promise<IpAddress[]> {
    const host = hostOf(name) ?? refuse("invalid-argument");
    try {
      return await resolved(state, host, mayResolve(state, host));
    } catch (error) {
      const { payload } = error as { payload?: string };
      return fail(payload === undefined ? codeOf(error) : caseOf(payload));
    }
  },
});
