/**
 * Reads a WIT world out of the `component-type` section that WIT tools embed in a core module.
 *
 * The section is itself a component binary: a component type (the world) inside a component type, exported under the
 * world's id. See design/mvp/WIT.md, "Package Format".
 */
import { Budget } from "../budget.ts";
import { UsageError } from "../errors.ts";
import type { ComponentDefinition } from "../binary/definition.ts";
import type { ExternDecl } from "../model/types.ts";
import { TypeScope } from "./scope.ts";

export interface WorldDescription {
  /** The world's full id, such as `demo:calc/calc@1.0.0`. */
  readonly name: string;
  readonly imports: readonly ExternDecl[];
  readonly exports: readonly ExternDecl[];
}

/** The world that a decoded `component-type` section describes. @throws {UsageError} when it describes none */
export function describeWorld(definition: ComponentDefinition): WorldDescription {
  const scope = new TypeScope(undefined, new Budget(definition.byteLength));
  for (const item of definition.definitions) {
    if (item.kind !== "type") continue;
    const entity = scope.define(item.type);
    scope.types.push(entity);
    if (entity.kind !== "deferred") continue;
    const outer = entity.evaluate();
    if (outer.kind !== "component") continue;
    const world = outer.exports.find(({ type }) => type.kind === "component");
    if (world?.type.kind === "component") {
      return { name: world.name, imports: world.type.imports, exports: world.type.exports };
    }
  }
  throw new UsageError("Expected the component type of a WIT world, got a component that defines none");
}
