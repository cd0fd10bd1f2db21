/** The addresses of a name, asked once of the machine's resolver. */
import { lookup } from "node:dns/promises";
import { type Address, hostOf } from "../../wasi/net/address.ts";

/** @throws what Node's resolver does */
export async function addressesOf(name: string): Promise<Address[]> {
  const found = await lookup(name, { all: true, verbatim: true });
  // An address of one link, such as fe80::1%eth0, is no host of the internet.
  return found.map(({ address }) => hostOf(address)?.address).filter((address) => address !== undefined);
}
