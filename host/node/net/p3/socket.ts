/** What the sockets of TCP and UDP share in `wasi:sockets` 0.3. */
import type { WasiState } from "../../../wasi/state.ts";
import { type Family, type Net, netOf, type SocketAddress, socketAddressOf } from "../network.ts";
import { SETTINGS, type SocketSettings } from "../socket.ts";
import { refuse } from "./codes.ts";

export const TYPES = "wasi:sockets/types";

/** Refuses what is no time, size or count. */
export function positive<T extends number | bigint>(value: T): T {
  return value > 0 ? value : refuse("invalid-argument");
}

export abstract class BaseSocket {
  protected readonly state: WasiState;
  protected readonly net: Net;
  protected readonly family: Family;
  protected readonly settings: SocketSettings;

  /** @internal */
  constructor(state: WasiState, family: Family, settings: SocketSettings = SETTINGS) {
    this.state = state;
    this.net = netOf(state);
    this.family = family;
    this.settings = { ...settings };
  }

  getAddressFamily(): Family {
    return this.family;
  }

  getReceiveBufferSize(): bigint {
    return this.settings.receive;
  }

  setReceiveBufferSize(value: bigint): void {
    this.settings.receive = positive(value);
  }

  getSendBufferSize(): bigint {
    return this.settings.send;
  }

  setSendBufferSize(value: bigint): void {
    this.settings.send = positive(value);
  }

  /** Every address of this machine, at a port that the system chooses. */
  protected get anywhere(): SocketAddress {
    return socketAddressOf(this.family === "ipv4" ? "0.0.0.0" : "::", 0, this.family);
  }
}
