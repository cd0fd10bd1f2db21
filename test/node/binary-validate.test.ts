import { describe, expect, test } from "vitest";
import { decodeComponent } from "../../host/binary/decode.ts";
import { validateComponent } from "../../host/binary/validate/index.ts";
import { DecodeError, UnsupportedError } from "../../host/errors.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";

/** What validation says of a component given by the fields of its text. */
async function verdict(fields: string): Promise<Error | undefined> {
  const bytes = await parseWat(`(component ${fields})`);
  const definition = decodeComponent(bytes);
  try {
    validateComponent(definition);
    return undefined;
  } catch (error) {
    if (error instanceof DecodeError) {
      expect(error.offset).toBeGreaterThanOrEqual(8);
      expect(error.offset).toBeLessThanOrEqual(bytes.length);
      expect(error.section).toMatch(/section$/);
      return error;
    }
    if (error instanceof UnsupportedError) return error;
    throw error;
  }
}

function accepts(cases: Readonly<Record<string, string>>): void {
  test.each(Object.entries(cases))("accepts %s", async (_, fields) => {
    expect((await verdict(fields))?.message).toBeUndefined();
  });
}

function refuses(cases: Readonly<Record<string, readonly [fields: string, reason: RegExp]>>): void {
  test.each(Object.entries(cases))("refuses %s", async (_, [fields, reason]) => {
    const error = await verdict(fields);
    expect(error).toBeInstanceOf(DecodeError);
    expect(error!.message).toMatch(reason);
  });
}

/** A core module with a memory, a realloc and functions of these types, instantiated and aliased. */
function guest(functions: Readonly<Record<string, string>>): string {
  const exports = Object.entries(functions).map(([name, type]) => `(func (export "${name}") ${type} unreachable)`);
  return `(core module $M (memory (export "mem") 1) (table (export "tbl") 1 funcref)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable) ${exports.join(" ")})
    (core instance $m (instantiate $M))
    (alias core export $m "mem" (core memory $mem)) (alias core export $m "tbl" (core table $tbl))
    (alias core export $m "realloc" (core func $realloc))
    ${Object.keys(functions)
      .map((name) => `(alias core export $m "${name}" (core func $${name}))`)
      .join(" ")}`;
}

describe("defined types", () => {
  accepts({
    "every form": `(type $r (record (field "a" u8) (field "b" (list string)))) (type (variant (case "x" $r) (case "y")))
      (type (tuple char f32 f64)) (type (flags "a" "B-c")) (type (enum "a")) (type (option $r)) (type (result))
      (type (result (error string))) (type (list u8 4)) (type (map string $r)) (type (stream u8)) (type (future))`,
    "a list as large as may be": `(type (list u8 268435455))`,
    "an alias of a primitive as a map key": `(type $k string) (type (map $k u8))`,
  });
  refuses({
    "a record without fields": [`(type (record))`, /at least one field/],
    "a variant without cases": [`(type (variant))`, /at least one case/],
    "a tuple without types": [`(type (tuple))`, /at least one type/],
    "flags without labels": [`(type (flags))`, /at least one label/],
    "33 flags": [`(type (flags ${Array.from({ length: 33 }, (_, i) => `"f${i}"`).join(" ")}))`, /more than 32/],
    "labels that differ in case only": [`(type (record (field "a-b" u8) (field "A-b" u8)))`, /conflicts/],
    "labels not in kebab case": [`(type (enum "aB"))`, /"aB" is not in kebab case/],
    "an empty label": [`(type (variant (case "")))`, /cannot be empty/],
    "a value too large": [`(type (list u64 33554432))`, /268435456 bytes/],
    "a product beyond 32 bits": [`(type (list u64 536870912))`, /4294967296 bytes/],
    "a list of length 0": [`(type (list u8 0))`, /at least one element/],
    "a map keyed by floats": [`(type (map f32 u8))`, /keys of the type f32/],
    "a stream of char": [`(type (stream char))`, /stream<char>/],
    "a future of borrows": [
      `(import "r" (type $r (sub resource))) (type (future (borrow $r)))`,
      /cannot contain a `borrow`/,
    ],
    "an index out of bounds": [`(type (option 3))`, /type index 3 is out of bounds/],
    "a function type as a value type": [`(type $f (func)) (type (list $f))`, /Type 0 is a function type/],
    "own of what is no resource": [`(type $t u8) (type (own $t))`, /not a resource type/],
    "a borrow in a result": [
      `(import "r" (type $r (sub resource))) (type (func (result (option (borrow $r)))))`,
      /cannot contain a `borrow`/,
    ],
    "a resource inside a component type": [`(type (component (type (resource (rep i32)))))`, /concrete component/],
    "a parameter named twice": [`(type (func (param "a" u8) (param "A" u8)))`, /conflicts/],
  });
});

describe("names", () => {
  accepts({
    "one interface at several versions": `(import "a:b/c" (func)) (import "a:b/c@1.0.0" (func)) (import "a:b/c@2.0.0-rc.1+x" (func))`,
    "constructors, methods and statics of a resource": `
      (import "r" (type $r (sub resource)))
      (import "[constructor]r" (func (param "x" u8) (result (result (own $r) (error string)))))
      (import "[method]r.get" (func (param "self" (borrow $r)) (result u8)))
      (import "[static]r.count" (func (result u32)))`,
    "an implements attribute": `(import "main" (implements "a:b/c@1.0.0") (instance))`,
  });
  refuses({
    "a name not in kebab case": [`(import "fooBar" (func))`, /"fooBar" is not a valid extern name/],
    "a version that is none": [`(import "a:b/c@1.x" (func))`, /semantic version/],
    "names that differ in case only": [`(import "foo-bar" (func)) (import "foo-BAR" (func))`, /conflicts/],
    "a method in conflict with a static": [
      `(import "r" (type $r (sub resource))) (import "[method]r.a" (func (param "self" (borrow $r)))) (import "[static]r.a" (func))`,
      /conflicts/,
    ],
    "a method of an unknown resource": [
      `(import "s" (type $s (sub resource))) (import "[method]r.a" (func (param "self" (borrow $s))))`,
      /does not use the resource "r"/,
    ],
    "a method without self": [
      `(import "r" (type $r (sub resource))) (import "[method]r.a" (func (param "this" (borrow $r))))`,
      /called `self`/,
    ],
    "a method with an owned self": [
      `(import "r" (type $r (sub resource))) (import "[method]r.a" (func (param "self" (own $r))))`,
      /borrow \$T/,
    ],
    "a constructor of something else": [
      `(import "r" (type $r (sub resource))) (import "[constructor]r" (func (result u32)))`,
      /should return one value/,
    ],
    "an annotated instance": [`(import "[static]r.a" (instance))`, /not a function/],
    "implements on a function": [`(import "a" (implements "a:b/c") (func))`, /Only instances/],
    "implements of a plain name": [`(import "a" (implements "b") (instance))`, /must be an interface name/],
  });
});

describe("resource types", () => {
  const sameTwice = `(component $same (import "a" (type $a (sub resource))) (import "b" (type (eq $a))))`;
  accepts({
    "one resource where the same is asked for": `(import "t" (type $t (sub resource))) (import "u" (type $u (eq $t)))
      ${sameTwice} (instance (instantiate $same (with "a" (type $t)) (with "b" (type $u))))`,
    "a resource substituted through an instantiation": `(type $r (resource (rep i32)))
      (component $id (import "in" (type $t (sub resource))) (export "out" (type $t)))
      (instance $i (instantiate $id (with "in" (type $r)))) (alias export $i "out" (type $r2))
      (core func (canon resource.rep $r2))`,
    "a component that fits a component import": `
      (component $c (import "x" (type $x (sub resource))) (import "f" (func $f (result (own $x)))) (export "g" (func $f)))
      (component $d (import "c" (component (import "x" (type $x (sub resource))) (import "f" (func (result (own $x))))
        (export "g" (func (result (own $x)))))))
      (instance (instantiate $d (with "c" (component $c))))`,
    "a destructor": `${guest({ dtor: "(param i32)" })} (type (resource (rep i32) (dtor $dtor)))`,
  });
  refuses({
    "two definitions as one": [
      `(type $t (resource (rep i32))) (type $u (resource (rep i32)))
       ${sameTwice} (instance (instantiate $same (with "a" (type $t)) (with "b" (type $u))))`,
      /the resource found, without a name, is not the one expected/,
    ],
    "the resources of two instances as one": [
      `(component $c (type $r (resource (rep i32))) (export "r" (type $r)))
       (instance $x (instantiate $c)) (instance $y (instantiate $c))
       ${sameTwice} (instance (instantiate $same (with "a" (type $x "r")) (with "b" (type $y "r"))))`,
      /the resource found, `r`, is not the one expected/,
    ],
    "the resources of two imports of one instance type": [
      `(type $i (instance (export "r" (type (sub resource))))) (import "x" (instance $x (type $i))) (import "y" (instance $y (type $i)))
       ${sameTwice} (instance (instantiate $same (with "a" (type $x "r")) (with "b" (type $y "r"))))`,
      /the resource found, `r`, is not the one expected/,
    ],
    "an opaque export of a resource as that resource": [
      `(component $c (type $r (resource (rep i32))) (export "r" (type $r)) (export "s" (type $r) (type (sub resource))))
       (instance $x (instantiate $c))
       ${sameTwice} (instance (instantiate $same (with "a" (type $x "r")) (with "b" (type $x "s"))))`,
      /expected the resource `r`, found `s`/,
    ],
    "resource.new of an imported resource": [
      `(import "r" (type $r (sub resource))) (core func (canon resource.new $r))`,
      /not a local resource/,
    ],
    "resource.drop of a record": [`(type $t (tuple u8)) (core func (canon resource.drop $t))`, /not a resource type/],
    "a destructor of the wrong type": [
      `${guest({ dtor: "(param i64)" })} (type (resource (rep i32) (dtor $dtor)))`,
      /wrong signature for a destructor/,
    ],
    "an outer alias of a resource across components": [
      `(type $r (resource (rep i32))) (component (alias outer 1 0 (type $s)))`,
      /transitively refers to resources/,
    ],
    "an import that depends on an own resource": [
      `(type $r (resource (rep i32))) (import "r" (type (eq $r)))`,
      /refers to a resource type that is not imported/,
    ],
  });
});

describe("external visibility", () => {
  accepts({
    "a record exported before the function that uses it": `${guest({ f: "(result i32)" })}
      (type $p (record (field "x" u32))) (export $p2 "p" (type $p))
      (func $f (result $p2) (canon lift (core func $f))) (export "f" (func $f))`,
    "tuples and options without names": `${guest({ f: "(param i32 i32 i32)" })}
      (func $f (param "x" (tuple u32 (option u32))) (canon lift (core func $f))) (export "f" (func $f))`,
    "a type named by the instance exported before": `${guest({ f: "(param i32)" })} (type $p (record (field "x" u32)))
      (instance $bag (export "p" (type $p))) (export $out "types" (instance $bag)) (alias export $out "p" (type $q))
      (func $f (param "p" $q) (canon lift (core func $f))) (export "f" (func $f))`,
  });
  refuses({
    "a function of a record without a name": [
      `${guest({ f: "(result i32)" })} (type $p (record (field "x" u32)))
       (func $f (result $p) (canon lift (core func $f))) (export "f" (func $f))`,
      /func "f" is not valid to be used as export/,
    ],
    "a named type made of an unnamed one": [
      `(type $e (enum "a")) (type $l (list $e)) (export "l" (type $l))`,
      /type "l" is not valid to be used as export/,
    ],
    "an import that uses an exported name": [
      `(type $p (record (field "x" u32))) (export $q "p" (type $p)) (import "f" (func (result $q)))`,
      /func "f" is not valid to be used as import/,
    ],
    "a function of a resource in an instance that does not name it": [
      `${guest({ f: "(result i32)" })} (type $r (resource (rep i32)))
       (func $f (result (own $r)) (canon lift (core func $f))) (instance $i (export "f" (func $f))) (export "i" (instance $i))`,
      /instance "i" is not valid to be used as export/,
    ],
  });
});

describe("instantiation", () => {
  const needs = `(component $c (import "f" (func (param "x" u32) (result string))))`;
  accepts({
    "arguments in any order, and more than asked for": `${needs} (import "f" (func $f (param "x" u32) (result string)))
      (instance (instantiate $c (with "extra" (func $f)) (with "f" (func $f))))`,
    "an instance with more exports than asked for": `(component $c (import "i" (instance (export "a" (func)))))
      (import "i" (instance $i (export "a" (func)) (export "b" (func)))) (instance (instantiate $c (with "i" (instance $i))))`,
    "a core module that imports less": `(core module $m)
      (component $c (import "m" (core module (import "a" "b" (func))))) (instance (instantiate $c (with "m" (core module $m))))`,
  });
  refuses({
    "an argument missing": [`${needs} (instance (instantiate $c))`, /import named `f` is missing/],
    "an argument of the wrong sort": [
      `${needs} (instance $i) (instance (instantiate $c (with "f" (instance $i))))`,
      /expected a function, found an instance/,
    ],
    "a parameter of another type": [
      `${needs} (import "f" (func $f (param "x" s32) (result string))) (instance (instantiate $c (with "f" (func $f))))`,
      /parameter 1 `x`: expected u32, found s32/,
    ],
    "a parameter of another name": [
      `${needs} (import "f" (func $f (param "y" u32) (result string))) (instance (instantiate $c (with "f" (func $f))))`,
      /parameter 1 `x`: the parameter found has the name `y`/,
    ],
    "an argument given twice": [
      `(component $c) (instance $i (instantiate $c)) (instance (instantiate $c (with "a" (instance $i)) (with "a" (instance $i))))`,
      /conflicts with a previous one/,
    ],
    "a component index out of bounds": [`(instance (instantiate 2))`, /component index 2 is out of bounds/],
    "an alias of an export that is not there": [`(instance $i) (alias export $i "f" (func))`, /no export named "f"/],
    "an alias of another sort": [
      `(import "i" (instance $i (export "f" (func)))) (alias export $i "f" (component))`,
      /is a func, not a component/,
    ],
    "an export ascribed more than it has": [
      `(import "i" (instance $i)) (export "j" (instance $i) (instance (export "f" (func))))`,
      /ascribed type of the export `j` is not compatible/,
    ],
    "a core argument missing": [
      `(core module $m (import "a" "b" (func))) (core instance (instantiate $m))`,
      /`a` is missing/,
    ],
    "a core function of another type": [
      `(core module $n (import "a" "f" (func))) ${guest({ f: "(param i64)" })} (core instance (instantiate $n (with "a" (instance $m))))`,
      /`f`: expected func\(\), found func\(i64\)/,
    ],
    "a memory too small": [
      `(core module $n (import "a" "mem" (memory 2))) ${guest({})} (core instance (instantiate $n (with "a" (instance $m))))`,
      /expected memory 2\.\., found memory 1\.\./,
    ],
    "a core import named twice": [
      `(core module (import "a" "b" (func)) (import "a" "b" (func)))`,
      /duplicate import name/,
    ],
    "a core module type with an export named twice": [
      `(core type (module (export "a" (func)) (export "a" (func))))`,
      /already defined/,
    ],
    "an outer alias beyond the outermost scope": [`(component (alias outer 2 0 (type $t)))`, /count of 2 is invalid/],
  });
});

describe("canonical definitions", () => {
  const options = `(memory $mem) (realloc $realloc)`;
  const many = (count: number): string => Array.from({ length: count }, (_, i) => `(param "p${i}" u32)`).join(" ");
  accepts({
    "16 parameters flat": `${guest({ f: `(param ${"i32 ".repeat(16)})` })} (func ${many(16)} (canon lift (core func $f)))`,
    "17 parameters spilled": `${guest({ f: "(param i32)" })} (func ${many(17)} (canon lift (core func $f) ${options}))`,
    "a result spilled, with post-return": `${guest({ f: "(result i32)", post: "(param i32)" })}
      (func (result (tuple u8 string)) (canon lift (core func $f) ${options} (post-return $post)))`,
    "a variant joined": `${guest({ f: "(param i32 i64 i32)" })} (type $v (variant (case "a" f32) (case "b" u64) (case "c" string)))
      (import "v" (type $v2 (eq $v))) (func (param "v" $v2) (canon lift (core func $f) ${options}))`,
    "a lowered function called with its flat type": `${guest({})} (import "g" (func $g (param "x" f64) (result string)))
      (core func $low (canon lower (func $g) ${options})) (core module $n (import "" "g" (func (param f64 i32))))
      (core instance (instantiate $n (with "" (instance (export "g" (func $low))))))`,
    "an async lift with its callback, and task.return": `${guest({ f: "(param i32) (result i32)", cb: "(param i32 i32 i32) (result i32)" })}
      (func async (param "x" u32) (result u32) (canon lift (core func $f) async (callback $cb)))
      (core func $ret (canon task.return (result u32))) (core module $n (import "" "r" (func (param i32))))
      (core instance (instantiate $n (with "" (instance (export "r" (func $ret))))))`,
    "stream built-ins": `${guest({})} (type $s (stream string)) (core func (canon stream.new $s))
      (core func (canon stream.read $s async ${options})) (core func (canon stream.write $s async (memory $mem)))`,
    "a thread started through a table": `${guest({})} (core type $start (func (param i32)))
      (core func (canon thread.new-indirect $start (core table $tbl)))`,
  });
  refuses({
    "a parameter too many in the core function": [
      `${guest({ f: "(param i32)" })} (func (canon lift (core func $f)))`,
      /parameter types \[i32\] of the lifted function should be \[\]/,
    ],
    "a result of another core type": [
      `${guest({ f: "(result i64)" })} (func (result u32) (canon lift (core func $f)))`,
      /result types \[i64\].*should be \[i32\]/,
    ],
    "a string parameter without a memory": [
      `${guest({ f: "(param i32 i32)" })} (func (param "s" string) (canon lift (core func $f)))`,
      /`memory` is required/,
    ],
    "a list parameter without a realloc": [
      `${guest({ f: "(param i32 i32)" })} (func (param "s" (list u8)) (canon lift (core func $f) (memory $mem)))`,
      /`realloc` is required/,
    ],
    "a lowered string result without a realloc": [
      `${guest({})} (import "g" (func $g (result string))) (core func (canon lower (func $g) (memory $mem)))`,
      /`realloc` is required/,
    ],
    "a realloc without a memory": [
      `${guest({})} (import "g" (func $g)) (core func (canon lower (func $g) (realloc $realloc)))`,
      /requires `memory`/,
    ],
    "a realloc of the wrong type": [
      `${guest({ f: "" })} (import "g" (func $g)) (core func (canon lower (func $g) (memory $mem) (realloc $f)))`,
      /`realloc` uses a core function with an incorrect signature/,
    ],
    "a post-return of the wrong type": [
      `${guest({ f: "(result i32)", post: "" })} (func (result u32) (canon lift (core func $f) (post-return $post)))`,
      /`post-return` uses a core function with an incorrect signature/,
    ],
    "a post-return when lowering": [
      `${guest({ post: "" })} (import "g" (func $g)) (core func (canon lower (func $g) (post-return $post)))`,
      /`post-return` cannot be specified/,
    ],
    "async for a synchronous type": [
      `${guest({ f: "" })} (func (canon lift (core func $f) async))`,
      /`async` canonical option requires an async function type/,
    ],
    "a callback without async": [
      `${guest({ f: "", cb: "(param i32 i32 i32) (result i32)" })} (func (canon lift (core func $f) (callback $cb)))`,
      /`callback` cannot be specified without `async`/,
    ],
    "a lift to what is no function type": [
      `${guest({ f: "" })} (type $t u8) (func (type $t) (canon lift (core func $f)))`,
      /not a function type/,
    ],
    "a memory index out of bounds": [
      `(import "g" (func $g)) (core func (canon lower (func $g) (memory 0)))`,
      /core memory index 0 is out of bounds/,
    ],
    "a stream built-in for a future": [`(type $f (future u8)) (core func (canon stream.new $f))`, /not a stream type/],
    "task.return with a realloc": [
      `${guest({})} (core func (canon task.return ${options}))`,
      /`realloc` cannot be specified/,
    ],
    "a third context slot": [`(core func (canon context.get i32 2))`, /slot must be 0 or 1/],
  });

  test("a 64-bit memory is unsupported by name", async () => {
    const error = await verdict(`(core module $M (memory (export "mem") i64 1)) (core instance $m (instantiate $M))
      (import "g" (func $g (param "x" string))) (core func (canon lower (func $g) (memory (core memory $m "mem"))))`);
    expect(error).toBeInstanceOf(UnsupportedError);
    expect((error as UnsupportedError).feature).toBe("memory64");
  });
});
