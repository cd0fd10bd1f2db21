/** What the asynchronous guests in WAT have for a library. */

/**
 * A memory with a `realloc` that only goes forward, as the instance `$libc`.
 *
 * @param pages of the memory, 64 KiB each
 * @param at where the first block lies
 */
export const libcOf = (pages: number, at: number): string => `(core module $Libc (memory (export "memory") ${pages})
  (global $at (mut i32) (i32.const ${at}))
  (func (export "realloc") (param i32 i32 i32 i32) (result i32)
    (local $p i32)
    (local.set $p (i32.and (i32.add (global.get $at) (i32.const 7)) (i32.const -8)))
    (global.set $at (i32.add (local.get $p) (local.get 3)))
    (local.get $p)))
  (core instance $libc (instantiate $Libc))`;

/** The canonical options that name both. */
export const abi = `(memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))`;
