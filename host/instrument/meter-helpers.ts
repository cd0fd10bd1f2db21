/**
 * The functions that a metered module gets: the one that asks the host, and those that do long work in pieces.
 *
 * One instruction can fill four gigabytes or grow a memory; each such instruction becomes a call of a function that does the
 * same in pieces, with the counter taken down between them, or asks the host first.
 */
import { u32Bytes } from "../binary/framing.ts";
import {
  MEMORY_COPY,
  MEMORY_FILL,
  MEMORY_GROW,
  MEMORY_INIT,
  TABLE_COPY,
  TABLE_FILL,
  TABLE_GROW,
  TABLE_INIT,
} from "./instructions.ts";
import { positiveBytes } from "./output.ts";

/** The places of the host's functions in the table of hooks. */
export const HOOKS = { tick: 0, growMemory: 1, growTable: 2, growStack: 3 } as const;
const HOOK_COUNT = 4;

/** Bytes that are filled or copied at once: some tens of microseconds. */
const PIECE_BYTES = 1 << 20;
/** Elements of a table that are written at once. */
const PIECE_ELEMENTS = 1 << 14;
/** Eight bytes are a step. */
const BYTES_SHIFT = 3;

const [GET, SET, TEE, CONST, IF, ELSE, LOOP, BR, RETURN, CALL, END] = [0x20, 0x21, 0x22, 0x41, 4, 5, 3, 12, 15, 16, 11];
const [I32, FUNCREF, NOTHING] = [0x7f, 0x70, 0x40];

/** What the helpers refer to, by number. */
export interface Hooks {
  readonly counter: number;
  readonly table: number;
  readonly out: number;
  /** The type `() -> i32` of `tick` and `growStack`, and `(f64) -> i32` of the two others. */
  readonly tickType: number;
  readonly growType: number;
}

export interface Helper {
  /** The function's type as the type section writes it. */
  readonly type: readonly number[];
  /** The body with its locals, without its size. */
  readonly body: readonly number[];
}

export const functionType = (params: readonly (readonly number[])[], results: readonly number[]): readonly number[] => [
  0x60,
  params.length,
  ...params.flat(),
  results.length,
  ...results,
];

export const TICK_TYPE: readonly number[] = functionType([], [I32]);
export const GROW_TYPE: readonly number[] = functionType([[0x7c]], [I32]);
const OUT_TYPE = functionType([], []);
export const FUNCREF_TABLE: readonly number[] = [FUNCREF, 1, HOOK_COUNT, HOOK_COUNT];

/** Asks the host whether the module may go on: a flag comes back, as a guest could catch what is thrown. */
export function outHelper({ table, tickType }: Omit<Hooks, "out">, hook: number = HOOKS.tick): Helper {
  const ask = [CONST, hook, 0x11, ...u32Bytes(tickType), ...u32Bytes(table)];
  return { type: OUT_TYPE, body: [0, ...ask, IF, NOTHING, 0x00, END, END] };
}

/** Sets the counter to its parameter, asks, and gives the counter back. */
export function outLocalHelper({ counter, out }: Hooks): Helper {
  const at = u32Bytes(counter);
  return {
    type: functionType([[I32]], [I32]),
    body: [0, GET, 0, 0x24, ...at, CALL, ...u32Bytes(out), 0x23, ...at, END],
  };
}

/** Asks when the counter is below zero. It is short, so that engines put it in the place of its calls. */
export function askHelper({ counter, out }: Hooks): Helper {
  const negative = [0x23, ...u32Bytes(counter), CONST, 0, 0x48];
  return { type: OUT_TYPE, body: [0, ...negative, IF, NOTHING, CALL, ...u32Bytes(out), END, END] };
}

/** The helper for one instruction with its immediates. @param element the type of a table's elements */
export function helperFor(
  opcode: number,
  first: number,
  second: number,
  hooks: Hooks,
  element: ArrayLike<number> = [],
): Helper {
  const [a, b] = [u32Bytes(first), u32Bytes(second)];
  const reference = Array.from(element);
  const three = functionType([[I32], [I32], [I32]], []);
  const misc = (number: number, ...immediates: readonly number[][]): number[] => [0xfc, number, ...immediates.flat()];
  switch (opcode) {
    case MEMORY_GROW:
      return {
        type: functionType([[I32]], [I32]),
        body: growing(hooks, HOOKS.growMemory, [GET, 0, 0x40, ...a], 0),
      };
    case TABLE_GROW: {
      const type = functionType([reference, [I32]], [I32]);
      return { type, body: growing(hooks, HOOKS.growTable, [GET, 0, GET, 1, ...misc(15, a)], 1) };
    }
    case MEMORY_FILL:
      return inPieces(hooks, three, misc(11, a), { piece: PIECE_BYTES, shift: BYTES_SHIFT, moves: [0] });
    case MEMORY_INIT:
      return inPieces(hooks, three, misc(8, a, b), { piece: PIECE_BYTES, shift: BYTES_SHIFT, moves: [0, 1] });
    case MEMORY_COPY:
      return inPieces(hooks, three, misc(10, a, b), {
        piece: PIECE_BYTES,
        shift: BYTES_SHIFT,
        moves: [0, 1],
        overlaps: true,
      });
    case TABLE_FILL:
      return inPieces(hooks, functionType([[I32], reference, [I32]], []), misc(17, a), {
        piece: PIECE_ELEMENTS,
        shift: 0,
        moves: [0],
      });
    case TABLE_INIT:
      return inPieces(hooks, three, misc(12, a, b), { piece: PIECE_ELEMENTS, shift: 0, moves: [0, 1] });
    case TABLE_COPY:
      return inPieces(hooks, three, misc(14, a, b), { piece: PIECE_ELEMENTS, shift: 0, moves: [0, 1], overlaps: true });
    default:
      throw new Error(`tenon bug: no helper for the instruction ${opcode}`);
  }
}

/** Asks the host: 0 refuses (the result is -1), 1 agrees, 2 ends the guest. `delta` is the parameter that counts. */
function growing({ table, growType }: Hooks, hook: number, work: readonly number[], delta: number): number[] {
  const answer = delta + 1;
  return [
    ...[1, 1, I32],
    // answer = hook(delta as f64)
    ...[GET, delta, 0xb8, CONST, hook, 0x11, ...u32Bytes(growType), ...u32Bytes(table), TEE, answer],
    ...[CONST, 2, 0x46, IF, NOTHING, 0x00, END],
    ...[GET, answer, IF, I32, ...work, ELSE, CONST, 0x7f, END, END],
  ];
}

interface Pieces {
  /** How much is done at once. */
  readonly piece: number;
  /** A step for 2^shift of what is counted. */
  readonly shift: number;
  /** Parameters that move on with each piece. */
  readonly moves: readonly number[];
  /** From the back where the target, parameter 0, is behind the source, parameter 1. */
  readonly overlaps?: boolean;
}

/**
 * The instruction takes parameters 0, 1 and 2, of which 2 is a length. Out of bounds it traps as one would, some pieces later:
 * nobody sees a memory after a trap.
 */
function inPieces(
  { counter, out }: Hooks,
  type: readonly number[],
  instruction: readonly number[],
  { piece, shift, moves, overlaps = false }: Pieces,
): Helper {
  const number = (value: number): number[] => [CONST, ...positiveBytes(value)];
  const at = u32Bytes(counter);
  const take = (steps: readonly number[]): number[] => [
    ...[0x23, ...at, ...steps, 0x6b, 0x24, ...at],
    ...[0x23, ...at, CONST, 0, 0x48, IF, NOTHING, CALL, ...u32Bytes(out), END],
  ];
  const forward = [
    ...[GET, 0, GET, 1, ...number(piece), ...instruction],
    ...moves.flatMap((local) => [GET, local, ...number(piece), 0x6a, SET, local]),
  ];
  // length - piece from the start of each
  const behind = (local: number): number[] => [GET, local, GET, 2, 0x6a, ...number(piece), 0x6b];
  const backward = [...behind(0), ...behind(1), ...number(piece), ...instruction];
  const once = overlaps ? [GET, 0, GET, 1, 0x4d, IF, NOTHING, ...forward, ELSE, ...backward, END] : forward;
  const body = [
    0,
    ...[LOOP, NOTHING],
    ...[GET, 2, ...number(piece), 0x4d, IF, NOTHING],
    ...[...take([GET, 2, CONST, shift, 0x76]), GET, 0, GET, 1, GET, 2, ...instruction, RETURN, END],
    ...take(number(piece >> shift)),
    ...once,
    ...[GET, 2, ...number(piece), 0x6b, SET, 2],
    ...[BR, 0, END, END],
  ];
  return { type, body };
}
