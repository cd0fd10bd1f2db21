/**
 * The program of WASI that every runtime runs: a core module of WASI's first preview as text, which jco's adapter makes a
 * component, so that no compiler is needed.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { componentNew, parseWat } from "../../scripts/toolchain/wasm-tools.ts";

/**
 * Writes its arguments, its environment and what it reads from a file that it has written, each ended by NUL; exits with 1 when it
 * may not make the file. With more than one argument it sleeps 20 ms after that, and writes "slept".
 */
const TEXT = `(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args-sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env-sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "note.txt")
  (data (i32.const 80) "written and read\\00")
  (data (i32.const 112) "slept\\00")
  (func $check (param $error i32) (if (local.get $error) (then (call $exit (local.get $error)))))
  ;; At 0 the buffer of a read or write, at 8 how many bytes it was.
  (func $put (param $file i32) (param $at i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $length))
    (call $check (call $write (local.get $file) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $note (param $flags i32) (result i32)
    (call $check (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 8) (local.get $flags)
      (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 32)))
    (i32.load (i32.const 32)))
  (func (export "_start") (local $file i32)
    (call $check (call $args-sizes (i32.const 16) (i32.const 20)))
    (call $check (call $args (i32.const 256) (i32.const 1024)))
    (call $put (i32.const 1) (i32.const 1024) (i32.load (i32.const 20)))
    (call $check (call $env-sizes (i32.const 24) (i32.const 28)))
    (call $check (call $env (i32.const 512) (i32.const 2048)))
    (call $put (i32.const 1) (i32.const 2048) (i32.load (i32.const 28)))
    (local.set $file (call $note (i32.const 1)))
    (call $put (local.get $file) (i32.const 80) (i32.const 17))
    (call $check (call $close (local.get $file)))
    (local.set $file (call $note (i32.const 0)))
    (i32.store (i32.const 0) (i32.const 4096))
    (i32.store (i32.const 4) (i32.const 64))
    (call $check (call $read (local.get $file) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $put (i32.const 1) (i32.const 4096) (i32.load (i32.const 8)))
    (call $check (call $close (local.get $file)))
    (if (i32.gt_u (i32.load (i32.const 16)) (i32.const 1)) (then
      ;; A subscription: all zero but the monotonic clock's number and the nanoseconds.
      (i32.store (i32.const 3088) (i32.const 1))
      (i64.store (i32.const 3096) (i64.const 20000000))
      (call $check (call $poll (i32.const 3072) (i32.const 3200) (i32.const 1) (i32.const 40)))
      (call $put (i32.const 1) (i32.const 112) (i32.const 6))))))`;

/** The program as a component that exports `wasi:cli/run`. */
export async function wasiProgram(): Promise<Uint8Array<ArrayBuffer>> {
  const jco = createRequire(import.meta.url).resolve("@bytecodealliance/jco");
  const adapter = await readFile(join(jco, "../../lib/wasi_snapshot_preview1.command.wasm"));
  return componentNew(await parseWat(TEXT), [["wasi_snapshot_preview1", new Uint8Array(adapter)]]);
}
