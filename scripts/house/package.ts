/**
 * `npm run build:package`: compiles what `npm pack` ships into `dist/host` and `dist/scripts`.
 *
 * Owns the step from TypeScript to files a consumer loads; what belongs to the package is what the entry points
 * of the host reach, and the AssemblyScript that bindings are put together from. The folders are made aside and then
 * put in place, for programs that read them meanwhile.
 */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, buildSync, type Plugin } from "esbuild";
import { writePage } from "./page.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const dist = join(root, "dist");

/** Error classes are the host's own, so that `instanceof` holds for what `tenon/wasi` throws; the page has them already. */
const errorsOfTheHost: Plugin = {
  name: "errors-of-the-host",
  setup: ({ onResolve }) =>
    // Other folders have an `errors.js` of their own.
    onResolve({ filter: /\/errors\.js$/ }, ({ path, resolveDir }) =>
      join(resolveDir, path) === join(made, "host", "errors.js")
        ? { path: "./index.js", external: true, sideEffects: false }
        : undefined,
    ),
};

mkdirSync(dist, { recursive: true });
const made = mkdtempSync(join(dist, ".package-"));
try {
  const { status } = spawnSync(process.execPath, [tsc, "-p", "host/tsconfig.package.json", "--outDir", made], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
  rewriteDeclarations(made);
  rewriteWorkers(made);
  await bundleForPages(join(made, "host", "browser"));
  const support = join("scripts", "toolchain", "guest", "assembly");
  mkdirSync(join(made, support));
  for (const file of ["abi.ts", "async.ts", "channels.ts", "tenon.ts"])
    copyFileSync(join(root, support, file), join(made, support, file));
  writePage(join(made, "scripts", "toolchain", "dev", "page"));
  for (const folder of ["host", "scripts"]) put(join(made, folder), join(dist, folder));
} finally {
  rmSync(made, { recursive: true, force: true });
}

/**
 * Pages that use no bundler fetch what they need in few files: what the host starts with, and what is loaded when it is needed.
 * Its names are short; a source map leads back to the files of Node's side, which are the same code.
 */
async function bundleForPages(folder: string): Promise<void> {
  const options = {
    outdir: folder,
    allowOverwrite: true,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    chunkNames: "chunks/[name]-[hash]",
    sourcemap: "linked",
    sourcesContent: false,
    logLevel: "warning",
  } as const;
  const entryPoints = ["index", "rights"].map((name) => join(folder, `${name}.js`));
  buildSync({ ...options, entryPoints, splitting: true });
  // A worker has a host of its own, in one file beside the chunk that starts it: the page's chunks stay as large as they are.
  // It is the same code, so a second source map would be the package's largest file for nothing new.
  buildSync({ ...options, entryPoints: [{ in: join(folder, "worker.js"), out: "chunks/worker" }], sourcemap: false });
  // Faces that are large are chunks, beside it: what they share with the host they import from its file.
  const wasi = { entryPoints: [join(folder, "wasi.js")], splitting: true, chunkNames: "wasi-[name]-[hash]" };
  await build({ ...options, ...wasi, sourcemap: false, plugins: [errorsOfTheHost] });
  for (const file of ["channel", "isolation", "platform", "thread", "worker"]) rmSync(join(folder, `${file}.js`));
}

/** The compiler rewrites `.ts` in JavaScript but leaves it in declarations, where not every tool follows it; the libraries are named too. */
function rewriteDeclarations(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!entry.endsWith(".d.ts")) continue;
    const path = join(folder, entry);
    const text = readFileSync(path, "utf8");
    // Older libraries of TypeScript lack these names; naming the library here spares programs a setting.
    const lib = /\bSymbol\.(?:asyncD|d)ispose\b|\bDisposable\b/.test(text)
      ? '/// <reference lib="esnext.disposable" />\n'
      : "";
    writeFileSync(path, lib + text.replaceAll(/((?:from|import)\s*\(?\s*["']\.[^"']*)\.ts(["'])/g, "$1.js$2"));
  }
}

/** A worker's script is named where a bundler looks for it, in a form that the compiler does not rewrite. */
function rewriteWorkers(folder: string): void {
  for (const side of ["node", "browser"]) {
    const path = join(folder, "host", side, "thread.js");
    const text = readFileSync(path, "utf8");
    const written = text.replaceAll('new URL("./worker.ts"', 'new URL("./worker.js"');
    if (written === text) throw new Error(`${path} names no worker`);
    writeFileSync(path, written);
  }
}

function put(folder: string, place: string): void {
  const before = `${folder}.before`;
  if (existsSync(place)) renameSync(place, before);
  renameSync(folder, place);
}
