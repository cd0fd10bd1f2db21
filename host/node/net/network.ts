/** What the faces of `wasi:sockets` share: addresses, error codes, what is granted, and what is open. */
import { IoError, fail } from "../../wasi/io/error.ts";
import { after, type MaybePromise } from "../../wasi/maybe.ts";
import { type Address, type Host, hostAt, hostOf } from "../../wasi/net/address.ts";
import { policyOf } from "../../wasi/net/policy.ts";
import { listenRuleOf, names } from "../../wasi/net/rules.ts";
import type { NetRequest } from "../../wasi/net/types.ts";
import type { WasiState } from "../../wasi/state.ts";

export type Family = "ipv4" | "ipv6";

export interface IpAddress {
  readonly tag: Family;
  readonly val: readonly number[];
}

export interface SocketAddress {
  readonly tag: Family;
  readonly val: { readonly port: number; readonly address: readonly number[] };
}

/** The resource `network`: there is one, and it stands for the option `net`. */
export class Network {}

/** By the codes of Node's errors. */
const CODES: Readonly<Record<string, string>> = {
  EACCES: "access-denied",
  EPERM: "access-denied",
  EADDRINUSE: "address-in-use",
  EADDRNOTAVAIL: "address-not-bindable",
  ECONNREFUSED: "connection-refused",
  ECONNRESET: "connection-reset",
  EPIPE: "connection-reset",
  ECONNABORTED: "connection-aborted",
  EHOSTUNREACH: "remote-unreachable",
  EHOSTDOWN: "remote-unreachable",
  ENETUNREACH: "remote-unreachable",
  ENETDOWN: "remote-unreachable",
  ETIMEDOUT: "timeout",
  EMSGSIZE: "datagram-too-large",
  EMFILE: "new-socket-limit",
  ENFILE: "new-socket-limit",
  ENOTFOUND: "name-unresolvable",
  EAI_AGAIN: "temporary-resolver-failure",
  EAI_FAIL: "permanent-resolver-failure",
  EINVAL: "invalid-argument",
  EAFNOSUPPORT: "not-supported",
};

export function codeOf(error: unknown): string {
  return CODES[(error as { code?: string } | undefined)?.code ?? ""] ?? "unknown";
}

/** `network-error-code`: of what went wrong with a stream. */
export function networkErrorCode({ cause }: IoError): string | undefined {
  const code = codeOf(cause);
  return code === "unknown" ? undefined : code;
}

function bytesOf({ tag, val }: SocketAddress | IpAddress): Address {
  const parts = "address" in val ? val.address : val;
  return tag === "ipv4" ? parts : parts.flatMap((group) => [group >> 8, group & 0xff]);
}

export function ipOf(bytes: Address): IpAddress {
  if (bytes.length === 4) return { tag: "ipv4", val: bytes };
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push((bytes[at]! << 8) | bytes[at + 1]!);
  return { tag: "ipv6", val: groups };
}

/** An address as Node has it. */
export function socketAddressOf(text: string, port: number, family: Family): SocketAddress {
  const found = hostOf(text.replace(/%.*$/, ""))?.address ?? [0, 0, 0, 0];
  const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...found];
  const { val: address } = ipOf(family === "ipv6" && found.length === 4 ? mapped : found);
  if (family === "ipv4") return { tag: "ipv4", val: { port, address } };
  return { tag: "ipv6", val: { port, address, flowInfo: 0, scopeId: 0 } as SocketAddress["val"] };
}

/** An address as Node takes it, and events show it. */
export function placeOf(address: SocketAddress): {
  readonly host: string;
  readonly port: number;
  readonly shown: string;
} {
  const { text } = hostAt(bytesOf(address));
  const { port } = address.val;
  return { host: text, port, shown: address.tag === "ipv6" ? `[${text}]:${port}` : `${text}:${port}` };
}

export function isUnspecified(address: SocketAddress): boolean {
  return address.val.address.every((part) => part === 0);
}

/** An address of IPv4 as IPv6 maps it. */
export function isMapped(address: SocketAddress): boolean {
  return address.tag === "ipv6" && hostAt(bytesOf(address)).address!.length === 4;
}

/** One machine, as `connect` and `bind` of TCP want it: of the socket's family, no IPv4 address in IPv6, not many, not all. */
export function isUnicast(address: SocketAddress, family: Family): boolean {
  if (address.tag !== family) return false;
  const bytes = bytesOf(address);
  if (family === "ipv4") return !(bytes[0]! >= 224 && bytes[0]! < 240) && !bytes.every((byte) => byte === 255);
  return bytes[0] !== 0xff && !isMapped(address);
}

/** The sockets of an instance that are open, and the names it has looked up. */
export class Net {
  readonly #state: WasiState;
  readonly #open = new Set<() => void>();
  /** Where sockets of TCP are bound that do nothing yet. */
  readonly bound: Set<string> = new Set();
  /** The names that have led to an address. */
  readonly #names = new Map<string, Map<string, Host>>();

  constructor(state: WasiState) {
    this.#state = state;
    state.defer(() => {
      for (const close of this.#open) close();
      this.#open.clear();
    });
  }

  /** @returns a function that says it has been closed */
  opened(close: () => void): () => void {
    this.#open.add(close);
    return () => void this.#open.delete(close);
  }

  resolved(name: Host, addresses: readonly Address[]): void {
    for (const address of addresses) {
      const { text } = hostAt(address);
      this.#names.set(text, (this.#names.get(text) ?? new Map<string, Host>()).set(name.text, name));
    }
  }

  /** Whether an address may be reached: by a name that has led to it, or as what it is. Told of. */
  reaches(
    from: string,
    action: string,
    protocol: NetRequest["protocol"],
    address: SocketAddress,
  ): MaybePromise<boolean> {
    const policy = policyOf(this.#state);
    const { port } = address.val;
    const host = hostAt(bytesOf(address));
    const named = [...(this.#names.get(host.text)?.values() ?? [])];
    const next = (at: number): MaybePromise<boolean> => {
      const name = named[at];
      if (name === undefined) return policy.allows({ protocol, host, port });
      const want = { protocol, host: name, port };
      return after(policy.allows(want), (yes) =>
        after(yes ? policy.leadsTo(want, [host.address!]) : [], (found) => found.length > 0 || next(at + 1)),
      );
    };
    return after(next(0), (granted) => this.told(from, action, granted, address));
  }

  /** Whether the guest may have others come to an address. */
  listens(address: SocketAddress): boolean {
    const host = hostAt(bytesOf(address));
    const { listen = [] } = this.#state.options;
    return listen.some((entry, at) => names(listenRuleOf(entry, `listen[${at}]`), host, address.val.port));
  }

  told(from: string, action: string, granted: boolean, address: SocketAddress): boolean {
    const state = this.#state;
    if (state.watched) state.access(from, action, granted, placeOf(address).shown);
    return granted;
  }
}

export function netOf(state: WasiState): Net {
  return state.shared(Net, () => new Net(state));
}

/** Refuses what is no time, size or count. */
export function positive<T extends number | bigint>(value: T): T {
  return value > 0 ? value : fail("invalid-argument");
}
