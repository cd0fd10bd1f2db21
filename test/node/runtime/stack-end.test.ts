/**
 * Calls at the very end of the stack, where a fault may come between any two calls of the host's own code: the instance
 * is afterwards as it was or locked, never entered for ever, and what the host had no room to say is said later.
 */
import { describe, expect, test } from "vitest";
import { TrapError, UnloadedError } from "../../../host/errors.ts";
import { createHost } from "../../../host/node/index.ts";
import type { Component, Instance } from "../../../host/runtime/types.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { allocator, compileWat, options, thrown, type Dynamic } from "./support.ts";

/** Exports that end in each of the ways a call can end, and one that calls an import. */
const text = `(component
  (import "f" (func $f (param "s" string) (result string)))
  (core module $Mem ${allocator})
  (core instance $m (instantiate $Mem))
  (core func $f' (canon lower (func $f) ${options}))
  (core module $R (func (export "dtor") (param i32)))
  (core instance $r (instantiate $R))
  (type $r' (resource (rep i32) (dtor (core func $r "dtor"))))
  (export $r "r" (type $r'))
  (core func $new (canon resource.new $r'))
  (core module $M
    (memory (import "m" "memory") 1)
    (import "h" "f" (func $f (param i32 i32 i32))) (import "h" "new" (func $new (param i32) (result i32)))
    (func (export "plain"))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "trap") unreachable)
    (func (export "text") (param i32 i32) (result i32)
      (i32.store (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (local.get 1)) (i32.const 64))
    (func (export "call") (call $f (i32.const 0) (i32.const 4) (i32.const 64)))
    (func (export "make") (result i32) (call $new (i32.const 1)))
    (func (export "post") (param i32)))
  (core instance $c (instantiate $M (with "m" (instance $m))
    (with "h" (instance (export "f" (func $f')) (export "new" (func $new))))))
  (func (export "plain") (canon lift (core func $c "plain")))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32)
    (canon lift (core func $c "add") (post-return (core func $c "post"))))
  (func (export "trap") (canon lift (core func $c "trap")))
  (func (export "text") (param "s" string) (result string) (canon lift (core func $c "text") ${options}))
  (func (export "call") (canon lift (core func $c "call")))
  (func (export "make") (result (own $r)) (canon lift (core func $c "make"))))`;

const calls: Readonly<Record<string, (exports: Dynamic["exports"]) => unknown>> = {
  plain: (exports) => exports.plain(),
  "scalars and post-return": (exports) => exports.add(1, 2),
  "a trap": (exports) => exports.trap(),
  strings: (exports) => exports.text("a string that is longer than what is copied by a loop, unit by unit"),
  "an import": (exports) => exports.call(),
  "a value that does not fit": (exports) => exports.text(5),
  "a resource and its destructor": (exports) => (exports.make() as Disposable)[Symbol.dispose](),
};

/** Recurs to the end of the stack and calls at every frame on the way back, with `step` bytes or so a frame. */
function unwinding(call: () => void, pad: number): void {
  const recur = (...padding: number[]): number => {
    let depth = 0;
    try {
      depth = recur(...padding);
    } catch {
      // The end of the stack.
    }
    // Only the frames near the end matter.
    if (depth < 60) call();
    return depth + 1;
  };
  recur(...Array.from({ length: pad }, (_, i) => i));
}

let component: Promise<Component<Dynamic>> | undefined;

describe.each(Object.entries(calls))("calls at the end of the stack: %s", (_, call) => {
  /** Faults of all frames. Optimised, a short call needs no more stack than what called it, and a frame may have none. */
  let faults = 0;
  test.each(Array.from({ length: 12 }, (_, pad) => pad))(
    "leave no instance entered for ever (frame %i)",
    async (pad) => {
      const compiled = await (component ??= compileWat(text));
      const told: Error[] = [];
      const make = (): Instance<Dynamic> =>
        compiled.instantiateSync({ f: (s: string) => `${s}!` }, { onTrap: (trap) => told.push(trap) });
      // One instance for each call, because the first fault hides those behind it.
      const instances = Array.from({ length: 64 }, make);
      const errors: unknown[] = [];
      let next = 0;
      unwinding(() => {
        const { exports } = instances[next++]!;
        try {
          call(exports);
        } catch (error) {
          errors.push(error);
        }
      }, pad);
      // Reading the stacks lets the instances go, whatever the engine made.
      for (const error of errors) expect((error as Error).stack).toBeDefined();
      expect(next).toBeGreaterThan(30);
      faults += errors.length;
      let locked = 0;
      for (const instance of instances) {
        expect(instance.depth).toBe(0);
        if (instance.state === "live") {
          expect(instance.exports.add(1, 2)).toBe(3);
        } else {
          locked++;
          expect(instance.trap).toBeInstanceOf(TrapError);
          const after = thrown(() => instance.exports.plain());
          expect(after).toBeInstanceOf(UnloadedError);
          expect(after.cause).toBe(instance.trap);
          expect(told.filter((trap) => trap === instance.trap)).toHaveLength(1);
        }
        instance.dispose();
        expect(instance.state).toBe("unloaded");
      }
      expect(told).toHaveLength(locked);
    },
  );

  test("reach it from some of the frames", () => expect(faults).toBeGreaterThan(0));
});

test("a module that was called at the end of the stack tells of its trap, is unloaded, and its host closes", async () => {
  const bytes = new Uint8Array(await parseWat(text));
  const host = createHost({ imports: { f: (s: string) => s } });
  const trapped: string[] = [];
  host.on("trapped", ({ module }) => trapped.push(module));
  const modules = await Promise.all(Array.from({ length: 48 }, (_, i) => host.load<Dynamic>(bytes, { name: `m${i}` })));
  let next = 0;
  unwinding(() => {
    try {
      modules[next++]?.exports.add(1, 2);
    } catch (error) {
      void (error as Error).stack;
    }
  }, 3);
  const locked = modules.filter(({ state }) => state === "trapped").map(({ name }) => name);
  expect(modules.every(({ state }) => state === "trapped" || state === "live")).toBe(true);
  const receipt = await modules[0]!.unload({ force: true });
  expect(receipt.name).toBe("m0");
  const receipts = await host.close();
  expect(receipts).toHaveLength(47);
  expect(trapped.toSorted()).toEqual(locked.toSorted());
});
