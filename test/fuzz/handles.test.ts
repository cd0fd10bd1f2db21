/**
 * Random sequences of resource operations, in the host and in the reference's handle table: the same indices, the same
 * representations, the same destructors run, and a trap exactly where the reference traps.
 */
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { TrapError } from "../../host/errors.ts";
import type { ResourceType } from "../../host/model/types.ts";
import type { Instance } from "../../host/runtime/types.ts";
import { scaled, seed } from "../differential/budget.ts";
import { compileText } from "../differential/harness.ts";
import { HandleTable, ReferenceTrap, type Handle } from "../reference/context.ts";

/** Two resource types of one component; `user` holds handles of both and shows their indices as numbers. */
const text = `
(component
  (component $Owner
    (core module $log
      (global $sum (mut i32) (i32.const 0))
      (func (export "drop") (param i32)
        (global.set $sum (i32.add (i32.mul (global.get $sum) (i32.const 31)) (local.get 0))))
      (func (export "sum") (result i32) (global.get $sum)))
    (core instance $log (instantiate $log))
    ${["a", "b"]
      .map(
        (name) => `
    (type $${name}' (resource (rep i32) (dtor (core func $log "drop"))))
    (export $${name} "${name}" (type $${name}'))
    (canon resource.new $${name}' (core func $new-${name}))
    (canon resource.rep $${name}' (core func $rep-${name}))
    (core module $m-${name}
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "rep" (func $rep (param i32) (result i32)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "same") (param i32) (result i32) (local.get 0))
      (func (export "take") (param i32) (result i32) (call $rep (local.get 0)))
      (func (export "both") (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1))))
    (core instance $i-${name} (instantiate $m-${name} (with "" (instance
      (export "new" (func $new-${name})) (export "rep" (func $rep-${name}))))))
    (func (export "make-${name}") (param "rep" u32) (result (own $${name})) (canon lift (core func $i-${name} "make")))
    (func (export "read-${name}") (param "r" (borrow $${name})) (result u32) (canon lift (core func $i-${name} "same")))
    (func (export "take-${name}") (param "r" (own $${name})) (result u32) (canon lift (core func $i-${name} "take")))
    (func (export "pass-${name}") (param "r" (own $${name})) (result (own $${name})) (canon lift (core func $i-${name} "same")))
    (func (export "mix-${name}") (param "x" (borrow $${name})) (param "y" (own $${name})) (result u32)
      (canon lift (core func $i-${name} "both")))`,
      )
      .join("")}
    (func (export "sum") (result u32) (canon lift (core func $log "sum"))))
  (component $User
    (import "owner" (instance $owner
      ${["a", "b"]
        .map(
          (name) => `
      (export "${name}" (type $${name} (sub resource)))
      (export "make-${name}" (func (param "rep" u32) (result (own $${name}))))
      (export "read-${name}" (func (param "r" (borrow $${name})) (result u32)))
      (export "take-${name}" (func (param "r" (own $${name})) (result u32)))
      (export "pass-${name}" (func (param "r" (own $${name})) (result (own $${name}))))
      (export "mix-${name}" (func (param "x" (borrow $${name})) (param "y" (own $${name})) (result u32)))`,
        )
        .join("")}))
    ${["a", "b"]
      .map(
        (name) => `
    (alias export $owner "${name}" (type $${name}))
    (canon resource.drop $${name} (core func $drop-${name}))
    ${["make", "read", "take", "pass", "mix"]
      .map((verb) => `(canon lower (func $owner "${verb}-${name}") (core func $${verb}-${name}))`)
      .join("\n")}
    (func (export "drop-${name}") (param "h" u32) (canon lift (core func $drop-${name})))
    ${["make", "read", "take", "pass"]
      .map(
        (verb) =>
          `(func (export "${verb}-${name}") (param "x" u32) (result u32) (canon lift (core func $${verb}-${name})))`,
      )
      .join("\n")}
    (func (export "mix-${name}") (param "x" u32) (param "y" u32) (result u32) (canon lift (core func $mix-${name})))`,
      )
      .join("")})
  (instance $owner (instantiate $Owner))
  (instance $user (instantiate $User (with "owner" (instance $owner))))
  ${["a", "b"]
    .map((name) =>
      ["make", "read", "take", "pass", "mix", "drop"]
        .map((verb) => `(export "${verb}-${name}" (func $user "${verb}-${name}"))`)
        .join("\n"),
    )
    .join("\n")}
  (export "sum" (func $owner "sum")))
`;

type Verb = "make" | "read" | "take" | "pass" | "mix" | "drop";
interface Step {
  readonly verb: Verb;
  readonly type: "a" | "b";
  /** Which of the live handles of the type; or, when `wild`, the very number. */
  readonly x: number;
  readonly y: number;
  readonly wild: boolean;
}

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    verb: fc.constantFrom<Verb>("make", "make", "make", "read", "take", "pass", "mix", "drop", "drop"),
    type: fc.constantFrom("a" as const, "b" as const),
    x: fc.oneof({ weight: 12, arbitrary: fc.nat({ max: 9 }) }, fc.constantFrom(2 ** 28, 2 ** 32 - 1)),
    y: fc.nat({ max: 9 }),
    wild: fc.nat({ max: 30 }).map((number) => number === 0),
  }),
  { maxLength: 60 },
);

/** The caller's table and the destructors, by the reference. The owner's table is empty between calls, except for `take`. */
class Model {
  readonly types = { a: { kind: "resource", name: "a" }, b: { kind: "resource", name: "b" } } satisfies Record<
    string,
    ResourceType
  >;
  readonly user = new HandleTable();
  sum = 0;
  /** Handles that `take` and `mix` left in the owner's table: their indices are what `mix` computes with. */
  readonly owner = new HandleTable();

  /** The handle that a number stands for. */
  resolve(step: Step): Step {
    if (step.wild || step.verb === "make") return step;
    const live = this.user.indices((handle) => handle.resource === this.types[step.type]);
    if (live.length === 0) return { ...step, verb: "make" };
    const x = live[step.x % live.length]!;
    // Lending and giving away one handle at once is a trap: wanted, but not in most sequences.
    const y = live[step.y % live.length]!;
    if (step.verb !== "mix" || x !== y || step.y === 0) return { ...step, x, y };
    return live.length === 1 ? { ...step, verb: "read", x } : { ...step, x, y: live.find((index) => index !== x)! };
  }

  run({ verb, type, x, y }: Step): number | undefined {
    const resource = this.types[type];
    if (verb === "make") {
      // `new` and the lift of the result pass through the owner's table.
      this.owner.remove(this.owner.add(this.#handle(resource, x)));
      return this.user.add(this.#handle(resource, x));
    }
    const handle = this.#get(this.user, x, resource);
    if (verb === "read") return handle.rep;
    if (verb === "mix") {
      // The borrow is lent for the call, so the same handle cannot be given away with it.
      handle.lends++;
      try {
        const given = this.#removeOwn(y, resource);
        return (handle.rep - this.owner.add(this.#handle(resource, given.rep))) >>> 0;
      } finally {
        handle.lends--;
      }
    }
    const given = this.#removeOwn(x, resource);
    if (verb === "drop") {
      this.sum = (Math.imul(this.sum, 31) + given.rep) >>> 0;
      return undefined;
    }
    const index = this.owner.add(this.#handle(resource, given.rep));
    if (verb === "take") return given.rep;
    this.owner.remove(index);
    return this.user.add(this.#handle(resource, given.rep));
  }

  #handle(resource: ResourceType, rep: number): Handle {
    return { resource, rep, own: true, lends: 0 };
  }

  #get(table: HandleTable, index: number, resource: ResourceType): Handle {
    const handle = table.get(index);
    if (handle.resource !== resource) throw new ReferenceTrap("invalid-handle");
    return handle;
  }

  #removeOwn(index: number, resource: ResourceType): Handle {
    const handle = this.#get(this.user, index, resource);
    if (handle.lends > 0) throw new ReferenceTrap("invalid-handle");
    return this.user.remove(index);
  }
}

const counts = { sequences: 0, steps: 0, traps: 0 };
afterAll(() => {
  console.log(`handles: seed ${seed}, ${counts.sequences} sequences, ${counts.steps} steps, ${counts.traps} traps`);
});

test("the handle tables behave as the reference's", async () => {
  const component = await compileText(text);
  fc.assert(
    fc.property(steps, (sequence) => {
      counts.sequences++;
      const instance: Instance = component.instantiateSync();
      const exports = instance.exports as Record<string, (...args: number[]) => number | undefined>;
      const model = new Model();
      for (const unresolved of sequence) {
        const step = model.resolve(unresolved);
        counts.steps++;
        let expected: number | undefined | "trap";
        let actual: number | undefined | "trap";
        try {
          expected = model.run(step);
        } catch (error) {
          if (!(error instanceof ReferenceTrap)) throw error;
          expected = "trap";
        }
        try {
          const name = `${step.verb}${step.type.toUpperCase()}`;
          actual = step.verb === "mix" ? exports[name]!(step.x, step.y) : exports[name]!(step.x);
        } catch (error) {
          if (!(error instanceof TrapError) || error.trap !== "invalid-handle") throw error;
          actual = "trap";
        }
        expect(actual).toBe(expected);
        if (expected === "trap") {
          counts.traps++;
          expect(instance.state).toBe("trapped");
          break;
        }
        expect(exports["sum"]!()).toBe(model.sum);
      }
      instance.dispose();
    }),
    { seed, numRuns: scaled(1500) },
  );
});

test("the sequences were long, and many of them ended in a trap", () => {
  expect(counts.sequences).toBeGreaterThanOrEqual(scaled(1500));
  expect(counts.steps).toBeGreaterThan(4 * counts.sequences);
  expect(counts.traps).toBeGreaterThan(0.08 * counts.sequences);
});
