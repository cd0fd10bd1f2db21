/** The README's own programs: built, run and type-checked as they stand there. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RELOAD } from "../../host/module/life/reload.ts";
import * as options from "../../host/module/options.ts";
import { INSTANTIATE } from "../../host/runtime/component.ts";
import { attempt, ComponentError, createHost, type World, type WorldDemand } from "../../host/node/index.ts";
import { reference, withReference } from "../../scripts/house/reference.ts";
import { createBuilder, projectModules, types } from "../../scripts/toolchain/index.ts";

const root = resolve(import.meta.dirname, "..", "..");
const readme = readFileSync(join(root, "README.md"), "utf8");
// Inside the repository, where the compiler finds Node's types.
const folder = mkdtempSync(join(root, "node_modules", ".tenon-readme-"));

/** The code blocks of a language, in order. */
function blocks(language: string): readonly string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map((match) => match[1] ?? "");
}

beforeAll(async () => {
  const [wit] = blocks("wit");
  const index = blocks("ts").find((text) => text.startsWith("// greeter/index.ts"));
  mkdirSync(join(folder, "greeter"));
  writeFileSync(join(folder, "greeter", "world.wit"), wit ?? "");
  writeFileSync(join(folder, "greeter", "index.ts"), index ?? "");
  const builder = createBuilder();
  const out = join(folder, "greeter.wasm");
  await builder.build({ dir: join(folder, "greeter"), wit: join(folder, "greeter", "world.wit"), out });
  await builder.close();
  for (const [name, file] of [
    ["greeter", join(folder, "greeter", "world.wit")],
    ["hello", join(root, "wit", "hello.wit")],
  ] as const) {
    writeFileSync(join(folder, `${name}-world.ts`), (await types(file)).text);
  }
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

interface Greeter extends World {
  imports: { log: (text: string) => void };
  exports: { greet(name: string): string };
}

test("the module that the README writes does what the README says", async () => {
  const host = createHost();
  const lines: string[] = [];
  const log = (text: string): void => void lines.push(text);
  const greeter = await host.load<Greeter>(join(folder, "greeter.wasm"), { imports: { log } });
  expect(greeter.exports.greet("Ada")).toBe("Hello, Ada!");
  expect(lines).toEqual(["greeting Ada"]);
  const refused = attempt(() => greeter.exports.greet(""));
  expect(refused).toMatchObject({ ok: false, error: { payload: "Who?" } });
  if (!refused.ok) expect(refused.error).toBeInstanceOf(ComponentError);
  const { greet } = greeter.exports;
  await greeter.reload(join(folder, "greeter.wasm"));
  expect(greet("Ada")).toBe("Hello, Ada!");
  await host.close();
});

test("the README's commands write the module and build it", { timeout: 120_000 }, async () => {
  const commands = blocks("sh").flatMap((text) =>
    [...text.matchAll(/^npx tenon (.*?)(?:\s+#.*)?$/gm)].map(([, line]) => line!.split(" ")),
  );
  // A project is made by test/node/package/init.test.ts, and watched by test/node/build-watch.test.ts.
  const [init, make, build, types, watch, ...more] = commands;
  expect(init!.slice(0, 2)).toEqual(["init", "my-app"]);
  expect([make![0], build![0], types![0], watch, more]).toEqual(["new", "build", "types", ["build", "--watch"], []]);
  const place = join(folder, "by-command");
  mkdirSync(join(place, "greeter"), { recursive: true });
  writeFileSync(join(place, "package.json"), "{}");
  copyFileSync(join(folder, "greeter", "world.wit"), join(place, "greeter", "world.wit"));
  const tenon = (args: readonly string[]): void => {
    const loader = join(root, "node_modules", "tsx", "dist", "loader.mjs");
    const program = ["--import", loader, join(root, "host", "cli", "index.ts"), ...args];
    const { status, stderr } = spawnSync(process.execPath, program, { cwd: place, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  };
  tenon(make!);
  expect(readFileSync(join(place, "greeter", "index.ts"), "utf8")).toContain("export function greet(");
  expect(JSON.parse(readFileSync(join(place, "package.json"), "utf8"))).toEqual({ tenon: { modules: ["greeter"] } });
  copyFileSync(join(folder, "greeter", "index.ts"), join(place, "greeter", "index.ts"));
  tenon(build!);
  tenon(types!);
  // The key of package.json makes the folder's name unneeded.
  tenon(["build"]);
  const host = createHost();
  const { greeter: world } = (await import(pathToFileURL(join(place, "greeter-world.ts")).href)) as {
    greeter: WorldDemand<Greeter>;
  };
  const file = join(place, "greeter", "build", "greeter.wasm");
  const greeter = await host.load(file, { world, imports: { log: () => {} } });
  expect(greeter.exports.greet("Ada")).toBe("Hello, Ada!");
  await host.close();
  expect(readFileSync(join(place, "greeter", "build", "greeter.d.ts"), "utf8")).toContain(
    "interface Greeter extends World",
  );
});

test("the README's versions to install are those that tenon was made for", () => {
  const { peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    peerDependencies: Record<string, string>;
  };
  const named = [
    ...blocks("sh")
      .join("\n")
      .matchAll(/ ((?:@[\w-]+\/)?[\w-]+)@(\d+\.\d+)/g),
  ];
  expect(named.map(([, name]) => name)).toEqual(["assemblyscript", "@bytecodealliance/jco-transpile"]);
  for (const [, name, version] of named) expect(peerDependencies[name!]).toMatch(`^${version}.`);
});

test("the README's settings of a project are settings", async () => {
  const [text] = blocks("json");
  const place = join(folder, "settings");
  mkdirSync(join(place, "plugins", "one"), { recursive: true });
  writeFileSync(join(place, "package.json"), text!);
  writeFileSync(join(place, "plugins", "one", "index.ts"), "");
  expect(await projectModules(place)).toEqual([join(place, "plugins", "one")]);
});

test("the README's programs pass the compiler", () => {
  const programs = blocks("ts").filter(
    (text) => text.startsWith("import") && /from "tenon(?:\/build|\/wasi)?"/.test(text),
  );
  expect(programs.length).toBeGreaterThanOrEqual(2);
  programs.forEach((text, index) => writeFileSync(join(folder, `program-${index}.ts`), text));
  const compilerOptions = {
    allowImportingTsExtensions: true,
    paths: {
      tenon: [join(root, "host", "node", "index.ts")],
      "tenon/build": [join(root, "scripts", "toolchain", "index.ts")],
      "tenon/wasi": [join(root, "host", "node", "wasi.ts")],
    },
  };
  const include = programs.map((_, index) => join(folder, `program-${index}.ts`));
  const base = join(root, "test", "types", "tsconfig.json");
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: base, compilerOptions, include }));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  expect(spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], { encoding: "utf8" }).stdout).toBe("");
});

test("the README's reference is that of the sources, and names every option that a call takes", () => {
  const tables = reference(root);
  expect(withReference(readme, tables)).toBe(readme);
  const rows = (heading: string): string[] => {
    const table = tables.split("\n\n").find((text) => text.startsWith(`| \`${heading}\` |`)) ?? "";
    return [...table.matchAll(/^\| `([\w-]+)` \|/gm)].slice(1).map(([, name]) => name!);
  };
  expect(rows("compile").sort()).toEqual(Object.keys(options.COMPILE).sort());
  expect(rows("instantiate").sort()).toEqual(Object.keys(INSTANTIATE).sort());
  expect(rows("createHost").sort()).toEqual(Object.keys(options.HOST).sort());
  expect(rows("load").sort()).toEqual(Object.keys(options.LOAD).sort());
  expect(rows("reload").sort()).toEqual(Object.keys(RELOAD).sort());
  expect(rows("unload").sort()).toEqual(Object.keys(options.UNLOAD).sort());
});

test("every npm command the README names exists", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name ?? "");
  expect(named.length).toBeGreaterThan(3);
  for (const name of named) expect(Object.keys(scripts)).toContain(name);
});
