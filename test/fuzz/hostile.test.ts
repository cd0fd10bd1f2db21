/**
 * Hostile memory: valid values whose bytes have been tampered with, lifted by the host and by the reference. Both must
 * give the same value, or both must trap with the same code; and a trap must lock the instance.
 */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { TrapError } from "../../host/errors.ts";
import type { Component, Instance } from "../../host/runtime/types.ts";
import { parameterTypes, valuesOf } from "../differential/arbitraries.ts";
import { scaled, seed } from "../differential/budget.ts";
import { hostInterface, plainParams, resultType, type Signature } from "../differential/echo.ts";
import { call, compileText } from "../differential/harness.ts";
import { difference, same, show } from "../differential/same.ts";
import { BumpMemory, bumpContext, ReferenceTrap, type Context, type StringEncoding } from "../reference/context.ts";
import { liftValues, sourceOf, type CoreValue } from "../reference/load.ts";
import { fromJs, toJs } from "../reference/mapping.ts";
import { lowerValues } from "../reference/store.ts";
import { maxFlatParams, maxFlatResults, type Core } from "../reference/types.ts";
import { hostileText, paramSlots, resultSlots, slotsAt } from "./hostile.ts";
import { memoriesOf } from "../compile.ts";

const pageSize = 65536;
const counts = { types: 0, memories: 0, trapped: 0, codes: new Map<string, number>() };

afterAll(() => {
  const codes = [...counts.codes].sort().map(([code, count]) => `${code} ${count}`);
  console.log(
    `hostile memory: seed ${seed}, ${counts.types} types, ${counts.memories} memories, ` +
      `${counts.trapped} traps (${codes.join(", ")})`,
  );
});

/** One change to the memory: a few bytes, or a word that is likely to matter. */
interface Tampering {
  readonly at: number;
  readonly bytes: Uint8Array;
}

const words = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 7, 0xff, 0x100, 0xd800, 0xdfff, 0x110000, pageSize - 1, pageSize, pageSize - 8),
  fc.constantFrom(0xffffffff, 0x80000000, 0x80000001, 0x7fffffff, 0x0fffffff, 0x10000000, 0x8000ffff),
  fc.integer({ min: 0, max: pageSize }),
);

/** Mostly where values are: in the slots and at the start of the heap. */
const places = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: slotsAt, max: slotsAt + 8 * 8 }) },
  { weight: 5, arbitrary: fc.integer({ min: 1024, max: 1024 + 160 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1024, max: 4096 }) },
);

const tamperings: fc.Arbitrary<readonly Tampering[]> = fc.array(
  fc.oneof(
    fc.record({ at: places, bytes: fc.uint8Array({ minLength: 1, maxLength: 3 }) }),
    fc.tuple(places, words).map(([at, word]) => ({ at: at & ~3, bytes: new Uint8Array(Uint32Array.of(word).buffer) })),
  ),
  { maxLength: 4 },
);

function writeSlots(memory: Uint8Array, cores: readonly Core[], values: readonly CoreValue[]): void {
  const view = new DataView(memory.buffer);
  for (const [index, core] of cores.entries()) {
    const at = slotsAt + 8 * index;
    const value = values[index]!;
    if (core === "i32") view.setUint32(at, Number(BigInt.asUintN(32, value as bigint)), true);
    else if (core === "i64") view.setBigUint64(at, BigInt.asUintN(64, value as bigint), true);
    else if (core === "f32") view.setFloat32(at, value as number, true);
    else view.setFloat64(at, value as number, true);
  }
}

function readSlots(memory: Uint8Array, cores: readonly Core[]): readonly CoreValue[] {
  const view = new DataView(memory.buffer);
  return cores.map((core, index) => {
    const at = slotsAt + 8 * index;
    if (core === "i32") return BigInt(view.getUint32(at, true));
    if (core === "i64") return view.getBigUint64(at, true);
    return core === "f32" ? view.getFloat32(at, true) : view.getFloat64(at, true);
  });
}

type Lifted = { readonly value: unknown } | { readonly trap: string };

/** The memory of a guest that is about to hand over `args`, tampered with; `undefined` when a page is too small. */
function prepare(
  signature: Signature,
  encoding: StringEncoding,
  args: readonly unknown[],
  direction: "give" | "pass",
  changes: readonly Tampering[],
): Uint8Array | undefined {
  const bump = new BumpMemory(1024, pageSize);
  const values = signature.map((type, index) => fromJs(args[index], type));
  const maxFlat = direction === "give" ? maxFlatResults : maxFlatParams;
  const cores = direction === "give" ? resultSlots(signature) : paramSlots(signature);
  const flat = lowerValues(bumpContext(encoding, bump), maxFlat, values, plainParams(signature));
  const memory = bump.bytes();
  if (memory.length !== pageSize) return undefined;
  writeSlots(memory, cores, flat);
  for (const { at, bytes } of changes) memory.set(bytes, at);
  return memory;
}

function liftByReference(
  signature: Signature,
  encoding: StringEncoding,
  memory: Uint8Array,
  direction: "give" | "pass",
): Lifted {
  const context: Context = { ...bumpContext(encoding), memory: () => memory };
  const cores = direction === "give" ? resultSlots(signature) : paramSlots(signature);
  const maxFlat = direction === "give" ? maxFlatResults : maxFlatParams;
  try {
    const plain = liftValues(context, maxFlat, sourceOf(readSlots(memory, cores)), plainParams(signature));
    const list = plain.map((value, index) => toJs(value, signature[index]!));
    return { value: direction === "give" && list.length === 1 ? list[0] : list };
  } catch (error) {
    if (error instanceof ReferenceTrap) return { trap: error.trap };
    throw error;
  }
}

/** An instance that is replaced after each trap, and shown to be locked by it. */
class Guest {
  readonly #component: Component;
  readonly #signatures: readonly Signature[];
  #instance: Instance | undefined;
  #received: readonly unknown[] = [];

  constructor(component: Component, signatures: readonly Signature[]) {
    this.#component = component;
    this.#signatures = signatures;
  }

  lift(index: number, memory: Uint8Array, direction: "give" | "pass"): Lifted {
    const signature = this.#signatures[index]!;
    const instance = (this.#instance ??= this.#start());
    new Uint8Array(memoriesOf(instance)[0]!.buffer).set(memory);
    const target = (instance.exports as Record<string, () => unknown>)[`${direction}N${index}`]!;
    try {
      if (direction === "give") return { value: call(target, [], resultType(signature)) };
      target();
      return { value: this.#received };
    } catch (error) {
      if (!(error instanceof TrapError)) throw error;
      if (instance.state !== "trapped") throw new Error(`The instance is ${instance.state} after ${error.trap}`);
      instance.dispose();
      this.#instance = undefined;
      return { trap: error.trap };
    }
  }

  #start(): Instance {
    const functions = this.#signatures.map((_, index) => [
      `takeN${index}`,
      (...args: unknown[]) => {
        this.#received = args;
      },
    ]);
    return this.#component.instantiateSync({ [hostInterface]: Object.fromEntries(functions) });
  }
}

describe.each(["utf8", "utf16", "latin1+utf16"] as const)("hostile memory in %s", (encoding) => {
  test.each(["give", "pass"] as const)("%s: the host traps exactly where the reference does", async (direction) => {
    const perComponent = 12;
    const signatures = fc.sample(parameterTypes({ extended: true }), {
      seed: seed + encoding.length + direction.charCodeAt(0),
      numRuns: scaled(5) * perComponent,
    });
    for (let from = 0; from < signatures.length; from += perComponent) {
      const batch = signatures.slice(from, from + perComponent);
      const guest = new Guest(await compileText(hostileText(batch, encoding)), batch);
      for (const [index, signature] of batch.entries()) {
        counts.types++;
        fc.assert(
          fc.property(fc.tuple(...signature.map(valuesOf)), tamperings, (args, changes) => {
            const memory = prepare(signature, encoding, args, direction, changes);
            if (memory === undefined) return;
            const expected = liftByReference(signature, encoding, memory, direction);
            const actual = guest.lift(index, memory, direction);
            counts.memories++;
            if ("trap" in expected) {
              counts.trapped++;
              counts.codes.set(expected.trap, (counts.codes.get(expected.trap) ?? 0) + 1);
            }
            if (same(actual, expected)) return;
            throw new Error(`${show(resultType(signature))}: ${difference(actual, expected)}`);
          }),
          { seed: seed + index, numRuns: 25 },
        );
      }
    }
  });
});

test("the tampering made every kind of trap that reading memory has", () => {
  expect(counts.memories).toBeGreaterThan(0.9 * 6 * scaled(5) * 12 * 25);
  expect(counts.trapped).toBeGreaterThan(0.1 * counts.memories);
  expect([...counts.codes.keys()].sort()).toEqual([
    "invalid-char",
    "invalid-discriminant",
    "invalid-utf16",
    "invalid-utf8",
    "list-out-of-bounds",
    "memory-out-of-bounds",
    "string-out-of-bounds",
    "unaligned-pointer",
  ]);
});
