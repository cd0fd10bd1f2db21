/**
 * The types of an import, written beside what is imported, where TypeScript looks for them.
 *
 * For an import of `x.wasm` that is the name with `.d.wasm.ts`, where TypeScript's option `allowArbitraryExtensions` is set.
 */
import { readFile } from "node:fs/promises";
import { sep } from "node:path";
import { writeAllOrNone } from "../build/files.ts";
import type { Version } from "./library.ts";
import type { Place } from "./places.ts";

const MARK = "Written by tenon";

/** Writes the declarations of an import. Files that are right, or somebody else's, or in a package, are left. */
export async function declare({ path, types }: Place, version: Version): Promise<void> {
  if (path.includes(`${sep}node_modules${sep}`)) return;
  const before = await readFile(types, "utf8").catch(() => undefined);
  // `tenon build` writes them too, and splits them in two files.
  if (before !== undefined && (!before.includes(MARK) || /\bexport type \* from\b/.test(before))) return;
  const text = sourceTypes(version.declarations);
  if (before !== text) await writeAllOrNone(new Map([[types, text]]));
}

/** A world's declarations with a default export: what the import gives. */
function sourceTypes(world: string): string {
  const name = /^export interface (\S+) extends World\b/m.exec(world)?.[1] ?? "World";
  return `${world
    .replace(/^import type \{ (.*) \} from "tenon";$/m, (_, names: string) => {
      const needed = names.split(", ").filter((name) => name !== "BoundComponent");
      return `import type { ${[...needed, "TypedSource"].toSorted().join(", ")} } from "tenon";`;
    })
    .trimEnd()}

/** A source for \`load\` and \`compile\`, which take their types from it. */
declare const component: TypedSource<${name}>;
export default component;
`;
}
