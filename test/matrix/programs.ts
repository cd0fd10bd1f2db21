/**
 * The program `program.ts` for each kind of runtime: bundled where modules are not found by themselves.
 */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bindFile } from "../../host/cli/bind.ts";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** A folder of its own with the bound module `hello` in it; the caller removes it. */
export async function workFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tenon-matrix-"));
  await bindFile(join(root, "dist", "modules", "hello.wasm"), join(folder, "bound"));
  return folder;
}

/** Bundles the program alone: the host itself stays as the package ships it. */
async function bundle(source: string, path: string): Promise<void> {
  await build({
    stdin: { contents: source, resolveDir: root, sourcefile: "entry.ts", loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "neutral",
    outfile: path,
    external: ["tenon", "file:*", "/made/*"],
    logLevel: "error",
  });
}

/** Prints the report as the last line of its output. For runtimes with files: Node, Deno and Bun. */
export async function programWithFiles(folder: string, memories: number): Promise<string> {
  const at = (...parts: readonly string[]): string => JSON.stringify(new URL(`file://${join(root, ...parts)}`).href);
  const path = join(folder, "program.mjs");
  await bundle(
    `import * as tenon from ${at("dist", "host", "node", "index.js")};
    import { run } from "./test/matrix/program.ts";
    const report = await run({
      tenon: tenon as never,
      module: (name) => new URL(\`\${name}.wasm\`, ${at("dist", "modules")} + "/"),
      bound: async () => (await import(${JSON.stringify(new URL(`file://${folder}/bound/hello.js`).href)})).default,
      memories: ${memories},
    });
    console.log(JSON.stringify(report));`,
    path,
  );
  return path;
}

/** A page that posts its report to \`/report\`. Its server gives \`/dist/\` of this repository and \`/work/\`, the folder. */
export async function page(folder: string, memories: number): Promise<void> {
  interface Manifest {
    readonly exports: { readonly ".": { readonly browser: { readonly default: string } } };
  }
  const { exports } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as Manifest;
  await bundle(
    `import * as tenon from "tenon";
    import { run } from "./test/matrix/program.ts";
    const post = (report) => fetch("/report", { method: "POST", body: JSON.stringify(report) });
    run({
      tenon: tenon as never,
      module: (name) => \`/dist/modules/\${name}.wasm\`,
      bound: async () => (await import("/made/bound/hello.js")).default,
      memories: ${memories},
    }).then(post, (error) => post({ steps: [{ name: "run", error: String(error) }], facts: {} }));`,
    join(folder, "program.mjs"),
  );
  const imports = { tenon: `/${exports["."].browser.default.replace("./", "")}` };
  await writeFile(
    join(folder, "index.html"),
    `<!doctype html><meta charset="utf-8"><title>tenon</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module" src="/made/program.mjs"></script>\n`,
  );
}
