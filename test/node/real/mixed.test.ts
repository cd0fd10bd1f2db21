/**
 * Modules of different compilers, flags and days in one host: a component of C that is kept as a binary
 * (`test/fixtures`), linked to AssemblyScript that is built now, optimised and for debugging.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compile, createHost } from "../../../host/node/index.ts";
import { Workshop } from "../../bindings/harness.ts";
import type { Dynamic } from "../runtime/support.ts";

const kept = fileURLToPath(new URL("../../fixtures/tally/tally.wasm", import.meta.url));
const TEXT = "zwölf Boxkämpfer jagen 🦊 und zwölf 🦊";

/** Calls the C module for the words of a text, and gives back the most frequent one with the longest text. */
const world = `package test:mixed;
  world favourite { import demo:tally/api@1.0.0; export favourite: func(text: string) -> tuple<string, u32>; }`;
const index = `import { count } from "./bindings/demo-tally-api";
  import { Tuple2 } from "./bindings/tenon";
  export function favourite(text: string): Tuple2<string, u32> {
    const entries = count(text);
    let best = entries[0];
    for (let i = 1; i < entries.length; i++) {
      const entry = entries[i];
      if (entry.times > best.times || (entry.times == best.times && entry.word.length > best.word.length)) best = entry;
    }
    return new Tuple2(best.word, best.times);
  }`;

let workshop: Workshop;
let optimised: string;
let debuggable: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  const wit = (await readFile(kept.replace(/wasm$/, "wit"), "utf8")).replace(/world tally .*/, "");
  const build = async (debug: boolean): Promise<string> => {
    const nested = wit.replace(/package (.*);([^]*)/, "package $1 {$2}");
    const dir = await workshop.folder({ "world.wit": `${world}\n${nested}`, "index.ts": index });
    return (await workshop.build(dir, { debug })).component;
  };
  [optimised, debuggable] = [await build(false), await build(true)];
});
afterAll(() => workshop.close());

test("a component that was built on another day is the one that was kept, and runs", async () => {
  const bytes = await readFile(kept);
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(
    "03eee148b61fe95747014532428b3f26e89dcc326d336b6c51d189eb8af9bd12",
  );
  const { api } = (await compile<Dynamic>(new Uint8Array(bytes))).instantiateSync().exports;
  expect(api.count(TEXT)).toEqual([
    { word: "zwölf", times: 2 },
    { word: "Boxkämpfer", times: 1 },
    { word: "jagen", times: 1 },
    { word: "🦊", times: 2 },
    { word: "und", times: 1 },
  ]);
});

test("C with utf8 and AssemblyScript with utf16, optimised and for debugging, are linked in one host", async () => {
  const [small, large] = await Promise.all([optimised, debuggable].map((path) => readFile(path)));
  expect(large!.length).toBeGreaterThan(small!.length);
  const host = createHost();
  const tally = await host.load<Dynamic>(kept, { name: "tally" });
  const modules = await Promise.all(
    [optimised, debuggable].map((path, at) => host.load<Dynamic>(path, { name: `favourite-${at}` })),
  );
  for (const module of modules) {
    expect(module.exports.favourite(TEXT)).toEqual(["zwölf", 2]);
    expect(module.exports.favourite("a")).toEqual(["a", 1]);
  }
  expect(host.manifest().find(({ name }) => name === "tally")).toMatchObject({
    calls: 4,
    usedBy: ["favourite-0", "favourite-1"],
  });
  // The provider is swapped under both.
  await tally.reload(kept);
  for (const module of modules) expect(module.exports.favourite("b a b")).toEqual(["b", 2]);
  await host.close();
});
