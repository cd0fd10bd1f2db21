/** Futures that one component gives and another reads: who writes waits for the reader, as within one component. */
import { expect, test } from "vitest";
import { createHost, type World } from "../../../host/node/index.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";

const BLOCKED = 0xffff_ffff;
const COMPLETED = 0;
const CANCELLED = 2;

const memory = `(core module $Libc (memory (export "memory") 1)) (core instance $libc (instantiate $Libc))`;
const withMemory = `(memory (core memory $libc "memory"))`;

/** Gives a future to its import, and then writes it or takes the write back: each tells what became of that. */
const giver = `(component
  (type $F (future u32))
  (import "take" (func $take (param "f" $F)))
  ${memory}
  (core func $take' (canon lower (func $take)))
  (core func $new (canon future.new $F))
  (core func $write (canon future.write $F async ${withMemory}))
  (core func $cancel (canon future.cancel-write $F))
  (core module $M
    (import "libc" "memory" (memory 1))
    (import "" "take" (func $take (param i32)))
    (import "" "new" (func $new (result i64)))
    (import "" "write" (func $write (param i32 i32) (result i32)))
    (import "" "cancel" (func $cancel (param i32) (result i32)))
    (global $end (mut i32) (i32.const 0))
    (func (export "give") (local $ends i64)
      (local.set $ends (call $new))
      (global.set $end (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
      (call $take (i32.wrap_i64 (local.get $ends))))
    (func (export "write") (param i32) (result i32)
      (i32.store (i32.const 16) (local.get 0))
      (call $write (global.get $end) (i32.const 16)))
    (func (export "cancel") (result i32) (call $cancel (global.get $end))))
  (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
    (export "take" (func $take')) (export "new" (func $new)) (export "write" (func $write)) (export "cancel" (func $cancel))))))
  (func (export "give") (canon lift (core func $m "give")))
  (func (export "write") (param "value" u32) (result u32) (canon lift (core func $m "write")))
  (func (export "cancel") (result u32) (canon lift (core func $m "cancel"))))`;

/** Keeps the future that it is given, and reads it, takes the read back or drops it; `value` is what it has read. */
const taker = `(component
  (type $F (future u32))
  ${memory}
  (core func $read (canon future.read $F async ${withMemory}))
  (core func $cancel (canon future.cancel-read $F))
  (core func $drop (canon future.drop-readable $F))
  (core module $M
    (import "libc" "memory" (memory 1))
    (import "" "read" (func $read (param i32 i32) (result i32)))
    (import "" "cancel" (func $cancel (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (global $end (mut i32) (i32.const 0))
    (func (export "take") (param i32) (global.set $end (local.get 0)))
    (func (export "read") (result i32) (call $read (global.get $end) (i32.const 16)))
    (func (export "cancel") (result i32) (call $cancel (global.get $end)))
    (func (export "drop") (call $drop (global.get $end)))
    (func (export "value") (result i32) (i32.load (i32.const 16))))
  (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
    (export "read" (func $read)) (export "cancel" (func $cancel)) (export "drop" (func $drop))))))
  (func (export "take") (param "f" $F) (canon lift (core func $m "take")))
  (func (export "read") (result u32) (canon lift (core func $m "read")))
  (func (export "cancel") (result u32) (canon lift (core func $m "cancel")))
  (func (export "drop") (canon lift (core func $m "drop")))
  (func (export "value") (result u32) (canon lift (core func $m "value"))))`;

interface Giver extends World {
  imports: { take(f: Promise<number>): void };
  exports: { give(): void; write(value: number): number; cancel(): number };
}
interface Taker extends World {
  exports: {
    take(f: PromiseLike<number>): void;
    read(): number;
    cancel(): number;
    drop(): void;
    value(): number;
  };
}

async function pair(): Promise<{ from: Giver["exports"]; to: Taker["exports"]; promise: Promise<number> }> {
  const host = createHost();
  const { exports: to } = await host.load<Taker>(await parseWat(taker), { name: "taker" });
  let promise!: Promise<number>;
  const take = (future: Promise<number>): void => to.take((promise = future));
  const { exports: from } = await host.load<Giver>(await parseWat(giver), {
    name: "giver",
    imports: { take },
  });
  from.give();
  return { from, to, promise };
}

const settled = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve));

test("is written when the other component reads it, and what is taken back before has never been there", async () => {
  const { from, to, promise } = await pair();
  expect(from.write(1)).toBe(BLOCKED);
  await settled();
  expect(from.cancel()).toBe(CANCELLED);
  expect(from.write(2)).toBe(BLOCKED);
  to.read();
  expect(await promise).toBe(2);
  await settled();
  expect(to.value()).toBe(2);
});

test("is not written while the other component has taken its read back", async () => {
  const { from, to, promise } = await pair();
  expect(to.read()).toBe(BLOCKED);
  expect(to.cancel()).toBe(CANCELLED);
  expect(from.write(1)).toBe(BLOCKED);
  await settled();
  expect(from.cancel()).toBe(CANCELLED);
  expect(to.read()).toBe(BLOCKED);
  expect(from.write(2)).toBe(COMPLETED);
  expect(await promise).toBe(2);
  await settled();
  expect(to.value()).toBe(2);
});

test("is read for the program's own code when the other component drops it", async () => {
  const { from, to, promise } = await pair();
  to.drop();
  expect(from.write(3)).toBe(COMPLETED);
  expect(await promise).toBe(3);
});

test("that was written before it is given on has its value", async () => {
  const host = createHost();
  const { exports: to } = await host.load<Taker>(await parseWat(taker), { name: "taker" });
  let promise!: Promise<number>;
  const take = (future: Promise<number>): void => void (promise = future);
  const { exports: from } = await host.load<Giver>(await parseWat(giver), {
    name: "giver",
    imports: { take },
  });
  from.give();
  expect(from.write(4)).toBe(COMPLETED);
  to.take(promise);
  to.read();
  await settled();
  expect(to.value()).toBe(4);
});

test("rejects for the program and traps its reader when the component that was to write it ends", async () => {
  const host = createHost();
  const taking = await host.load<Taker>(await parseWat(taker), { name: "taker" });
  let promise!: Promise<number>;
  const take = (future: Promise<number>): void => taking.exports.take((promise = future));
  const giving = await host.load<Giver>(await parseWat(giver), { name: "giver", imports: { take } });
  giving.exports.give();
  await giving.unload({ force: true });
  await expect(promise).rejects.toMatchObject({ name: "UnloadedError" });
  taking.exports.read();
  await settled();
  expect(taking.state).toBe("trapped");
});
