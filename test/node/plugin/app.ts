/** A small application with a module and a component of its own, and each bundler that builds it. */
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { rspack } from "@rspack/core";
import { build as esbuild } from "esbuild";
import { rolldown } from "rolldown";
import { rollup } from "rollup";
import { build as vite } from "vite";
import { build as vite8 } from "vite8";
import webpack from "webpack";
import tenon, { type PluginOptions } from "../../../scripts/toolchain/plugin/index.ts";
import { math } from "../host/fixtures.ts";

export const root: string = resolve(import.meta.dirname, "..", "..", "..");

export const GREETER_WIT = `package my:greeter;

world greeter {
  import log: func(text: string);
  export greet: func(name: string) -> result<string, string>;
}
`;

/** @param greeting what the module says */
export const greeterSource = (greeting = "Hello"): string => `import { Result, err, log, ok } from "./bindings/greeter";

export function greet(name: string): Result<string, string> {
  if (name.length == 0) return err<string, string>("Who?");
  log(\`greeting \${name}\`);
  return ok<string, string>(\`${greeting}, \${name}!\`);
}
`;

/** By its WIT, by its folder and as a ready component; its types come from what it imports. */
const MAIN = `import { createHost } from "tenon";
import byWorld from "./greeter/world.wit";
import byFolder from "./greeter";
import math from "./math.wasm";

const host = createHost();
const logged = [];
const log = (text) => void logged.push(text);
const greeter = await host.load(byWorld, { imports: { log } });
const other = await host.load(byFolder, { imports: { log }, name: "other" });
const { exports } = await host.load(math);
const answers = [greeter.exports.greet("Ada"), other.exports.greet("Bob"), logged.length, exports.api.add(2, 3)];
console.log(JSON.stringify([...answers, ...host.manifest().map((module) => module.name)]));
await host.close();
`;
export const ANSWERS: readonly unknown[] = ["Hello, Ada!", "Hello, Bob!", 2, 5, "greeter", "other", "math"];

export const TALLY_WIT = `package my:tally;

world tally {
  export next: func() -> u32;
  export label: func() -> string;
  export tenon:module/state@0.1.0;
}
`;

/**
 * A count that reloads hand over.
 * @param refuses restoring is an error
 */
export const tallySource = (
  label: string,
  refuses = false,
): string => `import { Result, Unit, err, ok } from "./bindings/tally";

let count: u32 = 0;

export function next(): u32 {
  return ++count;
}

export function label(): string {
  return "${label}";
}

export function save(): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, count, true);
  return bytes;
}

export function restore(saved: Uint8Array): Result<Unit, string> {
  if (${refuses} || saved.length != 4) return err<Unit, string>("Not this state");
  count = new DataView(saved.buffer).getUint32(0, true);
  return ok<Unit, string>();
}
`;

/** Makes the application in a new folder, with the package in it. */
export async function makeApp(files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tenon-app-"));
  const all = {
    "package.json": JSON.stringify({ name: "app", private: true, type: "module" }),
    "main.js": MAIN,
    "greeter/world.wit": GREETER_WIT,
    "greeter/index.ts": greeterSource(),
    "math.wasm": await math(),
    ...files,
  };
  for (const [name, contents] of Object.entries(all)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), contents);
  }
  await mkdir(join(folder, "node_modules"));
  await symlink(root, join(folder, "node_modules", "tenon"), "dir");
  return folder;
}

/** An entry as it is when it runs, and where the output goes. */
interface Job {
  readonly folder: string;
  readonly out: string;
  readonly options: PluginOptions;
}

const input = ({ folder }: Job): string => join(folder, "main.js");
const cached = ({ folder, options }: Job): PluginOptions => ({
  cache: join(folder, "node_modules", ".cache"),
  ...options,
});

/** Builds an application for Node with each bundler; the package itself stays outside where that is the bundler's way. */
export const bundlers = {
  async rollup(job: Job): Promise<void> {
    const bundle = await rollup({ input: input(job), external: ["tenon"], plugins: [tenon.rollup(cached(job))] });
    await bundle.write({ dir: job.out, format: "esm" });
    await bundle.close();
  },
  async rolldown(job: Job): Promise<void> {
    const bundle = await rolldown({ input: input(job), external: ["tenon"], plugins: [tenon.rolldown(cached(job))] });
    await bundle.write({ dir: job.out, format: "esm" });
    await bundle.close();
  },
  async esbuild(job: Job): Promise<void> {
    await esbuild({
      entryPoints: [input(job)],
      bundle: true,
      format: "esm",
      external: ["tenon"],
      outdir: job.out,
      logLevel: "silent",
      plugins: [tenon.esbuild(cached(job))],
    });
  },
  webpack: (job: Job): Promise<void> => pack(webpack as never, job, tenon.webpack(cached(job))),
  rspack: (job: Job): Promise<void> => pack(rspack as never, job, tenon.rspack(cached(job))),
  async vite(job: Job): Promise<void> {
    await vite(viteConfig(job));
  },
  async vite8(job: Job): Promise<void> {
    await vite8(viteConfig(job) as never);
  },
};

function viteConfig(job: Job): Parameters<typeof vite>[0] & object {
  return {
    root: job.folder,
    configFile: false,
    logLevel: "silent",
    build: { ssr: input(job), outDir: job.out, emptyOutDir: true },
    plugins: [tenon.vite(cached(job))],
  };
}

type Packer = (
  options: object,
  done: (error: Error | null, stats: { hasErrors(): boolean; toString(options: object): string }) => void,
) => void;

function pack(packer: Packer, job: Job, plugin: unknown): Promise<void> {
  return new Promise((settle, refuse) => {
    const options = {
      mode: "production",
      context: job.folder,
      entry: "./main.js",
      target: "node20",
      externals: { tenon: "module tenon" },
      experiments: { outputModule: true },
      output: { path: job.out, module: true, filename: "main.js", library: { type: "module" } },
      plugins: [plugin],
    };
    packer(options, (error, stats) => {
      if (error !== null || stats.hasErrors()) refuse(error ?? new Error(stats.toString({ all: false, errors: true })));
      else settle();
    });
  });
}

/** All files of a folder, with paths from there. */
export async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name).slice(folder.length + 1));
}

/** Removes an application, also while a build that has failed still writes its caches. */
export function remove(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
