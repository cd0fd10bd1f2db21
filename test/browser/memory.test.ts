/**
 * Memory in the page: instances come and go far beyond the limit of 124 live memories, and the renderer does not grow.
 *
 * The negative controls leak on purpose and must run into the limit: without them this file would prove nothing.
 */
import { beforeAll, expect, test } from "vitest";
import { commands } from "vitest/browser";
import { eachSection, PREAMBLE_BYTES } from "../../host/binary/framing.ts";
import { createHost } from "../../host/browser/index.ts";
import { parseWat } from "./stand-ins/wasm-tools.ts";

interface Grower {
  imports: object;
  exports: { grow(pages: number): number; trap(): void };
}

const PAGES_OF_10_MIB = 160;
const CYCLES = 1_000;
/** Live memories that Chromium grants a page, 124 or a few more: it varies by one or two with what came before. */
const LIMIT = 140;

let bytes: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  // The memory is written to from end to end, so that it is resident and not only promised.
  bytes = await parseWat(`(component
    (core module $m
      (memory (export "memory") 1)
      (func (export "grow") (param $pages i32) (result i32)
        (drop (memory.grow (local.get $pages)))
        (memory.fill (i32.const 0) (i32.const 7) (i32.mul (memory.size) (i32.const 65536)))
        (memory.size))
      (func (export "trap") unreachable))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (func (export "grow") (param "pages" u32) (result u32) (canon lift (core func $i "grow") (memory $memory)))
    (func (export "trap") (canon lift (core func $i "trap"))))`);
});

test(
  "1,000 times load, grow to 10 MiB and unload: the page does not grow, also while every function ever got is held",
  { timeout: 120_000 },
  async () => {
    const host = createHost();
    const held: unknown[] = [];
    const sizes: number[] = [];
    const began = performance.now();
    for (let i = 1; i <= CYCLES; i++) {
      const module = await host.load<Grower>(bytes, { name: "grower" });
      expect(module.exports.grow(PAGES_OF_10_MIB - 1)).toBe(PAGES_OF_10_MIB);
      held.push(module.exports.trap);
      // Every other instance goes by a trap, whose error is kept unread.
      if (i % 2 === 0) held.push(caught(() => module.exports.trap()));
      const receipt = await module.unload();
      expect(receipt.memoryBytes).toBe(PAGES_OF_10_MIB * 65536);
      if (i === 200 || i % 400 === 0) sizes.push((await commands.rendererResident()) / 2 ** 20);
    }
    sizes.push((await commands.rendererResident()) / 2 ** 20);
    const last = sizes.at(-1)!;
    console.log(
      `${CYCLES} cycles of 10 MiB, ${((performance.now() - began) / CYCLES).toFixed(1)} ms each; renderer MiB on the way: ${sizes.map(Math.round).join(" ")}`,
    );
    expect(held).toHaveLength(CYCLES * 1.5);
    expect(last).toBeGreaterThan(1);
    // Five memories' worth: one tenth of one for every hundred cycles would already be more.
    expect(last - sizes[0]!).toBeLessThan(50);
    await host.close();
  },
);

function caught(call: () => void): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("The export did not trap");
}

/** Compiles and instantiates without tenon, keeps what `keep` picks, and counts instances until the engine refuses. */
async function leakUntilRefused(keep: (instance: WebAssembly.Instance) => unknown): Promise<number> {
  const core = new WebAssembly.Module(coreModule(bytes));
  const kept: unknown[] = [];
  for (let i = 0; i < 400; i++) {
    try {
      kept.push(keep(new WebAssembly.Instance(core)));
    } catch (error) {
      expect(String(error)).toMatch(/memory/i);
      return kept.length;
    }
    if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return kept.length;
}

test("negative control: one raw export kept in every cycle runs into the limit", { timeout: 60_000 }, async () => {
  const refusedAt = await leakUntilRefused((instance) => instance.exports["grow"]);
  expect(refusedAt).toBeGreaterThan(10);
  expect(refusedAt).toBeLessThanOrEqual(LIMIT);
});

test("negative control: one unread error kept in every cycle runs into the limit", { timeout: 60_000 }, async () => {
  const refusedAt = await leakUntilRefused((instance) => caught(instance.exports["trap"] as () => void));
  expect(refusedAt).toBeGreaterThan(10);
  expect(refusedAt).toBeLessThanOrEqual(LIMIT);
});

test(
  "300 modules whose calls wait for ever are unloaded by force: none runs into the limit",
  { timeout: 60_000 },
  async () => {
    const host = createHost();
    const held: unknown[] = [];
    const waiting = await parseWat(`(component
    (import "wait" (func $wait))
    (core func $wait (canon lower (func $wait)))
    (core module $m (import "h" "wait" (func $wait)) (memory (export "memory") 1) (func (export "run") (call $wait)))
    (core instance $i (instantiate $m (with "h" (instance (export "wait" (func $wait))))))
    (func (export "run") (canon lift (core func $i "run"))))`);
    const never = new Promise<void>(() => undefined);
    for (let i = 0; i < 300; i++) {
      const module = await host.load<{ imports: { wait(): void }; exports: { run(): void } }>(waiting, {
        name: "waiting",
        jspi: true,
        imports: { wait: () => never },
      });
      const call = module.exports.run().catch((error: unknown) => error);
      held.push(await module.unload({ force: true }), await call, module.exports.run);
    }
    expect(held).toHaveLength(900);
    await host.close();
  },
);

test("negative control: one suspended stack kept in every cycle runs into the limit", { timeout: 60_000 }, async () => {
  const { Suspending, promising } = WebAssembly as unknown as {
    Suspending: new (func: () => Promise<void>) => WebAssembly.ImportValue;
    promising(func: unknown): () => Promise<void>;
  };
  const core = new WebAssembly.Module(
    await parseWat(`(module (import "" "wait" (func $wait)) (memory 1) (func (export "run") (call $wait)))`),
  );
  let suspended = 0;
  let refusal: unknown;
  const unwind: ((error: unknown) => void)[] = [];
  const suspend = (): void => {
    const wait = new Suspending(() => new Promise((_, reject) => unwind.push(reject)));
    promising(new WebAssembly.Instance(core, { "": { wait } }).exports["run"])().catch(() => undefined);
    suspended++;
  };
  for (let i = 0; i < 400 && refusal === undefined; i++) {
    try {
      suspend();
    } catch (error) {
      refusal = error;
    }
    if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  // Nothing else would ever free them.
  for (const reject of unwind) reject(new Error("over"));
  expect(String(refusal)).toMatch(/memory/i);
  expect(suspended).toBeGreaterThan(10);
  expect(suspended).toBeLessThanOrEqual(LIMIT);
});

/** Memories that stay alive through tenon are counted as well: the limit is met by its error, with the owners' names. */
test("too many live modules are refused with their number and their oldest owners", { timeout: 60_000 }, async () => {
  const host = createHost();
  const load = async (): Promise<number> => {
    for (let i = 0; i < 400; i++) await host.load(bytes, { name: `live-${i}` });
    return 400;
  };
  const error = (await load().catch((reason: unknown) => reason)) as Error;
  expect(error).toBeInstanceOf(Error);
  expect(error.message).toMatch(/live-0/);
  await host.close();
  // And after they are gone there is room again.
  const again = createHost();
  const module = await again.load<Grower>(bytes, { name: "again" });
  expect(module.exports.grow(1)).toBe(2);
  await again.close();
});

/** The first core module at the top of the component. */
function coreModule(component: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let module: Uint8Array<ArrayBuffer> | undefined;
  eachSection(component, PREAMBLE_BYTES, component.length, (id, start, end) => {
    if (id === 1) module ??= component.slice(start, end);
    return true;
  });
  return module!;
}
