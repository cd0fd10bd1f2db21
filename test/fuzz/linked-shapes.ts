/**
 * Pairs of components that are small in bytes and large in what linking one to the other compares, looks up or says.
 *
 * The first exports what it imports, the second imports from it; each pair grows with one number, about in proportion to its
 * bytes. Some pairs fit, others do not: all that is asked is an answer in time.
 */
import {
  type Bytes,
  component,
  declareFunc,
  declareResource,
  declareType,
  exportFunc,
  exportInstance,
  exports,
  flatten,
  func,
  importFunc,
  importInstance,
  imports,
  instanceType,
  label,
  own,
  record,
  ref,
  string,
  tuple,
  types,
  typeList,
  u8,
} from "./writers.ts";

export interface Pair {
  readonly provider: Uint8Array<ArrayBuffer>;
  readonly consumer: Uint8Array<ArrayBuffer>;
}

export interface LinkedShape {
  readonly name: string;
  make(size: number): Pair;
}

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** Exports instances of one type, all of them the import `given`. */
function giving(type: Bytes, names: readonly string[]): Uint8Array<ArrayBuffer> {
  return flatten(
    component(
      types(type),
      imports([importInstance("given", 0)]),
      exports(names.map((name) => exportInstance(name, 0))),
    ),
  );
}

/** Imports instances of one type. */
function wanting(type: Bytes, names: readonly string[]): Uint8Array<ArrayBuffer> {
  return flatten(component(types(type), imports(names.map((name) => importInstance(name, 0)))));
}

/** As many as are not refused for what they unfold to. */
const most = 24;

/** An interface whose functions take a type that is doubled again and again. */
function doubledInterface(leaf: Bytes, functions: number, resource = false): Bytes {
  const first = resource ? 1 : 0;
  return instanceType(
    ...(resource ? [declareResource("r")] : []),
    declareType(leaf),
    ...times(12, (i) => declareType(tuple(ref(first + i), ref(first + i)))),
    declareType(func([["x", ref(first + 12)]])),
    ...times(functions, (i) => declareFunc(label(i), first + 13)),
  );
}

const long = (size: number, end: string): string => `a:b/c${"d".repeat(size)}${end}`;

export const linkedShapes: readonly LinkedShape[] = [
  {
    name: "equal types that unfold, in functions of one interface",
    make: (n) => {
      const type = doubledInterface(tuple(u8), Math.min(Math.ceil(n / 1200), most));
      return { provider: giving(type, ["a:b/c"]), consumer: wanting(type, ["a:b/c"]) };
    },
  },
  {
    name: "equal types that unfold, in many interfaces",
    make: (n) => {
      const names = times(Math.min(Math.ceil(n / 1200), most), (i) => `a:b/${label(i)}`);
      const type = doubledInterface(tuple(u8), 1);
      return { provider: giving(type, names), consumer: wanting(type, names) };
    },
  },
  {
    name: "equal types with handles that unfold",
    make: (n) => {
      const type = doubledInterface(own(0), Math.min(Math.ceil(n / 1200), most), true);
      return { provider: giving(type, ["a:b/c"]), consumer: wanting(type, ["a:b/c"]) };
    },
  },
  {
    name: "types with handles that unfold, in many interfaces",
    make: (n) => {
      const names = times(Math.min(Math.ceil(n / 1200), most), (i) => `a:b/${label(i)}`);
      const type = doubledInterface(own(0), 1, true);
      return { provider: giving(type, names), consumer: wanting(type, names) };
    },
  },
  {
    name: "types that unfold and differ in their last part",
    make: (n) => {
      const names = times(Math.min(Math.ceil(n / 1200), most), (i) => `a:b/${label(i)}`);
      return {
        provider: giving(doubledInterface(tuple(u8), 1), names),
        consumer: wanting(doubledInterface(tuple(string), 1), names),
      };
    },
  },
  {
    name: "one interface wanted in many versions, none of which fits",
    make: (n) => {
      const count = Math.ceil(n / 24);
      const type = (param: Bytes): Bytes => instanceType(declareType(func([["x", param]])), declareFunc("f", 0));
      return {
        provider: giving(type(u8), times(count, (i) => `a:b/c@1.${count + i}.0`)),
        consumer: wanting(type(string), times(count, (i) => `a:b/c@1.${i}.0`)),
      };
    }, // prettier-ignore
  },
  {
    name: "one interface of many functions wanted in many versions",
    make: (n) => {
      const count = Math.min(Math.ceil(n / 400), 100);
      const type = instanceType(declareType(func([])), ...times(count, (i) => declareFunc(label(i), 0)));
      return { provider: giving(type, ["a:b/c@1.99999.0"]), consumer: wanting(type, times(count, (i) => `a:b/c@1.${i}.0`)) };
    }, // prettier-ignore
  },
  {
    name: "interfaces of which none has the name of another",
    make: (n) => {
      const count = Math.ceil(n / 20);
      const type = instanceType(declareType(func([])), declareFunc("f", 0));
      return {
        provider: giving(type, times(count, (i) => `a:b/${label(i)}`)),
        consumer: wanting(type, times(count, (i) => `c:d/${label(i)}`)),
      };
    }, // prettier-ignore
  },
  {
    name: "A5: names of which one is nearly the other, long",
    make: (n) => {
      const type = instanceType(declareType(func([])), declareFunc("f", 0));
      const size = Math.min(n, 90_000);
      return { provider: giving(type, [long(size, "x")]), consumer: wanting(type, [long(size, "yyy")]) };
    },
  },
  {
    name: "functions of the world itself",
    make: (n) => {
      const count = Math.ceil(n / 20);
      const wanted = imports(times(count, (i) => importFunc(label(i), 0)));
      const given = imports([importFunc("given", 0)]);
      return {
        provider: flatten(component(types(func([])), given, exports(times(count, (i) => exportFunc(label(i), 0))))),
        consumer: flatten(component(types(func([])), wanted)),
      };
    }, // prettier-ignore
  },
  {
    name: "functions of the world with types that differ",
    make: (n) => {
      const count = Math.ceil(n / 20);
      const wide = (leaf: Bytes): Bytes => typeList([record(times(50, (i) => [label(i), leaf])), func([["x", ref(0)]])]);
      const named = (leaf: Bytes): Bytes => [wide(leaf), imports([[[0, [3, 0x72, 0x65, 0x63]], 3, 0, 0]])];
      const typed = typeList([func([["x", ref(2)]])]);
      return {
        provider: flatten(component(named(u8), typed, imports([importFunc("given", 3)]), exports(times(count, (i) => exportFunc(label(i), 0))))),
        consumer: flatten(component(named(string), typed, imports(times(count, (i) => importFunc(label(i), 3))))),
      };
    }, // prettier-ignore
  },
];
