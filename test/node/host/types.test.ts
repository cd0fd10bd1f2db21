/** The types of loading: a world's imports and exports reach the caller. Checked by `tsc`, run to see that they are true. */
import { expect, expectTypeOf, test } from "vitest";
import { createHost, type Component, type Host, type Module, type World } from "../../../host/node/index.ts";
import { math, twice } from "./fixtures.ts";

interface Math {
  add(a: number, b: number): number;
}
interface Twice extends World {
  imports: { "demo:math/api@1.0.0": Math };
  exports: { "demo:twice/api@1.0.0": { twice(value: number): number }; api: { twice(value: number): number } };
}

test("load<W> types the imports, by id with or without version, and the exports", async () => {
  // The type that every platform has.
  await using host: Host = createHost();
  const add = (a: number, b: number): number => a + b;
  const bytes = await twice();
  const module = await host.load<Twice>(bytes, { name: "a", imports: { "demo:math/api@1.0.0": { add } } });
  expectTypeOf(module).toEqualTypeOf<Module<Twice>>();
  expectTypeOf(module.exports.api.twice).toEqualTypeOf<(value: number) => number>();
  expect(module.exports.api.twice(2)).toBe(4);
  await host.load<Twice>(bytes, { name: "b", imports: { "demo:math/api": { add } } });
  await host.load<Twice>(bytes, {
    name: "c",
    imports: ({ module: name }) => ({ "demo:math/api": { add: () => name.length } }),
  });
  await host.load<Twice>(bytes, { name: "d", imports: async () => ({ "demo:math/api@1.0.0": { add } }) });
  await module.reload(bytes, { imports: { "demo:math/api": { add } } });
  // @ts-expect-error an import of another type
  const wrong = host.load<Twice>(bytes, { name: "e", imports: { "demo:math/api": { add: (a: string) => a } } });
  // @ts-expect-error an import that the world does not have
  const unknown = host.load<Twice>(bytes, { name: "f", imports: { "demo:nope/api": {}, "demo:math/api": { add } } });
  await Promise.all([wrong, unknown]);
});

test("without a world, imports are any object and exports an object", async () => {
  await using host = createHost();
  const module = await host.load(await math(), { name: "math", imports: { anything: () => 1 } });
  expectTypeOf(module.exports).toEqualTypeOf<object>();
  expectTypeOf<Component["instantiate"]>().parameter(0).toEqualTypeOf<object | undefined>();
  // @ts-expect-error not an object
  await expect(host.load(await math(), { name: "other", imports: 5 })).rejects.toThrow(/to be an object, got 5/);
});
