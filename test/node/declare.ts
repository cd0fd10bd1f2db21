/** Declarations of WIT worlds, and what the compiler says of programs that use them. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll } from "vitest";
import { declarations } from "../../scripts/toolchain/types/dts.ts";
import { describeSources } from "../../scripts/toolchain/wit/world.ts";

const root = await mkdtemp(join(tmpdir(), "tenon-types-"));
afterAll(() => rm(root, { recursive: true, force: true }));

export async function declare(text: string, world?: string): Promise<string> {
  const sources = { path: "x.wit", main: { name: "", files: [{ path: "x.wit", text }] }, dependencies: [] };
  const { description, docs } = await describeSources(sources, { world });
  return declarations(description, docs);
}

/** Compiles declarations together with uses of them, under the strictest settings. */
export async function compile(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(root, "c-"));
  const config = {
    compilerOptions: {
      ...{ target: "ES2022", lib: ["ES2023", "ESNext.Disposable"], module: "NodeNext", types: [], noEmit: true },
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
      allowImportingTsExtensions: true,
    },
    include: ["*.ts"],
  };
  const all: Record<string, string> = {
    "tsconfig.json": JSON.stringify(config),
    "package.json": JSON.stringify({ type: "module" }),
    "globals.d.ts": "declare namespace WebAssembly { interface Module {} }",
    "node_modules/tenon/index.d.ts":
      "export interface World { imports: object; exports: object }\n" +
      "export interface GuestResource<N extends string> extends Disposable { readonly 'a phantom': N }",
    "node_modules/tenon/package.json": JSON.stringify({ name: "tenon", type: "module", types: "./index.d.ts" }),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  return new Promise((done) => {
    execFile(process.execPath, [resolve(tsc), "-p", folder], (_, stdout) => done(stdout));
  });
}

/** A project that sees the host's own sources. */
export function hostConfig(): string {
  const host = resolve("host");
  return JSON.stringify({
    extends: join(host, "node", "tsconfig.json"),
    compilerOptions: {
      paths: {
        tenon: [join(host, "node", "index.ts")],
        "tenon/wasi": [join(host, "node", "wasi.ts")],
        "@bytecodealliance/preview2-shim/instantiation": [
          resolve("node_modules/@bytecodealliance/preview2-shim/types/instantiation.d.ts"),
        ],
      },
      typeRoots: [resolve("node_modules/@types")],
      declaration: false,
      isolatedDeclarations: false,
    },
    include: ["*.ts", join(host, "webassembly.d.ts")],
  });
}

/** The packages of WASI that jco has, nested as one file holds several. */
export async function wasiPackages(version: string): Promise<string> {
  const builtin = resolve("node_modules/@bytecodealliance/jco/lib/wit/builtin", version);
  const names = (await readdir(builtin, { recursive: true })).filter((name) => name.endsWith(".wit"));
  const texts = await Promise.all(names.map((name) => readFile(join(builtin, name), "utf8")));
  return texts.map((text) => `${text.replace(/^package ([^;]+);/m, "package $1 {")}\n}`).join("\n");
}
