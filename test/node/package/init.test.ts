/**
 * `tenon init` as a stranger meets it: the packed package in an empty folder, and the project's own scripts.
 *
 * The tools that the project asks for are those of this repository, linked: what npm gives today is not what is tested here.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pack, type Packed, root, run } from "./support.ts";

let packed: Packed;
let folder: string;
beforeAll(async () => {
  packed = await pack();
  folder = join(packed.folder, "app");
  mkdirSync(folder);
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--omit=peer", packed.tarball], folder);
}, 180_000);
afterAll(() => packed?.remove());

/** Puts this repository's packages where the project looks for its own, programs too. */
function link(...names: readonly string[]): void {
  const modules = join(folder, "node_modules");
  for (const name of names) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(modules, name));
    const { bin = {} } = JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8")) as {
      bin?: Record<string, string>;
    };
    for (const [program, file] of Object.entries(bin))
      symlinkSync(join(modules, name, file), join(modules, ".bin", program));
  }
}

function npm(...args: readonly string[]): { status: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd: folder, encoding: "utf8" });
  return { status, said: stdout + stderr };
}

interface Manifest {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  tenon: object;
}
const manifest = (): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

describe.sequential("a new project", () => {
  test("is written with one command", async () => {
    const said = await run(join(folder, "node_modules", ".bin", "tenon"), ["init"], folder);
    expect(said).toContain("Then: npm install && npm start\n");
    const { scripts, dependencies, devDependencies, tenon } = manifest();
    expect(Object.keys(scripts)).toEqual(["types", "build", "dev", "start", "test"]);
    // What was there wins.
    expect(dependencies["tenon"]).toMatch(/^file:/);
    const { devDependencies: ours } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
    expect(Object.keys(devDependencies).sort()).toEqual(
      ["@bytecodealliance/jco-transpile", "assemblyscript", "tsx", "typescript", "vitest"].sort(),
    );
    for (const [name, range] of Object.entries(devDependencies)) expect(range).toBe(ours[name]);
    expect(tenon).toEqual({ modules: ["modules/*"] });
  });

  test("says what to install when it is built before that", () => {
    const { status, said } = npm("run", "build");
    expect(status).not.toBe(0);
    expect(said).toMatch(/^ {2}npm i -D @bytecodealliance\/jco-transpile@\d+\.\d+$/m);
  });

  test("starts: its module is built and its host greets", { timeout: 180_000 }, () => {
    link(...Object.keys(manifest().devDependencies));
    const { status, said } = npm("start");
    expect(said).toContain('  greeting Ada\nHello, Ada!\nrefused: The component returned an error: "Who?"\n');
    expect(status).toBe(0);
    for (const ending of [".wasm", ".d.ts", ".d.wasm.ts"]) {
      expect(existsSync(join(folder, "modules", "greeter", "build", `greeter${ending}`))).toBe(true);
    }
  });

  test("is clean in editors, the host's part and the guest's, each by itself", () => {
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    for (const project of [".", "modules/greeter"]) {
      const { stdout } = spawnSync(process.execPath, [tsc, "-p", project, "--noEmit"], {
        cwd: folder,
        encoding: "utf8",
      });
      expect(stdout).toBe("");
    }
    const files = spawnSync(process.execPath, [tsc, "--listFilesOnly"], { cwd: folder, encoding: "utf8" }).stdout;
    expect(files).not.toMatch(/modules\/greeter\/(?:index|bindings)/);
  });

  test("has a test that passes", { timeout: 120_000 }, () => {
    const { status, said } = npm("test");
    expect(said).toMatch(/1 passed/);
    expect(status).toBe(0);
  });

  test("commits nothing that a build makes", async () => {
    await run("git", ["init", "-q"], folder);
    const said = await run("git", ["status", "--porcelain", "--untracked-files=all"], folder);
    const seen = said.split("\n").map((line) => line.slice(3));
    expect(seen.filter((path) => /bindings|build|node_modules/.test(path))).toEqual([]);
    expect(seen).toContain("modules/greeter/index.ts");
  });

  test("takes further modules, which tenon build finds", { timeout: 120_000 }, async () => {
    const tenon = join(folder, "node_modules", ".bin", "tenon");
    expect(await run(tenon, ["new", "modules/curt"], folder)).toContain("then: tenon build modules/curt\n");
    expect(await run(tenon, ["build"], folder)).toMatch(/curt: .*\n[^]*greeter: .*unchanged/);
    expect(manifest().tenon).toEqual({ modules: ["modules/*"] });
  });

  test("written again, leaves everything as it is", async () => {
    const said = await run(join(folder, "node_modules", ".bin", "tenon"), ["init"], folder);
    expect(said).toMatch(/^Kept as they were: wit\/greeter\.wit, .*package\.json, \.gitignore\n/);
  });
});
