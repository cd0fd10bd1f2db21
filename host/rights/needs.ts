/**
 * What a component needs: every import that means anything at run time, one by one, with what is known of it.
 *
 * Types alone are left out: they let nothing happen.
 */
import { isInterfaceId } from "../model/ids.ts";
import type { ExternDecl, ExternType } from "../model/types.ts";
import { type Known, knownFunction } from "./known.ts";

/** One thing that is imported. */
export interface Need {
  /** The import it is in. */
  readonly decl: ExternDecl;
  /** Its name there; of what the world itself imports, the import's own. */
  readonly item: string;
  /** What it is for those who are granted it: the id of an interface, or `world`. */
  readonly place: string;
  readonly type: ExternType;
  /** `undefined` where nothing is known of it. */
  readonly known: Known | undefined;
}

/** What the imports of a component need, in their order. */
export function needsOf(imports: readonly ExternDecl[]): readonly Need[] {
  return imports.flatMap((decl): Need[] => {
    const { name, type } = decl;
    const isKnown = type.kind === "instance" && isInterfaceId(name);
    const place = isKnown ? name : "world";
    const item = (path: string, at: ExternType): Need[] => {
      switch (at.kind) {
        case "type":
          return [];
        case "instance":
          return at.exports.flatMap((inner) => item(path === "" ? inner.name : `${path}#${inner.name}`, inner.type));
        default:
          return [{ decl, item: path, place, type: at, known: isKnown ? told(name, path, at) : undefined }];
      }
    };
    // Under a name of its own an interface may be anything, so its items are told apart by that name.
    return item(isKnown || type.kind !== "instance" ? (isKnown ? "" : name) : name, type);
  });
}

function told(id: string, item: string, { kind }: ExternType): Known | undefined {
  const known = knownFunction(id, kind === "func" ? item : "");
  // A resource can be held and dropped; what is done with it is its functions'.
  return known === undefined || kind === "func"
    ? known
    : { ...known, action: kind === "resource-type" ? "-" : undefined };
}
