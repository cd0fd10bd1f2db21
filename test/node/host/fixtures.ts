/**
 * Small components as text, for the tests of the module host: each has one idea and a size that can be chosen.
 */
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";

/** Most of these tests run in a browser's page too, where there are no files and no process. */
export const inPage: boolean = !("process" in globalThis);

const parsed = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

/** The binary of a component's text; one parse a text. */
export function component(text: string): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = parsed.get(text);
  if (bytes === undefined) parsed.set(text, (bytes = parseWat(text)));
  return bytes;
}

export interface MathOptions {
  readonly version?: string;
  /** Added to every sum, so that versions can be told apart. */
  readonly bias?: number;
  readonly pages?: number;
  /** Another type of `add`: two of these. */
  readonly type?: "s32" | "u32";
  /** Exports `triple` as well. */
  readonly more?: boolean;
  /** Leaves `grow` out. */
  readonly less?: boolean;
  readonly path?: string;
}

/** `demo:math/api`: `add`, `grow`, `boom` (traps), `calls` (how many adds this instance has served). */
export function math(options: MathOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const {
    version = "1.0.0",
    bias = 0,
    pages = 1,
    type = "s32",
    more = false,
    less = false,
    path = "demo:math/api",
  } = options;
  return component(`(component
    (core module $m
      (memory (export "memory") ${pages})
      (global $calls (mut i32) (i32.const 0))
      (func (export "add") (param i32 i32) (result i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (i32.add (i32.add (local.get 0) (local.get 1)) (i32.const ${bias})))
      (func (export "grow") (param i32) (result i32)
        (local $at i32)
        (local.set $at (i32.mul (memory.size) (i32.const 65536)))
        (if (i32.ge_s (memory.grow (local.get 0)) (i32.const 0))
          (then (memory.fill (local.get $at) (i32.const 1) (i32.mul (local.get 0) (i32.const 65536)))))
        (memory.size))
      (func (export "boom") unreachable)
      (func (export "triple") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
      (func (export "calls") (result i32) (global.get $calls)))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (func $add (param "a" ${type}) (param "b" ${type}) (result ${type}) (canon lift (core func $i "add") (memory $memory)))
    (func $grow (param "pages" u32) (result u32) (canon lift (core func $i "grow") (memory $memory)))
    (func $boom (canon lift (core func $i "boom")))
    (func $triple (param "value" s32) (result s32) (canon lift (core func $i "triple")))
    (func $calls (result u32) (canon lift (core func $i "calls")))
    (instance $api
      (export "add" (func $add))
      ${less ? "" : `(export "grow" (func $grow))`}
      (export "boom" (func $boom))
      ${more ? `(export "triple" (func $triple))` : ""}
      (export "calls" (func $calls)))
    (export "${path}${version === "" ? "" : `@${version}`}" (instance $api)))`);
}

/** Imports `demo:math/api` and exports `twice`, which adds a number to itself with it. */
export function twice(
  options: { version?: string; type?: string; also?: string; exports?: string } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { version = "1.0.0", type = "s32", also = "", exports = "demo:twice/api@1.0.0" } = options;
  return component(`(component
    (import "demo:math/api@${version}" (instance $math (export "add" (func (param "a" ${type}) (param "b" ${type}) (result ${type})))))
    ${also}
    (core func $add (canon lower (func $math "add")))
    (core module $m
      (import "math" "add" (func $add (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "twice") (param i32) (result i32) (call $add (local.get 0) (local.get 0))))
    (core instance $i (instantiate $m (with "math" (instance (export "add" (func $add))))))
    (alias core export $i "memory" (core memory $memory))
    (func $twice (param "value" s32) (result s32) (canon lift (core func $i "twice") (memory $memory)))
    (instance $api (export "twice" (func $twice)))
    (export "${exports}" (instance $api)))`);
}

export interface CounterOptions {
  readonly step?: number;
  /** What `restore` does. */
  readonly restore?: "take" | "refuse" | "trap" | "absent";
  readonly save?: "give" | "trap" | "absent";
  readonly teardown?: "note" | "trap" | "absent";
  /** The start function traps. */
  readonly start?: "trap" | "fine";
}

/**
 * `demo:counter/api`: `increment` and `value` over one number, which `tenon:module/state` hands over; `note` of
 * `demo:counter/host` is called by the teardown.
 */
export function counter(options: CounterOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { step = 1, restore = "take", save = "give", teardown = "absent", start = "fine" } = options;
  const restoreBody = {
    take: `(i32.store (i32.const 16) (i32.load (local.get 0))) (i32.store8 (i32.const 64) (i32.const 0)) (i32.const 64)`,
    refuse: `(i32.store8 (i32.const 64) (i32.const 1)) (i32.store (i32.const 68) (i32.const 128)) (i32.store (i32.const 72) (i32.const 7)) (i32.const 64)`,
    trap: "unreachable",
    absent: "(i32.const 64)",
  }[restore];
  const state = save !== "absent" || restore !== "absent";
  return component(`(component
    ${teardown === "note" ? `(import "demo:counter/host" (instance $host (export "note" (func (param "value" u32))))) (core func $note (canon lower (func $host "note")))` : ""}
    (core module $m
      ${teardown === "note" ? `(import "host" "note" (func $note (param i32)))` : ""}
      (memory (export "memory") 1)
      (data (i32.const 128) "refused")
      (func (export "increment") (result i32)
        (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const ${step})))
        (i32.load (i32.const 16)))
      (func (export "value") (result i32) (i32.load (i32.const 16)))
      (func (export "boom") unreachable)
      (func (export "save") (result i32)
        ${save === "trap" ? "unreachable" : `(i32.store (i32.const 32) (i32.const 16)) (i32.store (i32.const 36) (i32.const 4)) (i32.const 32)`})
      (func (export "restore") (param i32 i32) (result i32) ${restoreBody})
      (func (export "before-unload") ${teardown === "trap" ? "unreachable" : teardown === "note" ? "(call $note (i32.load (i32.const 16)))" : ""})
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      ${start === "trap" ? "(func $start unreachable) (start $start)" : ""})
    (core instance $i (instantiate $m ${teardown === "note" ? `(with "host" (instance (export "note" (func $note))))` : ""}))
    (alias core export $i "memory" (core memory $memory))
    (alias core export $i "realloc" (core func $realloc))
    (func $increment (result u32) (canon lift (core func $i "increment") (memory $memory)))
    (func $value (result u32) (canon lift (core func $i "value")))
    (func $boom (canon lift (core func $i "boom")))
    (func $save (result (list u8)) (canon lift (core func $i "save") (memory $memory)))
    (func $restore (param "saved" (list u8)) (result (result (error string)))
      (canon lift (core func $i "restore") (memory $memory) (realloc $realloc)))
    (func $before-unload (canon lift (core func $i "before-unload")))
    (instance $api (export "increment" (func $increment)) (export "value" (func $value)) (export "boom" (func $boom)))
    (export "demo:counter/api@1.0.0" (instance $api))
    ${state ? `(instance $state (export "save" (func $save)) (export "restore" (func $restore))) (export "tenon:module/state@0.1.0" (instance $state))` : ""}
    ${teardown === "absent" ? "" : `(instance $teardown (export "before-unload" (func $before-unload))) (export "tenon:module/teardown@0.1.0" (instance $teardown))`})`);
}

/** Calls `poke` of `demo:poke/host` from its export `run`, passing a number; `run` returns the same number. */
export function poker(result: "none" | "result" = "none"): Promise<Uint8Array<ArrayBuffer>> {
  const type = result === "none" ? "" : "(result (result))";
  const drop = result === "none" ? "" : "drop";
  return component(`(component
    (import "demo:poke/host" (instance $host (export "poke" (func (param "value" u32) ${type}))))
    (core func $poke (canon lower (func $host "poke")))
    (core module $m
      (import "host" "poke" (func $poke (param i32) ${result === "none" ? "" : "(result i32)"}))
      (memory (export "memory") 1)
      (func (export "run") (param i32) (result i32) (call $poke (local.get 0)) ${drop} (local.get 0)))
    (core instance $i (instantiate $m (with "host" (instance (export "poke" (func $poke))))))
    (alias core export $i "memory" (core memory $memory))
    (func $run (param "value" u32) (result u32) (canon lift (core func $i "run") (memory $memory)))
    (export "run" (func $run)))`);
}

/** As {@link poker}, of a guest that catches whatever it can and calls `poke` again. */
export async function stubborn(): Promise<Uint8Array<ArrayBuffer>> {
  // loop, try, local.get 0, call 0, catch_all, br 1, end, end: the first form of exceptions, which no assembler writes any more.
  const code = [0x03, 0x40, 0x06, 0x40, 0x20, 0, 0x10, 0, 0x19, 0x0c, 1, 0x0b, 0x0b];
  const bytes = (
    await component(`(component
    (import "demo:poke/host" (instance $host (export "poke" (func (param "value" u32)))))
    (core func $poke (canon lower (func $host "poke")))
    (core module $m
      (import "host" "poke" (func $poke (param i32)))
      (memory (export "memory") 1)
      (func (export "run") (param i32) (result i32) ${"nop ".repeat(code.length)} (local.get 0)))
    (core instance $i (instantiate $m (with "host" (instance (export "poke" (func $poke))))))
    (func (export "run") (param "value" u32) (result u32) (canon lift (core func $i "run"))))`)
  ).slice();
  const at = bytes.findIndex((_, i) => code.every((__, j) => bytes[i + j] === 0x01));
  bytes.set(code, at);
  return bytes;
}

/**
 * `demo:things/api`: a resource `thing` with a constructor, a method, a static and a function that takes one. With `state`, the
 * module hands over a state of no bytes.
 */
export function things(
  options: { bias?: number; version?: string; dtor?: "count" | "trap"; state?: boolean } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { bias = 0, version = "1.0.0", dtor = "count", state = false } = options;
  return component(`(component
    (core module $d
      (global $live (export "live") (mut i32) (i32.const 0))
      (func (export "drop") (param i32) ${dtor === "trap" ? "unreachable" : ""} (global.set $live (i32.sub (global.get $live) (i32.const 1)))))
    (core instance $d (instantiate $d))
    (type $thing' (resource (rep i32) (dtor (core func $d "drop"))))
    (core func $new (canon resource.new $thing'))
    (core func $rep (canon resource.rep $thing'))
    (core module $m
      (import "t" "new" (func $new (param i32) (result i32)))
      (import "t" "live" (global $live (mut i32)))
      (memory (export "memory") 1)
      (func $make (export "make") (param i32) (result i32)
        (global.set $live (i32.add (global.get $live) (i32.const 1)))
        (call $new (local.get 0)))
      (func (export "value") (param i32) (result i32) (i32.add (local.get 0) (i32.const ${bias})))
      (func (export "peek") (param i32) (result i32) (i32.add (local.get 0) (i32.const ${1000 + bias})))
      (func (export "save") (result i32) (i32.const 8))
      (func (export "restore") (param i32 i32) (result i32) (i32.const 16))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      (func (export "live") (result i32) (global.get $live)))
    (core instance $i (instantiate $m (with "t" (instance (export "new" (func $new)) (export "live" (global $d "live"))))))
    (alias core export $i "memory" (core memory $memory))
    (component $face
      (import "thing" (type $thing (sub resource)))
      (import "make" (func $make (param "value" u32) (result (own $thing))))
      (import "value" (func $value (param "self" (borrow $thing)) (result u32)))
      (import "peek" (func $peek (param "it" (borrow $thing)) (result u32)))
      (import "live" (func $live (result u32)))
      (export $out "thing" (type $thing))
      (export "[constructor]thing" (func $make) (func (param "value" u32) (result (own $out))))
      (export "[method]thing.value" (func $value) (func (param "self" (borrow $out)) (result u32)))
      (export "[static]thing.make" (func $make) (func (param "value" u32) (result (own $out))))
      (export "peek" (func $peek) (func (param "it" (borrow $out)) (result u32)))
      (export "live" (func $live) (func (result u32))))
    (func $make (param "value" u32) (result (own $thing')) (canon lift (core func $i "make") (memory $memory)))
    (func $value (param "self" (borrow $thing')) (result u32) (canon lift (core func $i "value")))
    (func $peek (param "it" (borrow $thing')) (result u32) (canon lift (core func $i "peek")))
    (func $live (result u32) (canon lift (core func $i "live")))
    (instance $api (instantiate $face
      (with "thing" (type $thing')) (with "make" (func $make)) (with "value" (func $value))
      (with "peek" (func $peek)) (with "live" (func $live))))
    ${
      state
        ? `(alias core export $i "realloc" (core func $realloc))
    (func $save (result (list u8)) (canon lift (core func $i "save") (memory $memory)))
    (func $restore (param "saved" (list u8)) (result (result (error string)))
      (canon lift (core func $i "restore") (memory $memory) (realloc $realloc)))
    (instance $state (export "save" (func $save)) (export "restore" (func $restore)))
    (export "tenon:module/state@0.1.0" (instance $state))`
        : ""
    }
    (export "demo:things/api@${version}" (instance $api)))`);
}

/** Imports `demo:things/api`; `run` makes a thing, asks its value, keeps it until `drop`. */
export function keeper(): Promise<Uint8Array<ArrayBuffer>> {
  return component(`(component
    (import "demo:things/api@1.0.0" (instance $api
      (export "thing" (type $thing (sub resource)))
      (export "[constructor]thing" (func (param "value" u32) (result (own $thing))))
      (export "[method]thing.value" (func (param "self" (borrow $thing)) (result u32)))))
    (alias export $api "thing" (type $thing))
    (core func $make (canon lower (func $api "[constructor]thing")))
    (core func $value (canon lower (func $api "[method]thing.value")))
    (core func $drop (canon resource.drop $thing))
    (core module $m
      (import "t" "make" (func $make (param i32) (result i32)))
      (import "t" "value" (func $value (param i32) (result i32)))
      (import "t" "drop" (func $drop (param i32)))
      (memory (export "memory") 1)
      (global $kept (mut i32) (i32.const 0))
      (func (export "keep") (param i32) (result i32)
        (global.set $kept (call $make (local.get 0)))
        (call $value (global.get $kept)))
      (func (export "ask") (result i32) (call $value (global.get $kept)))
      (func (export "drop") (call $drop (global.get $kept)))
      (func (export "give") (result i32) (global.get $kept))
      (func (export "take") (param i32) (result i32) (call $value (local.get 0)) (call $drop (local.get 0))))
    (core instance $i (instantiate $m (with "t" (instance
      (export "make" (func $make)) (export "value" (func $value)) (export "drop" (func $drop))))))
    (alias core export $i "memory" (core memory $memory))
    (func (export "keep") (param "value" u32) (result u32) (canon lift (core func $i "keep") (memory $memory)))
    (func (export "ask") (result u32) (canon lift (core func $i "ask")))
    (func (export "drop-it") (canon lift (core func $i "drop")))
    (func (export "give") (result (own $thing)) (canon lift (core func $i "give")))
    (func (export "take") (param "it" (own $thing)) (result u32) (canon lift (core func $i "take"))))`);
}

/** Imports the interfaces `needs` and exports `gives`, each with one function `f` that counts the modules below it. */
export function chain(gives: string, ...needs: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const imports = needs.map(
    (id, i) => `(import "${id}" (instance $n${i} (export "f" (func (result u32)))))
    (core func $f${i} (canon lower (func $n${i} "f")))`,
  );
  const args = needs.map((_, i) => `(export "f${i}" (func $f${i}))`);
  const cores = needs.map((_, i) => `(import "n" "f${i}" (func $f${i} (result i32)))`);
  return component(`(component ${imports.join("\n")}
    (core module $m ${cores.join("\n")} (memory (export "memory") 1) (func (export "f") (result i32)
      ${needs.map((_, i) => `call $f${i}`).join(" ")} i32.const 1 ${needs.map(() => "i32.add").join(" ")}))
    (core instance $i (instantiate $m ${needs.length > 0 ? `(with "n" (instance ${args.join(" ")}))` : ""}))
    (func $f (result u32) (canon lift (core func $i "f")))
    (instance $g (export "f" (func $f))) (export "${gives}" (instance $g)))`);
}
