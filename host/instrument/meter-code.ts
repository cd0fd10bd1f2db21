/**
 * Function bodies → the same bodies, counting the steps they take.
 *
 * A step is an instruction. Where a function is entered and at each turn of a loop, the steps of that stretch are taken off
 * a counter (branches that are not taken included), and when it falls below zero the module's `out` function asks the host
 * whether it may go on. There is no other way back than a loop or a call, so no stretch runs unseen for longer than its own
 * length. A function that only computes, without loops or calls and short, is counted by those who call it.
 *
 * In a function with loops the counter is kept in a local, and written back around calls and at its end; the body becomes a
 * block then, so that branches to the function's end pass there. A loop becomes two, one within the other: the inner takes
 * its steps and goes back to the outer when there are none, and the outer asks. A call within the loop itself would have the
 * engine keep everything in memory at each turn (2.7 times the time of a tight loop, measured; the two loops cost nothing).
 * A function that throws or catches keeps the counter in the global: what it catches may have passed functions in between.
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
  UnknownInstruction,
} from "./instructions.ts";
import type { Outline } from "./outline.ts";
import type { Output } from "./output.ts";

/** The most steps of a function that is counted by its callers. */
const LEAF_STEPS = 64;
/** What a call costs whose target is known only when it happens: it may reach a function that does not count itself. */
const INDIRECT_STEPS = 16;

/** What the counting code refers to. */
export interface Counting {
  /** Whether steps are counted, and long work is done in pieces. */
  readonly counts: boolean;
  /** The global that is counted down. */
  readonly counter: number;
  /** Called when the counter is below zero. */
  readonly out: number;
  /** The function that does the work of an instruction that may take long, in pieces. */
  helper(opcode: number, first: number, second: number): number;
}

/** Kinds of edits: what is done with the bytes from `at` to `next`. */
const TURN = 0;
const AROUND = 1;
const LEAVE = 2;
const BRANCH_OUT = 3;
const HELP = 4;
const CLOSE = 5;
const RELABEL = 6;
const RELABEL_TABLE = 7;
const TURN_ONCE = 8;

const numberTypes: Readonly<Record<string, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const NOTHING = 0x40;
const I32 = 0x7f;

/** Rewrites the bodies of one module. */
export class BodyMeter {
  private readonly outline: Outline;
  private readonly counting: Counting;
  /** Steps of functions that their callers count, by index; 0 for all others. */
  private readonly leaves: Uint8Array;

  // The edits of the body at hand, in order.
  private count = 0;
  private readonly kinds: number[] = [];
  private readonly ats: number[] = [];
  private readonly nexts: number[] = [];
  private readonly values: number[] = [];
  /** Steps of the function's own stretch, then of each loop's. */
  private readonly steps: number[] = [];
  /** Labels of branches by table, after the loops that became two are counted. */
  private readonly labels: number[] = [];

  constructor(outline: Outline, counting: Counting) {
    this.outline = outline;
    this.counting = counting;
    this.leaves = new Uint8Array(outline.functions.length);
  }

  /** Looks at a body before any is written, as callers must know. */
  survey(bytes: Uint8Array, index: number, start: number, end: number): void {
    const reader = new InstructionReader(bytes, start, end);
    skipLocals(reader);
    let steps = 0;
    while (reader.at < end) {
      const opcode = reader.next();
      if (++steps > LEAF_STEPS || isLong(opcode)) return;
    }
    this.leaves[index] = steps;
  }

  /** Writes a body without its size. @throws {UnknownInstruction} */
  write(output: Output, bytes: Uint8Array, index: number, start: number, end: number): void {
    if (this.leaves[index]! > 0) {
      // Nothing in it is worth an edit; but what it refers to must be its own.
      this.scan(bytes, index, start, end);
      output.copy(bytes, start, end);
      return;
    }
    const { code, local, keepsLocal, result } = this.scan(bytes, index, start, end);
    if (!this.counting.counts) {
      this.writeHelp(output, bytes, start, end);
      return;
    }
    writeLocals(output, bytes, start, code);
    this.enter(output, local, keepsLocal);
    if (keepsLocal) {
      output.byte(BLOCK);
      output.byte(result);
    }
    let from = code;
    for (let i = 0; i < this.count; i++) {
      const [kind, at, next, value] = [this.kinds[i]!, this.ats[i]!, this.nexts[i]!, this.values[i]!];
      if (!keepsLocal && kind !== TURN && kind !== TURN_ONCE && kind !== HELP) continue;
      output.copy(bytes, from, at);
      from = next;
      if (kind === TURN) {
        output.copy(bytes, at, next);
        if (keepsLocal) this.turn(output, this.steps[value]!, local, bytes.subarray(at, next));
        else this.take(output, this.steps[value]!, local, false);
        continue;
      }
      if (kind === TURN_ONCE) {
        output.copy(bytes, at, next);
        this.take(output, this.steps[value]!, local, keepsLocal);
        continue;
      }
      if (kind === CLOSE) {
        output.byte(END);
        output.byte(END);
        continue;
      }
      if (kind === BRANCH_OUT) {
        output.byte(BR);
        output.u32(value);
        continue;
      }
      if (kind === RELABEL) {
        output.byte(bytes[at]!);
        output.u32(value);
        continue;
      }
      if (kind === RELABEL_TABLE) {
        output.byte(BR_TABLE);
        const count = this.labels[value]!;
        output.u32(count - 1);
        for (let label = 0; label < count; label++) output.u32(this.labels[value + 1 + label]!);
        continue;
      }
      if (keepsLocal) this.spill(output, local);
      if (kind === HELP) {
        output.byte(CALL);
        output.u32(value);
      } else output.copy(bytes, at, next);
      if (keepsLocal && kind !== LEAVE) this.reload(output, local);
    }
    output.copy(bytes, from, end);
    if (!keepsLocal) return;
    this.spill(output, local);
    output.byte(END);
  }

  /** Writes a body in which only the instructions that grow something are calls. */
  private writeHelp(output: Output, bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    for (let i = 0; i < this.count; i++) {
      if (this.kinds[i] !== HELP) continue;
      output.copy(bytes, from, this.ats[i]!);
      output.byte(CALL);
      output.u32(this.values[i]!);
      from = this.nexts[i]!;
    }
    output.copy(bytes, from, end);
  }

  /** Finds the edits of a body and the steps of its stretches. */
  private scan(
    bytes: Uint8Array,
    index: number,
    start: number,
    end: number,
  ): { readonly code: number; readonly local: number; readonly keepsLocal: boolean; readonly result: number } {
    const { outline, steps, leaves } = this;
    const reader = new InstructionReader(bytes, start, end);
    const type = outline.types[outline.functions[index]!];
    if (type?.kind !== "core-func") throw new UnknownInstruction("a function whose type is no function type", start);
    const local = type.params.length + skipLocals(reader);
    const code = reader.at;
    const result =
      type.results.length === 0 ? NOTHING : type.results.length === 1 ? numberTypes[type.results[0]!] : undefined;

    this.count = 0;
    steps.length = 1;
    steps[0] = 0;
    this.labels.length = 0;
    // For each open block: the stretch that goes on when it ends, and how many blocks up to it became two.
    const open: number[] = [];
    const doubles: number[] = [];
    let double = 0;
    let stretch = 0;
    /** The label of a branch when the loops that it leaves are counted twice. */
    const relabelled = (label: number): number => label + double - (doubles[open.length - 1 - label] ?? 0);
    let loops = false;
    let throws = false;
    let ended = false;
    while (reader.at < end) {
      if (ended) throw new UnknownInstruction("code after the end of a function", reader.at);
      const at = reader.at;
      const opcode = reader.next();
      steps[stretch]!++;
      switch (opcode) {
        case BLOCK:
        case IF:
          this.checkBlock(reader, at);
          open.push(stretch);
          doubles.push(double);
          break;
        case TRY:
        case TRY_TABLE:
          this.checkBlock(reader, at);
          open.push(stretch);
          doubles.push(double);
          throws = true;
          break;
        case LOOP: {
          this.checkBlock(reader, at);
          open.push(stretch);
          loops = true;
          stretch = steps.push(0) - 1;
          // A loop that takes values cannot be entered again from its beginning without them.
          const type = outline.types[reader.blockType];
          const whole = type === undefined || (type.kind === "core-func" && type.params.length === 0);
          if (whole) double++;
          doubles.push(double);
          this.edit(whole ? TURN : TURN_ONCE, at, reader.at, stretch);
          break;
        }
        case END:
          if (open.length === 0) ended = true;
          else {
            stretch = open.pop()!;
            doubles.pop();
            const left = doubles.at(-1) ?? 0;
            if (left < double) this.edit(CLOSE, at, reader.at, 0);
            double = left;
          }
          break;
        case BR:
        case BR_IF:
        case BR_ON_NULL:
        case BR_ON_NON_NULL: {
          const label = relabelled(reader.first);
          if (label !== reader.first) this.edit(RELABEL, at, reader.at, label);
          break;
        }
        case BR_TABLE:
          if (double > 0) this.relabelTable(new InstructionReader(bytes, at + 1, end), reader.at, relabelled);
          break;
        case DELEGATE:
          throws = true;
          if (open.length === 0) throw new UnknownInstruction("delegate outside a block", at);
          stretch = open.pop()!;
          doubles.pop();
          double = doubles.at(-1) ?? 0;
          break;
        case CATCH:
        case CATCH_ALL:
        case THROW:
        case THROW_REF:
        case RETHROW:
          throws = true;
          break;
        case RETURN:
          this.edit(BRANCH_OUT, at, reader.at, open.length + double);
          break;
        case CALL:
        case RETURN_CALL:
          this.checkIndex(reader.first, outline.functions.length, "function", at);
          steps[stretch]! += leaves[reader.first]!;
          this.edit(opcode === CALL ? AROUND : LEAVE, at, reader.at, 0);
          break;
        case CALL_INDIRECT:
        case RETURN_CALL_INDIRECT:
          this.checkIndex(reader.first, outline.types.length, "type", at);
          this.checkIndex(reader.second, outline.tables, "table", at);
          steps[stretch]! += INDIRECT_STEPS;
          this.edit(opcode === CALL_INDIRECT ? AROUND : LEAVE, at, reader.at, 0);
          break;
        case CALL_REF:
        case RETURN_CALL_REF:
          this.checkIndex(reader.first, outline.types.length, "type", at);
          steps[stretch]! += INDIRECT_STEPS;
          this.edit(opcode === CALL_REF ? AROUND : LEAVE, at, reader.at, 0);
          break;
        case LOCAL_GET:
        case LOCAL_GET + 1:
        case LOCAL_TEE:
          this.checkIndex(reader.first, local, "local", at);
          break;
        case GLOBAL_GET:
        case GLOBAL_SET:
          this.checkIndex(reader.first, outline.globals, "global", at);
          break;
        case REF_FUNC:
          this.checkIndex(reader.first, outline.functions.length, "function", at);
          break;
        case TABLE_GET:
        case TABLE_SET:
        case TABLE_SIZE:
          this.checkIndex(reader.first, outline.tables, "table", at);
          break;
        case TABLE_GROW:
        case TABLE_FILL:
          this.checkIndex(reader.first, outline.tables, "table", at);
          this.help(reader, at, opcode, 0);
          break;
        case TABLE_COPY:
          this.checkIndex(reader.first, outline.tables, "table", at);
          this.checkIndex(reader.second, outline.tables, "table", at);
          this.help(reader, at, opcode, reader.second);
          break;
        case TABLE_INIT:
          this.checkIndex(reader.second, outline.tables, "table", at);
          this.help(reader, at, opcode, reader.second);
          break;
        case MEMORY_GROW:
        case MEMORY_FILL:
        case MEMORY_INIT:
        case MEMORY_COPY:
          this.help(reader, at, opcode, opcode === MEMORY_INIT || opcode === MEMORY_COPY ? reader.second : 0);
          break;
        default:
      }
    }
    if (!ended || reader.at !== end)
      throw new UnknownInstruction("the end of a function that is not where it should be", end);
    return { code, local, keepsLocal: loops && !throws && result !== undefined, result: result ?? NOTHING };
  }

  private relabelTable(reader: InstructionReader, next: number, relabelled: (label: number) => number): void {
    const from = reader.at - 1;
    const count = reader.u32() + 1;
    const at = this.labels.push(count) - 1;
    for (let left = count; left > 0; left--) this.labels.push(relabelled(reader.u32()));
    this.edit(RELABEL_TABLE, from, next, at);
  }

  private help(reader: InstructionReader, at: number, opcode: number, second: number): void {
    if (!this.counting.counts && opcode !== MEMORY_GROW && opcode !== TABLE_GROW) return;
    this.edit(HELP, at, reader.at, this.counting.helper(opcode, reader.first, second));
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

  private enter(output: Output, local: number, keepsLocal: boolean): void {
    if (keepsLocal) this.reload(output, local);
    this.take(output, this.steps[0]!, local, keepsLocal);
  }

  /**
   * The head of the two loops a loop becomes, of which the outer has begun:
   * `if (counter < 0) { counter += steps; out(); } loop: if ((counter -= steps) < 0) continue outer`.
   * @param loop the instruction that begins the loop
   */
  private turn(output: Output, steps: number, local: number, loop: Uint8Array): void {
    const get = (): void => {
      output.byte(LOCAL_GET);
      output.u32(local);
    };
    const isNegative = (): void => {
      output.byte(0x41);
      output.byte(0x00);
      output.byte(0x48);
    };
    get();
    isNegative();
    output.byte(IF);
    output.byte(NOTHING);
    get();
    output.byte(0x41);
    output.positive(steps);
    output.byte(0x6a);
    output.byte(LOCAL_GET + 1);
    output.u32(local);
    this.spill(output, local);
    output.byte(CALL);
    output.u32(this.counting.out);
    this.reload(output, local);
    output.byte(END);
    output.copy(loop, 0, loop.length);
    get();
    output.byte(0x41);
    output.positive(steps);
    output.byte(0x6b);
    output.byte(LOCAL_TEE);
    output.u32(local);
    isNegative();
    output.byte(BR_IF);
    output.byte(1);
  }

  /** `counter -= steps; if (counter < 0) out()`. */
  private take(output: Output, steps: number, local: number, keepsLocal: boolean): void {
    const { counter, out } = this.counting;
    output.byte(keepsLocal ? LOCAL_GET : GLOBAL_GET);
    output.u32(keepsLocal ? local : counter);
    output.byte(0x41);
    output.positive(steps);
    output.byte(0x6b);
    output.byte(LOCAL_TEE);
    output.u32(local);
    if (!keepsLocal) {
      output.byte(GLOBAL_SET);
      output.u32(counter);
      output.byte(LOCAL_GET);
      output.u32(local);
    }
    // i32.const 0, i32.lt_s, if
    output.byte(0x41);
    output.byte(0x00);
    output.byte(0x48);
    output.byte(IF);
    output.byte(NOTHING);
    if (keepsLocal) this.spill(output, local);
    output.byte(CALL);
    output.u32(out);
    if (keepsLocal) this.reload(output, local);
    output.byte(END);
  }

  private spill(output: Output, local: number): void {
    output.byte(LOCAL_GET);
    output.u32(local);
    output.byte(GLOBAL_SET);
    output.u32(this.counting.counter);
  }

  private reload(output: Output, local: number): void {
    output.byte(GLOBAL_GET);
    output.u32(this.counting.counter);
    output.byte(LOCAL_GET + 1);
    output.u32(local);
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

/** Steps over the declarations of locals. @returns how many locals they declare */
function skipLocals(reader: InstructionReader): number {
  let locals = 0;
  for (let groups = reader.u32(); groups > 0; groups--) {
    locals += reader.u32();
    reader.skipValueType();
    if (locals > 50_000) throw new UnknownInstruction("more than 50,000 locals", reader.at);
  }
  return locals;
}

/** The declarations of locals with one more, an i32. */
function writeLocals(output: Output, bytes: Uint8Array, start: number, code: number): void {
  const reader = new InstructionReader(bytes, start, code);
  const groups = reader.u32();
  output.u32(groups + 1);
  output.copy(bytes, reader.at, code);
  output.byte(1);
  output.byte(I32);
}
