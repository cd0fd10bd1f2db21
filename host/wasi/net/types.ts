/** What the options `net` and `secrets` are made of. */
import type { MaybePromise } from "../maybe.ts";

/** What a guest asks the network for. */
export interface NetRequest {
  /** The module's name. */
  readonly module: string;
  /** `dns` asks for the addresses of a name alone. */
  readonly protocol: "http" | "https" | "tcp" | "udp" | "dns";
  /** A name in lower case, with other scripts as `xn--`; or an address, without brackets. */
  readonly host: string;
  /** Absent for `dns`. */
  readonly port?: number | undefined;
  /** The name that led to `host`, where that is an address of this machine or a private network, of which the name alone is no leave. */
  readonly name?: string | undefined;
}

/** Entries `host`, `host:port`, `*.host`, `*` (all that is public) and addresses; or a function that decides. */
export type NetOption = readonly string[] | ((request: NetRequest) => MaybePromise<boolean>);

/** A secret and where it may go. */
export interface Secret {
  /** Printable ASCII, as headers take it. */
  readonly value: string;
  /** Entries as in `net`. Over plain `http:` only where the entry has a port. */
  readonly hosts: readonly string[];
}
