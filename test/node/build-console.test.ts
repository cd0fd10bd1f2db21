/** What an AssemblyScript module writes with `console`, `trace` and `process` reaches the host, without a word in its WIT. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHost, inspect, type HostEvents } from "../../host/node/index.ts";
import { createBuilder, type Builder } from "../../scripts/toolchain/build/index.ts";

const folder = mkdtempSync(join(tmpdir(), "tenon-console-"));
let builder: Builder;
beforeAll(() => {
  builder = createBuilder({ cache: false });
});
afterAll(async () => {
  await builder.close();
  rmSync(folder, { recursive: true, force: true });
});

const says = `export function run(): void {
  console.log("log é");
  console.debug("debug");
  console.info("info");
  console.warn("warn");
  console.error("error");
  console.assert(false, "assert");
  console.time("label");
  console.timeLog("label");
  console.timeEnd("label");
  trace("trace", 2, 1, 2.5);
  process.stdout.write("out\\n");
  process.stderr.write("err");
}
`;

async function build(name: string, wit: string, text: string, options: object = {}): Promise<string> {
  writeFileSync(join(folder, "world.wit"), wit);
  writeFileSync(join(folder, "index.ts"), text);
  return (await builder.build({ dir: folder, out: join(folder, `${name}.wasm`), ...options })).component;
}

async function said(path: string, imports = {}): Promise<string[]> {
  const host = createHost();
  const texts: string[] = [];
  host.on("console", ({ level, text }: HostEvents["console"]) =>
    texts.push(`${level} ${text.replaceAll(/\d+\.\d{3}/g, "N")}`),
  );
  const module = await host.load(path, { imports });
  module.require("run")();
  await host.close();
  return texts;
}

const all = [
  ...["log log é", "debug debug", "info info", "warn warn", "error error", "error Assertion failed: assert"],
  ...["log label: N ms", "log label: N ms", "log trace: trace 1.0, 2.5", "log out", "error err"],
];
const plain = "package test:plain; world plain { export run: func(); }";

test.each([
  ["optimised", plain, {}],
  ["for debugging", plain, { debug: true }],
  [
    "whose world names parts of the package itself",
    "package test:plain; world plain { import tenon:module/console; export tenon:module/teardown; export run: func(); }",
    {},
  ],
])("console, trace and process of a module built %s reach the host", async (name, wit, options) => {
  const teardown = wit.includes("teardown") ? "export function beforeUnload(): void {}\n" : "";
  const path = await build(`all-${name.replaceAll(" ", "-")}`, wit, says + teardown, options);
  expect(await said(path)).toEqual(all);
});

test("a module that writes nothing imports nothing, and neither does one that is built without", async () => {
  const silent = await build("silent", plain, "export function run(): void {}\n");
  const dropped = await build("dropped", plain, says, { console: false });
  for (const path of [silent, dropped]) {
    expect((await inspect(path)).imports).toEqual([]);
    expect(await said(path)).toEqual([]);
  }
});

test("a module whose world imports log writes there", async () => {
  const wit = "package test:plain; world plain { import log: func(text: string); export run: func(); }";
  const path = await build("logs", wit, 'export function run(): void { console.warn("careful"); }\n');
  const texts: string[] = [];
  expect(await said(path, { log: (text: string) => texts.push(text) })).toEqual([]);
  expect(texts).toEqual(["careful"]);
});
