/** A component that uses WASI and needs no compiler, for tests in Node and in the page, and for the benchmark. */
import { component } from "../host/fixtures.ts";

export interface Guest {
  exports: {
    /** Reads the clock so many times. @returns the last reading, nanoseconds */
    now(times: number): bigint;
    wall(times: number): number;
    random(times: number): bigint;
    /** Writes 16 bytes so many times. */
    write(times: number): void;
    /** @param ns nanoseconds */
    sleep(ns: bigint): void;
    /** Copies standard input to standard output. @returns how many times it read; from 1,000 on, the read failed */
    echo(): number;
    /** Writes one byte more than was permitted. */
    overwrite(): void;
    /** Takes so many streams and keeps them. */
    keep(streams: number): void;
    exit(ok: number): void;
  };
}

const text = `(component
  (import "wasi:io/error@0.2.3" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $error-type))
  (import "wasi:io/poll@0.2.3" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:io/streams@0.2.3" (instance $streams
    (alias outer 1 $error-type (type $outer-error))
    (export "error" (type $e (eq $outer-error)))
    (type $failure (variant (case "last-operation-failed" (own $e)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failure)))
    (export "input-stream" (type $in (sub resource)))
    (export "output-stream" (type $out (sub resource)))
    (export "[method]input-stream.blocking-read"
      (func (param "self" (borrow $in)) (param "len" u64) (result (result (list u8) (error $stream-error)))))
    (export "[method]output-stream.check-write"
      (func (param "self" (borrow $out)) (result (result u64 (error $stream-error)))))
    (export "[method]output-stream.write"
      (func (param "self" (borrow $out)) (param "contents" (list u8)) (result (result (error $stream-error)))))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $out)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
  (alias export $streams "input-stream" (type $input))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:cli/stdin@0.2.3" (instance $stdin
    (alias outer 1 $input (type $outer-in))
    (export "input-stream" (type $in (eq $outer-in)))
    (export "get-stdin" (func (result (own $in))))))
  (import "wasi:cli/stdout@0.2.3" (instance $stdout
    (alias outer 1 $output (type $outer-out))
    (export "output-stream" (type $out (eq $outer-out)))
    (export "get-stdout" (func (result (own $out))))))
  (import "wasi:cli/exit@0.2.3" (instance $exit (export "exit" (func (param "status" (result))))))
  (import "wasi:clocks/monotonic-clock@0.2.3" (instance $monotonic
    (alias outer 1 $pollable (type $outer-pollable))
    (export "pollable" (type $p (eq $outer-pollable)))
    (export "now" (func (result u64)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
  (import "wasi:clocks/wall-clock@0.2.3" (instance $wall
    (type $time (record (field "seconds" u64) (field "nanoseconds" u32)))
    (export "datetime" (type $datetime (eq $time)))
    (export "now" (func (result $datetime)))))
  (import "wasi:random/random@0.2.3" (instance $random (export "get-random-u64" (func (result u64)))))
  (core module $memory
    (memory (export "memory") 17)
    (global $free (mut i32) (i32.const 4096))
    (func (export "reset") (global.set $free (i32.const 4096)))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
      (local.set $at (global.get $free))
      (global.set $free (i32.add (local.get $at) (local.get 3)))
      (local.get $at)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $m))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $drop-pollable (canon resource.drop $pollable))
  (core func $drop-error (canon resource.drop $error-type))
  (core func $drop-input (canon resource.drop $input))
  (core func $drop-output (canon resource.drop $output))
  (core func $read (canon lower (func $streams "[method]input-stream.blocking-read") (memory $m) (realloc $realloc)))
  (core func $check-write (canon lower (func $streams "[method]output-stream.check-write") (memory $m)))
  (core func $write (canon lower (func $streams "[method]output-stream.write") (memory $m)))
  (core func $write-and-flush
    (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $m)))
  (core func $get-stdin (canon lower (func $stdin "get-stdin")))
  (core func $get-stdout (canon lower (func $stdout "get-stdout")))
  (core func $exit (canon lower (func $exit "exit")))
  (core func $now (canon lower (func $monotonic "now")))
  (core func $subscribe (canon lower (func $monotonic "subscribe-duration")))
  (core func $wall (canon lower (func $wall "now") (memory $m)))
  (core func $random (canon lower (func $random "get-random-u64")))
  (core module $main
    (import "memory" "memory" (memory 17))
    (import "memory" "reset" (func $reset))
    (import "wasi" "block" (func $block (param i32)))
    (import "wasi" "drop-pollable" (func $drop-pollable (param i32)))
    (import "wasi" "drop-error" (func $drop-error (param i32)))
    (import "wasi" "drop-input" (func $drop-input (param i32)))
    (import "wasi" "drop-output" (func $drop-output (param i32)))
    (import "wasi" "read" (func $read (param i32 i64 i32)))
    (import "wasi" "check-write" (func $check-write (param i32 i32)))
    (import "wasi" "write" (func $write (param i32 i32 i32 i32)))
    (import "wasi" "write-and-flush" (func $write-and-flush (param i32 i32 i32 i32)))
    (import "wasi" "get-stdin" (func $get-stdin (result i32)))
    (import "wasi" "get-stdout" (func $get-stdout (result i32)))
    (import "wasi" "exit" (func $exit (param i32)))
    (import "wasi" "now" (func $now (result i64)))
    (import "wasi" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "wasi" "wall" (func $wall (param i32)))
    (import "wasi" "random" (func $random (result i64)))
    (data (i32.const 64) "0123456789abcde\\n")
    (func (export "now") (param $n i32) (result i64) (local $last i64)
      (loop $again
        (local.set $last (call $now))
        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $last))
    (func (export "wall") (param $n i32) (result i32)
      (loop $again
        (call $wall (i32.const 0))
        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (i32.load (i32.const 8)))
    (func (export "random") (param $n i32) (result i64) (local $last i64)
      (loop $again
        (local.set $last (call $random))
        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $last))
    (func (export "write") (param $n i32) (local $out i32)
      (local.set $out (call $get-stdout))
      (loop $again
        (call $write-and-flush (local.get $out) (i32.const 64) (i32.const 16) (i32.const 0))
        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (call $drop-output (local.get $out)))
    (func (export "sleep") (param $ns i64) (local $p i32)
      (local.set $p (call $subscribe (local.get $ns)))
      (call $block (local.get $p))
      (call $drop-pollable (local.get $p)))
    (func (export "echo") (result i32) (local $in i32) (local $out i32) (local $n i32)
      (local.set $in (call $get-stdin))
      (local.set $out (call $get-stdout))
      (block $end
        (loop $again
          (call $reset)
          (call $read (local.get $in) (i64.const 4096) (i32.const 0))
          (if (i32.load8_u (i32.const 0)) (then
            (if (i32.eqz (i32.load8_u (i32.const 4))) (then
              (call $drop-error (i32.load (i32.const 8)))
              (local.set $n (i32.add (local.get $n) (i32.const 1000)))))
            (br $end)))
          (call $write-and-flush (local.get $out) (i32.load (i32.const 4)) (i32.load (i32.const 8)) (i32.const 16))
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br $again)))
      (call $drop-input (local.get $in))
      (call $drop-output (local.get $out))
      (local.get $n))
    (func (export "overwrite") (local $out i32)
      (local.set $out (call $get-stdout))
      (call $check-write (local.get $out) (i32.const 0))
      (call $write (local.get $out) (i32.const 0) (i32.const 16) (i32.const 32))
      (call $write (local.get $out) (i32.const 0) (i32.wrap_i64 (i64.load (i32.const 8))) (i32.const 32)))
    (func (export "keep") (param $n i32)
      (loop $again
        (drop (call $get-stdout))
        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "exit") (param $ok i32) (call $exit (i32.eqz (local.get $ok)))))
  (core instance $main (instantiate $main
    (with "memory" (instance $memory))
    (with "wasi" (instance
      (export "block" (func $block)) (export "drop-pollable" (func $drop-pollable))
      (export "drop-error" (func $drop-error)) (export "drop-input" (func $drop-input))
      (export "drop-output" (func $drop-output)) (export "read" (func $read))
      (export "check-write" (func $check-write)) (export "write" (func $write))
      (export "write-and-flush" (func $write-and-flush)) (export "get-stdin" (func $get-stdin))
      (export "get-stdout" (func $get-stdout)) (export "exit" (func $exit)) (export "now" (func $now))
      (export "subscribe" (func $subscribe)) (export "wall" (func $wall)) (export "random" (func $random))))))
  (func (export "now") (param "times" u32) (result u64) (canon lift (core func $main "now")))
  (func (export "wall") (param "times" u32) (result u32) (canon lift (core func $main "wall")))
  (func (export "random") (param "times" u32) (result u64) (canon lift (core func $main "random")))
  (func (export "write") (param "times" u32) (canon lift (core func $main "write")))
  (func (export "sleep") (param "ns" u64) (canon lift (core func $main "sleep")))
  (func (export "echo") (result u32) (canon lift (core func $main "echo")))
  (func (export "overwrite") (canon lift (core func $main "overwrite")))
  (func (export "keep") (param "streams" u32) (canon lift (core func $main "keep")))
  (func (export "exit") (param "ok" u32) (canon lift (core func $main "exit"))))`;

/** @param version of WASI, that it imports */
export function guest(version = "0.2.3"): Promise<Uint8Array<ArrayBuffer>> {
  return component(text.replaceAll("@0.2.3", `@${version}`));
}
