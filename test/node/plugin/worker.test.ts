/** Modules in workers of a page that a bundler built: the script of the workers is found, from the same place or another. */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { rspack } from "@rspack/core";
import { build as esbuild } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { rolldown } from "rolldown";
import { rollup } from "rollup";
import { build as vite } from "vite";
import { build as vite8 } from "vite8";
import { afterAll, beforeAll, expect, test } from "vitest";
import webpack from "webpack";
import { CHROMIUM_ARGUMENTS, CHROMIUM_HELP, findChromium } from "../../../scripts/house/chromium.ts";
import tenon from "../../../scripts/toolchain/plugin/index.ts";
import { poker } from "../host/fixtures.ts";
import { serve } from "../package/support.ts";
import { makeApp, remove, root } from "./app.ts";

const MAIN = `import { createHost } from "tenon";
const seen = [];
const poke = async (value) => { await new Promise((done) => setTimeout(done, 1)); seen.push(value); };
try {
  const imports = { "demo:poke/host": { poke } };
  const module = await createHost().load("./poker.wasm", { isolation: "worker", imports });
  document.title = JSON.stringify([await module.exports.run(7), seen]);
} catch (error) {
  document.title = String(error);
}
`;
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

let folder: string;
let browser: Browser;
beforeAll(async () => {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_HELP);
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGUMENTS] });
  folder = await makeApp({
    "main.js": MAIN,
    "index.html": `<!doctype html><title></title><script type="module" src="/main.js"></script>`,
  });
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await remove(folder);
});

/** What the page in a folder says of itself when it is done. */
async function visit(out: string): Promise<string> {
  await writeFile(join(out, "poker.wasm"), await poker());
  const server = await serve(out, ISOLATED);
  const page = await browser.newPage();
  try {
    await page.goto(server.url);
    for (const end = Date.now() + 30_000; (await page.title()) === "" && Date.now() < end;) await sleep(20);
    return await page.title();
  } finally {
    await page.close();
    await server.close();
  }
}

/** A folder for the output, with a page that runs it. */
async function made(name: string): Promise<string> {
  const out = join(folder, "out", name);
  await mkdir(out, { recursive: true });
  if (!name.startsWith("vite")) await copyFile(join(folder, "index.html"), join(out, "index.html"));
  return out;
}

/** The host of pages, where a bundler is not told that it builds for them. */
const page = join(root, "dist", "host", "browser", "index.js");
const resolving = { name: "page", resolveId: (id: string) => (id === "tenon" ? page : undefined) };

type Packer = (options: object, done: (error: Error | null, stats: { hasErrors(): boolean }) => void) => void;
const pack = (packer: Packer, out: string, plugins: readonly unknown[]): Promise<void> =>
  new Promise((settle, refuse) => {
    const output = { path: out, filename: "main.js", publicPath: "auto" };
    const options = { mode: "production", context: folder, entry: "./main.js", target: "web", output, plugins };
    packer(options, (error, stats) =>
      (error ?? stats.hasErrors()) ? refuse(error ?? new Error(String(stats))) : settle(),
    );
  });

const bundlers: Readonly<Record<string, (out: string) => Promise<unknown>>> = {
  async rollup(out) {
    const input = join(folder, "main.js");
    const bundle = await rollup({ input, plugins: [resolving, tenon.rollup()] });
    await bundle.write({ dir: out, format: "esm" });
  },
  async rolldown(out) {
    const bundle = await rolldown({ input: join(folder, "main.js"), plugins: [resolving, tenon.rolldown()] });
    await bundle.write({ dir: out, format: "esm" });
  },
  esbuild: (outdir) =>
    esbuild({
      ...{ entryPoints: [join(folder, "main.js")], bundle: true, splitting: true, format: "esm", target: "es2022" },
      ...{ outdir, logLevel: "silent", plugins: [tenon.esbuild()] },
    }),
  "webpack without the plugin": (out) => pack(webpack as never, out, []),
  rspack: (out) => pack(rspack as never, out, [tenon.rspack()]),
  vite: (outDir) =>
    vite({
      ...{ root: folder, configFile: false, logLevel: "silent", worker: { format: "es" }, plugins: [tenon.vite()] },
      build: { target: "es2022", outDir },
    }),
  vite8: (outDir) =>
    vite8({
      ...{ root: folder, configFile: false, logLevel: "silent", worker: { format: "es" }, plugins: [tenon.vite()] },
      build: { target: "es2022", outDir },
    } as never),
};

test.each(Object.entries(bundlers))(
  "a page that %s built starts workers: their script is beside its own",
  async (name, build) => {
    const out = await made(name);
    await build(out);
    expect(await visit(out)).toBe("[7,[7]]");
  },
  180_000,
);

test("a page whose bundler left the script out is told what would find it", async () => {
  const out = await made("rollup without the plugin");
  const bundle = await rollup({ input: join(folder, "main.js"), plugins: [resolving] });
  await bundle.write({ dir: out, format: "esm" });
  expect(await visit(out)).toMatch(/^UsageError: .*its script could not be loaded.*tenon\/plugin/);
});

test("a page whose scripts come from another origin starts workers all the same", async () => {
  const scripts = join(folder, "out", "elsewhere");
  await bundlers["esbuild"]!(scripts);
  const other = await serve(scripts, { "access-control-allow-origin": "*" });
  try {
    const out = await made("another origin");
    const script = `<script type="module" crossorigin src="${new URL("main.js", other.url).href}"></script>`;
    await writeFile(join(out, "index.html"), `<!doctype html><title></title>${script}`);
    expect(await visit(out)).toBe("[7,[7]]");
  } finally {
    await other.close();
  }
});
