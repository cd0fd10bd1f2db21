/**
 * Reads a WIT world out of the `component-type` section that WIT tools embed in a core module.
 *
 * The section is itself a component binary: a component type (the world) inside a component type, exported under the
 * world's id. See design/mvp/WIT.md, "Package Format".
 */
import type { ValidatedComponent } from "../binary/validate/index.ts";
import { UsageError } from "../errors.ts";
import { resourceOf } from "../model/cases.ts";
import { NamedSubstitution } from "../model/rename.ts";
import type { ExternDecl } from "../model/types.ts";

export interface WorldDescription {
  /** The world's full id, such as `demo:calc/calc@1.0.0`. */
  readonly name: string;
  readonly imports: readonly ExternDecl[];
  readonly exports: readonly ExternDecl[];
}

/** The world that a `component-type` section describes. @throws {UsageError} when it describes none */
export function describeWorld({ types }: ValidatedComponent): WorldDescription {
  for (const outer of types) {
    if (outer.kind !== "component") continue;
    for (const { name, type } of outer.exports) {
      if (type.kind !== "component") continue;
      const names = new NamedSubstitution(resourceOf);
      return { name, imports: names.decls(type.imports), exports: names.decls(type.exports) };
    }
  }
  throw new UsageError("Expected the component type of a WIT world, got a component that defines none");
}
