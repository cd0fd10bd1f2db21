/** What the generated bindings cost over a guest written by hand: bytes, and time a call. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as asc from "assemblyscript/asc";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compile } from "../../host/node/index.ts";
import { componentEmbed, componentNew } from "../../scripts/toolchain/wasm-tools.ts";
import { type Exports, Workshop } from "./harness.ts";

const folder = fileURLToPath(new URL("overhead", import.meta.url));
let workshop: Workshop;
beforeAll(async () => {
  workshop = await Workshop.open();
});
afterAll(() => workshop.close());

/** The hand-written guest, compiled and optimised as the build does it. */
async function byHand(wit: string): Promise<{ core: number; exports: Exports }> {
  let wasm: Uint8Array | undefined;
  const dir = join(folder, "by-hand/module");
  const { error, stderr } = await asc.main(
    [
      "index.ts",
      "--baseDir",
      dir,
      "--outFile",
      "a.wasm",
      "-O",
      "--exportStart",
      "_initialize",
      "--use",
      "abort=__quiet_abort",
    ],
    { writeFile: (_: string, contents: Uint8Array | string) => void (wasm = contents as Uint8Array) } as object,
  );
  if (error !== null) throw new Error(`${error.message}\n${stderr}`);
  const component = await compile(await componentNew(await componentEmbed(wasm!, { witSource: wit })));
  return { core: wasm!.length, exports: (await component.instantiate()).exports as Exports };
}

function nanoseconds(call: () => unknown, calls: number): number {
  const rounds = Array.from({ length: 7 }, () => {
    const started = performance.now();
    for (let i = 0; i < calls; i++) call();
    return ((performance.now() - started) * 1e6) / calls;
  });
  return rounds.sort((a, b) => a - b)[3]!;
}

test("the bindings add little to a guest written by hand", async () => {
  const wit = await readFile(join(folder, "world.wit"), "utf8");
  const dir = await workshop.folder({ "world.wit": wit }, join(folder, "module"));
  const built = await workshop.build(dir);
  const generated = (await (await compile(built.component)).instantiate()).exports as Exports;
  const hand = await byHand(wit);
  const sizes = Array.from({ length: 1000 }, (_, i) => ({ width: i, height: 0.5 }));
  const calls: Record<string, [(exports: Exports) => unknown, number]> = {
    "add(s32, s32)": [(exports) => exports["add"](1, 2), 200_000],
    "greet(16 characters)": [(exports) => exports["greet"]("sixteen letters!"), 20_000],
    "areas(1,000 records)": [(exports) => exports["areas"](sizes), 200],
    "scale(1,000 records) -> 1,000 records": [(exports) => exports["scale"](sizes), 200],
  };
  const lines = [`core module: generated ${built.bytes.core} bytes, by hand ${hand.core} bytes`];
  for (const [name, [call, count]] of Object.entries(calls)) {
    expect(call(generated)).toEqual(call(hand.exports));
    for (const exports of [generated, hand.exports]) nanoseconds(() => call(exports), count);
    const [ours, theirs] = [generated, hand.exports].map((exports) => nanoseconds(() => call(exports), count)) as [
      number,
      number,
    ];
    lines.push(`${name}: ${ours.toFixed(1)} ns against ${theirs.toFixed(1)} ns, ${(ours / theirs).toFixed(2)} times`);
  }
  console.log(lines.join("\n"));
  // The message of aborts and the hook that tells the host of them are in these bytes.
  expect(built.bytes.core - hand.core).toBeLessThan(2500);
});
