/**
 * A module of the tour that is not AssemblyScript: WebAssembly written by hand, in its text format, with its world beside it.
 *
 * It calls the module `calc`, which it knows by its WIT alone, and the system by WASI. Text is what any machine with this
 * repository can compile at once; a compiler of C, Rust or JavaScript makes the same imports and exports.
 */
import { componentEmbed, componentNew, parseWat } from "../../toolchain/wasm-tools.ts";

/** Of each interface what the module uses: an import may ask for less than there is. */
const world = `
package demo:floor;

world floor {
  import demo:calc/api@1.0.0;
  import wasi:cli/environment@0.2.0;
  import wasi:cli/stdout@0.2.0;
  /// Prints the area of a floor.
  export measure: func(width: f64, height: f64);
  /// How many variables of the environment the module sees.
  export visible: func() -> u32;
}

package demo:calc@1.0.0 {
  interface api {
    record size { width: f64, height: f64 }
    variant shape { circle(f64), rectangle(size), point }
    area: func(shape: shape) -> result<f64, string>;
  }
}

package wasi:io@0.2.0 {
  interface error { resource error; }
  interface streams {
    use error.{error};
    variant stream-error { last-operation-failed(error), closed }
    resource output-stream {
      blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
    }
  }
}

package wasi:cli@0.2.0 {
  interface environment { get-environment: func() -> list<tuple<string, string>>; }
  interface stdout {
    use wasi:io/streams@0.2.0.{output-stream};
    get-stdout: func() -> output-stream;
  }
}`;

/** Results of imports are written to address 0, the line is built before address 64, what the host allocates starts at 1024. */
const source = `
(module
  (import "demo:calc/api@1.0.0" "area" (func $area (param i32 f64 f64 i32)))
  (import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.0" "[resource-drop]output-stream" (func $drop (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) " m\\c2\\b2\\n")
  (global $free (mut i32) (i32.const 1024))

  (func (export "measure") (param $width f64) (param $height f64)
    (local $rest i32) (local $at i32) (local $out i32)
    (call $area (i32.const 1 (; rectangle ;)) (local.get $width) (local.get $height) (i32.const 0))
    (if (i32.load8_u (i32.const 0)) (then unreachable (; an error ;)))
    (local.set $rest (i32.trunc_f64_u (f64.load (i32.const 8))))
    (local.set $at (i32.const 64))
    (loop $digits
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $rest) (i32.const 10))))
      (br_if $digits (local.tee $rest (i32.div_u (local.get $rest) (i32.const 10)))))
    (local.set $out (call $stdout))
    (call $write (local.get $out) (local.get $at) (i32.sub (i32.const 69) (local.get $at)) (i32.const 0))
    (call $drop (local.get $out)))

  (func (export "visible") (result i32)
    (global.set $free (i32.const 1024))
    (call $environment (i32.const 0))
    (i32.load (i32.const 4)))

  (func (export "cabi_realloc") (param $old i32) (param $was i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.sub (i32.add (global.get $free) (local.get $align)) (i32.const 1))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.get $at)))`;

/** Compiles the module, in memory. */
export async function compileFloor(): Promise<Uint8Array<ArrayBuffer>> {
  const module = await parseWat(source);
  return componentNew(await componentEmbed(module, { witSource: world, stringEncoding: "utf8" }));
}
