/**
 * Runs AssemblyScript and binaryen, in a thread of its own: asc may end the thread, and the build goes on.
 *
 * Owns one compilation: sources in, core module out. Errors are handed back as data for `diagnostics.ts` to explain.
 */
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { parentPort } from "node:worker_threads";
import { createTransform } from "../guest/transform.ts";
import { position } from "./errors.ts";
import { hashOf } from "./files.ts";
import type { CompileReply, CompileTask, Diagnostic, Place, Request, Response } from "./protocol.ts";

interface AscRange {
  readonly start: number;
  readonly end: number;
  readonly source: { readonly normalizedPath: string } | null;
}
interface AscDiagnostic {
  readonly category: number;
  readonly code: number;
  readonly message: string;
  readonly range: AscRange | null;
  readonly relatedRange: AscRange | null;
}
interface Asc {
  main(argv: readonly string[], options: object): Promise<{ error: Error | null; stderr: { toString(): string } }>;
}
type Binaryen = (typeof import("binaryen"))["default"];

let tools: Promise<{ asc: Asc; binaryen: Binaryen }> | undefined;

class MissingError extends Error {
  readonly names: readonly string[];
  constructor(names: readonly string[]) {
    super(`Missing: ${names.join(", ")}`);
    this.names = names;
  }
}

async function loadTools(): Promise<{ asc: Asc; binaryen: Binaryen }> {
  const found = await Promise.allSettled([import("assemblyscript/asc"), import("binaryen")]);
  const lacks = (name: string, index: number): boolean => {
    const result = found[index]!;
    if (result.status === "fulfilled") return false;
    const { code, message } = result.reason as { code?: unknown; message: string };
    if (code !== "ERR_MODULE_NOT_FOUND" || !message.includes(`'${name}'`)) throw result.reason;
    return true;
  };
  const missing = ["assemblyscript", "binaryen"].filter(lacks);
  const [asc, binaryen] = found;
  if (asc.status === "rejected" || binaryen.status === "rejected") throw new MissingError(missing);
  return { asc: asc.value as unknown as Asc, binaryen: binaryen.value.default };
}

/**
 * Serves requests one after the other; called once the loader of TypeScript files has been taken out of the way.
 *
 * @public
 */
export function serve(): void {
  const port = parentPort!;
  let queue: Promise<unknown> = Promise.resolve();
  tools = loadTools();
  tools.catch(() => {}); // The first task reports it.
  port.on("message", ({ id, task }: Request) => {
    queue = queue
      .then(() => compile(task))
      .then(
        (reply) =>
          port.postMessage({ id, reply } satisfies Response, reply.wasm === undefined ? [] : [reply.wasm.buffer]),
        (error: unknown) => port.postMessage({ id, ...explained(error) } satisfies Response),
      );
  });
}

function explained(error: unknown): { missing: readonly string[] } | { error: string } {
  if (error instanceof MissingError) return { missing: error.names };
  return { error: (error as Error).stack ?? (error as Error).message };
}

const severities = ["error", "info", "warning", "error"] as const;

async function compile(task: CompileTask): Promise<CompileReply> {
  const started = performance.now();
  const { asc, binaryen } = await (tools ??= loadTools());
  const loaded = performance.now();
  const files = new SourceFiles(task);
  const diagnostics: Diagnostic[] = [];
  let wasm: Uint8Array<ArrayBuffer> | undefined;
  const { error, stderr } = await asc.main(
    [
      ...[task.entry, "--baseDir", task.folder, "--outFile", "module.wasm", "--runtime", "incremental"],
      ...["--exportStart", "_initialize", ...(task.optimize ? ["-O"] : []), ...(task.debug ? ["--debug"] : [])],
      ...task.flags,
    ],
    {
      stdout: { write: () => {} },
      transforms: [createTransform(task.exportTypes)],
      readFile: (name: string) => files.read(name),
      listFiles: (folder: string, base: string) => files.list(resolve(base, folder)),
      writeFile: (name: string, contents: Uint8Array) => {
        if (basename(name) === "module.wasm") wasm = new Uint8Array(contents);
      },
      reportDiagnostic: (diagnostic: AscDiagnostic) => diagnostics.push(files.explain(diagnostic)),
    },
  );
  const compiled = performance.now();
  const failed = error !== null || wasm === undefined;
  const errors = diagnostics.some(({ severity }) => severity === "error");
  if (!failed) wasm = finish(binaryen, wasm!, task);
  return {
    wasm: failed ? undefined : wasm,
    diagnostics,
    sources: Object.fromEntries(files.found),
    absent: [...files.absent],
    times: { load: loaded - started, asc: compiled - loaded, binaryen: performance.now() - compiled },
    failure: failed && !errors ? `${error?.message ?? "No output"}\n${stderr}`.trim() : undefined,
  };
}

/** Gives the exports their canonical names, which AssemblyScript cannot spell, and optimises once more. */
function finish(
  binaryen: Binaryen,
  wasm: Uint8Array,
  { renames, optimize, debug }: CompileTask,
): Uint8Array<ArrayBuffer> {
  const module = binaryen.readBinary(wasm);
  try {
    const { Features } = binaryen;
    // The features that asc compiles to by default; binaryen assumes none unless they are set.
    module.setFeatures(
      Features.MutableGlobals |
        Features.SignExt |
        Features.NontrappingFPToInt |
        Features.BulkMemory |
        Features.BulkMemoryOpt,
    );
    const inner = new Map<string, string>();
    for (let i = module.getNumExports() - 1; i >= 0; i--) {
      const { name, value } = binaryen.getExportInfo(module.getExportByIndex(i));
      inner.set(name, value);
    }
    for (const [name, canonical] of renames) {
      const value = inner.get(name);
      if (value === undefined)
        throw new Error(`The generated bindings promise an export ${name} that they do not have`);
      module.removeExport(name);
      module.addFunctionExport(value, canonical);
    }
    binaryen.setDebugInfo(debug);
    if (optimize) {
      binaryen.setOptimizeLevel(3);
      binaryen.setShrinkLevel(1);
      module.optimize();
    }
    return new Uint8Array(module.emitBinary());
  } finally {
    module.dispose();
  }
}

/** The files of one compilation: generated ones from memory, the others from the disk. */
class SourceFiles {
  readonly found: Map<string, string> = new Map();
  readonly absent: Set<string> = new Set();
  private readonly task: CompileTask;
  private readonly texts = new Map<string, string>();

  constructor(task: CompileTask) {
    this.task = task;
  }

  read(name: string): string | null {
    // A module's own asconfig is for its editor: the build decides how components are compiled.
    if (name === "asconfig.json") return null;
    const text = this.task.generated.get(name) ?? this.readDisk(resolve(this.task.folder, name));
    if (text !== null) this.texts.set(name, text);
    return text;
  }

  private readDisk(path: string): string | null {
    try {
      const contents = readFileSync(path);
      // Hashed now: the file may change before the build is done, and then it is not what was compiled.
      this.found.set(path, hashOf([contents]));
      return contents.toString("utf8");
    } catch {
      this.absent.add(path);
      return null;
    }
  }

  async list(folder: string): Promise<string[] | null> {
    const names = await readdir(folder).catch(() => null);
    return names === null ? null : names.filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts")).sort();
  }

  explain({ category, code, message, range, relatedRange }: AscDiagnostic): Diagnostic {
    const severity = severities[category] ?? "error";
    return { severity, code, message, at: this.place(range), related: this.place(relatedRange) };
  }

  private place(range: AscRange | null): Place | undefined {
    const file = range?.source?.normalizedPath;
    if (range == null || file === undefined) return undefined;
    const text = this.texts.get(file) ?? "";
    const { line, column } = position(text, range.start);
    return { file, line, column, text: text.split("\n")[line - 1] ?? "" };
  }
}
