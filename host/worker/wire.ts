/**
 * Values as bytes, for threads that have shared memory between them and nothing else: what a structured clone takes of the values
 * that components know, and no more.
 */

const utf16 = new TextDecoder("utf-16le", { ignoreBOM: true });

const kinds = [
  "undefined",
  "null",
  "false",
  "true",
  "number",
  "bigint",
  "string",
  "array",
  "map",
  "object",
  "bytes",
] as const;
type Tag = (typeof kinds)[number];
const tags = Object.fromEntries(kinds.map((tag, code) => [tag, code])) as Record<Tag, number>;

type Numbers = { new (buffer: ArrayBuffer): ArrayBufferView; readonly name: string };
const arrays: readonly Numbers[] = [
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  BigUint64Array,
  BigInt64Array,
  Float32Array,
  Float64Array,
];

/** @throws {TypeError} for a function, a symbol, or anything else that is no value */
export function encode(value: unknown): Uint8Array {
  const writer = new Writer();
  writer.value(value);
  return writer.bytes.subarray(0, writer.length);
}

export function decode(bytes: Uint8Array<ArrayBuffer>): unknown {
  return new Reader(bytes).value();
}

class Writer {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  length = 0;
  #view = new DataView(this.bytes.buffer);

  value(value: unknown): void {
    switch (typeof value) {
      case "undefined":
        return this.tag("undefined");
      case "boolean":
        return this.tag(value ? "true" : "false");
      case "number":
        this.tag("number");
        return this.#number(value);
      case "bigint":
        this.tag("bigint");
        return this.#text(String(value));
      case "string":
        this.tag("string");
        return this.#text(value);
      case "object":
        return value === null ? this.tag("null") : this.object(value);
      default:
        throw new TypeError(`A ${typeof value} could not be cloned`);
    }
  }

  object(value: object): void {
    if (Array.isArray(value)) {
      this.tag("array");
      this.#size(value.length);
      for (let i = 0; i < value.length; i++) this.value(value[i]);
    } else if (ArrayBuffer.isView(value)) {
      const kind = arrays.findIndex((it) => value instanceof (it as unknown as Function));
      if (kind < 0) throw new TypeError("A view could not be cloned");
      this.tag("bytes");
      this.#size(kind);
      this.#size(value.byteLength);
      const at = this.#room(value.byteLength);
      this.bytes.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), at);
    } else if (value instanceof Map) {
      this.tag("map");
      this.#size(value.size);
      for (const [key, item] of value as Map<unknown, unknown>) {
        this.value(key);
        this.value(item);
      }
    } else {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null)
        throw new TypeError("An object of a class could not be cloned");
      const entries = Object.entries(value);
      this.tag("object");
      this.#size(entries.length);
      for (const [key, item] of entries) {
        this.#text(key);
        this.value(item);
      }
    }
  }

  tag(tag: Tag): void {
    const at = this.#room(1);
    this.bytes[at] = tags[tag];
  }

  #number(value: number): void {
    const at = this.#room(8);
    this.#view.setFloat64(at, value, true);
  }

  #size(size: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, size, true);
  }

  /** As UTF-16. What is half a pair becomes U+FFFD, as in every string that goes to a component. */
  #text(text: string): void {
    this.#size(text.length);
    const at = this.#room(text.length * 2);
    for (let i = 0; i < text.length; i++) this.#view.setUint16(at + i * 2, text.charCodeAt(i), true);
  }

  /** Makes room, by which `bytes` and its view may become others. @returns where the bytes go that are written next */
  #room(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.length, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

class Reader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset);
  }

  value(): unknown {
    switch (kinds[this.#bytes[this.#skip(1)]!]) {
      case "undefined":
        return undefined;
      case "null":
        return null;
      case "false":
        return false;
      case "true":
        return true;
      case "number":
        return this.#view.getFloat64(this.#skip(8), true);
      case "bigint":
        return BigInt(this.#text());
      case "string":
        return this.#text();
      case "array":
        return Array.from({ length: this.#size() }, () => this.value());
      case "map": {
        const map = new Map<unknown, unknown>();
        for (let left = this.#size(); left > 0; left--) map.set(this.value(), this.value());
        return map;
      }
      case "object": {
        const object: Record<string, unknown> = {};
        for (let left = this.#size(); left > 0; left--) {
          const key = this.#text();
          // A field of this name is a field like others, and sets no prototype.
          const own = { value: this.value(), writable: true, enumerable: true, configurable: true };
          if (key === "__proto__") Object.defineProperty(object, key, own);
          else object[key] = own.value;
        }
        return object;
      }
      default: {
        const made = arrays[this.#size()]!;
        const length = this.#size();
        const at = this.#skip(length);
        return new made(this.#bytes.slice(at, at + length).buffer);
      }
    }
  }

  #size(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  #text(): string {
    const length = this.#size() * 2;
    const at = this.#skip(length);
    return utf16.decode(this.#bytes.subarray(at, at + length));
  }

  #skip(count: number): number {
    const at = this.#at;
    this.#at += count;
    return at;
  }
}
