/**
 * The program `program.ts` for each kind of runtime: bundled where modules are not found by themselves.
 */
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bindFile } from "../../host/cli/bind.ts";
import { wasiProgram } from "./guest.ts";
import type { Guest } from "./program.ts";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** A folder with what the program needs; the caller removes it. */
export interface Work {
  readonly folder: string;
  readonly signed: Omit<Guest, "source">;
}

/** A folder of its own with the bound modules and the program of WASI in it, which is signed by Node. */
export async function workFolder(): Promise<Work> {
  const folder = await mkdtemp(join(tmpdir(), "tenon-matrix-"));
  for (const name of ["hello", "prices"]) {
    await bindFile(join(root, "dist", "modules", `${name}.wasm`), join(folder, "bound"));
  }
  const program = await wasiProgram();
  await writeFile(join(folder, "guest.wasm"), program);
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const signature = sign(null, program, privateKey).toString("base64");
  return { folder, signed: { signature, publicKey: publicKey.export({ type: "spki", format: "pem" }) as string } };
}

/** Bundles the program alone: the host itself stays as the package ships it. */
async function bundle(source: string, path: string): Promise<void> {
  await build({
    stdin: { contents: source, resolveDir: root, sourcefile: "entry.ts", loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "neutral",
    outfile: path,
    external: ["tenon", "tenon/*", "file:*", "/made/*"],
    logLevel: "error",
  });
}

/** Prints the report as the last line of its output. For runtimes with files: Node, Deno and Bun. */
export async function programWithFiles({ folder, signed }: Work, memories: number): Promise<string> {
  const at = (...parts: readonly string[]): string => JSON.stringify(new URL(`file://${join(root, ...parts)}`).href);
  const path = join(folder, "program.mjs");
  await bundle(
    `import * as tenon from ${at("dist", "host", "node", "index.js")};
    import * as rights from ${at("dist", "host", "node", "rights.js")};
    import * as wasi from ${at("dist", "host", "node", "wasi.js")};
    import { run } from "./test/matrix/program.ts";
    const report = await run({
      tenon: tenon as never,
      wasi: wasi as never,
      rights: rights as never,
      guest: { ...${JSON.stringify(signed)}, source: new URL(${JSON.stringify(new URL(`file://${folder}/guest.wasm`).href)}) },
      module: (name) => new URL(\`\${name}.wasm\`, ${at("dist", "modules")} + "/"),
      bound: async (name) => (await import(${JSON.stringify(new URL(`file://${folder}/bound/`).href)} + name + ".js")).default,
      memories: ${memories},
    });
    console.log(JSON.stringify(report));`,
    path,
  );
  return path;
}

/** A page that posts its report to \`/report\`. Its server gives \`/dist/\` of this repository and \`/work/\`, the folder. */
export async function page({ folder, signed }: Work, memories: number): Promise<void> {
  interface Manifest {
    readonly exports: Readonly<Record<"." | "./rights" | "./wasi", { readonly browser: { readonly default: string } }>>;
  }
  const { exports } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as Manifest;
  await bundle(
    `import * as tenon from "tenon";
    import * as rights from "tenon/rights";
    import * as wasi from "tenon/wasi";
    import { run } from "./test/matrix/program.ts";
    const post = (report) => fetch("/report", { method: "POST", body: JSON.stringify(report) });
    run({
      tenon: tenon as never,
      wasi,
      rights,
      guest: { ...${JSON.stringify(signed)}, source: "/made/guest.wasm" },
      module: (name) => \`/dist/modules/\${name}.wasm\`,
      bound: async (name) => (await import("/made/bound/" + name + ".js")).default,
      memories: ${memories},
    }).then(post, (error) => post({ steps: [{ name: "run", error: String(error) }], facts: {} }));`,
    join(folder, "program.mjs"),
  );
  const at = (entry: keyof typeof exports): string => exports[entry].browser.default.replace(".", "");
  const imports = { tenon: at("."), "tenon/rights": at("./rights"), "tenon/wasi": at("./wasi") };
  await writeFile(
    join(folder, "index.html"),
    `<!doctype html><meta charset="utf-8"><title>tenon</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module" src="/made/program.mjs"></script>\n`,
  );
}
