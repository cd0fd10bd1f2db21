/** What a program keeps of a guest's streams and futures keeps nothing of its instance once that has ended. */
import { expect, test } from "vitest";
import type { ThreadInstance } from "../../host/runtime/component.ts";
import type { Instance } from "../../host/runtime/types.ts";
import { pipeGuest } from "../node/async/channel-guests.ts";
import { compileWat, type Dynamic } from "../node/runtime/support.ts";
import { settle } from "./helpers.ts";

type Exports = Dynamic["exports"];
const never = new Promise<never>(() => {});

const kept: Record<string, (exports: Exports) => unknown> = {
  "a stream with a read that nobody ended": async (exports) => {
    const stream = await exports.never();
    return [stream, stream.read().catch(String), stream.readable];
  },
  "the promise of a future that never settled": (exports) => [exports.value(never).catch(String)],
  "a source that never gave anything": (exports) => [
    exports.count({ [Symbol.asyncIterator]: () => ({ next: () => never }) }).catch(String),
  ],
};

const ends: Record<string, (instance: Instance<Dynamic>) => void> = {
  "its end": (instance) => void instance.dispose(),
  "a trap and its end": (instance) => {
    expect(() => instance.exports.break()).toThrow();
    instance.dispose();
  },
};

const cases = Object.keys(kept).flatMap((what) => Object.keys(ends).map((how) => [what, how] as const));

/** In a function of its own: what a test holds in a block stays while it waits. */
async function begin(what: string, how?: string): Promise<readonly [held: unknown, ...refs: WeakRef<object>[]]> {
  const component = await compileWat(pipeGuest({ type: "u8", size: 1 }));
  const instance = component.instantiateSync({});
  const [memory] = (instance as unknown as ThreadInstance).memories();
  const held = await kept[what]!(instance.exports);
  await Promise.resolve();
  if (how !== undefined) ends[how]!(instance);
  return [[held, how === undefined ? instance.exports : undefined], new WeakRef(instance), new WeakRef(memory!)];
}

test.each(cases)("%s lets an instance go after %s", async (what, how) => {
  const [held, ...refs] = await begin(what, how);
  await settle();
  await settle();
  expect(refs.map((ref) => ref.deref())).toEqual([undefined, undefined]);
  expect(held).toBeDefined();
});

test("planted leak: the exports of an instance that has not ended keep it", async () => {
  const [held, , memory] = await begin("a stream with a read that nobody ended");
  await settle();
  await settle();
  expect(memory!.deref()).toBeDefined();
  expect(held).toBeDefined();
});
