/**
 * The limits of types: how large a value may be, and how much a type may unfold to when it is written out.
 *
 * Types are those of `model/types.ts`. Here every import, export or alias of a resource type is an object of its own,
 * which is what external visibility looks at; what makes two equal is the resource type that both are names of.
 */
import { isValueType, typeOf } from "../../model/cases.ts";
import { factsOf, holdsFixedList } from "../../model/facts.ts";
import { sizeOf } from "../../model/layout.ts";
import type { ExternDecl, ExternType, ResourceType, Type, ValueType } from "../../model/types.ts";
import type { Context } from "./context.ts";

/** The largest and the deepest tree a type may unfold to; wasmtime's limits. */
const maxTypeSize = 1_000_000;
const maxTypeDepth = 100;
/** Value types must be smaller than this, in bytes of a memory with 64-bit addresses. */
const maxByteLength = 2 ** 28;

/** How much a type unfolds to when it is written out as a tree: its nodes, and how deeply they nest. */
interface Extent {
  readonly nodes: number;
  readonly depth: number;
}

const leaf: Extent = { nodes: 1, depth: 1 };

/** A type that was just defined. @throws {DecodeError} when it is larger or deeper than a type may be */
export function checked<T extends Exclude<Type, ResourceType>>(context: Context, type: T): T {
  const { nodes, depth } = extentOf(type);
  if (nodes > maxTypeSize) context.fail(`The type unfolds to ${nodes} parts, more than ${maxTypeSize}`);
  if (depth > maxTypeDepth) context.fail(`The type is nested deeper than ${maxTypeDepth}`);
  // Without a list of fixed length it has at most 16 bytes for each of its parts.
  if (!isValueType(type) || !holdsFixedList(type)) return type;
  const { size } = sizeOf(type, 8);
  if (size >= maxByteLength) {
    context.fail(
      `A value of this ${type.kind} takes ${size} bytes, more than ${maxByteLength - 1}: it exceeds the maximum size`,
    );
  }
  return type;
}

function extentOf(type: Type): Extent {
  switch (type.kind) {
    case "resource":
      return leaf;
    case "func": {
      const params =
        type.params.length > fewParams
          ? extentOfAll(type.params, extentOfParam)
          : sumOfExtents(type.params, extentOfParam);
      const { nodes, depth } = around(params, type.result === undefined ? none : factsOf(type.result));
      return { nodes: nodes + type.params.length, depth };
    }
    case "instance":
      return around(extentOfAll(type.exports, extentOfDecl), none);
    case "component":
      return around(extentOfAll(type.imports, extentOfDecl), extentOfAll(type.exports, extentOfDecl));
    default:
      return factsOf(type);
  }
}

const none: Extent = { nodes: 0, depth: 0 };

function around(a: Extent, b: Extent): Extent {
  return { nodes: 1 + a.nodes + b.nodes, depth: 1 + Math.max(a.depth, b.depth) };
}

/** So many parameters are summed up again sooner than their sum is looked up: those of their types are known. */
const fewParams = 16;

function extentOfParam({ type }: { readonly type: ValueType }): Extent {
  return factsOf(type);
}

/** By lists of parameters and declarations, which the copies of a type under other names share. */
const extents = new WeakMap<readonly unknown[], Extent>();

function extentOfAll<T>(list: readonly T[], extentOfItem: (item: T) => Extent): Extent {
  let extent = extents.get(list);
  if (extent === undefined) extents.set(list, (extent = sumOfExtents(list, extentOfItem)));
  return extent;
}

function sumOfExtents<T>(list: readonly T[], extentOfItem: (item: T) => Extent): Extent {
  let nodes = 0;
  let depth = 0;
  for (const item of list) {
    const part = extentOfItem(item);
    nodes += part.nodes;
    if (part.depth > depth) depth = part.depth;
  }
  return { nodes, depth };
}

function extentOfDecl({ type }: ExternDecl): Extent {
  if (type.kind === "core-module") return { nodes: 1 + type.imports.length + type.exports.length, depth: 1 };
  return extentOf(type.kind === "type" || type.kind === "resource-type" ? typeOf(type) : type);
}

/** What a type is, for messages. */
export function describe(type: Type): string {
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

/** The sort of an import or export, as the binary format names it. */
export function sortOf(extern: ExternType): "func" | "instance" | "component" | "core-module" | "type" {
  return extern.kind === "resource-type" ? "type" : extern.kind;
}
