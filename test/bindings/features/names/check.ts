import { expect } from "vitest";
import type { Check } from "../../check.ts";

/** The module hands every call on to the import of the same name. */
export const check: Check = {
  async run({ instantiate }) {
    const called: string[] = [];
    const plain = (
      "function enum import await module namespace declare abstract get set of from as is keyof readonly void " +
      "null true typeof instanceof assert trace math isDefined own borrow take keep lent realloc params results"
    ).split(" ");
    const same = ["load", "store", "changetype", "unreachable", "memory", "abort", "ok"];
    const imports = {
      ...Object.fromEntries(plain.map((name) => [name, () => void called.push(name)])),
      ...Object.fromEntries(same.map((name) => [name, (value: unknown) => value])),
      delete: (...args: number[]) => args.reduce((sum, value) => sum * 10 + value),
      if: (...args: number[]) => args.reduce((sum, value) => sum * 10 + value),
      heap: (...args: unknown[]) => args,
      err: (list: Uint32Array) => list.length,
      i32: () => 32,
      soften: (value: unknown) => value,
    };
    const { words } = await instantiate({ "test:names/words": imports });
    for (const name of plain) words[name]();
    expect(called).toEqual(plain);
    expect(words.delete(1, 2, 3, 4, 5, 6)).toBe(123456);
    expect(words.if(1, 2, 3, 4)).toBe(1234);
    expect(words.i32()).toBe(32);
    expect(words.err(new Uint32Array(3))).toBe(3);
    const record = { type: 1, constructor: 2, this: 3, static: 4, default: 5, of: 6, get: 7, set: 8 };
    expect(words.load(record)).toEqual(record);
    for (const value of [
      { tag: "null", val: 1 },
      { tag: "is-null", val: 2 },
      { tag: "string", val: "s" },
      { tag: "map" },
      { tag: "length" },
      { tag: "name", val: 3 },
      { tag: "tag", val: 4 },
      { tag: "option", val: 5 },
    ]) {
      expect(words.store(value)).toEqual(value);
    }
    for (const value of ["monday", "value", "constructor"]) expect(words.changetype(value)).toBe(value);
    const flags = { none: true, some: false, static: true };
    expect(words.unreachable(flags)).toEqual(flags);
    expect(words.memory({ some: 3 })).toEqual({ some: 3 });
    expect(words.abort({ tag: "err", val: "e" })).toEqual({ tag: "err", val: "e" });
    const soft = { any: 1, boolean: true, never: 2, number: 1.5, object: 3, symbol: "s" };
    expect(words.soften(soft, 1, 2)).toEqual(soft);
    expect(words.ok(9)).toBe(9);
    const many = [{ load: 1 }, { a: 2 }, { tag: "b" }, { tag: "a" }, "z"];
    expect(words.heap(...many)).toEqual(many);
  },
};
