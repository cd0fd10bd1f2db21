/** What is asked of value types again and again, found once for each type object. */
import { partsOf } from "./cases.ts";
import { Given } from "./given.ts";
import type { ValueType } from "./types.ts";

export type FlatType = "i32" | "i64" | "f32" | "f64";

export interface Size {
  /** In bytes: 1, 2, 4 or 8. */
  readonly alignment: number;
  /** In bytes, a multiple of the alignment. */
  readonly size: number;
}

/** How a type is in a 32-bit linear memory, and out of it. */
export interface Layout extends Size {
  /** The core values it flattens to; of more than 16 the first ones, enough to tell that there are more. */
  readonly flat: readonly FlatType[];
}

const OWN = 1;
const BORROW = 2;
const LIST = 4;
const FIXED = 8;
const ASYNC = 16;

/** Facts of one type. Those of its layout are filled in when they are first asked for. */
export class Facts {
  /** What is inside: any of the constants above. */
  readonly inside: number;
  /** How many parts the type unfolds to when it is written out as a tree, and how deeply they nest. */
  readonly nodes: number;
  readonly depth: number;
  layout: Layout | undefined = undefined;
  flat: readonly FlatType[] | undefined = undefined;
  /** In a memory with 32-bit addresses, and with 64-bit ones. */
  size4: Size | undefined = undefined;
  size8: Size | undefined = undefined;

  constructor(inside: number, nodes: number, depth: number) {
    this.inside = inside;
    this.nodes = nodes;
    this.depth = depth;
  }
}

/** Of the types that are made of nothing else. */
const leaves: Partial<Record<ValueType["kind"], Facts>> = {};
for (const kind of ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64"] as const) {
  leaves[kind] = new Facts(0, 1, 1);
}
for (const kind of ["f32", "f64", "char"] as const) leaves[kind] = new Facts(0, 1, 1);
leaves["error-context"] = new Facts(ASYNC, 1, 1);
leaves.string = new Facts(LIST, 1, 1);
leaves.own = new Facts(OWN, 1, 1);
leaves.borrow = new Facts(BORROW, 1, 1);

/** Facts in a private field of the type itself. */
class Known extends Given {
  readonly #facts: Facts;

  constructor(type: ValueType, facts: Facts) {
    super(type);
    this.#facts = facts;
  }

  static of(type: ValueType): Facts | undefined {
    return #facts in type ? type.#facts : undefined;
  }
}

export function factsOf(type: ValueType): Facts {
  let facts = leaves[type.kind] ?? Known.of(type);
  if (facts === undefined) new Known(type, (facts = compute(type)));
  return facts;
}

/** A copy has the facts of what it is a copy of. */
export function shareFacts(copy: ValueType, original: ValueType): void {
  if (isCompound(original)) new Known(copy, factsOf(original));
}

function compute(type: ValueType): Facts {
  let inside = type.kind === "map" ? LIST : type.kind !== "list" ? 0 : type.length === undefined ? LIST : FIXED;
  let nodes = 1;
  let depth = 0;
  if (type.kind === "record") nodes += type.fields.length;
  else if (type.kind === "variant") nodes += type.cases.length;
  else if (type.kind === "flags" || type.kind === "enum") nodes += type.names.length;
  for (const part of partsOf(type)) {
    if (part === undefined) continue;
    const facts = factsOf(part);
    inside |= facts.inside;
    nodes += facts.nodes;
    if (facts.depth > depth) depth = facts.depth;
  }
  // What a stream or future carries is passed later, by its own reads and writes.
  if (type.kind === "stream" || type.kind === "future") inside = (inside & ~LIST) | ASYNC;
  return new Facts(inside, nodes, depth + 1);
}

/** Whether a type is neither primitive nor a handle. */
export function isCompound(type: ValueType): boolean {
  return leaves[type.kind] === undefined;
}

/** Whether passing a value of the type passes an owned handle. */
export function holdsOwn(type: ValueType | undefined): boolean {
  return holds(type, OWN);
}

/** Whether passing a value of the type passes a borrowed handle. */
export function holdsBorrow(type: ValueType | undefined): boolean {
  return holds(type, BORROW);
}

export function holdsHandle(type: ValueType | undefined): boolean {
  return holds(type, OWN | BORROW);
}

/** Whether passing a value of the type takes memory: for a list, a map or a string. */
export function holdsList(type: ValueType | undefined): boolean {
  return holds(type, LIST);
}

/** Whether a stream, a future or an error context is in the type. */
export function holdsAsync(type: ValueType | undefined): boolean {
  return holds(type, ASYNC);
}

/** Whether a value of a type may be an array in JavaScript, as a chunk of a stream may. */
export function mayBeArray(type: ValueType | undefined): boolean {
  if (type?.kind === "option") return type.type.kind !== "option" && mayBeArray(type.type);
  return type?.kind === "list" || type?.kind === "tuple";
}

/** Whether a list of fixed length is in the type: only then may it be larger than what it is made of. */
export function holdsFixedList(type: ValueType): boolean {
  return holds(type, FIXED);
}

function holds(type: ValueType | undefined, what: number): boolean {
  return type !== undefined && (factsOf(type).inside & what) !== 0;
}
