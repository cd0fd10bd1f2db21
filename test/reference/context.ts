/**
 * What lifting and lowering need around them: memory, allocator, string encoding, handle table; and the trap.
 *
 * Part of the reference. Follows design/mvp/CanonicalABI.md, "Lifting and Lowering Context" and "Resource Handle".
 */
import type { TrapCode } from "../../host/errors.ts";
import type { ResourceType } from "../../host/model/types.ts";

/** A guest fault, with the code that the host must give it. */
export class ReferenceTrap extends Error {
  override readonly name = "ReferenceTrap";
  readonly trap: TrapCode;
  constructor(trap: TrapCode) {
    super(trap);
    this.trap = trap;
  }
}

export function trapIf(condition: boolean, trap: TrapCode): void {
  if (condition) throw new ReferenceTrap(trap);
}

export type StringEncoding = "utf8" | "utf16" | "latin1+utf16";

export interface Context {
  readonly encoding: StringEncoding;
  /** The whole memory now: growing replaces it. */
  memory(): Uint8Array;
  realloc(old: number, oldSize: number, alignment: number, newSize: number): number;
  readonly handles: HandleTable;
  /** The instance that runs; a borrow of its own resources arrives as the representation. */
  readonly implements: (resource: ResourceType) => boolean;
}

export interface Handle {
  readonly resource: ResourceType;
  readonly rep: number;
  readonly own: boolean;
  /** Calls under way that have borrowed this handle. */
  lends: number;
}

/** Indices start at 1; a freed index is the next one given out. */
export class HandleTable {
  readonly #entries: (Handle | undefined)[] = [undefined];
  readonly #free: number[] = [];
  /** Borrowed handles alive in this call; all must be gone when it returns. */
  borrows = 0;

  add(handle: Handle): number {
    const index = this.#free.pop() ?? this.#entries.length;
    this.#entries[index] = handle;
    return index;
  }

  get(index: number): Handle {
    const handle = this.#entries[index];
    if (handle === undefined) throw new ReferenceTrap("invalid-handle");
    return handle;
  }

  remove(index: number): Handle {
    const handle = this.get(index);
    this.#entries[index] = undefined;
    this.#free.push(index);
    return handle;
  }

  /** The indices whose handles pass a test, in order. */
  indices(test: (handle: Handle) => boolean): readonly number[] {
    return [...this.#entries.keys()].filter(
      (index) => this.#entries[index] !== undefined && test(this.#entries[index]),
    );
  }
}

/** A memory that grows, with an allocator that never frees. */
export class BumpMemory {
  #bytes: Uint8Array;
  #next: number;

  constructor(start = 16, size = 65536) {
    this.#bytes = new Uint8Array(size);
    this.#next = start;
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }

  realloc(old: number, oldSize: number, alignment: number, newSize: number): number {
    const start = Math.ceil(this.#next / alignment) * alignment;
    this.#next = start + newSize;
    if (this.#next > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#next, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.copyWithin(start, old, old + Math.min(oldSize, newSize));
    return start;
  }
}

export function bumpContext(encoding: StringEncoding, memory: BumpMemory = new BumpMemory()): Context {
  return {
    encoding,
    memory: () => memory.bytes(),
    realloc: (old, oldSize, alignment, newSize) => memory.realloc(old, oldSize, alignment, newSize),
    handles: new HandleTable(),
    implements: () => false,
  };
}
