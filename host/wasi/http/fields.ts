/** The resource `fields` of `wasi:http/types`: headers and trailers. */
import { fail } from "../io/error.ts";

export type Entry = readonly [name: string, value: Uint8Array];

/** Headers of a connection, which is the host's, and those that say where a message goes: no guest sets or sees them. */
const FORBIDDEN = new Set([
  ...["connection", "host", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authorization"],
  ...["proxy-connection", "transfer-encoding", "upgrade"],
]);

/** A token of RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** RFC 9110, section 5.5: no control character but the tab. */
function isValue(bytes: Uint8Array): boolean {
  return bytes.every((byte) => (byte >= 0x20 && byte !== 0x7f) || byte === 9);
}

/** Bytes as the platform writes them in headers: one character each. */
export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export class Fields {
  #entries: Entry[] = [];
  #immutable = false;
  /** How each name was first spelled, made when a value is added. */
  #spellings: Map<string, string> | undefined;

  static fromList(entries: readonly Entry[]): Fields {
    const fields = new Fields();
    for (const [name, value] of entries) fields.append(name, value);
    return fields;
  }

  /** @internal */
  static of(entries: readonly Entry[], immutable: boolean): Fields {
    const fields = new Fields();
    fields.#entries = [...entries];
    fields.#immutable = immutable;
    return fields;
  }

  /**
   * What came from the network, without what the guest may not see.
   * @internal
   */
  static received(entries: Iterable<readonly [name: string, value: string]>): Fields {
    const seen = [...entries].filter(([name]) => !FORBIDDEN.has(name.toLowerCase()));
    return Fields.of(
      seen.map(([name, value]) => [name, bytesOf(value)]),
      true,
    );
  }

  get(name: string): Uint8Array[] {
    return this.#named(name).map(([, value]) => value);
  }

  has(name: string): boolean {
    return this.#named(name).length > 0;
  }

  set(name: string, values: readonly Uint8Array[]): void {
    this.#change(name, values);
    const at = this.#entries.findIndex((entry) => sameName(entry, name));
    const set = values.map((value): Entry => [name, value]);
    const others = this.#entries.filter((entry) => !sameName(entry, name));
    // In the place of the first.
    others.splice(at < 0 ? others.length : at, 0, ...set);
    this.#entries = others;
    this.#spellings = undefined;
  }

  delete(name: string): void {
    this.#change(name, []);
    this.#entries = this.#entries.filter((entry) => !sameName(entry, name));
    this.#spellings = undefined;
  }

  append(name: string, value: Uint8Array): void {
    this.#change(name, [value]);
    this.#entries.push([this.#spelled(name), value]);
  }

  /** As 0.3 has it. */
  getAndDelete(name: string): Uint8Array[] {
    const values = this.get(name);
    this.delete(name);
    return values;
  }

  entries(): readonly Entry[] {
    return this.#entries;
  }

  /** As `entries` is called in 0.3. */
  copyAll(): readonly Entry[] {
    return this.#entries;
  }

  clone(): Fields {
    return Fields.of(this.#entries, false);
  }

  #named(name: string): Entry[] {
    return this.#entries.filter((entry) => sameName(entry, name));
  }

  /** One name has one spelling, the first that was given. */
  #spelled(name: string): string {
    this.#spellings ??= new Map(this.#entries.map(([known]) => [known.toLowerCase(), known] as const).reverse());
    const key = name.toLowerCase();
    const first = this.#spellings.get(key) ?? name;
    this.#spellings.set(key, first);
    return first;
  }

  #change(name: string, values: readonly Uint8Array[]): void {
    if (this.#immutable) fail({ tag: "immutable" });
    check(name, values);
  }
}

function check(name: string, values: readonly Uint8Array[]): void {
  if (!isToken(name) || !values.every(isValue)) fail({ tag: "invalid-syntax" });
  if (FORBIDDEN.has(name.toLowerCase())) fail({ tag: "forbidden" });
}

function sameName([name]: Entry, other: string): boolean {
  return name.toLowerCase() === other.toLowerCase();
}
