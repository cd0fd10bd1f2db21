/** Threads of a guest within one task. */
import { describe, expect, test } from "vitest";
import { TrapError, UnsupportedError } from "../../../host/node/index.ts";
import { instantiateWat } from "../runtime/support.ts";

const suspends = "Suspending" in WebAssembly;

/** `later` makes a thread that adds 40 to what the task keeps, and `handoff` one that hands back and is handed to again. */
const guest = `(component
  (core module $Table (table (export "table") 3 funcref))
  (core instance $table (instantiate $Table))
  (core type $start (func (param i32)))
  (core func $new (canon thread.new-indirect $start (core table $table "table")))
  (core func $resume-later (canon thread.resume-later))
  (core func $suspend-then-resume (canon thread.suspend-then-resume))
  (core func $yield (canon thread.yield))
  (core func $index (canon thread.index))
  (core func $return (canon task.return (result u32)))
  (core module $M
    (import "" "table" (table 3 funcref))
    (import "" "new" (func $new (param i32 i32) (result i32)))
    (import "" "resume-later" (func $resume-later (param i32)))
    (import "" "suspend-then-resume" (func $suspend-then-resume (param i32) (result i32)))
    (import "" "yield" (func $yield (result i32)))
    (import "" "index" (func $index (result i32)))
    (import "" "return" (func $return (param i32)))
    (global $sum (mut i32) (i32.const 0))
    (func $adds (param i32) (global.set $sum (i32.add (global.get $sum) (local.get 0))))
    (func $hands-back (param i32)
      (global.set $sum (i32.add (global.get $sum) (i32.const 1)))
      (drop (call $suspend-then-resume (local.get 0)))
      (global.set $sum (i32.add (global.get $sum) (i32.const 10)))
      (call $resume-later (local.get 0)))
    (elem (i32.const 0) func $adds $hands-back)
    (func (export "sum") (result i32)
      (global.set $sum (i32.const 2))
      (call $resume-later (call $new (i32.const 0) (i32.const 40)))
      (drop (call $yield))
      (global.get $sum))
    (func (export "handoff")
      (local $other i32)
      (global.set $sum (i32.const 0))
      (local.set $other (call $new (i32.const 1) (call $index)))
      (drop (call $suspend-then-resume (local.get $other)))
      (global.set $sum (i32.add (global.get $sum) (i32.const 100)))
      (drop (call $suspend-then-resume (local.get $other)))
      (call $return (global.get $sum)))
    (func (export "beyond") (drop (call $new (i32.const 9) (i32.const 0))))
    (func (export "null") (drop (call $new (i32.const 2) (i32.const 0)))))
  (core instance $m (instantiate $M (with "" (instance
    (export "table" (table $table "table")) (export "new" (func $new)) (export "resume-later" (func $resume-later))
    (export "suspend-then-resume" (func $suspend-then-resume)) (export "yield" (func $yield))
    (export "index" (func $index)) (export "return" (func $return))))))
  (func (export "sum") (result u32) (canon lift (core func $m "sum")))
  (func (export "handoff") async (result u32) (canon lift (core func $m "handoff") async))
  (func (export "beyond") (canon lift (core func $m "beyond")))
  (func (export "null") (canon lift (core func $m "null"))))`;

describe("a thread", () => {
  test("runs while the one that made it yields, in a synchronous call too", async () => {
    const { exports } = await instantiateWat(guest);
    expect(exports.sum()).toBe(42);
    expect(exports.sum()).toBe(42);
  });

  // A frame has to stay suspended while the one below it goes on.
  test.runIf(suspends)("hands over to another and is handed back to, each in frames of its own", async () => {
    const { exports } = await instantiateWat(guest);
    expect(await exports.handoff()).toBe(111);
    expect(await exports.handoff()).toBe(111);
  });

  test.each([
    ["beyond its table", "beyond", "table-out-of-bounds"],
    ["at a null entry", "null", "indirect-call-to-null"],
  ])("does not begin %s", async (_, name, trap) => {
    const { exports } = await instantiateWat(guest);
    expect(exports[name]).toThrow(expect.objectContaining({ trap }));
  });
});

describe("a frame that asks for turns in a loop", () => {
  /** `spin` yields until `stop` has been called, and `work` as often as it is told. */
  const spinning = `(component
    (core func $yield (canon thread.yield))
    (core func $return (canon task.return))
    (core module $M
      (import "" "yield" (func $yield (result i32)))
      (import "" "return" (func $return))
      (global $stopped (mut i32) (i32.const 0))
      (func (export "spin")
        (loop $again (drop (call $yield)) (br_if $again (i32.eqz (global.get $stopped))))
        (call $return))
      (func (export "stop") (global.set $stopped (i32.const 1)))
      (func (export "work") (param $times i32)
        (loop $again
          (drop (call $yield))
          (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))
    (core instance $m (instantiate $M (with "" (instance (export "yield" (func $yield)) (export "return" (func $return))))))
    (func (export "spin") async (canon lift (core func $m "spin") async))
    (func (export "stop") (canon lift (core func $m "stop")))
    (func (export "work") (param "times" u32) (canon lift (core func $m "work"))))`;

  test("is suspended for each, or ends in an error that says so where it cannot be", async () => {
    const { exports } = await instantiateWat(spinning);
    const spun = exports.spin();
    if (suspends) {
      exports.stop();
      expect(await spun).toBe(undefined);
      return;
    }
    const error: unknown = await spun.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TrapError);
    expect((error as TrapError).cause).toBeInstanceOf(UnsupportedError);
    expect((error as TrapError).cause).toMatchObject({
      feature: "jspi",
      message: expect.stringContaining("waits for a turn"),
    });
  });

  test("goes on at once while nothing else could run, however often", async () => {
    const { exports } = await instantiateWat(spinning);
    for (let call = 0; call < 3; call++) exports.work(400_000);
  });
});
