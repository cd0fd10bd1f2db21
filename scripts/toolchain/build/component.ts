/**
 * From a compiled core module to a component: its world embedded, its producers named, its source map told.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { withoutSections } from "../core-sections.ts";
import { componentEmbed, componentNew, metadataAdd, ToolError } from "../wasm-tools.ts";
import { lifecycle, withWitInput } from "../wit/sources.ts";
import type { WitWorld } from "../wit/world.ts";
import { toolVersions } from "./cache.ts";
import { explainAbsentImport } from "./diagnostics.ts";
import { setUtf16 } from "./encodings.ts";
import { BuildError } from "./errors.ts";
import { withSourceMap } from "./source-map.ts";

export interface ComponentInput {
  /** The module's folder, absolute. */
  readonly folder: string;
  readonly core: Uint8Array;
  readonly world: WitWorld;
  /** The module's sources, absolute, to look for the causes of errors in. */
  readonly sources: readonly string[];
  /** Where the core module's source map is. */
  readonly sourceMapUrl: string | undefined;
}

const CONSOLE = "tenon:module/console";

/** A core module that uses the console of tenon's host has its interface as an import, beside those of its world. */
async function withConsole(core: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const used = WebAssembly.Module.imports(new WebAssembly.Module(core)).some(({ module }) =>
    module.startsWith(CONSOLE),
  );
  if (!used) return core;
  const witSource = `${await readFile(lifecycle, "utf8")}\nworld uses-console { import console; }\n`;
  return componentEmbed(core, { witSource, world: "uses-console" });
}

/** The core module with its world, wrapped as a component. @throws {BuildError} when it imports what no world gives */
export async function componentOf(input: ComponentInput): Promise<Uint8Array<ArrayBuffer>> {
  const { folder, world, sourceMapUrl } = input;
  // asc adds sections of its own; what belongs in a component is the code, and names when debugging.
  const bare = withoutSections(input.core, ({ id, name: section }) => id === 0 && section !== "name");
  const core = sourceMapUrl === undefined ? bare : withSourceMap(bare, sourceMapUrl);
  const { sources, name, features } = world;
  try {
    const embedded = await withWitInput(sources, (wit) => componentEmbed(core, { ...wit, world: name, features }));
    const component = await componentNew(await withConsole(embedded));
    setUtf16(component);
    return await metadataAdd(component, [
      ["language", [["AssemblyScript", toolVersions.assemblyscript]]],
      [
        "processed-by",
        [
          ["asc", toolVersions.assemblyscript],
          ["binaryen", toolVersions.binaryen],
        ],
      ],
      ["sdk", [["tenon", toolVersions.tenon]]],
    ]);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const absent = /failed to resolve import `([^`:$]+)::([^`]+)`/.exec(error.message);
    if (absent !== null) {
      const issue = await explainAbsentImport(absent[1]!, absent[2]!, input.sources);
      throw new BuildError([{ file: join(folder, "index.ts"), ...issue }], { cause: error });
    }
    const hint = "The compiled module does not fit the world that its bindings were made for; this is a fault of tenon";
    throw new BuildError([{ file: folder, message: error.message, hint }], { cause: error });
  }
}
