/** Calls whose frames the engine has suspended: what of `pending.ts` needs JavaScript Promise Integration. */
import { load, source, told, type Way } from "./pending.ts";

/**
 * Suspended where they are: `fetches` calls an import that waits, `reads` a stream that waits, and `sleeps` waits for an event of a
 * set, which never comes. The first holds the lock of its instance, and the others need none.
 */
export const suspendedGuest: string = `(component
  (type $S (stream u8))
  (import "fetch" (func $fetch async (param "n" u32) (result u32)))
  (core module $Libc (memory (export "memory") 1))
  (core instance $libc (instantiate $Libc))
  (core func $fetch' (canon lower (func $fetch)))
  (core func $read (canon stream.read $S (memory (core memory $libc "memory"))))
  (core func $drop (canon stream.drop-readable $S))
  (core func $set (canon waitable-set.new))
  (core func $wait (canon waitable-set.wait (memory (core memory $libc "memory"))))
  (core func $return (canon task.return (result u32)))
  (core module $M
    (import "libc" "memory" (memory 1))
    (import "" "fetch" (func $fetch (param i32) (result i32)))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (import "" "set" (func $set (result i32)))
    (import "" "wait" (func $wait (param i32 i32) (result i32)))
    (import "" "return" (func $return (param i32)))
    (func (export "fetches") (param i32) (result i32) (call $fetch (local.get 0)))
    (func (export "reads") (param i32)
      (local $result i32)
      (loop $more
        (local.set $result (call $read (local.get 0) (i32.const 1024) (i32.const 1024)))
        (br_if $more (i32.eqz (i32.and (local.get $result) (i32.const 15)))))
      (call $drop (local.get 0))
      (call $return (local.get $result)))
    (func (export "sleeps") (drop (call $wait (call $set) (i32.const 16))) (call $return (i32.const 1))))
  (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
    (export "fetch" (func $fetch')) (export "read" (func $read)) (export "drop" (func $drop)) (export "set" (func $set))
    (export "wait" (func $wait)) (export "return" (func $return))))))
  (func (export "fetches") async (param "n" u32) (result u32) (canon lift (core func $m "fetches")))
  (func (export "reads") async (param "in" $S) (result u32) (canon lift (core func $m "reads") async))
  (func (export "sleeps") async (result u32) (canon lift (core func $m "sleeps") async)))`;

/** The guest as another's provider: its `fetches` is the `fetch` that the other imports. */
export const providerGuest: string = suspendedGuest
  .replace('(import "fetch"', '(import "get"')
  .replace('(func (export "fetches") async', '(func (export "fetch") async');

/** `run` calls `wait`, and nothing of it is asynchronous. */
const synchronousGuest = `(component
  (import "wait" (func $wait))
  (core func $wait' (canon lower (func $wait)))
  (core module $M (import "" "wait" (func $wait)) (memory 1) (func (export "run") (call $wait)))
  (core instance $m (instantiate $M (with "" (instance (export "wait" (func $wait'))))))
  (func (export "run") (canon lift (core func $m "run"))))`;

/** Each with two stacks that are suspended at once, or one. */
export const suspendedWays: Readonly<Record<string, Way>> = {
  "a call waits for an import, and another for its turn": async (place) => {
    const { promise, settle } = told<number>();
    const module = await load(place, suspendedGuest, { fetch: () => promise });
    const calls = [module.exports.fetches(1), module.exports.fetches(2)];
    return { modules: [module], calls, finish: () => settle(7) };
  },
  "one call waits for an import, and one for a stream": async (place) => {
    const { promise, settle } = told<number>();
    const module = await load(place, suspendedGuest, { fetch: () => promise });
    const { given, end } = source();
    const calls = [module.exports.reads(given), module.exports.fetches(1)];
    return { modules: [module], calls, finish: () => (settle(7), end()) };
  },
  "calls wait for what never comes": async (place) => {
    const module = await load(place, suspendedGuest, { fetch: () => 0 });
    return { modules: [module], calls: [module.exports.sleeps(), module.exports.sleeps()] };
  },
  "a call waits for one of another module, and both are suspended": async (place) => {
    const { promise, settle } = told<number>();
    const provides = await load(place, providerGuest, { get: () => promise }, { name: "provider" });
    const module = await load(place, suspendedGuest, {}, { name: "consumer" });
    return { modules: [module, provides], calls: [module.exports.fetches(1)], finish: () => settle(7) };
  },
  "a synchronous call waits for an import, and another for its turn": async (place) => {
    const { promise, settle } = told();
    const module = await load(place, synchronousGuest, { wait: () => promise }, { jspi: true });
    const calls = [module.exports.run(), module.exports.run()];
    return { modules: [module], calls, finish: () => settle() };
  },
};

/** Does something while what is thrown into suspended stacks never arrives. */
export async function withoutUnwinding<T>(action: () => Promise<T>): Promise<T> {
  type Suspending = new (func: () => Promise<unknown>) => object;
  const engine = WebAssembly as unknown as { Suspending: Suspending };
  const original = engine.Suspending;
  engine.Suspending = new Proxy(original, {
    construct: (target, [func]: [() => Promise<unknown>]) =>
      new target(() => new Promise((resolve) => void func().then(resolve, () => undefined))),
  });
  return action().finally(() => {
    engine.Suspending = original;
  });
}
