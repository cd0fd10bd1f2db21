/**
 * One pass over a function body: what has to be edited in it, and how many steps its stretches take.
 *
 * Owns the reading of bodies for `meter-code.ts`, which writes them. Whatever a body refers to must be the module's own: what
 * is appended has the next numbers. Most instructions need no look at all, and are stepped over by table.
 */
import {
  BLOCK,
  BR,
  BR_IF,
  BR_ON_NON_NULL,
  BR_ON_NULL,
  BR_TABLE,
  CALL,
  CALL_INDIRECT,
  CALL_REF,
  CATCH,
  CATCH_ALL,
  DELEGATE,
  ELSE,
  END,
  GLOBAL_GET,
  GLOBAL_SET,
  IF,
  InstructionReader,
  LOCAL_GET,
  LOCAL_TEE,
  LOOP,
  MEMORY_COPY,
  MEMORY_FILL,
  MEMORY_GROW,
  MEMORY_INIT,
  plain,
  PLAIN_INDEX,
  PLAIN_MEMORY,
  PLAIN_NONE,
  PLAIN_NUMBER,
  REF_FUNC,
  RETHROW,
  RETURN,
  RETURN_CALL,
  RETURN_CALL_INDIRECT,
  RETURN_CALL_REF,
  TABLE_COPY,
  TABLE_FILL,
  TABLE_GET,
  TABLE_GROW,
  TABLE_INIT,
  TABLE_SET,
  TABLE_SIZE,
  THROW,
  THROW_REF,
  TRY,
  TRY_TABLE,
  UNREACHABLE,
  UnknownInstruction,
} from "./instructions.ts";
import { CALLEE, Coverage } from "./coverage.ts";
import type { Outline } from "./outline.ts";

/** What is done with the bytes of a body from `at` to `next`. */
export const EDIT = {
  /** A loop that may become two, one within the other; `value` is its stretch. */
  turn: 0,
  /** A loop that takes values, which cannot be begun again without them. */
  turnOnce: 1,
  /** The end of such a loop; `value` is its stretch. */
  close: 2,
  /** A call; of a function that its callers count; one that never comes back; a tail call. */
  call: 3,
  callCounted: 4,
  callEnding: 5,
  callTail: 6,
  /** A return; `value` is the label of the function's end. */
  leave: 7,
  /** An instruction that takes long; `value` is the function that does its work. */
  help: 8,
  /** A branch that leaves loops which may become two; `value` is where its label is, or those of its table. */
  relabel: 9,
  relabelTable: 10,
  /** Where what was thrown may arrive. */
  caught: 11,
} as const;

/** The most steps of a function that is counted by its callers. */
const LEAF_STEPS = 64;
/** What a call costs whose target is known only when it happens: it may reach a function that does not count itself. */
const INDIRECT_STEPS = 16;

/** What a call takes of the stack beside its parameters and locals: what engines keep of it, and values under way. */
const CALL_BYTES = 80;
const VALUE_BYTES = 8;

/** What is done to bodies. */
export interface Scanning {
  /** Whether steps are counted, and long work is done in pieces; without that only growing is an edit. */
  readonly counts: boolean;
  /** Whether the stack is measured. */
  readonly stack: boolean;
  /** The function that does the work of an instruction that may take long, in pieces. */
  helper(opcode: number, first: number, second: number): number;
}

/** The edits of one body, in order, and what else is to be known of it. Used anew for each body. */
export class BodyScan {
  private readonly outline: Outline;
  private readonly scanning: Scanning;
  /** Steps of functions that their callers count, by index; 0 for all others. */
  readonly leaves: Uint8Array;
  /** Which of those have calls, that never come back. */
  private readonly ending: Uint8Array;

  count = 0;
  readonly kinds: number[] = [];
  readonly ats: number[] = [];
  readonly nexts: number[] = [];
  readonly values: number[] = [];
  /** Steps of the function's own stretch, then of each loop's. */
  readonly steps: number[] = [];
  /** Of branches that leave loops which may become two: each label, and within how many such loops it is; tables have how many first. */
  readonly labels: number[] = [];

  /** Where the instructions begin. */
  code = 0;
  /** Parameters and locals. */
  locals = 0;
  /** What a call of the function takes of the stack, about. */
  frameBytes = 0;
  /** Whether a loop has no call that comes back. */
  tight = false;
  /** Whether the function throws or catches. */
  throws = false;
  /** Whether a loop takes values. */
  takesValues = false;

  // Of the body at hand: for each open block, the stretch that goes on when it ends, how many loops up to it may become two,
  // and how many calls stood before it, for loops; -1 for others.
  private readonly open: number[] = [];
  private readonly doubles: number[] = [];
  private readonly callsBefore: number[] = [];
  private double = 0;
  private calls = 0;
  private index = 0;
  private readonly coverage = new Coverage();

  constructor(outline: Outline, scanning: Scanning) {
    this.outline = outline;
    this.scanning = scanning;
    this.leaves = new Uint8Array(outline.functions.length);
    this.ending = new Uint8Array(outline.functions.length);
  }

  /** Looks at a body before any is scanned, as callers must know whether it is short and comes to an end by itself. */
  survey(bytes: Uint8Array, index: number, start: number, end: number): void {
    const reader = new InstructionReader(bytes, start, end);
    skipLocals(reader);
    let steps = 0;
    while (reader.at < end) {
      const opcode = reader.next();
      if (++steps > LEAF_STEPS) return;
      if (!isLong(opcode)) continue;
      // What follows a call that never comes back does not run: such a call is made once at most.
      if (opcode !== CALL || bytes[reader.at] !== UNREACHABLE) return;
      this.ending[index] = 1;
    }
    this.leaves[index] = steps;
  }

  /** @throws {UnknownInstruction} */
  scan(bytes: Uint8Array, index: number, start: number, end: number): void {
    const { outline, steps } = this;
    const reader = new InstructionReader(bytes, start, end);
    const type = outline.types[outline.functions[index]!];
    if (type?.kind !== "core-func") throw new UnknownInstruction("a function whose type is no function type", start);
    const { count: own, wide } = skipLocals(reader);
    const locals = type.params.length + own;
    this.begin(reader.at, locals);
    this.index = index;
    this.frameBytes =
      CALL_BYTES + VALUE_BYTES * (locals + wide + type.params.filter((param) => param === "v128").length);
    let stretch = 0;
    let count = 0;
    let ended = false;
    let { at } = reader;
    while (at < end) {
      if (ended) throw new UnknownInstruction("code after the end of a function", at);
      const opcode = bytes[at]!;
      count++;
      switch (plain[opcode]) {
        case PLAIN_NONE:
          at++;
          continue;
        case PLAIN_INDEX:
          if (bytes[at + 1]! < 0x80 && bytes[at + 1]! < locals) {
            at += 2;
            continue;
          }
          break;
        case PLAIN_NUMBER:
          for (at++; bytes[at]! >= 0x80; at++);
          at++;
          continue;
        case PLAIN_MEMORY:
          if (bytes[at + 1]! < 0x40) {
            for (at += 2; bytes[at]! >= 0x80; at++);
            at++;
            continue;
          }
          break;
        default:
      }
      reader.at = at;
      const instruction = reader.next();
      if (instruction === LOOP || instruction === END || instruction === DELEGATE) {
        steps[stretch]! += count;
        count = 0;
        if (instruction === LOOP) stretch = this.openLoop(reader, at, stretch);
        else if (this.open.length > 0) stretch = this.closeBlock(instruction, at, reader.at);
        else if (instruction === END) {
          ended = true;
          this.coverage.end();
        } else throw new UnknownInstruction("delegate outside a block", at);
      } else count += this.look(instruction, reader, at, stretch);
      ({ at } = reader);
    }
    if (!ended || at !== end) throw new UnknownInstruction("the end of a function that is not where it should be", end);
  }

  private begin(code: number, locals: number): void {
    this.code = code;
    this.locals = locals;
    this.count = 0;
    this.steps.length = 1;
    this.steps[0] = 0;
    this.labels.length = 0;
    this.open.length = this.doubles.length = this.callsBefore.length = 0;
    this.coverage.begin();
    this.double = this.calls = 0;
    this.tight = this.throws = this.takesValues = false;
  }

  /** @returns the stretch of the loop */
  private openLoop(reader: InstructionReader, at: number, outer: number): number {
    this.checkBlock(reader, at);
    const stretch = this.steps.push(0) - 1;
    this.coverage.loop(stretch);
    const type = this.outline.types[reader.blockType];
    const whole = type === undefined || (type.kind === "core-func" && type.params.length === 0);
    if (whole) this.double++;
    else this.takesValues = true;
    this.openBlock(outer, this.calls);
    this.edit(whole ? EDIT.turn : EDIT.turnOnce, at, reader.at, stretch);
    return stretch;
  }

  private openBlock(stretch: number, calls: number): void {
    this.open.push(stretch);
    this.doubles.push(this.double);
    this.callsBefore.push(calls);
  }

  /** @returns the stretch that goes on */
  private closeBlock(instruction: number, at: number, next: number): number {
    this.doubles.pop();
    if (this.callsBefore.pop() === this.calls) this.tight = true;
    const left = this.doubles.at(-1) ?? 0;
    if (instruction === DELEGATE) this.throws = true;
    else if (left < this.double) this.edit(EDIT.close, at, next, 0);
    this.coverage.end();
    this.double = left;
    if (this.throws && this.scanning.stack) this.edit(EDIT.caught, next, next, 0);
    return this.open.pop()!;
  }

  /** An instruction that may need an edit, or refers to something. @returns the steps of what it calls */
  private look(opcode: number, reader: InstructionReader, at: number, stretch: number): number {
    const { outline } = this;
    switch (opcode) {
      case BLOCK:
      case IF:
        this.checkBlock(reader, at);
        this.openBlock(stretch, -1);
        if (opcode === IF) this.coverage.if();
        else this.coverage.block();
        return 0;
      case ELSE:
        if (this.open.length > 0) this.coverage.else();
        return 0;
      case UNREACHABLE:
        this.coverage.stop();
        return 0;
      case TRY:
      case TRY_TABLE:
        this.checkBlock(reader, at);
        this.openBlock(stretch, -1);
        this.coverage.block();
        this.throws = true;
        return 0;
      case CATCH:
      case CATCH_ALL:
        this.throws = true;
        if (this.scanning.stack) this.edit(EDIT.caught, reader.at, reader.at, 0);
        return 0;
      case THROW:
      case THROW_REF:
      case RETHROW:
        this.throws = true;
        return 0;
      case BR:
      case BR_IF:
      case BR_ON_NULL:
      case BR_ON_NON_NULL:
        if (this.loopsAround(reader.first) < this.double)
          this.edit(EDIT.relabel, at, reader.at, this.label(reader.first));
        this.coverage.branch(reader.first);
        if (opcode === BR) this.coverage.stop();
        return 0;
      case BR_TABLE:
        this.branchTable(new InstructionReader(reader.bytes, at + 1, reader.end), reader.at);
        return 0;
      case RETURN:
        this.edit(EDIT.leave, at, reader.at, this.open.length);
        this.coverage.leave();
        this.coverage.stop();
        return 0;
      case CALL:
      case RETURN_CALL:
        this.checkIndex(reader.first, outline.functions.length, "function", at);
        this.coverage.call(this.callee(reader.first));
        this.call(reader, at, opcode === CALL, this.leaves[reader.first]!);
        return this.leaves[reader.first]!;
      case CALL_INDIRECT:
      case RETURN_CALL_INDIRECT:
        this.checkIndex(reader.first, outline.types.length, "type", at);
        this.checkIndex(reader.second, outline.tables, "table", at);
        this.coverage.call(CALLEE.unknown);
        this.call(reader, at, opcode === CALL_INDIRECT, 0);
        return INDIRECT_STEPS;
      case CALL_REF:
      case RETURN_CALL_REF:
        this.checkIndex(reader.first, outline.types.length, "type", at);
        this.coverage.call(CALLEE.unknown);
        this.call(reader, at, opcode === CALL_REF, 0);
        return INDIRECT_STEPS;
      case LOCAL_GET:
      case LOCAL_GET + 1:
      case LOCAL_TEE:
        this.checkIndex(reader.first, this.locals, "local", at);
        return 0;
      case GLOBAL_GET:
      case GLOBAL_SET:
        this.checkIndex(reader.first, outline.globals, "global", at);
        return 0;
      case REF_FUNC:
        this.checkIndex(reader.first, outline.functions.length, "function", at);
        return 0;
      default:
        this.lookAtStorage(opcode, reader, at);
        return 0;
    }
  }

  private call(reader: InstructionReader, at: number, comesBack: boolean, steps: number): void {
    if (!comesBack) {
      this.edit(EDIT.callTail, at, reader.at, 0);
      this.coverage.leave();
      this.coverage.stop();
    } else if (reader.bytes[reader.at] === UNREACHABLE) this.edit(EDIT.callEnding, at, reader.at, 0);
    else {
      this.calls++;
      if (steps === 0) this.edit(EDIT.call, at, reader.at, 0);
      else if (this.ending[reader.first] === 1) this.edit(EDIT.callCounted, at, reader.at, 0);
    }
  }

  private lookAtStorage(opcode: number, reader: InstructionReader, at: number): void {
    const { tables } = this.outline;
    switch (opcode) {
      case TABLE_GET:
      case TABLE_SET:
      case TABLE_SIZE:
        this.checkIndex(reader.first, tables, "table", at);
        return;
      case TABLE_GROW:
      case TABLE_FILL:
        this.checkIndex(reader.first, tables, "table", at);
        this.help(reader, at, opcode, 0);
        return;
      case TABLE_COPY:
        this.checkIndex(reader.first, tables, "table", at);
        this.checkIndex(reader.second, tables, "table", at);
        this.help(reader, at, opcode, reader.second);
        return;
      case TABLE_INIT:
        this.checkIndex(reader.second, tables, "table", at);
        this.help(reader, at, opcode, reader.second);
        return;
      case MEMORY_GROW:
      case MEMORY_FILL:
        this.help(reader, at, opcode, 0);
        return;
      case MEMORY_INIT:
      case MEMORY_COPY:
        this.help(reader, at, opcode, reader.second);
        return;
      default:
    }
  }

  private help(reader: InstructionReader, at: number, opcode: number, second: number): void {
    if (!this.scanning.counts && opcode !== MEMORY_GROW && opcode !== TABLE_GROW) return;
    this.calls++;
    this.edit(EDIT.help, at, reader.at, this.scanning.helper(opcode, reader.first, second));
  }

  /** What a call of that function says of checks. */
  private callee(index: number): number {
    if (this.leaves[index]! > 0) return this.ending[index] === 1 ? CALLEE.unknown : CALLEE.silent;
    if (index < this.outline.imported.functions) return CALLEE.unknown;
    return index < this.index ? CALLEE.checksBelow : CALLEE.checks;
  }

  /** Within how many loops that may become two a label is: that of a loop is within it. */
  private loopsAround(label: number): number {
    return this.doubles[this.open.length - 1 - label] ?? 0;
  }

  /** @returns where the label is */
  private label(label: number): number {
    return this.labels.push(label, this.loopsAround(label)) - 2;
  }

  private branchTable(reader: InstructionReader, next: number): void {
    const from = reader.at - 1;
    const count = reader.u32() + 1;
    const at = this.labels.push(count) - 1;
    for (let left = count; left > 0; left--) {
      const label = reader.u32();
      this.coverage.branch(label);
      if (this.double > 0) this.label(label);
    }
    this.coverage.stop();
    if (this.double > 0) this.edit(EDIT.relabelTable, from, next, at);
  }

  /** Whether a stretch begins with a check: 0 is the function's own. */
  checks(stretch: number): boolean {
    return this.throws || this.coverage.checks[stretch]!;
  }

  /** Whether a loop that checks is within that one. */
  nests(stretch: number): boolean {
    return this.coverage.nests[stretch] === true;
  }

  private edit(kind: number, at: number, next: number, value: number): void {
    const { count } = this;
    this.kinds[count] = kind;
    this.ats[count] = at;
    this.nexts[count] = next;
    this.values[count] = value;
    this.count++;
  }

  private checkBlock(reader: InstructionReader, at: number): void {
    if (reader.blockType >= 0) this.checkIndex(reader.blockType, this.outline.types.length, "type", at);
  }

  /** What is appended to the module must stay out of the reach of its own code. */
  private checkIndex(index: number, count: number, what: string, at: number): void {
    if (index >= count) throw new UnknownInstruction(`the ${what} ${index} where there are ${count}`, at);
  }
}

/** Whether an instruction can lead anywhere but on: into a loop, a function, a handler, or long work. */
function isLong(opcode: number): boolean {
  switch (opcode) {
    case LOOP:
    case TRY:
    case TRY_TABLE:
    case THROW:
    case THROW_REF:
    case RETHROW:
    case CALL:
    case CALL_INDIRECT:
    case CALL_REF:
    case RETURN_CALL:
    case RETURN_CALL_INDIRECT:
    case RETURN_CALL_REF:
    case MEMORY_GROW:
    case MEMORY_INIT:
    case MEMORY_COPY:
    case MEMORY_FILL:
    case TABLE_INIT:
    case TABLE_COPY:
    case TABLE_GROW:
    case TABLE_FILL:
      return true;
    default:
      return false;
  }
}

/** Steps over the declarations of locals. @returns how many they are, and how many of them are vectors */
function skipLocals(reader: InstructionReader): { readonly count: number; readonly wide: number } {
  let count = 0;
  let wide = 0;
  for (let groups = reader.u32(); groups > 0; groups--) {
    const more = reader.u32();
    if (reader.bytes[reader.at] === 0x7b) wide += more;
    count += more;
    reader.skipValueType();
    if (count > 50_000) throw new UnknownInstruction("more than 50,000 locals", reader.at);
  }
  return { count, wide };
}
