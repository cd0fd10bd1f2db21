/** Writers of component binaries, part by part, for components that no text would be written for: the grammar and nothing more. */
import { u32Bytes } from "../../host/binary/framing.ts";

/** Bytes and lists of bytes, flattened at the end. */
export type Bytes = number | Uint8Array | readonly Bytes[];

export const u32: (value: number) => Bytes = u32Bytes;

/** A value type by its index: a signed integer, so that it cannot be taken for a primitive. */
export function ref(index: number): Bytes {
  const bytes: number[] = [];
  for (let left = index; ; left = Math.floor(left / 128)) {
    if (left < 64) return [...bytes, left];
    bytes.push((left % 128) + 128);
  }
}

const utf8 = new TextEncoder();

export function text(value: string): Bytes {
  const bytes = utf8.encode(value);
  return [u32(bytes.length), bytes];
}

export function list(items: readonly Bytes[]): Bytes {
  return [u32(items.length), items];
}

/** The bytes of all parts in a row. */
export function flatten(part: Bytes): Uint8Array<ArrayBuffer> {
  const length = (at: Bytes): number =>
    typeof at === "number"
      ? 1
      : at instanceof Uint8Array
        ? at.length
        : at.reduce<number>((sum, p) => sum + length(p), 0);
  const bytes = new Uint8Array(length(part));
  let next = 0;
  const write = (at: Bytes): void => {
    if (typeof at === "number") bytes[next++] = at;
    else if (at instanceof Uint8Array) {
      bytes.set(at, next);
      next += at.length;
    } else for (const inner of at) write(inner);
  };
  write(part);
  return bytes;
}

function sized(content: Bytes): Bytes {
  const bytes = flatten(content);
  return [u32(bytes.length), bytes];
}

export const section = (id: number, content: Bytes): Bytes => [id, sized(content)];
export const component = (...sections: readonly Bytes[]): Bytes => [[0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0], sections];
export const nested = (...sections: readonly Bytes[]): Bytes => section(4, component(...sections));
export const types = (...items: readonly Bytes[]): Bytes => section(7, list(items));
export const typeList = (items: readonly Bytes[]): Bytes => section(7, list(items));
export const imports = (items: readonly Bytes[]): Bytes => section(10, list(items));
export const exports = (items: readonly Bytes[]): Bytes => section(11, list(items));
export const canons = (items: readonly Bytes[]): Bytes => section(8, list(items));
export const aliases = (items: readonly Bytes[]): Bytes => section(6, list(items));
export const instances = (items: readonly Bytes[]): Bytes => section(5, list(items));
export const coreInstances = (items: readonly Bytes[]): Bytes => section(2, list(items));

export const u8 = 0x7d;
export const string = 0x73;
export const func = (params: readonly (readonly [string, Bytes])[], result?: Bytes): Bytes => [
  0x40,
  list(params.map(([name, type]) => [text(name), type])),
  result === undefined ? [1, 0] : [0, result],
];
export const tuple = (...members: readonly Bytes[]): Bytes => [0x6f, list(members)];
export const record = (fields: readonly (readonly [string, Bytes])[]): Bytes => [
  0x72,
  list(fields.map(([name, type]) => [text(name), type])),
];
export const variant = (cases: readonly (readonly [string, Bytes | undefined])[]): Bytes => [
  0x71,
  list(cases.map(([name, type]) => [text(name), type === undefined ? 0 : [1, type], 0])),
];
export const listOf = (element: Bytes): Bytes => [0x70, element];
export const fixedList = (element: Bytes, length: number): Bytes => [0x67, element, u32(length)];
export const option = (inner: Bytes): Bytes => [0x6b, inner];
export const result = (ok: Bytes, err: Bytes): Bytes => [0x6a, 1, ok, 1, err];
export const resource: Bytes = [0x3f, 0x7f, 0];
export const own = (type: number): Bytes => [0x69, u32(type)];
export const borrow = (type: number): Bytes => [0x68, u32(type)];
/** Names end in no dash and start with no digit, so numbers are spelled in letters. */
export const label = (index: number): string => `n${index.toString(36)}`;
export const extern = (name: string): Bytes => [0, text(name)];
export const importFunc = (name: string, type: number): Bytes => [extern(name), 1, u32(type)];
export const importInstance = (name: string, type: number): Bytes => [extern(name), 5, u32(type)];
export const importResource = (name: string): Bytes => [extern(name), 3, 1];
export const exportFunc = (name: string, index: number): Bytes => [extern(name), 1, u32(index), 0];
export const exportType = (name: string, index: number): Bytes => [extern(name), 3, u32(index), 0];
export const exportInstance = (name: string, index: number): Bytes => [extern(name), 5, u32(index), 0];
export const declareType = (type: Bytes): Bytes => [1, type];
export const declareResource = (name: string): Bytes => [4, extern(name), 3, 1];
export const declareTypeExport = (name: string, type: number): Bytes => [4, extern(name), 3, 0, u32(type)];
export const declareFunc = (name: string, type: number): Bytes => [4, extern(name), 1, u32(type)];
export const instanceType = (...declarators: readonly Bytes[]): Bytes => [0x42, list(declarators)];
export const componentType = (...declarators: readonly Bytes[]): Bytes => [0x41, list(declarators)];
/** The component type index of what is aliased goes up by itself; `sort` 3 is a type, 4 a component. */
export const outerAlias = (sort: number, count: number, index: number): Bytes => [sort, 2, u32(count), u32(index)];
export const coreAlias = (instance: number, name: string, sort = 0): Bytes => [0, sort, 1, u32(instance), text(name)];
export const lift = (core: number, type: number, options: readonly Bytes[] = []): Bytes => [
  [0, 0],
  u32(core),
  list(options),
  u32(type),
];
export const lower = (index: number, options: readonly Bytes[] = []): Bytes => [[1, 0], u32(index), list(options)];
export const withMemory = (memory: number, realloc: number): readonly Bytes[] => [
  [3, u32(memory)],
  [4, u32(realloc)],
];
export const coreInstantiate = (module: number, args: readonly (readonly [string, number])[] = []): Bytes => [
  0,
  u32(module),
  list(args.map(([name, instance]) => [text(name), 0x12, u32(instance)])),
];
export const coreBag = (items: readonly (readonly [string, number])[]): Bytes => [
  1,
  list(items.map(([name, index]) => [text(name), 0, u32(index)])),
];
export const instantiate = (index: number, args: readonly (readonly [string, number, number])[] = []): Bytes => [
  0,
  u32(index),
  list(args.map(([name, sort, item]) => [text(name), sort, u32(item)])),
];

export interface CoreModule {
  /** Core value types of parameters and results, such as 0x7f for i32. */
  readonly types?: readonly (readonly [params: readonly number[], results: readonly number[]])[];
  readonly imports?: readonly (readonly [module: string, name: string, type: number])[];
  /** The types of functions that end at once with `unreachable`. */
  readonly funcs?: readonly number[];
  readonly memory?: boolean;
  readonly exports?: readonly (readonly [name: string, kind: number, index: number])[];
}

/** A core module section. */
export function coreModule(of: CoreModule): Bytes {
  const { types: signatures = [], imports: wanted = [], funcs = [], memory = false, exports: given = [] } = of;
  return section(1, [
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, list(signatures.map(([params, results]) => [0x60, list([...params]), list([...results])]))),
    section(2, list(wanted.map(([module, name, type]) => [text(module), text(name), 0, u32(type)]))),
    section(3, list(funcs.map(u32))),
    memory ? section(5, list([[0, 1]])) : [],
    section(7, list(given.map(([name, kind, index]) => [text(name), kind, u32(index)]))),
    section(10, list(funcs.map(() => sized([0, 0, 0x0b])))),
  ]);
}
