/** What the sockets of TCP and UDP share: settings that Node has no way to ask for, and the wait for what is under way. */
import { Pollable } from "../../wasi/io/poll.ts";
import type { WasiState } from "../../wasi/state.ts";
import { type Readiness, Waiters } from "../../wasi/waiting.ts";
import { type Family, type Net, netOf, positive } from "./network.ts";

/** What a socket says of itself where the guest has not said otherwise. Sizes in bytes. */
export interface SocketSettings {
  hops: number;
  receive: bigint;
  send: bigint;
}

export const SETTINGS: SocketSettings = { hops: 64, receive: 65_536n, send: 65_536n };

export abstract class BaseSocket implements Readiness {
  protected readonly state: WasiState;
  protected readonly net: Net;
  protected readonly family: Family;
  protected readonly settings: SocketSettings;
  /** What is under way has ended: with nothing, or with an error code. */
  protected outcome: { readonly code?: string } | undefined;
  protected readonly waiters: Waiters = new Waiters();

  constructor(state: WasiState, family: Family, settings: SocketSettings = SETTINGS) {
    this.state = state;
    this.net = netOf(state);
    this.family = family;
    this.settings = { ...settings };
  }

  addressFamily(): Family {
    return this.family;
  }

  receiveBufferSize(): bigint {
    return this.settings.receive;
  }

  setReceiveBufferSize(value: bigint): void {
    this.settings.receive = positive(value);
  }

  sendBufferSize(): bigint {
    return this.settings.send;
  }

  setSendBufferSize(value: bigint): void {
    this.settings.send = positive(value);
  }

  subscribe(): Pollable {
    return new Pollable(this.state.waiting, this);
  }

  abstract ready(): boolean;

  notify(wake: () => void): () => void {
    return this.waiters.add(wake);
  }

  protected ended(outcome: { readonly code?: string }): void {
    this.outcome ??= outcome;
    this.waiters.wake();
  }
}
