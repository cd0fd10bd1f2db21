/**
 * Resource identity between modules. A component's resource types are its own objects, new with every compilation and
 * shared by all instances of one component; a module's resources must be the same across its versions and different from
 * those of every other module. So each module gives its exported resources identities of its own, and its exports are
 * rewritten to mention those, and those of the modules it imports from.
 */
import type { ResourceBindings } from "../../model/subtype.ts";
import { byIdentity, Substitution } from "../../model/substitute.ts";
import type { ExternDecl, ResourceType } from "../../model/types.ts";
import { compatibilityKey } from "../../model/ids.ts";
import type { Exporter, ExportingRun } from "../contract.ts";

const identified = new WeakMap<ExportingRun, readonly ExternDecl[]>();

/** What a version of a module exports, with the resource identities that other modules know. */
export function identifiedExports(exporter: Exporter, run: ExportingRun): readonly ExternDecl[] {
  let decls = identified.get(run);
  if (decls === undefined) identified.set(run, (decls = identify(exporter.resources, run)));
  return decls;
}

function identify(
  known: Map<string, ResourceType>,
  { component: { exports: decls }, resources: imported }: ExportingRun,
): readonly ExternDecl[] {
  const identities: ResourceBindings = new Map(imported);
  const identifyIn = (key: string, items: readonly ExternDecl[]): void => {
    for (const { name, type } of items) {
      if (type.kind !== "resource-type" || identities.has(type.resource)) continue;
      const path = `${key}#${name}`;
      const identity = known.get(path) ?? { kind: "resource", name: type.resource.name };
      known.set(path, identity);
      identities.set(type.resource, identity);
    }
  };
  // Those of the world itself, then those of its interfaces.
  identifyIn("", decls);
  for (const { name, type } of decls) if (type.kind === "instance") identifyIn(compatibilityKey(name), type.exports);
  return identities.size === 0 ? decls : new Substitution(byIdentity(identities)).decls(decls);
}
