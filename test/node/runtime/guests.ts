/** Components made the way toolchains make them: a core module with canonical names, its WIT embedded, then wasm-tools. */
import { createHash } from "node:crypto";
import { compileBytes } from "../../compile.ts";
import type { CompileOptions, Component } from "../../../host/runtime/types.ts";
import { componentEmbed, componentNew, parseWat, type StringEncoding } from "../../../scripts/toolchain/wasm-tools.ts";
import { allocator, type Dynamic } from "./support.ts";

export interface Guest {
  readonly wit: string;
  /** The core module, as text. */
  readonly core: string;
  readonly world?: string;
  /** Default `utf8`. */
  readonly encoding?: StringEncoding;
}

export async function guestBytes({ wit, core, world, encoding }: Guest): Promise<Uint8Array<ArrayBuffer>> {
  const module = await parseWat(core);
  return componentNew(await componentEmbed(module, { witSource: wit, world, stringEncoding: encoding ?? "utf8" }));
}

export async function compileGuest(guest: Guest, options: CompileOptions = {}): Promise<Component<Dynamic>> {
  const bytes = await guestBytes(guest);
  const hash = createHash("sha256").update(bytes).digest("hex");
  return (await compileBytes(bytes, hash, { name: "test", ...options })) as Component<Dynamic>;
}

const things = "demo:res/things@1.0.0";

/** A guest that exports a resource in every position its functions can have one. A `thing` holds a number. */
export const thingsGuest: Guest = {
  wit: `
    package demo:res@1.0.0;
    interface things {
      resource thing {
        constructor(value: u32);
        value: func() -> u32;
        add: func(other: borrow<thing>) -> u32;
        absorb: func(other: thing) -> u32;
        make: static func(value: u32) -> thing;
        parse: static func(value: u32) -> result<thing, string>;
      }
      record pair { left: thing, right: option<thing> }
      swap: func(both: pair) -> pair;
      sum: func(all: list<borrow<thing>>) -> u32;
      take-all: func(all: list<thing>) -> u32;
      make-all: func(count: u32) -> list<thing>;
      merge: func(a: thing, b: thing) -> thing;
      mix: func(a: thing, b: borrow<thing>) -> u32;
      keep: func(it: thing);
      give-back: func() -> option<thing>;
      alive: func() -> u32;
      fail-next-drop: func();
    }
    world w { export things; }`,
  core: `(module
    (import "[export]${things}" "[resource-new]thing" (func $new (param i32) (result i32)))
    (import "[export]${things}" "[resource-rep]thing" (func $rep (param i32) (result i32)))
    (import "[export]${things}" "[resource-drop]thing" (func $drop (param i32)))
    ${allocator.replace('"realloc"', '"cabi_realloc"')}
    (data (i32.const 1024) "too large")
    (global $alive (mut i32) (i32.const 0))
    (global $kept (mut i32) (i32.const 0))
    (global $fail (mut i32) (i32.const 0))
    ;; The rep is the address of the number.
    (func $make (param $value i32) (result i32) (local $at i32)
      (local.set $at (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 4)))
      (i32.store (local.get $at) (local.get $value))
      (global.set $alive (i32.add (global.get $alive) (i32.const 1)))
      (call $new (local.get $at)))
    (func $valueOf (param $handle i32) (result i32) (i32.load (call $rep (local.get $handle))))
    (func (export "${things}#[constructor]thing") (param i32) (result i32) (call $make (local.get 0)))
    (func (export "${things}#[static]thing.make") (param i32) (result i32) (call $make (local.get 0)))
    (func (export "${things}#[static]thing.parse") (param i32) (result i32)
      (if (i32.gt_u (local.get 0) (i32.const 100))
        (then (i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 20) (i32.const 1024)) (i32.store (i32.const 24) (i32.const 9)))
        (else (i32.store8 (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (call $make (local.get 0)))))
      (i32.const 16))
    (func (export "${things}#[dtor]thing") (param i32)
      (if (global.get $fail) (then unreachable))
      (i32.store (local.get 0) (i32.const -1))
      (global.set $alive (i32.sub (global.get $alive) (i32.const 1))))
    (func (export "${things}#[method]thing.value") (param $rep i32) (result i32) (i32.load (local.get $rep)))
    (func (export "${things}#[method]thing.add") (param $rep i32) (param $other i32) (result i32)
      (i32.add (i32.load (local.get $rep)) (i32.load (local.get $other))))
    (func (export "${things}#[method]thing.absorb") (param $rep i32) (param $handle i32) (result i32)
      (i32.store (local.get $rep) (i32.add (i32.load (local.get $rep)) (call $valueOf (local.get $handle))))
      (call $drop (local.get $handle))
      (i32.load (local.get $rep)))
    (func (export "${things}#swap") (param $left i32) (param $some i32) (param $right i32) (result i32)
      (i32.store (i32.const 16) (select (local.get $right) (local.get $left) (local.get $some)))
      (i32.store8 (i32.const 20) (local.get $some))
      (i32.store (i32.const 24) (local.get $left))
      (i32.const 16))
    (func (export "${things}#sum") (param $at i32) (param $count i32) (result i32) (local $sum i32)
      (block $done (loop $more
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $sum (i32.add (local.get $sum) (i32.load (i32.load (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $more)))
      (local.get $sum))
    (func (export "${things}#take-all") (param $at i32) (param $count i32) (result i32) (local $sum i32)
      (block $done (loop $more
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $sum (i32.add (local.get $sum) (call $valueOf (i32.load (local.get $at)))))
        (call $drop (i32.load (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $more)))
      (local.get $sum))
    (func (export "${things}#make-all") (param $count i32) (result i32) (local $i i32) (local $at i32)
      (local.set $at (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.mul (i32.const 4) (local.get $count))))
      (block $done (loop $more
        (br_if $done (i32.eq (local.get $i) (local.get $count)))
        (i32.store (i32.add (local.get $at) (i32.mul (i32.const 4) (local.get $i))) (call $make (local.get $i)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $more)))
      (i32.store (i32.const 16) (local.get $at))
      (i32.store (i32.const 20) (local.get $count))
      (i32.const 16))
    (func (export "${things}#merge") (param $a i32) (param $b i32) (result i32) (local $sum i32)
      (local.set $sum (i32.add (call $valueOf (local.get $a)) (call $valueOf (local.get $b))))
      (call $drop (local.get $a))
      (call $drop (local.get $b))
      (call $make (local.get $sum)))
    (func (export "${things}#mix") (param $a i32) (param $b i32) (result i32) (local $sum i32)
      (local.set $sum (i32.add (call $valueOf (local.get $a)) (i32.load (local.get $b))))
      (call $drop (local.get $a))
      (local.get $sum))
    (func (export "${things}#keep") (param i32) (global.set $kept (local.get 0)))
    (func (export "${things}#give-back") (result i32)
      (i32.store8 (i32.const 16) (i32.ne (global.get $kept) (i32.const 0)))
      (i32.store (i32.const 20) (global.get $kept))
      (global.set $kept (i32.const 0))
      (i32.const 16))
    (func (export "${things}#alive") (result i32) (global.get $alive))
    (func (export "${things}#fail-next-drop") (global.set $fail (i32.const 1))))`,
};

const files = "demo:res/files@1.0.0";

/** A guest that uses a resource of the host in every way it may, and in some that it may not. */
export const filesGuest: Guest = {
  wit: `
    package demo:res@1.0.0;
    interface files {
      resource file {
        constructor(name: string);
        size: func() -> result<u32, string>;
        touch: func();
        open: static func(name: string) -> result<file, string>;
      }
      inspect: func(it: borrow<file>) -> u32;
      consume: func(it: file);
      both: func(lent: borrow<file>, given: file);
      latest: func() -> option<file>;
      pair: func() -> tuple<file, file>;
    }
    world w {
      import files;
      use files.{file};
      export make: func();
      export open: func() -> result<_, string>;
      export take: func(it: file);
      export take-all: func(all: list<file>);
      export give: func() -> file;
      export size: func(it: borrow<file>) -> result<u32, string>;
      export touch: func(it: borrow<file>);
      export inspect-twice: func(it: borrow<file>) -> u32;
      export leak: func(it: borrow<file>);
      export consume-kept: func();
      export drop-kept: func();
      export lend-and-give-kept: func();
      export latest: func() -> bool;
      export pair: func();
      export kept: func() -> u32;
      export same: func(a: borrow<file>, b: borrow<file>) -> u32;
    }`,
  core: `(module
    (import "${files}" "[constructor]file" (func $construct (param i32 i32) (result i32)))
    (import "${files}" "[method]file.size" (func $size (param i32 i32)))
    (import "${files}" "[method]file.touch" (func $touch (param i32)))
    (import "${files}" "[static]file.open" (func $open (param i32 i32 i32)))
    (import "${files}" "[resource-drop]file" (func $drop (param i32)))
    (import "${files}" "inspect" (func $inspect (param i32) (result i32)))
    (import "${files}" "consume" (func $consume (param i32)))
    (import "${files}" "both" (func $both (param i32 i32)))
    (import "${files}" "latest" (func $latest (param i32)))
    (import "${files}" "pair" (func $pair (param i32)))
    ${allocator.replace('"realloc"', '"cabi_realloc"')}
    (data (i32.const 1024) "made by the guest")
    (global $kept (mut i32) (i32.const 0))
    (func (export "make") (global.set $kept (call $construct (i32.const 1024) (i32.const 17))))
    (func (export "open") (result i32)
      (call $open (i32.const 1024) (i32.const 4) (i32.const 16))
      (if (i32.eqz (i32.load8_u (i32.const 16))) (then (global.set $kept (i32.load (i32.const 20)))))
      (i32.const 16))
    (func (export "take") (param i32) (global.set $kept (local.get 0)))
    (func (export "take-all") (param $at i32) (param $count i32)
      (if (local.get $count) (then (global.set $kept (i32.load (local.get $at))))))
    (func (export "give") (result i32) (global.get $kept))
    (func (export "size") (param i32) (result i32)
      (call $size (local.get 0) (i32.const 16)) (call $drop (local.get 0)) (i32.const 16))
    (func (export "touch") (param i32) (call $touch (local.get 0)) (call $drop (local.get 0)))
    (func (export "inspect-twice") (param i32) (result i32)
      (call $inspect (local.get 0)) (call $inspect (local.get 0)) i32.add (call $drop (local.get 0)))
    (func (export "leak") (param i32))
    (func (export "consume-kept") (call $consume (global.get $kept)))
    (func (export "drop-kept") (call $drop (global.get $kept)))
    (func (export "lend-and-give-kept") (call $both (global.get $kept) (global.get $kept)))
    (func (export "latest") (result i32)
      (call $latest (i32.const 16))
      (if (i32.load8_u (i32.const 16)) (then (global.set $kept (i32.load (i32.const 20)))))
      (i32.load8_u (i32.const 16)))
    (func (export "pair") (call $pair (i32.const 16)) (global.set $kept (i32.load (i32.const 16))))
    (func (export "kept") (result i32) (global.get $kept))
    (func (export "same") (param $a i32) (param $b i32) (result i32)
      (call $drop (local.get $a)) (call $drop (local.get $b)) (i32.sub (local.get $a) (local.get $b))))`,
};
