/**
 * A core module between the guest and the host, whose frames alone stand where a call may be suspended: WebAssembly is
 * suspended by JavaScript Promise Integration, JavaScript is not.
 *
 * Pure: what is described goes in, bytes come out. In a signature a letter is a core type: i and l are integers of 32 and 64
 * bits, f and d floats of 32 and 64.
 */

import { BETWEEN } from "./between.ts";

/** A function of the host's that a guest calls, and after which it may have to wait. */
export interface Inward {
  readonly params: string;
  /** A letter, or empty for none. */
  readonly result: string;
}

/** A function of the guest's that the host calls. */
export type Outward = Inward;

/** A function by which one guest calls another: the host lifts and lowers before and after, and does not stand between. */
export interface Through extends Inward {
  readonly callee: Inward;
  /** Where the callee is in the table. */
  readonly slot: number;
}

const TYPES: Readonly<Record<string, number>> = { i: 0x7f, l: 0x7e, f: 0x7d, d: 0x7c, x: 0x6f, func: 0x70 };
const FUNC = 0;
const TABLE = 1;
const GLOBAL = 3;
const VOID = 0x40;

const op = {
  if: 0x04,
  end: 0x0b,
  call: 0x10,
  try: 0x06,
  catchAll: 0x19,
  unreachable: 0x00,
  callIndirect: 0x11,
  localGet: 0x20,
  localSet: 0x21,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Const: 0x41,
} as const;

/**
 * Imports from "": `wait`, which suspends, and `resumed` with what the host's function gives after it, one a result type (`ri`,
 * `r` for none); the host's functions `t0`, …; `d0`, …, which are given what the guest's functions return; for calls between
 * guests `e0`, …, which give the callee's arguments, and `l0`, …, which are given its result.
 * Exports: `blocked`, a global that a function of the host sets to 1 when the guest has to wait; `table`, which holds the guest's
 * functions; `g0`, … for the guest to call, `f0`, … for the host, which return what `d0`, … do, and `h0`, … for calls between
 * guests.
 * @param slots entries of the table, of which those of `outward` are the first
 */
export function suspenderModule(
  inward: readonly Inward[],
  outward: readonly Outward[] = [],
  through: readonly Through[] = [],
  slots: number = outward.length,
): Uint8Array<ArrayBuffer> {
  const types = new Map<string, number>();
  const typeOf = (params: string, result: string): number => {
    const key = `${params}>${result}`;
    if (!types.has(key)) types.set(key, types.size);
    return types.get(key)!;
  };
  const imports: [name: string, type: number][] = [["wait", typeOf("", "")]];
  const resumed = new Map<string, number>();
  for (const { result } of inward) {
    if (resumed.has(result)) continue;
    resumed.set(result, imports.length);
    imports.push([`r${result}`, typeOf("", result)]);
  }
  const [firstTry, firstDone] = [imports.length, imports.length + inward.length];
  inward.forEach(({ params, result }, i) => imports.push([`t${i}`, typeOf(params, result)]));
  outward.forEach(({ result }, i) => imports.push([`d${i}`, typeOf(result, "x")]));
  const firstEnter = imports.length;
  through.forEach(({ params, callee }, i) => imports.push([`e${i}`, typeOf(params, callee.params)]));
  const firstLeave = imports.length;
  through.forEach(({ callee, result }, i) => imports.push([`l${i}`, typeOf(callee.result, result)]));
  const own = [
    ...inward.map(({ params, result }) => typeOf(params, result)),
    ...outward.map(({ params }) => typeOf(params, "x")),
    ...through.map(({ params, result }) => typeOf(params, result)),
  ];
  const bodies = [
    ...inward.map(({ params, result }, i) => {
      const value = (code: number): number[] => (result === "" ? [] : [code, ...u32(params.length)]);
      const wait = [op.i32Const, 0, op.globalSet, 0, op.call, 0, op.call, ...u32(resumed.get(result)!)];
      return [
        ...(result === "" ? [0] : [1, 1, TYPES[result]!]),
        ...given(params),
        ...[op.call, ...u32(firstTry + i), ...value(op.localSet)],
        ...[op.globalGet, 0, op.if, VOID, ...wait, ...value(op.localSet), op.end, ...value(op.localGet)],
        op.end,
      ];
    }),
    ...outward.map(({ params, result }, i) => [
      ...[0, ...given(params)],
      ...[op.i32Const, ...positive(i), op.callIndirect, ...u32(typeOf(params, result)), 0],
      ...[op.call, ...u32(firstDone + i)],
      op.end,
    ]),
    ...through.map(({ params, result, callee, slot }, i) => [
      // What one guest throws is no business of another's: it ends both.
      ...[0, op.try, result === "" ? VOID : TYPES[result]!, ...given(params)],
      ...[op.call, ...u32(firstEnter + i)],
      ...[op.i32Const, ...positive(slot), op.callIndirect, ...u32(typeOf(callee.params, callee.result)), 0],
      ...[op.call, ...u32(firstLeave + i), op.catchAll, op.unreachable, op.end],
      op.end,
    ]),
  ];
  const exported = [
    [...text("blocked"), GLOBAL, 0],
    [...text("table"), TABLE, 0],
    ...own.map((_, i) => [...text(exportName(i, inward.length, outward.length)), FUNC, ...u32(imports.length + i)]),
  ];
  const signatures = [...types.keys()].map((key) => key.split(">") as [string, string]);
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      signatures.map(([params, result]) => [0x60, ...letters(params), ...letters(result)]),
    ),
    ...section(
      2,
      imports.map(([as, type]) => [0, ...text(as), FUNC, ...u32(type)]),
    ),
    ...section(3, own.map(u32)),
    ...section(4, [[TYPES["func"]!, 0, ...u32(slots)]]),
    ...section(6, [[TYPES["i"]!, 1, op.i32Const, 0, op.end]]),
    ...section(7, exported),
    ...section(
      10,
      bodies.map((body) => [...u32(body.length), ...body]),
    ),
    ...sized(0, [...text("name"), 0, BETWEEN.length + 1, ...text(BETWEEN)]),
  ]);
}

function exportName(index: number, inward: number, outward: number): string {
  if (index < inward) return `g${index}`;
  return index < inward + outward ? `f${index - inward}` : `h${index - inward - outward}`;
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  return sized(id, [...u32(items.length), ...items.flat()]);
}

function sized(id: number, contents: readonly number[]): number[] {
  return [id, ...u32(contents.length), ...contents];
}

/** Unsigned LEB128. */
function u32(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...u32(value >>> 7)];
}

/** Signed LEB128 of what is not negative. */
function positive(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...positive(value >>> 7)];
}

function letters(types: string): number[] {
  return [...u32(types.length), ...Array.from(types, (letter) => TYPES[letter]!)];
}

function text(name: string): number[] {
  return [name.length, ...Array.from(name, (letter) => letter.charCodeAt(0))];
}

/** Puts the parameters of the function on the stack. */
function given(params: string): number[] {
  return Array.from(params).flatMap((_, i) => [op.localGet, ...u32(i)]);
}
