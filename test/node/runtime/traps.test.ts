import binaryen from "binaryen";
import { describe, expect, test } from "vitest";
import { ComponentError, LowerError, TrapError, UnloadedError } from "../../../host/errors.ts";
import { compileBytes, memoriesOf } from "../../compile.ts";
import type { Component } from "../../../host/runtime/types.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { allocator, compileWat, instantiateWat, options, replaceModule, thrown, type Dynamic } from "./support.ts";

/** One export `run` without parameters whose core body is given. */
function body(text: string, fields = ""): string {
  return `(component
    (core module $M (memory (export "memory") 1) (table $t 2 funcref) (type $none (func)) (type $other (func (param i32)))
      (func $plain) (elem (i32.const 0) $plain) ${fields}
      (func (export "run") ${text})
      (func (export "ok") (result i32) i32.const 7))
    (core instance $m (instantiate $M))
    (func (export "run") (canon lift (core func $m "run")))
    (func (export "ok") (result u32) (canon lift (core func $m "ok"))))`;
}

const faults: readonly (readonly [code: string, body: string, fields: string])[] = [
  ["unreachable", "unreachable", ""],
  ["memory-out-of-bounds", "(drop (i32.load (i32.const -8)))", ""],
  ["integer-divide-by-zero", "(drop (i32.div_s (i32.const 1) (i32.const 0)))", ""],
  ["integer-overflow", "(drop (i32.div_s (i32.const -2147483648) (i32.const -1)))", ""],
  ["invalid-conversion-to-integer", "(drop (i32.trunc_f32_s (f32.const nan)))", ""],
  ["table-out-of-bounds", "(call_indirect (type $none) (i32.const 9))", ""],
  ["stack-overflow", "(call $deep)", "(func $deep (call $deep))"],
];

describe("a fault in a call", () => {
  test.each(faults)("%s is a TrapError that locks the instance", async (code, text, fields) => {
    const instance = await instantiateWat(body(text, fields));
    expect(instance.exports.ok()).toBe(7);
    const trap = thrown(() => instance.exports.run()) as TrapError;
    expect(trap).toBeInstanceOf(TrapError);
    expect(trap.trap).toBe(code);
    expect(trap.export).toBe("run");
    expect(trap.module).toBe("test");
    expect(instance.state).toBe("trapped");
    const next = thrown(() => instance.exports.ok());
    expect(next).toBeInstanceOf(UnloadedError);
    expect(next.cause).toBe(trap);
  });

  test("an indirect call has its code where the engine tells an empty entry from another type, and is unknown elsewhere", async () => {
    const trapOf = async (text: string): Promise<TrapError> => {
      const instance = await instantiateWat(body(text));
      return thrown(() => instance.exports.run()) as TrapError;
    };
    const empty = await trapOf("(call_indirect (type $none) (i32.const 1))");
    const other = await trapOf("(call_indirect (type $other) (i32.const 0) (i32.const 0))");
    const words = ({ message, trap }: TrapError): string => message.replace(trap, "");
    const told = words(empty) !== words(other);
    expect([empty.trap, other.trap]).toEqual(
      told ? ["indirect-call-to-null", "bad-signature"] : ["unknown", "unknown"],
    );
  });

  test("a trap names the functions that were running", async () => {
    const instance = await instantiateWat(body("unreachable"));
    const trap = thrown(() => instance.exports.run()) as TrapError;
    expect(trap.frames.length).toBeGreaterThan(0);
    expect(trap.frames[0]).toMatchObject({ function: expect.stringMatching(/^wasm-function\[\d+\]$/) });
  });

  test("a start function that traps fails the instantiation", async () => {
    const component = await compileWat(`(component
      (core module $M (func $start unreachable) (start $start)) (core instance (instantiate $M)))`);
    const trap = thrown(() => component.instantiateSync()) as TrapError;
    expect(trap).toBeInstanceOf(TrapError);
    expect(trap.export).toBeUndefined();
  });
});

const importing = (call: string): string => `(component
  (import "act" (func $act (result (result u32 (error string)))))
  (import "shout" (func $shout))
  (core module $Mem ${allocator})
  (core instance $m (instantiate $Mem))
  (core func $act' (canon lower (func $act) ${options}))
  (core func $shout' (canon lower (func $shout)))
  (core module $M
    (import "h" "act" (func $act (param i32))) (import "h" "shout" (func $shout))
    (global $runs (export "runs") (mut i32) (i32.const 0))
    (func (export "run") (result i32) ${call} (i32.const 0))
    (func (export "quiet") (result i32) (i32.const 5)))
  (core instance $c (instantiate $M (with "h" (instance (export "act" (func $act')) (export "shout" (func $shout'))))))
  (func (export "run") (result u32) (canon lift (core func $c "run")))
  (func (export "quiet") (result u32) (canon lift (core func $c "quiet"))))`;

describe("an import", () => {
  const good = { act: () => 1, shout: () => undefined };

  test("that throws fails the call with its error as cause and locks the instance", async () => {
    const cause = new RangeError("no more");
    const instance = await instantiateWat(importing("(call $shout)"), {
      ...good,
      shout: () => {
        throw cause;
      },
    });
    const trap = thrown(() => instance.exports.run()) as TrapError;
    expect(trap.trap).toBe("import-threw");
    expect(trap.cause).toBe(cause);
    expect(trap.message).toContain("no more");
    expect(thrown(() => instance.exports.quiet())).toBeInstanceOf(UnloadedError);
  });

  test("with a result turns a ComponentError, a payload and a bare value into err", async () => {
    for (const failure of [new ComponentError("a"), { payload: "b" }, "c"]) {
      const instance = await instantiateWat(importing("(call $act (i32.const 64))"), {
        ...good,
        act: () => {
          throw failure;
        },
      });
      expect(instance.exports.run()).toBe(0);
      expect(instance.state).toBe("live");
    }
  });

  test("with a result that throws an ordinary Error is a fault, not an err", async () => {
    const instance = await instantiateWat(importing("(call $act (i32.const 64))"), {
      ...good,
      act: () => {
        throw new Error("bug");
      },
    });
    const trap = thrown(() => instance.exports.run()) as TrapError;
    expect(trap.trap).toBe("import-threw");
    expect(trap.message).toMatch(/threw: bug \(to give err, throw a ComponentError with its payload\)/);
    // Where there is no err to give, nothing is said of it.
    const shout = (): never => {
      throw new Error("bug");
    };
    const other = await instantiateWat(importing("(call $shout)"), { ...good, shout });
    expect((thrown(() => other.exports.run()) as TrapError).message).not.toContain("to give err");
  });

  test("that returns a value of the wrong type is a fault that says so", async () => {
    const instance = await instantiateWat(importing("(call $act (i32.const 64))"), { ...good, act: () => "seven" });
    const trap = thrown(() => instance.exports.run()) as TrapError;
    expect(trap.cause).toBeInstanceOf(LowerError);
    expect(trap.message).toContain("u32");
  });

  test("that calls back into the instance is refused, and the instance stays live when it copes", async () => {
    let refusal: unknown;
    const imports = {
      ...good,
      shout: () => {
        try {
          instance.exports.quiet();
        } catch (error) {
          refusal = error;
        }
      },
    };
    const instance = await instantiateWat(importing("(call $shout)"), imports);
    expect(instance.exports.run()).toBe(0);
    expect((refusal as TrapError).trap).toBe("cannot-enter-component");
    expect(instance.exports.quiet()).toBe(5);
  });
});

test("a guest that catches what an import threw is locked all the same", async () => {
  const core = binaryen.parseText(`(module (import "h" "shout" (func $shout))
    (func (export "run") (try (do (call $shout)) (catch_all)))
    (func (export "quiet")))`);
  core.setFeatures(binaryen.Features.ExceptionHandling);
  const caught = core.emitBinary();
  core.dispose();
  // wasm-tools no longer writes this form, so the module takes the place of one with the same interface.
  const bytes = replaceModule(
    new Uint8Array(
      await parseWat(`(component
    (import "shout" (func $shout)) (core func $shout' (canon lower (func $shout)))
    (core module $M (import "h" "shout" (func)) (func (export "run")) (func (export "quiet")))
    (core instance $m (instantiate $M (with "h" (instance (export "shout" (func $shout'))))))
    (func (export "run") (canon lift (core func $m "run")))
    (func (export "quiet") (canon lift (core func $m "quiet"))))`),
    ),
    caught,
  );
  const component = (await compileBytes(bytes, "0", { name: "test" })) as Component<Dynamic>;
  const instance = component.instantiateSync({
    shout: () => {
      throw new Error("swallowed");
    },
  });
  const trap = thrown(() => instance.exports.run()) as TrapError;
  expect(trap.trap).toBe("import-threw");
  expect(trap.message).toContain("swallowed");
  expect(thrown(() => instance.exports.quiet())).toBeInstanceOf(UnloadedError);
});

describe("dispose", () => {
  test("cuts every export and reports the memory released", async () => {
    const instance = await instantiateWat(body("nop"));
    const { run } = instance.exports;
    expect(instance.memoryBytes).toBe(65_536);
    expect(instance.dispose().memoryBytes).toBe(65_536);
    expect(instance.memoryBytes).toBe(0);
    expect(memoriesOf(instance)).toEqual([]);
    expect(instance.state).toBe("unloaded");
    expect(thrown(() => run())).toBeInstanceOf(UnloadedError);
    expect(instance.dispose()).toEqual(instance.dispose());
  });

  test("during a call ends the call as unloaded", async () => {
    const instance = await instantiateWat(importing("(call $shout) (call $shout)"), {
      act: () => 1,
      shout: () => {
        instance.dispose();
      },
    });
    expect(thrown(() => instance.exports.run())).toBeInstanceOf(UnloadedError);
    expect(instance.state).toBe("unloaded");
  });
});
