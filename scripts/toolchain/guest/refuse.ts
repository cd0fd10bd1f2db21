/**
 * Refuses what no bindings can have, before anything is written: items that no core module can use.
 */
import { UnsupportedError } from "../../../host/errors.ts";
import type { ExternDecl } from "../../../host/model/types.ts";
import type { WorldDescription } from "../../../host/plan/world.ts";

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
    case "type":
    case "resource-type":
      return;
    default:
      throw new UnsupportedError("guest", `The world's item \`${path}\` is a ${type.kind}, which no module can use`);
  }
}
