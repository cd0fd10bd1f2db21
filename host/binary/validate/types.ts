/**
 * The types validation computes with, and the facts about value types that rules ask for.
 *
 * They differ from `model/types.ts` where validation has to know more: a resource type has an identity that equality
 * looks at, and every import, export or alias of it is an entity of its own, which is what external visibility looks
 * at. Instance and component types carry the resource types they bind. Follows design/mvp/Explainer.md, "Type Checking"
 * and "External Visibility of Types", and design/mvp/CanonicalABI.md, "Element Size".
 */
import type { CoreModuleType, PrimitiveKind } from "../../model/types.ts";
import type { Context } from "./context.ts";

/** What makes a resource type equal to another: the same object. */
export interface ResourceId {
  /** The component scope that defines it; `undefined` for an abstract one. */
  readonly owner: object | undefined;
}
export interface ResourceEntity {
  readonly kind: "resource";
  readonly id: ResourceId;
}

/** How much a type unfolds to when it is written out as a tree: its nodes, and how deeply they nest. */
export interface Extent {
  readonly size: number;
  readonly depth: number;
}

/** What validation asks about a value type, computed once when it is made. */
interface Facts extends Extent {
  /** `elem_size` and alignment with 64-bit pointers. */
  readonly byteLength: number;
  readonly alignment: number;
  readonly containsBorrow: boolean;
  /** Whether a list or string is inside, so that memory is needed. */
  readonly containsList: boolean;
  readonly containsHandle: boolean;
}
export interface PrimitiveEntity extends Facts {
  readonly kind: PrimitiveKind;
}
export interface HandleEntity extends Facts {
  readonly kind: "own" | "borrow";
  readonly resource: ResourceEntity;
}
export type CompoundKind =
  | "record"
  | "variant"
  | "list"
  | "map"
  | "tuple"
  | "flags"
  | "enum"
  | "option"
  | "result"
  | "stream"
  | "future";

/** Every other value type: what it is, the labels of its parts where they have any, and the types of its parts. */
export interface CompoundEntity extends Facts {
  readonly kind: CompoundKind;
  readonly labels: readonly string[];
  readonly parts: readonly (ValueEntity | undefined)[];
  /** Of a fixed-length list. */
  readonly length: number | undefined;
}
export type ValueEntity = PrimitiveEntity | HandleEntity | CompoundEntity;

export interface FuncEntity extends Extent {
  readonly kind: "func";
  readonly params: readonly { readonly name: string; readonly type: ValueEntity }[];
  readonly result: ValueEntity | undefined;
  readonly async: boolean;
}
export interface InstanceEntity extends Extent {
  readonly kind: "instance";
  readonly exports: ReadonlyMap<string, Item>;
  /** Resource types that each use of the type makes anew; empty for the type of an actual instance. */
  readonly bound: ReadonlySet<ResourceId>;
}
export interface ComponentEntity extends Extent {
  readonly kind: "component";
  readonly imports: ReadonlyMap<string, Item>;
  readonly exports: ReadonlyMap<string, Item>;
  /** Resource types that whoever instantiates it chooses. */
  readonly imported: ReadonlySet<ResourceId>;
  /** Resource types that each instantiation makes anew. */
  readonly created: ReadonlySet<ResourceId>;
}
export type TypeEntity = ValueEntity | FuncEntity | InstanceEntity | ComponentEntity | ResourceEntity;

/** Something a component can import or export. */
export type Item =
  | { readonly kind: "core-module"; readonly type: CoreModuleType }
  | { readonly kind: "func"; readonly type: FuncEntity }
  | { readonly kind: "instance"; readonly type: InstanceEntity }
  | { readonly kind: "component"; readonly type: ComponentEntity }
  | { readonly kind: "type"; readonly type: TypeEntity };

/** The largest and the deepest tree a type may unfold to; wasmtime's limits. */
const maxTypeSize = 1_000_000;
const maxTypeDepth = 100;
/** Value types must be smaller than this. */
const maxByteLength = 2 ** 28;

const primitiveBytes: Readonly<Record<PrimitiveKind, number>> = {
  bool: 1,
  s8: 1,
  u8: 1,
  s16: 2,
  u16: 2,
  s32: 4,
  u32: 4,
  s64: 8,
  u64: 8,
  f32: 4,
  f64: 8,
  char: 4,
  string: 16,
  "error-context": 4,
};

export function isValueEntity(type: TypeEntity): type is ValueEntity {
  return type.kind !== "func" && type.kind !== "instance" && type.kind !== "component" && type.kind !== "resource";
}

export function isHandle(type: ValueEntity): type is HandleEntity {
  return type.kind === "own" || type.kind === "borrow";
}

export function isCompound(type: ValueEntity): type is CompoundEntity {
  return "parts" in type;
}

const leaf: Extent = { size: 1, depth: 1 };

export function primitiveEntity(kind: PrimitiveKind): PrimitiveEntity {
  const byteLength = primitiveBytes[kind];
  return {
    kind,
    ...leaf,
    byteLength,
    alignment: Math.min(byteLength, 8),
    containsBorrow: false,
    containsList: kind === "string",
    containsHandle: false,
  };
}

export function handleEntity(kind: "own" | "borrow", resource: ResourceEntity): HandleEntity {
  return {
    kind,
    resource,
    ...leaf,
    byteLength: 4,
    alignment: 4,
    containsBorrow: kind === "borrow",
    containsList: false,
    containsHandle: true,
  };
}

/** Makes a compound type with its facts. @throws {DecodeError} when it is larger than a value type may be */
export function compoundEntity(
  context: Context,
  kind: CompoundKind,
  parts: readonly (ValueEntity | undefined)[],
  labels: readonly string[] = [],
  length?: number,
): CompoundEntity {
  const extent = extentOf(context, parts, labels.length + 1);
  const { byteLength, alignment } = layout(kind, parts, labels.length, length);
  if (byteLength >= maxByteLength) {
    context.fail(
      `A value of this ${kind} takes ${byteLength} bytes, more than ${maxByteLength - 1}: it exceeds the maximum size`,
    );
  }
  return {
    kind,
    labels,
    parts,
    length,
    ...extent,
    byteLength,
    alignment,
    containsBorrow: parts.some((part) => part?.containsBorrow === true),
    containsList:
      (kind === "list" && length === undefined) ||
      kind === "map" ||
      (kind !== "stream" && kind !== "future" && parts.some((part) => part?.containsList === true)),
    containsHandle: parts.some((part) => part?.containsHandle === true),
  };
}

/** The extent of a type made of others. @throws {DecodeError} when it is beyond the limits */
export function extentOf(context: Context, parts: Iterable<Extent | undefined>, own = 1): Extent {
  let size = own;
  let depth = 0;
  for (const part of parts) {
    if (part === undefined) continue;
    size += part.size;
    depth = Math.max(depth, part.depth);
  }
  if (size > maxTypeSize) context.fail(`The type unfolds to ${size} parts, more than ${maxTypeSize}`);
  if (depth >= maxTypeDepth) context.fail(`The type is nested deeper than ${maxTypeDepth}`);
  return { size, depth: depth + 1 };
}

/** The extent of what items contribute to the type around them. */
export function extentOfItems(context: Context, items: Iterable<Item>): Extent {
  return extentOf(context, [...items].map(itemExtent));
}

function itemExtent(item: Item): Extent {
  if (item.kind === "core-module") return { size: 1 + item.type.imports.length + item.type.exports.length, depth: 1 };
  return item.type.kind === "resource" ? leaf : item.type;
}

function layout(
  kind: CompoundKind,
  parts: readonly (ValueEntity | undefined)[],
  labels: number,
  length: number | undefined,
): { byteLength: number; alignment: number } {
  switch (kind) {
    case "list": {
      const element = parts[0]!;
      if (length === undefined) return { byteLength: 16, alignment: 8 };
      return { byteLength: length * element.byteLength, alignment: element.alignment };
    }
    case "map":
      return { byteLength: 16, alignment: 8 };
    case "stream":
    case "future":
      return { byteLength: 4, alignment: 4 };
    case "flags": {
      const bytes = labels <= 8 ? 1 : labels <= 16 ? 2 : 4;
      return { byteLength: bytes, alignment: bytes };
    }
    case "record":
    case "tuple": {
      let byteLength = 0;
      let alignment = 1;
      for (const part of parts) {
        byteLength = align(byteLength, part!.alignment) + part!.byteLength;
        alignment = Math.max(alignment, part!.alignment);
      }
      return { byteLength: align(byteLength, alignment), alignment };
    }
    case "variant":
    case "enum":
      return variantLayout(labels, parts);
    case "option":
    case "result":
      return variantLayout(2, parts);
  }
}

function variantLayout(
  cases: number,
  parts: readonly (ValueEntity | undefined)[],
): { byteLength: number; alignment: number } {
  const discriminant = cases <= 0x100 ? 1 : cases <= 0x1_0000 ? 2 : 4;
  const payloadAlignment = Math.max(1, ...alignments(parts));
  const payload = parts.reduce((largest, part) => Math.max(largest, part?.byteLength ?? 0), 0);
  const alignment = Math.max(discriminant, payloadAlignment);
  return { byteLength: align(align(discriminant, payloadAlignment) + payload, alignment), alignment };
}

function alignments(parts: readonly (ValueEntity | undefined)[]): number[] {
  return [...new Set(parts.map((part) => part?.alignment ?? 1))];
}

function align(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

/** The same type under a name of its own: what an import, an export or a bag of exports introduces. */
export function renamed(type: TypeEntity): TypeEntity {
  return { ...type };
}

/** What a type is, for messages. */
export function describe(type: TypeEntity): string {
  switch (type.kind) {
    case "func":
      return "a function type";
    case "instance":
      return "an instance type";
    case "component":
      return "a component type";
    case "resource":
      return "a resource type";
    default:
      return type.kind;
  }
}
