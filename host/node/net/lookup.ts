/** The addresses of a name, asked once of the machine's resolver. */
import { lookup } from "node:dns/promises";
import { fail } from "../../wasi/io/error.ts";
import { after, type MaybePromise } from "../../wasi/maybe.ts";
import { type Address, type Host, hostOf } from "../../wasi/net/address.ts";
import { policyOf } from "../../wasi/net/policy.ts";
import type { WasiState } from "../../wasi/state.ts";
import { type IpAddress, ipOf, netOf } from "./network.ts";

const LOOKUP = "wasi:sockets/ip-name-lookup";

/** @throws what Node's resolver does */
export async function addressesOf(name: string): Promise<Address[]> {
  const found = await lookup(name, { all: true, verbatim: true });
  // An address of one link, such as fe80::1%eth0, is no host of the internet.
  return found.map(({ address }) => hostOf(address)?.address).filter((address) => address !== undefined);
}

/** Whether a guest may ask for the addresses of a host. Told of, where it is a name. */
export function mayResolve(state: WasiState, host: Host): MaybePromise<boolean> {
  // An address is what it is.
  if (host.address !== undefined) return true;
  return after(policyOf(state).allows({ protocol: "dns", host, port: undefined }), (granted) => {
    if (state.watched) state.access(LOOKUP, "resolve-addresses", granted, host.text);
    return granted;
  });
}

/**
 * The addresses that a host leads to, of those that a guest may go to; it may go there by that name from then on.
 * @throws the payload `access-denied`, or what Node's resolver throws
 */
export async function resolved(state: WasiState, host: Host, granted: MaybePromise<boolean>): Promise<IpAddress[]> {
  if (!(await granted)) return fail("access-denied");
  if (host.address !== undefined) return [ipOf(host.address)];
  const all = await addressesOf(host.text);
  const found = await policyOf(state).leadsTo({ protocol: "dns", host, port: undefined }, all);
  netOf(state).resolved(host, found);
  // It is there, and leads nowhere that the guest may go.
  return found.length === 0 ? fail("access-denied") : found.map(ipOf);
}
