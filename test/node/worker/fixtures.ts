/** Components for the tests of workers, in Node and in the page. */
import { component } from "../host/fixtures.ts";

/** `fine` gives 1; `spin` never ends. */
export function loop(): Promise<Uint8Array<ArrayBuffer>> {
  return component(`(component
    (core module $m
      (memory (export "memory") 1)
      (func (export "fine") (result i32) (i32.const 1))
      (func (export "spin") (loop $l (br $l))))
    (core instance $i (instantiate $m))
    (func (export "fine") (result u32) (canon lift (core func $i "fine")))
    (func (export "spin") (canon lift (core func $i "spin"))))`);
}

/** Calls an import when it starts; `boom` traps. */
export function onceStarted(): Promise<Uint8Array<ArrayBuffer>> {
  return component(`(component
    (import "demo:once/host" (instance $host (export "once" (func))))
    (core func $once (canon lower (func $host "once")))
    (core module $m
      (import "host" "once" (func $once))
      (memory (export "memory") 1)
      (func $start (call $once))
      (start $start)
      (func (export "boom") unreachable))
    (core instance $i (instantiate $m (with "host" (instance (export "once" (func $once))))))
    (func (export "boom") (canon lift (core func $i "boom"))))`);
}
