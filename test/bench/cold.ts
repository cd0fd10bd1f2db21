/**
 * One cold start, in a process of its own: from the bytes of a component to its first result.
 *
 * Called as `cold.ts tenon|jco FILE`; prints milliseconds. Modules are imported before the clock starts on both sides,
 * and the host is the compiled package, so that neither pays for reading TypeScript.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Api } from "./adapter.ts";

const [, , side, file] = process.argv;
const bytes = await readFile(file!);
process.stdout.write(`${await (side === "tenon" ? tenon() : jco())}\n`);

async function tenon(): Promise<number> {
  const { compile } = (await import(
    new URL("../../dist/host/node/index.js", import.meta.url).href
  )) as typeof import("../../host/node/index.ts");
  // The host loads its compiler, and the words for faults, on first use; jco's transpiler below has been loaded too.
  for (const part of ["compiler", "faults"]) {
    await import(new URL(`../../dist/host/runtime/${part}.js`, import.meta.url).href);
  }
  const began = performance.now();
  const component = await compile(bytes);
  const api = (component.instantiateSync().exports as { api: Api }).api;
  check(api.add(2, 3));
  return performance.now() - began;
}

async function jco(): Promise<number> {
  const { transpileBytes } = (await import("@bytecodealliance/jco-transpile")) as unknown as {
    transpileBytes(component: Uint8Array, options: object): Promise<{ files: Record<string, Uint8Array> }>;
  };
  const folder = await mkdtemp(join(tmpdir(), "tenon-bench-"));
  try {
    const began = performance.now();
    const { files } = await transpileBytes(bytes, {
      name: "component",
      instantiation: "sync",
      emitTypescriptDeclarations: false,
    });
    const glue = join(folder, "component.mjs");
    await writeFile(glue, files["component.js"]!);
    const { instantiate } = (await import(pathToFileURL(glue).href)) as {
      instantiate: (core: (name: string) => WebAssembly.Module, imports: object) => { api: Api };
    };
    const { api } = instantiate((name) => new WebAssembly.Module(new Uint8Array(files[name]!)), {});
    check(api.add(2, 3));
    return performance.now() - began;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function check(sum: number): void {
  if (sum !== 5) throw new Error(`Expected 5, got ${sum}`);
}
