/**
 * Whether metered code can run on without looking at its counter: read from the rewritten bytes alone, as a graph of
 * instructions in which what looks at the counter is missing. Nothing in it may lead back to where it was.
 */
import {
  BLOCK,
  BR,
  BR_IF,
  BR_TABLE,
  CALL,
  CALL_INDIRECT,
  ELSE,
  END,
  GLOBAL_GET,
  IF,
  InstructionReader,
  LOCAL_GET,
  LOCAL_TEE,
  LOOP,
  RETURN,
  RETURN_CALL,
  RETURN_CALL_INDIRECT,
  UNREACHABLE,
} from "../../host/instrument/instructions.ts";
import { outlineOf, SECTION } from "../../host/instrument/outline.ts";

/** Instructions after which code goes on elsewhere, and that are not followed. */
const notFollowed = new Set([0x06, 0x07, 0x08, 0x09, 0x0a, 0x14, 0x15, 0x18, 0x19, 0x1f, 0xd5, 0xd6]);
const LEAF_INSTRUCTIONS = 64;

interface Op {
  readonly opcode: number;
  readonly first: number;
  /** Whether it begins a look at the counter. */
  readonly looks: boolean;
  readonly next: number[];
}

interface Body {
  readonly ops: readonly Op[];
  /** Whether its callers count it: it does nothing with the counter. */
  readonly leaf: boolean;
}

export interface CheckFree {
  /** What functions do unseen, with their numbers; empty where they do nothing of the kind. */
  readonly faults: readonly string[];
  /** How many places look at the counter, of each function of the module's own. */
  readonly looks: readonly number[];
}

/** @throws where the module throws or catches, which is not followed */
export function checkFree(original: Uint8Array, metered: Uint8Array): CheckFree {
  const { functions, imported, globals, types } = outlineOf(original);
  const first = imported.functions;
  const added = { counter: globals, ask: functions.length + 2, functions: functions.length };
  const before = bodiesOf(original).map(([start, end]) => localsOf(original, start, end).count);
  const bodies = bodiesOf(metered).slice(0, functions.length - first);
  const read = bodies.map(([start, end], i) => {
    const type = types[functions[first + i]!]!;
    if (type.kind !== "core-func") throw new Error("A function without a function type");
    const { count, at } = localsOf(metered, start, end);
    const local = count > before[i]! ? type.params.length + before[i]! : undefined;
    return bodyOf(metered, at, end, { ...added, local });
  });

  const faults: string[] = [];
  const isOwn = (callee: number): boolean => callee >= first && callee < added.functions;
  const isLeaf = (callee: number): boolean => !isOwn(callee) || read[callee - first]!.leaf;
  // Which functions are entered from the entry of each, and which of them call what may do anything.
  const entered = read.map(() => new Set<number>());
  const callsAnything = new Set<number>();
  for (const [i, { ops, leaf }] of read.entries()) {
    const leads = (at: number): readonly number[] => {
      const { opcode, first: callee, looks, next } = ops[at]!;
      // A call of a function that looks before it does anything else: that it does is shown of each of them.
      return looks || (opcode === CALL && !isLeaf(callee)) ? [] : next;
    };
    const reached = new Set<number>([0]);
    for (const at of reached) for (const next of ops[at]!.next) reached.add(next);
    if (hasCycle(ops.length, (at) => (reached.has(at) ? leads(at) : []))) faults.push(`${first + i} turns`);
    if (leaf && ops.length > LEAF_INSTRUCTIONS) faults.push(`${first + i} is long`);
    const unseen = new Set<number>([0]);
    for (const at of unseen) {
      const { opcode, first: callee, looks, next } = ops[at]!;
      for (const to of leads(at)) unseen.add(to);
      if (looks) continue;
      const calls = opcode === CALL || opcode === RETURN_CALL;
      // A call that cannot come back is made once in a frame: by such calls alone, functions enter each other until the stack ends.
      const comesBack = opcode !== CALL || ops[next[0]!]?.opcode !== UNREACHABLE;
      if (calls && isOwn(callee) && comesBack) entered[i]!.add(callee - first);
      if ((calls && callee < first) || opcode === CALL_INDIRECT || opcode === RETURN_CALL_INDIRECT)
        callsAnything.add(i);
      const ends = at === ops.length - 1 || opcode === RETURN || (opcode === RETURN_CALL && isLeaf(callee));
      if (!leaf && ends) faults.push(`${first + i} ends`);
    }
  }
  for (const [i, { leaf }] of read.entries()) {
    if (leaf) continue;
    const functions = new Set([i]);
    for (const at of functions) for (const next of entered[at]!) if (read[next]!.leaf) functions.add(next);
    if ([...functions].some((at) => callsAnything.has(at))) faults.push(`${first + i} calls anything`);
  }
  if (hasCycle(read.length, (at) => [...entered[at]!])) faults.push("functions enter each other");
  return { faults, looks: read.map(({ ops }) => ops.filter(({ looks }) => looks).length) };
}

function hasCycle(count: number, leads: (at: number) => readonly number[]): boolean {
  const [open, done] = [1, 2];
  const state = new Uint8Array(count);
  for (let from = 0; from < count; from++) {
    if (state[from] !== 0) continue;
    const way: [at: number, left: number[]][] = [[from, [...leads(from)]]];
    state[from] = open;
    while (way.length > 0) {
      const [at, left] = way.at(-1)!;
      const next = left.pop();
      if (next === undefined) {
        state[at] = done;
        way.pop();
      } else if (state[next] === open) return true;
      else if (state[next] === 0) {
        state[next] = open;
        way.push([next, [...leads(next)]]);
      }
    }
  }
  return false;
}

function bodiesOf(module: Uint8Array): [start: number, end: number][] {
  const section = outlineOf(module).sections.find(({ id }) => id === SECTION.code);
  if (section === undefined) return [];
  const reader = new InstructionReader(module, section.start, section.end);
  return Array.from({ length: reader.u32() }, () => {
    const size = reader.u32();
    reader.at += size;
    return [reader.at - size, reader.at];
  });
}

function localsOf(module: Uint8Array, start: number, end: number): { readonly count: number; readonly at: number } {
  const reader = new InstructionReader(module, start, end);
  let count = 0;
  for (let groups = reader.u32(); groups > 0; groups--) {
    count += reader.u32();
    reader.skipValueType();
  }
  return { count, at: reader.at };
}

function bodyOf(
  module: Uint8Array,
  start: number,
  end: number,
  { counter, ask, local }: { readonly counter: number; readonly ask: number; readonly local: number | undefined },
): Body {
  const ops: Op[] = [];
  // Of each open block: its loop's instruction, its `if` that has no `else` yet, and those that go on at its end.
  const open: { readonly loop: number | undefined; test: number | undefined; readonly toEnd: number[] }[] = [];
  const toEnd: number[] = [];
  let leaf = true;
  const branch = (from: number, label: number): void => {
    const target = open.at(-1 - label);
    if (label >= open.length) toEnd.push(from);
    else if (target!.loop !== undefined) ops[from]!.next.push(target!.loop);
    else target!.toEnd.push(from);
  };
  const reader = new InstructionReader(module, start, end);
  while (reader.at < end) {
    const from = reader.at;
    const opcode = reader.next();
    const { first, at } = reader;
    if (notFollowed.has(opcode)) throw new Error(`The instruction ${opcode} is not followed`);
    if (opcode === GLOBAL_GET && first === counter) leaf = false;
    const readsCounter =
      (opcode === GLOBAL_GET && first === counter) ||
      ((opcode === LOCAL_GET || opcode === LOCAL_TEE) && first === local && local !== undefined);
    const negative = module[at] === 0x41 && module[at + 1] === 0 && module[at + 2] === 0x48;
    const looks = (readsCounter && negative) || (opcode === CALL && first === ask);
    const here = ops.push({ opcode, first, looks, next: [] }) - 1;
    const goesOn = ![UNREACHABLE, ELSE, BR, BR_TABLE, RETURN, RETURN_CALL, RETURN_CALL_INDIRECT].includes(opcode);
    if (goesOn && at < end) ops[here]!.next.push(here + 1);
    if (opcode === BLOCK || opcode === LOOP || opcode === IF) {
      open.push({ loop: opcode === LOOP ? here : undefined, test: opcode === IF ? here : undefined, toEnd: [] });
    } else if (opcode === ELSE) {
      const block = open.at(-1)!;
      ops[block.test!]!.next.push(here + 1);
      block.test = undefined;
      block.toEnd.push(here);
    } else if (opcode === END) {
      const block = open.pop();
      const froms = block === undefined ? toEnd : [...block.toEnd, ...(block.test === undefined ? [] : [block.test])];
      for (const go of froms) ops[go]!.next.push(here);
    } else if (opcode === BR || opcode === BR_IF) branch(here, first);
    else if (opcode === BR_TABLE) {
      const labels = new InstructionReader(module, from + 1, end);
      for (let left = labels.u32(); left >= 0; left--) branch(here, labels.u32());
    }
  }
  return { ops, leaf };
}
