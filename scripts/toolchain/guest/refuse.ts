/**
 * Refuses what the bindings for AssemblyScript do not have, before anything is written: error contexts, and items that no core
 * module can use.
 */
import { UnsupportedError, type UnsupportedFeature } from "../../../host/errors.ts";
import { someType } from "../../../host/model/cases.ts";
import type { ExternDecl, FuncType, ValueType } from "../../../host/model/types.ts";
import type { WorldDescription } from "../../../host/plan/world.ts";

const reasons = {
  "error-context": "uses error-context, which the bindings do not have",
} satisfies Partial<Record<UnsupportedFeature, string>>;

/** @throws {UnsupportedError} naming the first such item, such as `demo:a/b#read` */
export function refuseInexpressible({ imports, exports }: WorldDescription): void {
  if (exports.some(({ name, type }) => name === "memory" && type.kind === "func")) {
    throw new UnsupportedError("guest", "The world's item `memory` has the name that a core module gives its memory");
  }
  for (const decl of [...imports, ...exports]) refuse(decl, "");
}

function refuse({ name, type }: ExternDecl, inside: string): void {
  const path = inside === "" ? name : `${inside}#${name}`;
  switch (type.kind) {
    case "instance":
      for (const item of type.exports) refuse(item, name);
      return;
    case "func":
      refuseFunction(path, type);
      return;
    case "type":
      if (!["func", "instance", "component"].includes(type.type.kind)) refuseValue(path, type.type as ValueType);
      return;
    case "resource-type":
      return;
    default:
      throw new UnsupportedError("guest", `The world's item \`${path}\` is a ${type.kind}, which no module can use`);
  }
}

function refuseFunction(path: string, type: FuncType): void {
  for (const param of type.params) refuseValue(path, param.type);
  if (type.result !== undefined) refuseValue(path, type.result);
}

function refuseValue(path: string, type: ValueType): void {
  someType(type, ({ kind }) => {
    if (kind === "error-context") fail(kind, path);
    return false;
  });
}

function fail(feature: keyof typeof reasons, path: string): never {
  throw new UnsupportedError(feature, `The world's item \`${path}\` ${reasons[feature]}`);
}
