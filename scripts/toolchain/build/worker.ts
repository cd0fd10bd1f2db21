/**
 * Runs AssemblyScript's compiler in a thread of its own: asc may end the thread, and the build goes on.
 *
 * Owns one compilation: sources in, core module out. Errors are handed back as data for `diagnostics.ts` to explain.
 */
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parentPort } from "node:worker_threads";
import { createTransform } from "../guest/transform.ts";
import { position } from "./errors.ts";
import { hashOf } from "./files.ts";
import { compilerPackage } from "./packages.ts";
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

let compiler: Promise<Asc> | undefined;

/**
 * Serves requests one after the other; called once the loader of TypeScript files has been taken out of the way.
 *
 * @public
 */
export function serve(): void {
  const port = parentPort!;
  let queue: Promise<unknown> = Promise.resolve();
  compiler = loadCompiler();
  compiler.catch(() => {}); // The first task reports it.
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

function loadCompiler(): Promise<Asc> {
  return import("assemblyscript/asc") as Promise<unknown> as Promise<Asc>;
}

function explained(error: unknown): { missing: readonly string[] } | { error: string } {
  const { code, stack, message } = error as Error & { code?: unknown };
  const missing = code === "ERR_MODULE_NOT_FOUND" && message.includes(`'${compilerPackage}'`);
  return missing ? { missing: [compilerPackage] } : { error: stack ?? message };
}

const severities = ["error", "info", "warning", "error"] as const;

async function compile(task: CompileTask): Promise<CompileReply> {
  const started = performance.now();
  const asc = await (compiler ??= loadCompiler());
  const loaded = performance.now();
  const files = new SourceFiles(task);
  const diagnostics: Diagnostic[] = [];
  let wasm: Uint8Array<ArrayBuffer> | undefined;
  let map: string | undefined;
  const { error, stderr } = await asc.main(
    [
      ...[task.entry, "--baseDir", task.folder, "--outFile", "module.wasm", "--runtime", "incremental"],
      ...["--exportStart", "_initialize", ...(task.optimize ? ["-O"] : []), ...(task.debug ? ["--debug"] : [])],
      ...(task.sourceMap ? ["--sourceMap"] : []),
      ...task.flags,
    ],
    {
      stdout: { write: () => {} },
      transforms: [createTransform(task.exportTypes, task.renames), ...(await loadTransforms(task.transforms))],
      readFile: (name: string) => files.read(name),
      listFiles: (folder: string, base: string) => files.list(resolve(base, folder)),
      writeFile: (name: string, contents: Uint8Array | string) => {
        if (basename(name) === "module.wasm") wasm = new Uint8Array(contents as Uint8Array);
        if (basename(name) === "module.wasm.map") map = String(contents);
      },
      reportDiagnostic: (diagnostic: AscDiagnostic) => diagnostics.push(files.explain(diagnostic)),
    },
  );
  const failed = error !== null || wasm === undefined;
  const errors = diagnostics.some(({ severity }) => severity === "error");
  return {
    wasm: failed ? undefined : wasm,
    map,
    diagnostics,
    sources: Object.fromEntries(files.found),
    absent: [...files.absent],
    times: { load: loaded - started, asc: performance.now() - loaded },
    failure: failed && !errors ? `${error?.message ?? "No output"}\n${stderr}`.trim() : undefined,
    unknown: [...`${stderr}`.matchAll(/Unknown option '([^']+)'/g)].map((match) => match[1]!),
  };
}

/** What a transform's file held when it was loaded first, by path. */
const firstHashes = new Map<string, string>();

/**
 * The transforms of a task, each loaded anew when its file has changed. Under another name only then: modules that import
 * each other would be there twice.
 */
async function loadTransforms(transforms: CompileTask["transforms"]): Promise<unknown[]> {
  return Promise.all(
    transforms.map(async ({ path, hash }) => {
      const url = pathToFileURL(path);
      if (!firstHashes.has(path)) firstHashes.set(path, hash);
      else if (firstHashes.get(path) !== hash) url.searchParams.set("hash", hash);
      const loaded = (await import(url.href)) as { default?: unknown };
      return loaded.default ?? loaded;
    }),
  );
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
