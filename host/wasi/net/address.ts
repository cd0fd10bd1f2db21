/**
 * Hosts: names and addresses in one spelling each, and which addresses belong to no machine of the public internet.
 *
 * The platform's `URL` reads them, as it reads those of `fetch`: octal, hexadecimal and short IPv4 addresses, full-width digits,
 * percent signs, upper case and names of other scripts all come to the one spelling that is checked and connected to.
 */

/** Four bytes, or sixteen. An IPv4 address that IPv6 maps (`::ffff:0:0/96`) is that address: connecting to either is the same. */
export type Address = readonly number[];

/** A name in lower case and without its last dot, or an address without brackets. */
export interface Host {
  readonly text: string;
  /** Where it is an address. */
  readonly address?: Address;
}

/** Reads a host. @returns nothing where the text is none */
export function hostOf(text: string): Host | undefined {
  if (text === "" || /[\s/?#@\\]|\]./.test(text)) return undefined;
  let hostname: string;
  try {
    ({ hostname } = new URL(`http://${text[0] !== "[" && text.includes(":") ? `[${text}]` : text}/`));
  } catch {
    return undefined;
  }
  if (hostname[0] === "[") return hostAt(bytesOf6(hostname.slice(1, -1)));
  const parts = hostname.split(".");
  if (/^\d+(\.\d+){3}$/.test(hostname)) return hostAt(parts.map(Number));
  if (parts.at(-1) === "") parts.pop();
  return parts.includes("") ? undefined : { text: parts.join(".") };
}

/** The host at an address. */
export function hostAt(bytes: Address): Host {
  const mapped = bytes.length === 16 && startsWith(bytes, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
  const address = mapped ? bytes.slice(12) : bytes;
  if (address.length === 4) return { text: address.join("."), address };
  return { text: new URL(`http://[${groupsOf(address).join(":")}]/`).hostname.slice(1, -1), address };
}

/** Splits `host`, `host:port`, `[address]:port` and the bare IPv6 address. @returns nothing where there is no such thing */
export function splitPort(text: string): { readonly host: string; readonly port?: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:(\[[^\]]*\])|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) return /^[\da-f:.]+$/i.test(text) && /:.*:/.test(text) ? { host: text } : undefined;
  if (digits === undefined) return { host };
  return Number(digits) > 65_535 ? undefined : { host, port: Number(digits) };
}

/** Whether the name is that of this machine itself, whatever a resolver says. */
export function isLocalName({ text, address }: Host): boolean {
  return address === undefined && (text === "localhost" || text.endsWith(".localhost"));
}

export function isLoopback(address: Address): boolean {
  return address.length === 4 ? address[0] === 127 : address.every((byte, at) => byte === (at === 15 ? 1 : 0));
}

/** Ranges of IPv4 that are not of the public internet: the registry of special purposes, multicast and what is reserved. */
const SPECIAL_4: readonly (readonly [prefix: Address, bits: number])[] = [
  [[0], 8],
  [[10], 8],
  [[100, 64], 10],
  [[127], 8],
  [[169, 254], 16],
  [[172, 16], 12],
  [[192, 0, 0], 24],
  [[192, 0, 2], 24],
  [[192, 88, 99], 24],
  [[192, 168], 16],
  [[198, 18], 15],
  [[198, 51, 100], 24],
  [[203, 0, 113], 24],
  [[224], 3],
];

/** Those of IPv6 inside of 2000::/3; what is outside of it is not public. Teredo is in the first, 6to4 is the third. */
const SPECIAL_6: readonly (readonly [prefix: Address, bits: number])[] = [
  [[0x20, 0x01], 23],
  [[0x20, 0x01, 0x0d, 0xb8], 32],
  [[0x20, 0x02], 16],
  [[0x3f, 0xff], 20],
];

/** The prefix of addresses that NAT64 makes of IPv4 ones, as a resolver does on a network without IPv4. */
const NAT64: Address = [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];

/** Whether an address can be one of the public internet. */
export function isPublic(address: Address): boolean {
  if (address.length === 4) return !SPECIAL_4.some(([prefix, bits]) => within(address, prefix, bits));
  if (startsWith(address, NAT64)) return isPublic(address.slice(12));
  return within(address, [0x20], 3) && !SPECIAL_6.some(([prefix, bits]) => within(address, prefix, bits));
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.length === b.length && startsWith(a, b);
}

function startsWith(address: Address, prefix: Address): boolean {
  return prefix.every((byte, at) => byte === address[at]);
}

function within(address: Address, prefix: Address, bits: number): boolean {
  for (let at = 0; at * 8 < bits; at++) {
    const mask = bits - at * 8 >= 8 ? 0xff : (0xff << (8 - (bits % 8))) & 0xff;
    if ((address[at]! & mask) !== ((prefix[at] ?? 0) & mask)) return false;
  }
  return true;
}

/** The eight numbers of an IPv6 address, as text. */
function groupsOf(address: Address): string[] {
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((address[at]! << 8) | address[at + 1]!).toString(16));
  return groups;
}

/** Of the spelling that `URL` gives. */
function bytesOf6(text: string): Address {
  const [head = [], tail = []] = text.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill("0"), ...tail];
  return groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
}
