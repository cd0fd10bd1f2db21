/**
 * Builds modules for the tests of the bindings generator, and runs them under tenon and under jco's glue.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../host/node/index.ts";
import { type Builder, type BuildResult, createBuilder, generate } from "../../scripts/toolchain/build/index.ts";
import { jcoComponent } from "../../scripts/toolchain/wasm-tools.ts";
import { readWorld, type WorldOptions } from "../../scripts/toolchain/wit/world.ts";

/** What a component exports, by camelCase names; tests know the shapes. */
export type Exports = Record<string, any>;

/** One of the two hosts with a component in it. */
export interface Host {
  readonly name: "tenon" | "jco";
  /** A fresh instance. */
  instantiate(imports?: object): Promise<Exports>;
}

export interface BuildOptions extends WorldOptions {
  readonly debug?: boolean;
}

/** A folder of modules under test, and the warm builder that compiles them. */
export class Workshop {
  readonly root: string;
  private readonly builder: Builder;
  private count = 0;

  private constructor(root: string) {
    this.root = root;
    this.builder = createBuilder({ cache: false, threads: 1 });
  }

  static async open(): Promise<Workshop> {
    return new Workshop(await mkdtemp(join(tmpdir(), "tenon-bindings-")));
  }

  async close(): Promise<void> {
    await this.builder.close();
    await rm(this.root, { recursive: true, force: true });
  }

  /** A module folder with the files given, beside those of `from`. */
  async folder(files: Readonly<Record<string, string>>, from?: string): Promise<string> {
    const dir = join(this.root, `m${this.count++}`);
    await mkdir(dir, { recursive: true });
    if (from !== undefined) await cp(from, dir, { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
    return dir;
  }

  async build(dir: string, { world, features, debug }: BuildOptions = {}): Promise<BuildResult> {
    return this.builder.build({ dir, out: join(dir, "out", "module.wasm"), world, features, debug });
  }

  /** Builds WIT with an author's `index.ts` and gives both hosts. */
  async hosts(wit: string, index: string, options: BuildOptions = {}): Promise<readonly Host[]> {
    const dir = await this.folder({ "world.wit": wit, "index.ts": index });
    return hostsOf((await this.build(dir, options)).component);
  }

  /** A module whose exported functions hand each call on to the imported function of the same name. */
  async passThrough(wit: string, options: BuildOptions = {}): Promise<string> {
    const dir = await this.folder({ "world.wit": wit });
    await writeFile(join(dir, "index.ts"), await passThroughText(dir, options));
    return dir;
  }
}

export async function hostsOf(component: string): Promise<readonly Host[]> {
  return [await tenonHost(component), await jcoHost(component)];
}

export async function tenonHost(component: string): Promise<Host> {
  const compiled = await compile(component);
  return { name: "tenon", instantiate: async (imports = {}) => (await compiled.instantiate(imports)).exports };
}

export async function jcoHost(component: string): Promise<Host> {
  const glue = await jcoComponent(await readFile(component));
  return { name: "jco", instantiate: async (imports = {}) => glue.instantiate(imports as Record<string, unknown>) };
}

/** The skeleton of a world with one interface on both sides, its bodies replaced by calls of the imports. */
async function passThroughText(dir: string, options: BuildOptions): Promise<string> {
  const guest = generate(await readWorld(join(dir, "world.wit"), options));
  const skeleton = guest.skeleton.get("index.ts")!;
  const imports = [...guest.files.keys()].find((name) => guest.files.has(name.replace(/\.ts$/, "-exports.ts")))!;
  const body = skeleton.replaceAll(
    /export function (\w+)\(([^)]*)\): ([^\n]*) \{\n\s*throw new Error\("Not implemented"\);/g,
    (_, name: string, params: string, result: string) => {
      const args = [...params.matchAll(/(\w+):/g)].map((match) => match[1]).join(", ");
      return `export function ${name}(${params}): ${result} {\n  return _import.${name}(${args});`;
    },
  );
  return `import * as _import from "./bindings/${imports.replace(/\.ts$/, "")}";\n${body}`;
}
