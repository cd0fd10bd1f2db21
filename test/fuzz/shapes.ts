/**
 * Components that are small in bytes and large in what they say: nested, shared, doubled, repeated, aliased, wide, long-named.
 *
 * Each shape grows with one number, about in proportion to its bytes unless it says otherwise. Nothing here is meant to
 * run: many are invalid, and all that is asked of the host is an answer in time.
 */

import {
  type Bytes,
  u32,
  ref,
  text,
  list,
  section,
  component,
  nested,
  types,
  typeList,
  imports,
  exports,
  canons,
  aliases,
  instances,
  coreInstances,
  u8,
  string,
  func,
  tuple,
  record,
  variant,
  listOf,
  fixedList,
  option,
  result,
  resource,
  own,
  borrow,
  label,
  extern,
  importFunc,
  importInstance,
  importResource,
  exportFunc,
  exportType,
  exportInstance,
  declareType,
  declareResource,
  declareTypeExport,
  declareFunc,
  instanceType,
  componentType,
  outerAlias,
  coreAlias,
  lift,
  lower,
  withMemory,
  coreInstantiate,
  coreBag,
  instantiate,
  coreModule,
} from "./writers.ts";

export interface Shape {
  readonly name: string;
  make(size: number): Bytes;
}

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** `types` whose last one unfolds to 2^depth of the first: the whole of them share one type each. */
function doubled(first: Bytes, depth: number, join: (inner: Bytes) => Bytes, from = 0): Bytes[] {
  return [first, ...times(depth, (i) => join(ref(from + i)))];
}

const i32 = 0x7f;

/** A core module with a function, a memory and a realloc, and their aliases: core functions 0 and 1, memory 0. */
function guest(params: readonly number[], results: readonly number[]): Bytes[] {
  return [
    coreModule({
      types: [[params, results], [[i32, i32, i32, i32], [i32]]],
      funcs: [0, 1],
      memory: true,
      exports: [["f", 0, 0], ["r", 0, 1], ["m", 2, 0]],
    }),
    coreInstances([coreInstantiate(0)]),
    aliases([coreAlias(0, "f"), coreAlias(0, "r"), coreAlias(0, "m", 2)]),
  ]; // prettier-ignore
}

/** The rows of the audit, by the name it gave them, and what the fuzzer and readers found since. */
export const shapes: readonly Shape[] = [
  {
    name: "A1: words of digits in a name, then a letter that no name has",
    make: (n) => component(types(func([])), imports([importFunc(`a${"-1".repeat(Math.min(n, 49_000))}_`, 0)])),
  },
  {
    name: "A2: each component instantiates the one before twice",
    make: (n) => {
      const doubling = (before: number): Bytes =>
        nested(
          aliases([outerAlias(4, 1, before)]),
          instances([instantiate(0), instantiate(0)]),
        );
      const depth = Math.min(4 + Math.floor(n / 40), 900);
      return component(nested(), times(depth, doubling), instances([instantiate(depth)]));
    },
  },
  {
    name: "A3: fixed-length lists of fixed-length lists",
    make: (n) => {
      const depth = Math.min(1 + Math.floor(n / 8), 6);
      const all = doubled(tuple(u8), depth, (inner) => fixedList(inner, 17));
      return component(types(...all), types(func([["x", ref(depth)]], ref(depth))), imports([importFunc("f", depth + 1)]),
        ...guest([i32], [i32]), canons([lift(0, depth + 1, withMemory(0, 1)), lower(0, withMemory(0, 1))]), exports([exportFunc("g", 1)])); // prettier-ignore
    },
  },
  {
    name: "A3: a tuple doubled 17 times, used by functions lifted and lowered",
    make: (n) => {
      const all = doubled(tuple(u8), 17, (inner) => tuple(inner, inner));
      const count = Math.ceil(n / 10);
      return component(types(...all), types(func([["x", ref(17)]], ref(17))), imports(times(count, (i) => importFunc(label(i), 18))),
        ...guest([i32], [i32]), canons(times(count, () => lift(0, 18, withMemory(0, 1)))), canons(times(count, (i) => lower(i, withMemory(0, 1)))),
        exports(times(count, (i) => exportFunc(`x-${label(i)}`, count + i)))); // prettier-ignore
    },
  },
  {
    name: "A3: a long field name under 13 doublings, imported",
    make: (n) => {
      const long = `a${"b".repeat(Math.min(n, 99_000))}`;
      return component(
        types(record([[long, u8]])),
        imports([[extern("r"), 3, 0, 0]]),
        types(...times(13, (i) => tuple(ref(1 + i), ref(1 + i)))),
        types(func([["x", ref(14)]])),
        imports([importFunc("f", 15)]),
      );
    },
  },
  {
    name: "A3: a list of handles doubled, used by functions",
    make: (n) => {
      const all = doubled(own(0), 17, (inner) => tuple(inner, inner), 1);
      return component(imports([importResource("r")]), types(...all), types(func([["x", ref(18)]])), imports(times(Math.ceil(n / 6), (i) => importFunc(label(i), 19))));
    }, // prettier-ignore
  },
  {
    name: "results doubled below sixteen core values, lifted and lowered",
    make: (n) => {
      const all = doubled(tuple(u8), 14, (inner) => result(inner, inner));
      const count = Math.ceil(n / 10);
      const core = times(15, () => i32);
      return component(types(...all), types(func([["x", ref(14)]])), imports(times(count, (i) => importFunc(label(i), 15))),
        ...guest(core, []), canons(times(count, () => lift(0, 15, withMemory(0, 1)))), canons(times(count, (i) => lower(i, withMemory(0, 1)))),
        exports(times(count, (i) => exportFunc(`x-${label(i)}`, count + i)))); // prettier-ignore
    },
  },
  {
    name: "A4: exported resources",
    make: (n) => {
      const count = Math.ceil(n / 12);
      return component(typeList(times(count, () => resource)), exports(times(count, (i) => exportType(label(i), i))));
    },
  },
  {
    name: "A4: open resources and instance types",
    make: (n) => {
      const count = Math.ceil(n / 60);
      const inner = instanceType(declareResource("r"));
      const open = instanceType(
        ...times(count, (i) => declareResource(`r-${label(i)}`)),
        ...times(count, (i) => [declareType(inner), declareTypeExport(`t-${label(i)}`, count + 2 * i)]).flat(),
      );
      return component(
        types(open),
        imports([importInstance("i", 0)]),
        nested(types(open), imports([importInstance("i", 0)])),
        instances([instantiate(0, [["i", 5, 0]])]),
      );
    },
  },
  {
    name: "A4: interfaces of one short name",
    make: (n) =>
      component(types(instanceType()), imports([importInstance("a:b/c", 0)]), exports(times(Math.ceil(n / 18), (i) => exportInstance(`${label(i)}:b/c`, 0)))),
  }, // prettier-ignore
  {
    name: "A4: core exports lifted",
    make: (n) => {
      const count = Math.ceil(n / 30);
      return component(
        coreModule({ types: [[[], []]], funcs: [0], exports: times(count, (i) => [label(i), 0, 0]) }),
        coreInstances([coreInstantiate(0)]),
        aliases(times(count, (i) => coreAlias(0, label(i)))),
        types(func([])),
        canons(times(count, (i) => lift(i, 0))),
        exports(times(count, (i) => exportFunc(label(i), i))),
      );
    },
  },
  {
    name: "A4: aliases of inline core exports",
    make: (n) => {
      const count = Math.ceil(n / 17);
      return component(
        coreModule({ types: [[[], []]], funcs: [0], exports: [["f", 0, 0]] }),
        coreInstances([coreInstantiate(0)]),
        aliases([coreAlias(0, "f")]),
        coreInstances([coreBag(times(count, (i) => [label(i), 0]))]),
        aliases(times(count, (i) => coreAlias(1, label(i)))),
      );
    },
  },
  {
    name: "A4: aliases within an instance type",
    make: (n) => {
      const count = Math.ceil(n / 24);
      const inner = instanceType(...times(count, (i) => declareResource(label(i))));
      return component(
        types(instanceType(declareType(inner), [4, extern("i"), 5, u32(0)], ...times(count, (i) => [2, 3, 0, 0, text(label(i))]))),
        imports([importInstance("x", 0)]),
      );
    }, // prettier-ignore
  },
  {
    name: "A4: imports of 1,000 parameters in many instances",
    make: (n) => {
      const count = Math.ceil(n / 18);
      const params = times(1000, () => i32);
      return component(
        coreModule({ types: [[params, []]], funcs: [0], exports: times(count, (i) => [label(i), 0, 0]) }),
        coreModule({ types: [[params, []]], imports: times(count, (i) => ["m", label(i), 0]) }),
        coreInstances([coreInstantiate(0)]),
        coreInstances(times(999, () => coreInstantiate(1, [["m", 0]]))),
      );
    },
  },
  { name: "A4: resource types", make: (n) => component(typeList(times(Math.ceil(n / 3), () => resource))) },
  {
    name: "A5: missing imports with long names",
    make: (n) =>
      component(types(func([])), imports(times(Math.ceil(n / 210), (i) => importFunc(`a${"b".repeat(190)}-${label(i)}`, 0)))),
  }, // prettier-ignore
  {
    name: "A7: a core type shared again and again",
    make: (n) => component(section(3, list([[times(n, () => 0x65), 0x60, 0, 0]]))),
  },
  { name: "A7: imports of functions", make: (n) => component(types(func([])), imports(times(Math.ceil(n / 9), (i) => importFunc(label(i), 0)))) },
  {
    name: "A7: one function lifted and exported",
    make: (n) => {
      const count = Math.ceil(n / 16);
      return component(...guest([], []), types(func([])), canons(times(count, () => lift(0, 0))), exports(times(count, (i) => exportFunc(label(i), i))));
    }, // prettier-ignore
  },
  {
    name: "one import lowered again and again",
    make: (n) =>
      component(types(func([])), imports([importFunc("f", 0)]), canons(times(Math.ceil(n / 4), () => lower(0)))),
  },
  {
    name: "one instance exported again and again",
    make: (n) => {
      const count = Math.ceil(n / 20);
      return component(
        types(func([])),
        types(instanceType(declareType(func([])), ...times(count, (i) => declareFunc(label(i), 0)))),
        imports([importInstance("i", 1)]),
        exports(times(count, (i) => exportInstance(label(i), 0))),
      );
    },
  },
  {
    name: "one instance type imported again and again",
    make: (n) => {
      const count = Math.ceil(n / 18);
      return component(
        types(instanceType(declareType(func([])), ...times(count, (i) => declareFunc(label(i), 0)))),
        imports(times(count, (i) => importInstance(label(i), 0))),
      );
    },
  },
  {
    name: "one bag of core functions given again and again",
    make: (n) => {
      const count = Math.ceil(n / 22);
      return component(
        coreModule({ types: [[[], []]], funcs: [0], exports: [["f", 0, 0]] }),
        coreModule({}),
        coreInstances([coreInstantiate(0)]),
        aliases([coreAlias(0, "f")]),
        coreInstances([coreBag(times(count, (i) => [label(i), 0]))]),
        coreInstances([coreInstantiate(1, times(count, (i) => [label(i), 1]))]),
      );
    },
  },
  {
    name: "a long core name used by every lift",
    make: (n) => {
      const long = "n".repeat(Math.min(n / 2, 99_000));
      const count = Math.ceil(n / 24);
      return component(
        coreModule({ types: [[[], []]], funcs: [0], memory: true, exports: [[long, 0, 0], ["m", 2, 0]] }),
        coreInstances([coreInstantiate(0)]),
        aliases([coreAlias(0, long), coreAlias(0, "m", 2)]),
        types(func([])),
        canons(times(count, () => lift(0, 0, [[3, 0]]))),
        exports(times(count, (i) => exportFunc(label(i), i))),
      );
    }, // prettier-ignore
  },
  {
    name: "a wide record exported under many names and passed under each",
    make: (n) => {
      const width = Math.min(Math.ceil(n / 12), 10_000);
      const count = Math.ceil(n / 36);
      return component(
        types(record(times(width, (i) => [label(i), u8]))),
        ...guest([i32], []),
        exports(times(count, (i) => exportType(`t-${label(i)}`, 0))),
        typeList(times(count, (i) => func([["x", ref(1 + i)]]))),
        canons(times(count, (i) => lift(0, 1 + count + i, withMemory(0, 1)))),
        exports(times(count, (i) => exportFunc(label(i), i))),
      );
    },
  },
  {
    name: "a wide variant in a context for every realloc",
    make: (n) => {
      const width = Math.min(Math.ceil(n / 12), 10_000);
      const count = Math.ceil(n / 50);
      return component(
        types(variant(times(width, (i) => [label(i), string]))),
        coreModule({
          types: [[[i32, i32, i32], []], [[i32, i32, i32, i32], [i32]]], funcs: [0, 1], memory: true,
          exports: [["f", 0, 0], ["m", 2, 0], ...times(count, (i) => [`r-${label(i)}`, 0, 1] as const)],
        }),
        coreInstances([coreInstantiate(0)]),
        aliases([coreAlias(0, "f"), coreAlias(0, "m", 2), ...times(count, (i) => coreAlias(0, `r-${label(i)}`))]),
        exports([exportType("v", 0)]),
        types(func([["x", ref(1)]])),
        canons(times(count, (i) => lift(0, 2, withMemory(0, 1 + i)))),
        exports(times(count, (i) => exportFunc(label(i), i))),
      );
    }, // prettier-ignore
  },
  { name: "wide records", make: (n) => component(typeList(times(Math.ceil(n / 100_000), () => record(times(Math.min(Math.ceil(n / 8), 10_000), (i) => [label(i), u8])))))},
  { name: "enums of one label", make: (n) => component(typeList(times(Math.ceil(n / 5), () => [0x6d, list([text("a")])]))) },
  { name: "instance types without exports", make: (n) => component(typeList(times(Math.ceil(n / 2), () => instanceType()))) },
  { name: "instance types of instance types", make: (n) => component(types(instanceType(), ...times(Math.ceil(n / 12), (i) => instanceType([2, 3, 2, 1, u32(i)], [4, extern("a"), 5, 0], [4, extern("b"), 5, 0])))) },
  { name: "instance types of instance types, a resource in the first", make: (n) => component(types(instanceType(declareResource("r")), ...times(Math.ceil(n / 12), (i) => instanceType([2, 3, 2, 1, u32(i)], [4, extern("a"), 5, 0], [4, extern("b"), 5, 0])))) },
  { name: "component types that take two of the one before", make: (n) => component(types(componentType(), ...times(Math.ceil(n / 14), (i) => componentType([2, 3, 2, 1, u32(i)], [3, extern("a"), 4, 0], [3, extern("b"), 4, 0])))) },
  { name: "an instance type of 300 resources imported again and again", make: (n) => component(types(instanceType(...times(300, (i) => declareResource(label(i))))), imports(times(Math.ceil(n / 8), (i) => importInstance(label(i), 0)))) },
  { name: "tuples of one", make: (n) => component(typeList(times(Math.ceil(n / 3), () => tuple(u8)))) },
  { name: "lists in lists", make: (n) => component(types(listOf(u8), ...times(Math.ceil(n / 3), (i) => listOf(ref(i))))) },
  { name: "options in options, exported", make: (n) => component(types(option(u8), ...times(Math.min(Math.ceil(n / 3), 98), (i) => option(ref(i)))), exports([exportType("t", 0)])) },
  { name: "empty components in one", make: (n) => component(...times(Math.min(Math.ceil(n / 10), 990), () => nested())) },
  {
    name: "components in components",
    make: (n) => {
      let inner: Bytes = component();
      for (let depth = Math.min(Math.ceil(n / 12), 120); depth > 0; depth--) inner = component(section(4, inner));
      return inner;
    },
  },
  {
    name: "a component instantiated again and again",
    make: (n) =>
      component(
        nested(types(resource), exports([exportType("r", 0)])),
        times(Math.ceil(n / 3000), () => instances(times(1000, () => instantiate(0)))),
      ),
  },
  { name: "custom sections without content", make: (n) => component(times(Math.ceil(n / 3), () => section(0, text("")))) },
  { name: "bytes of nothing", make: (n) => component(section(0, [text("x"), new Uint8Array(n)])) },
  { name: "outer aliases of one type", make: (n) => component(types(tuple(u8)), nested(aliases(times(Math.ceil(n / 4), () => outerAlias(3, 1, 0))))) },
  {
    name: "outer aliases of an instance type with many resources",
    make: (n) => {
      const count = Math.ceil(n / 14);
      return component(
        types(instanceType(...times(count, (i) => declareResource(label(i))))),
        nested(aliases(times(count, () => outerAlias(3, 1, 0)))),
      );
    },
  },
  {
    name: "methods of a resource",
    make: (n) => {
      const count = Math.ceil(n / 40);
      return component(
        imports([importResource("r")]),
        types(borrow(0)),
        types(func([["self", ref(1)]])),
        imports(times(count, (i) => importFunc(`[method]r.${label(i)}`, 2))),
      );
    },
  },
  {
    name: "functions of a long instance name",
    make: (n) =>
      component(
        types(instanceType(declareType(func([])), ...times(Math.ceil(n / 16), (i) => declareFunc(label(i), 0)))),
        imports([importInstance(`a:b/c${"d".repeat(Math.min(n / 4, 99_000))}`, 0)]),
      ),
  },
  {
    name: "imports that share one wide type",
    make: (n) => {
      const width = Math.min(Math.ceil(n / 20), 1000);
      return component(types(func(times(width, (i) => [label(i), string]))), imports(times(Math.ceil(n / 20), (i) => importFunc(label(i), 0))));
    }, // prettier-ignore
  },
]; // prettier-ignore

/** What is known of a value type, so that those made of it stay within what validation allows. */
interface Extent {
  readonly index: number;
  readonly parts: number;
  readonly depth: number;
  readonly bytes: number;
}

/** A component of random type definitions that refer to those before them, used in random ways by many functions. */
export function composed(size: number, random: () => number): Bytes {
  const pick = (below: number): number => Math.floor(random() * below);
  // One recipe has the same few habits at every size: what it repeats, how far back it refers, how wide it is.
  const width = 1 + pick(4);
  const reach = 1 + pick(6);
  const habits = times(3, () => pick(9));
  const mostParts = 10 ** (1 + pick(4));
  const definitions: Bytes[] = [tuple(u8), tuple(string)];
  const values: Extent[] = [
    { index: 0, parts: 2, depth: 2, bytes: 1 },
    { index: 1, parts: 2, depth: 2, bytes: 16 },
  ];
  const functions: number[] = [];
  const last = (): Extent => values[Math.max(0, values.length - 1 - pick(reach))]!;
  const define = (inner: readonly Extent[], copies: number, make: () => Bytes): void => {
    const parts = inner.reduce((sum, of) => sum + of.parts, 1);
    const depth = 1 + Math.max(...inner.map((of) => of.depth));
    const bytes = copies * inner.reduce((sum, of) => sum + of.bytes + 16, 0);
    // What would be refused is not built upon: a new chain begins.
    if (parts > mostParts || depth > 60 || bytes > 1e7) values.push(values[pick(2)]!);
    else values.push({ index: definitions.push(make()) - 1, parts, depth, bytes });
  };
  /** Spilled both ways, so that all have the core type that the guest has. */
  const defineFunction = (): void => {
    const bytes = times(17, (i): [string, Bytes] => [label(i), u8]);
    const params = times(width, (i): [string, Bytes] => [`x${i}`, ref(last().index)]);
    const back = definitions.push(tuple(u8, u8, ref(last().index))) - 1;
    functions.push(definitions.push(func([...bytes, ...params], ref(back))) - 1);
  };
  for (let left = size / 8; left > 0; left--) {
    const habit = habits[pick(habits.length)]!;
    const [a, b, length] = [last(), last(), 1 + pick(20)];
    if (habit === 0) define([a], 1, () => tuple(ref(a.index)));
    else if (habit === 1) define([a], 1, () => listOf(ref(a.index)));
    else if (habit === 2) define([a], 1, () => option(ref(a.index)));
    else if (habit === 3) define([a, b], 1, () => result(ref(a.index), ref(b.index)));
    else if (habit === 4) define([a], length, () => fixedList(ref(a.index), length));
    else if (habit === 5) define([a, b], 1, () => tuple(ref(a.index), ref(b.index)));
    else if (habit === 6) defineFunction();
    else if (habit === 7) definitions.push(instanceType(...times(width, (i) => declareResource(label(i)))));
    else definitions.push(componentType(...times(width, (i) => [3, extern(label(i)), 3, 1])));
  }
  defineFunction();
  const uses = Math.ceil(size / 24);
  const use = (): number => functions[Math.max(0, functions.length - 1 - pick(reach))]!;
  const shared = use();
  const used = pick(2) === 0 ? use : (): number => shared;
  const lifts = pick(2) * uses;
  return component(
    section(7, list(definitions)),
    imports(times(uses, (i) => importFunc(label(i), used()))),
    ...guest([i32], [i32]),
    canons(times(lifts, () => lift(0, used(), withMemory(0, 1)))),
    pick(2) === 0 ? canons(times(uses, (i) => lower(i, withMemory(0, 1)))) : [],
    exports(times(lifts, (i) => exportFunc(`x-${label(i)}`, uses + i))),
  );
}
