/** The package as its users get it: what is in it, how large it is in a page, and that it works where it is installed. */
import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build as bundle, type BuildResult } from "esbuild";
import { build as viteBuild } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;
let tarball: string;

function npm(parameters: readonly string[], cwd: string): string {
  return execFileSync("npm", parameters, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tenon-package-"));
  npm(["pack", "--silent", "--pack-destination", folder], root);
  tarball = join(
    folder,
    (await readdir(folder)).find((name) => name.endsWith(".tgz"))!,
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** An empty project with the package installed from the tarball; nothing is fetched, because it depends on nothing. */
async function project(name: string): Promise<string> {
  const place = join(folder, name);
  await mkdir(place);
  await writeFile(join(place, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  npm(["install", "--offline", "--no-audit", "--no-fund", "--omit=peer", tarball], place);
  await cp(join(root, "dist/modules/hello.wasm"), join(place, "hello.wasm"));
  return place;
}

describe("what npm pack ships", () => {
  test("is the compiled host, the command and the life-cycle WIT, and nothing of the tests or sources", () => {
    const files = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
    for (const file of ["host/node/index.js", "host/node/index.d.ts", "host/browser/index.js", "host/cli/index.js"]) {
      expect(files).toContain(`package/dist/${file}`);
    }
    expect(files).toContain("package/README.md");
    expect(files).toContain("package/LICENSE");
    expect(files).toContain("package/wit/tenon-module.wit");
    expect(files.filter((file) => /\.ts$/.test(file) && !file.endsWith(".d.ts"))).toEqual([]);
    expect(files.filter((file) => /(^|\/)(test|modules|node_modules)\//.test(file))).toEqual([]);
  });

  test("depends on nothing", async () => {
    const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as Record<string, object>;
    expect(manifest["dependencies"]).toBeUndefined();
  });
});

describe("the size in a page", () => {
  /** Minified and gzipped bytes: what a page loads to start, and the compiler it loads when first needed. */
  async function sizes(entry: string): Promise<{ start: number; compiler: number }> {
    const result: BuildResult<{ write: false; metafile: true }> = await bundle({
      stdin: { contents: entry, resolveDir: root, sourcefile: "entry.ts" },
      bundle: true,
      splitting: true,
      minify: true,
      format: "esm",
      target: "es2022",
      outdir: "out",
      write: false,
      metafile: true,
      logLevel: "silent",
    });
    const bytes = (pick: (name: string) => boolean): number =>
      result.outputFiles
        .filter(({ path }) => pick(path.split("/").pop()!))
        .reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0);
    return {
      start: bytes((name) => !name.startsWith("compile-")),
      compiler: bytes((name) => name.startsWith("compile-")),
    };
  }

  test("of components and instances alone is at most 25 kB at the start", async () => {
    const { start } = await sizes(`export { compile } from "./host/browser/index.ts";`);
    expect(start).toBeLessThanOrEqual(25_000);
  });

  test("of the whole host is at most 33 kB at the start, and 35 kB more for the compiler on first use", async () => {
    const { start, compiler } = await sizes(`export * from "./host/browser/index.ts";`);
    expect(start).toBeLessThanOrEqual(33_000);
    expect(compiler).toBeGreaterThan(0);
    expect(compiler).toBeLessThanOrEqual(35_000);
  });

  test("counts no Node module", async () => {
    await expect(sizes(`export * from "./host/browser/index.ts";`)).resolves.toBeDefined();
    await expect(sizes(`export * from "./host/node/index.ts";`)).rejects.toThrow("node:");
  });
});

describe("installed from the tarball", () => {
  test("in an empty Node project it loads and calls a module", async () => {
    const place = await project("node-project");
    await writeFile(
      join(place, "main.js"),
      `import { createHost } from "tenon";
       const host = createHost();
       const hello = await host.load("hello.wasm");
       console.log(hello.exports.greet("package"));
       await hello.unload();`,
    );
    const out = execFileSync(process.execPath, ["main.js"], { cwd: place, encoding: "utf8" });
    expect(out).toBe("Hello, package!\n");
  });

  test("in an empty Node project its command runs", async () => {
    const place = await project("command-project");
    const out = npm(["exec", "--offline", "--", "tenon", "inspect", "hello.wasm"], place);
    expect(out).toContain("export greet: func(name: string) -> string;");
  });

  test("in an empty Vite project it bundles for the browser, without anything of Node", async () => {
    const place = await project("vite-project");
    await writeFile(join(place, "index.html"), `<script type="module" src="/main.js"></script>`);
    await writeFile(
      join(place, "main.js"),
      `import { createHost } from "tenon";
       import hello from "./hello.wasm?url";
       const module = await createHost().load(hello);
       document.body.textContent = module.exports.greet("vite");`,
    );
    await viteBuild({ root: place, configFile: false, logLevel: "error", build: { target: "es2022" } });
    const assets = await readdir(join(place, "dist/assets"));
    expect(assets.some((name) => name.startsWith("hello-") && name.endsWith(".wasm"))).toBe(true);
    for (const name of assets.filter((file) => file.endsWith(".js"))) {
      expect(await readFile(join(place, "dist/assets", name), "utf8")).not.toMatch(/node:|\bBuffer\b|\bprocess\./);
    }
  });
});
