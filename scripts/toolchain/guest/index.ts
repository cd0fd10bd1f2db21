/**
 * The AssemblyScript bindings generator: a decoded world in, the text of its bindings out.
 *
 * It reads no file but its own fixed text (`assembly/`), and writes none. Owns what a module author sees and the canonical ABI on the guest's side; not the
 * compiler runs that follow (`scripts/build`). Follows design/mvp/CanonicalABI.md, "Canonical ABI".
 */
import { someType } from "../../../host/model/cases.ts";
import type { ExternDecl, ValueType } from "../../../host/model/types.ts";
import type { WorldDescription } from "../../../host/plan/world.ts";
import { AbiEmitter } from "./abi.ts";
import { AreaSizes } from "./areas.ts";
import { channelTexts } from "./channels.ts";
import type { GuestInput, GuestOutput, RequiredExport } from "./contract.ts";
import { DeclarationWriter } from "./declarations.ts";
import { ExportEmitter } from "./export-functions.ts";
import { ImportEmitter, ImportNames } from "./import-functions.ts";
import { abiText, asyncText, channelText, consoleSink, hookFlags, runtimeText, type Sink } from "./runtime.ts";
import { skeleton } from "./skeleton.ts";
import { FileScope, TypeText } from "./assembly-types.ts";
import { generatedMark } from "./writer.ts";
import {
  analyseWorld,
  asyncFunctions,
  asyncNames,
  channelNames,
  type GuestFile,
  type GuestWorld,
  runtimeFunctions,
} from "./world.ts";

/**
 * Makes the bindings of a world.
 *
 * @throws {UnsupportedError} naming the WIT item, when the world has something that AssemblyScript cannot express
 */
export function generateGuest({ world: description, docs = new Map(), hostConsole = true }: GuestInput): GuestOutput {
  const world = analyseWorld(description);
  const types = new TypeText(world);
  const imports = new ImportNames();
  const abiScope = new FileScope(undefined);
  const abi = new AbiEmitter(types, abiScope);
  const areas = new AreaSizes();
  const exports = new ExportEmitter(world, abi, areas);

  const importTexts = new ImportEmitter(world, abi, imports, areas).imports();
  const { text: entry, renames, required, exportTypes } = exports.entry();
  const exportTexts = exports.exportHelpers();
  const { text: channels, makers } = channelTexts(world, abi);
  const resources = [...world.resources.values()];
  const imported = world.errorContexts || resources.some(({ origin }) => origin === "imported");
  const handles = {
    imported,
    borrows: imported && /\bborrow</.test(importTexts + exportTexts + abi.helpers()),
    exported: resources.some(({ origin }) => origin === "exported"),
    waits: world.waits,
  };
  if (imported) abiScope.runtime("Resource");
  const fixed = abiText(areas, handles);

  const files = new Map<string, string>();
  const declarations = new DeclarationWriter(types, docs, (func) => imports.of(func));
  files.set(
    `${world.worldFile.path}.ts`,
    declarations.file(world.worldFile, worldExports(world, description, { resources: imported, makers })),
  );
  for (const file of world.files) files.set(`${file.path}.ts`, declarations.file(file));
  const sink = logSink(world) ?? (hostConsole ? consoleSink : undefined);
  const ends = world.channels.stream || world.channels.future;
  const { errorContexts } = world;
  if (world.waits) files.set("async.ts", asyncText(handles));
  if (ends) files.set("channels.ts", channelText(world.channels));
  const tuples = tupleSizes(description);
  files.set("tenon.ts", runtimeText({ tupleSizes: tuples, resources: imported, errorContexts, ends, sink }));
  files.set(
    "abi.ts",
    [
      generated("The canonical ABI of this world"),
      ...abiScope.lines(),
      "",
      fixed,
      abi.helpers(),
      channels,
      importTexts,
      exportTexts,
    ]
      .join("\n")
      .replace(/\n{3,}/g, "\n\n"),
  );
  files.set("globals.d.ts", `${generated("What editors need beside AssemblyScript's own declarations")}\n${globals}`);
  files.set("entry.ts", [generated("What the component exports"), ...exports.entryImports(), entry].join("\n"));
  return {
    files,
    entry: "entry.ts",
    renames,
    ascFlags: hookFlags,
    required: withLines(required, generated("").split("\n").length + exports.entryImports().length),
    exportTypes,
    skeleton: skeleton(world, types, docs),
  };
}

/** AssemblyScript's declarations leave it out, and its numbers have it. */
const globals = `interface Number {
  /** The number as text, in a base from 2 to 36. */
  toString(radix?: i32): string;
}
`;

function generated(what: string): string {
  return `// ${what}. ${generatedMark}`;
}

/** Lines of the entry's body, moved down by the lines above it. */
function withLines(required: readonly RequiredExport[], above: number): RequiredExport[] {
  return required.map((one) => ({ ...one, lines: { first: one.lines.first + above, last: one.lines.last + above } }));
}

/** What an author finds in the world's file: the runtime, and every type of an exported interface that has a name of its own. */
function worldExports(
  world: GuestWorld,
  description: WorldDescription,
  { resources, makers }: { readonly resources: boolean; readonly makers: readonly string[] },
): string[] {
  const tuples = tupleSizes(description).map((size) => `Tuple${size}`);
  const handles = [...(world.errorContexts ? ["ErrorContext"] : []), "Option", ...(resources ? ["Resource"] : [])];
  const names = [...handles, "Result", ...tuples, "Unit", ...runtimeFunctions];
  const lines = [`export { ${names.join(", ")} } from "./tenon";`];
  if (world.waits) lines.push(...asyncExports(world, makers));
  const exported = world.files.filter(({ direction }) => direction === "export");
  const taken = new Map<string, number>();
  const own = new Set(namesIn(world.worldFile));
  for (const file of exported) for (const name of namesIn(file)) taken.set(name, (taken.get(name) ?? 0) + 1);
  for (const file of exported) {
    const free = namesIn(file).filter((name) => taken.get(name) === 1 && !own.has(name));
    if (free.length > 0) lines.push(`export { ${free.join(", ")} } from "./${file.path}";`);
  }
  return lines;
}

function asyncExports({ channels }: GuestWorld, makers: readonly string[]): string[] {
  const kinds = (["stream", "future"] as const).filter((kind) => channels[kind]);
  const line = (names: readonly string[], file: string): string => `export { ${names.join(", ")} } from "./${file}";`;
  const tasks = line([...asyncNames, ...asyncFunctions], "async");
  if (kinds.length === 0) return [tasks];
  const ends = kinds.flatMap((kind) => channelNames[kind]);
  return [tasks, line(ends, "channels"), line(makers, "abi")];
}

/** Classes, enums and aliases that a file exports, the author's own classes excepted. */
function namesIn(file: GuestFile): string[] {
  return file.declarations.flatMap((declaration) => {
    switch (declaration.kind) {
      case "nominal":
        return [declaration.type.name, ...(declaration.type.tagName === "" ? [] : [declaration.type.tagName])];
      case "alias":
        return "origin" in declaration.of && declaration.of.origin === "exported" ? [] : [declaration.name];
      case "type":
        return [declaration.name];
      case "resource":
        return declaration.resource.origin === "imported" ? [declaration.resource.name] : [];
    }
  });
}

function tupleSizes({ imports, exports }: WorldDescription): number[] {
  const sizes = new Set<number>();
  const value = (type: ValueType | undefined): void => {
    someType(type, (part) => {
      if (part.kind === "tuple") sizes.add(part.types.length);
      return false;
    });
  };
  const extern = ({ type }: ExternDecl): void => {
    if (type.kind === "instance") type.exports.forEach(extern);
    else if (type.kind === "func") [...type.params.map((param) => param.type), type.result].forEach(value);
    else if (type.kind === "type" && !["func", "instance", "component"].includes(type.type.kind))
      value(type.type as ValueType);
  };
  [...imports, ...exports].forEach(extern);
  return [...sizes].sort((a, b) => a - b);
}

/** An import that can take a line of text: `wasi:logging/logging#log`, or a function `log` of the world with one string. */
function logSink(world: GuestWorld): Sink | undefined {
  for (const file of [world.worldFile, ...world.files]) {
    if (file.direction !== "import") continue;
    const func = file.functions.find(({ witName, direction }) => witName === "log" && direction === "import");
    if (func === undefined || func.type.result !== undefined || func.type.async) continue;
    const kinds = func.type.params.map(({ type }) => type.kind).join(" ");
    const path = `./${file.path}`;
    if (file.isWorld && kinds === "string") {
      return { path, call: (level, text) => (level.startsWith("time") ? undefined : `_sink.${func.name}(${text});`) };
    }
    if (/^wasi:logging\/logging(@|$)/.test(file.id) && kinds === "enum string string") {
      const members = { trace: "Trace", debug: "Debug", log: "Info", info: "Info", warn: "Warn", error: "Error" };
      return {
        path,
        call: (level, text) =>
          level in members
            ? `_sink.${func.name}(_sink.Level.${members[level as keyof typeof members]}, "", ${text});`
            : undefined,
      };
    }
  }
  return undefined;
}
