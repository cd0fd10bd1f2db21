/**
 * Function bodies → the same bodies, counting the steps they take.
 *
 * A step is an instruction. Where a function is entered and at each turn of a loop, the steps of that stretch are taken off
 * a counter (branches that are not taken included). The counter is looked at there as well, unless every way on from there
 * passes another such look (`coverage.ts`), and when it is below zero the host is asked whether it may go on. What was taken
 * after the last look the host sees when the call has ended. There is no other way back than a loop or a call, so no stretch
 * runs unseen for longer than the code between two looks. A function that only computes, is short and has neither loops
 * nor calls that come back is counted by those who call it.
 *
 * A loop becomes two, one within the other: the inner looks, takes its steps, and goes back to the outer when there were none,
 * and the outer asks. A call within the loop itself would have the engine keep everything in memory at each turn (2.7 times the
 * time of a tight loop, measured; the two loops cost nothing). A loop around one that looks has such calls anyway, and stays one.
 *
 * Where the counter is: in a function with a loop that calls nothing it is kept in a local, and written back around calls and
 * at the function's end; the body becomes a block then, so that branches to the end pass there. In any other it stays in the
 * global, which costs such a function no more time and far fewer bytes: engines decide by a function's size what they put
 * in its place (a loop over checked arrays was 4.8 times slower in V8 13 when its function had grown to the double, and 2.2
 * times in V8 14 when it had grown by half; by a fifth, 1.1). A function
 * that throws or catches keeps it in the global, and its loops single: what it catches may have passed functions in between.
 *
 * The stack: a function adds its frame to what is in use when it is entered, asks where that is more than is granted, and takes
 * it off when it ends, its body a block too. One that catches keeps what was in use in a local, and goes back to that where
 * something thrown may arrive. Functions that their callers count have calls no deeper, and are not measured.
 */
import { BodyScan, EDIT, type Scanning } from "./body-scan.ts";
import {
  BLOCK,
  BR,
  BR_IF,
  BR_TABLE,
  CALL,
  END,
  GLOBAL_GET,
  GLOBAL_SET,
  IF,
  InstructionReader,
} from "./instructions.ts";
import { LOCAL_GET, LOCAL_TEE } from "./instructions.ts";
import type { Outline } from "./outline.ts";
import { type Output, positiveBytes } from "./output.ts";

/** What the added code refers to, by number. */
export interface Counting extends Scanning {
  /** The global that is counted down. */
  readonly counter: number;
  /** Called when the counter is below zero; with the counter, which it gives back; and called always, to look itself. */
  readonly out: number;
  readonly outLocal: number;
  readonly ask: number;
  /** The global of what is in use of the stack, the one of what is granted, and what is called when that is less. */
  readonly stackUsed: number;
  readonly stackGranted: number;
  readonly outOfStack: number;
  /** The number of the type of blocks that give such values. */
  blockType(results: readonly number[]): number;
}

const valueTypes: Readonly<Record<string, number>> = {
  ...{ i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b },
  ...{ "(ref null func)": 0x70, "(ref null extern)": 0x6f, "(ref null exn)": 0x69 },
};
const NOTHING = 0x40;
const I32 = 0x7f;
const LOCAL_SET = LOCAL_GET + 1;
const [I32_CONST, I32_LT_S, I32_GT_U, I32_ADD, I32_SUB] = [0x41, 0x48, 0x4b, 0x6a, 0x6b];

/** Rewrites the bodies of one module. */
export class BodyMeter {
  private readonly outline: Outline;
  private readonly counting: Counting;
  private readonly body: BodyScan;

  // The body at hand: whether its counter is in a local, whether its loops become two, whether its frame is measured, and
  // whether what was in use of the stack is kept.
  private keepsLocal = false;
  private doubles = false;
  private measured = false;
  private keepsUsed = false;
  /** How many loops around have become two, by how many there are that may, of the place that is being written. */
  private readonly doubled: number[] = [0];

  constructor(outline: Outline, counting: Counting) {
    this.outline = outline;
    this.counting = counting;
    this.body = new BodyScan(outline, counting);
  }

  /** Looks at a body before any is written, as callers must know. */
  survey(bytes: Uint8Array, index: number, start: number, end: number): void {
    this.body.survey(bytes, index, start, end);
  }

  /** Writes a body without its size. @throws {UnknownInstruction} */
  write(output: Output, bytes: Uint8Array, index: number, start: number, end: number): void {
    const { body } = this;
    const { counts, stack } = this.counting;
    body.scan(bytes, index, start, end);
    const leaf = body.leaves[index]! > 0;
    const result = leaf ? undefined : this.resultOf(index);
    this.keepsLocal = counts && !leaf && body.tight && !body.throws && result !== undefined;
    this.doubles = counts && !leaf && !body.throws;
    this.measured = stack && !leaf && result !== undefined;
    this.keepsUsed = this.measured && body.throws;
    if (leaf || !(counts || this.measured)) {
      this.writeEdits(output, bytes, start, end);
      return;
    }
    const usesLocal = this.keepsLocal || this.measured || (counts && (body.checks(0) || body.takesValues));
    const more = (usesLocal ? 1 : 0) + (this.keepsUsed ? 1 : 0);
    if (more > 0) writeLocals(output, bytes, { start, code: body.code, more });
    else output.copy(bytes, start, body.code);
    if (this.measured) this.enter(output);
    if (counts) this.count(output, 0, false);
    const block = this.keepsLocal || this.measured;
    if (block) {
      output.byte(BLOCK);
      output.all(result!);
    }
    this.writeEdits(output, bytes, body.code, end);
    if (this.keepsLocal) this.spill(output);
    if (this.measured) this.leave(output);
    if (block) output.byte(END);
  }

  /** The type of a block around the whole body; `undefined` where it cannot be written. */
  private resultOf(index: number): readonly number[] | undefined {
    const type = this.outline.types[this.outline.functions[index]!];
    if (type?.kind !== "core-func" || type.results.length === 0) return [NOTHING];
    const results = type.results.map((result) => valueTypes[result]!);
    if (results.includes(undefined!)) return undefined;
    return results.length === 1 ? results : positiveBytes(this.counting.blockType(results));
  }

  private writeEdits(output: Output, bytes: Uint8Array, start: number, end: number): void {
    const { kinds, ats, nexts, values, count } = this.body;
    let from = start;
    for (let i = 0; i < count; i++) {
      if (!this.applies(kinds[i]!)) continue;
      const at = ats[i]!;
      output.copy(bytes, from, at);
      from = nexts[i]!;
      this.writeEdit(output, bytes, kinds[i]!, { at, next: from, value: values[i]! });
    }
    output.copy(bytes, from, end);
  }

  /** Whether an edit is one in the way that this body is counted. */
  private applies(kind: number): boolean {
    switch (kind) {
      case EDIT.help:
        return true;
      case EDIT.turn:
      case EDIT.turnOnce:
        return this.counting.counts || this.keepsUsed;
      case EDIT.caught:
        return this.keepsUsed;
      case EDIT.leave:
        return this.keepsLocal || this.measured;
      case EDIT.callTail:
        return this.keepsLocal || this.measured;
      case EDIT.close:
      case EDIT.relabel:
      case EDIT.relabelTable:
        return this.doubles;
      default:
        return this.keepsLocal;
    }
  }

  private writeEdit(
    output: Output,
    bytes: Uint8Array,
    kind: number,
    { at, next, value }: { readonly at: number; readonly next: number; readonly value: number },
  ): void {
    switch (kind) {
      case EDIT.turn:
      case EDIT.turnOnce:
        output.copy(bytes, at, next);
        if (kind === EDIT.turn && this.doubles) this.turn(output, value, bytes.subarray(at, next));
        else if (this.counting.counts) this.count(output, value, this.keepsLocal);
        if (this.keepsUsed) this.restore(output);
        return;
      case EDIT.caught:
        this.restore(output);
        return;
      case EDIT.close:
        output.byte(END);
        if (this.doubled.pop()! > this.doubled.at(-1)!) output.byte(END);
        return;
      case EDIT.leave:
        output.byte(BR);
        output.u32(value + this.doubled.at(-1)!);
        return;
      case EDIT.relabel:
        output.byte(bytes[at]!);
        this.writeLabel(output, value);
        return;
      case EDIT.relabelTable:
        output.byte(BR_TABLE);
        output.u32(this.body.labels[value]! - 1);
        for (let i = 0; i < this.body.labels[value]!; i++) this.writeLabel(output, value + 1 + 2 * i);
        return;
      default:
        if (this.keepsLocal) this.spill(output);
        if (kind === EDIT.callTail && this.measured) this.leave(output);
        if (kind === EDIT.help) {
          output.byte(CALL);
          output.u32(value);
        } else output.copy(bytes, at, next);
        // A function that its callers count takes nothing off the counter, and one that does not come back needs nothing.
        if (this.keepsLocal && (kind === EDIT.call || kind === EDIT.help)) this.reload(output);
    }
  }

  /** The label of a branch, with the loops that have become two between counted twice. */
  private writeLabel(output: Output, at: number): void {
    const { labels } = this.body;
    output.u32(labels[at]! + this.doubled.at(-1)! - this.doubled[labels[at + 1]!]!);
  }

  /**
   * The head of a loop that may become two, the first of which has begun:
   * `if (counter < 0) out(); loop: if (counter < 0) continue outer; counter -= steps`.
   * @param loop the instruction that begins the loop
   */
  private turn(output: Output, stretch: number, loop: Uint8Array): void {
    const { body, keepsLocal } = this;
    // Where the counter is in a local a check costs less than what engines make of a loop without one.
    const checks = keepsLocal || body.checks(stretch);
    const doubles = checks && (keepsLocal || !body.nests(stretch));
    this.doubled.push(this.doubled.at(-1)! + (doubles ? 1 : 0));
    if (doubles) {
      this.ask(output);
      output.copy(loop, 0, loop.length);
      this.counter(output);
      isNegative(output);
      output.byte(BR_IF);
      output.byte(1);
    }
    this.subtract(output, stretch, keepsLocal);
    if (checks && !doubles) this.ask(output);
  }

  /** Asks when the counter is below zero, where that is done seldom. */
  private ask(output: Output): void {
    if (this.keepsLocal) {
      this.local(output, LOCAL_GET);
      this.askIfNegative(output);
      return;
    }
    output.byte(CALL);
    output.u32(this.counting.ask);
  }

  /**
   * `counter -= steps; if (counter < 0) out()`.
   * @param fromLocal whether the counter is in the local already: it is not where the function is entered
   */
  private count(output: Output, stretch: number, fromLocal: boolean): void {
    if (!this.body.checks(stretch)) {
      this.subtract(output, stretch, fromLocal);
      return;
    }
    // From the global again it would be there some cycles later: a short recursive function is a third slower.
    this.less(output, stretch, fromLocal);
    this.local(output, LOCAL_TEE);
    if (!this.keepsLocal) {
      this.global(output, GLOBAL_SET);
      this.local(output, LOCAL_GET);
    }
    this.askIfNegative(output);
  }

  /** `counter -= steps` */
  private subtract(output: Output, stretch: number, fromLocal: boolean): void {
    this.less(output, stretch, fromLocal);
    if (this.keepsLocal) this.local(output, LOCAL_SET);
    else this.global(output, GLOBAL_SET);
  }

  /** `counter - steps` */
  private less(output: Output, stretch: number, fromLocal: boolean): void {
    if (fromLocal) this.local(output, LOCAL_GET);
    else this.global(output, GLOBAL_GET);
    output.byte(I32_CONST);
    output.positive(this.body.steps[stretch]!);
    output.byte(I32_SUB);
  }

  /** `if (counter < 0) out()`, where the counter is on the stack. */
  private askIfNegative(output: Output): void {
    const { keepsLocal } = this;
    isNegative(output);
    output.byte(IF);
    output.byte(NOTHING);
    if (keepsLocal) this.local(output, LOCAL_GET);
    output.byte(CALL);
    output.u32(keepsLocal ? this.counting.outLocal : this.counting.out);
    if (keepsLocal) this.local(output, LOCAL_SET);
    output.byte(END);
  }

  private counter(output: Output): void {
    if (this.keepsLocal) this.local(output, LOCAL_GET);
    else this.global(output, GLOBAL_GET);
  }

  /** `used += frame; if (used > granted) outOfStack()`. */
  private enter(output: Output): void {
    const { stackUsed, stackGranted, outOfStack } = this.counting;
    this.global(output, GLOBAL_GET, stackUsed);
    output.byte(I32_CONST);
    output.positive(this.body.frameBytes);
    output.byte(I32_ADD);
    this.local(output, LOCAL_TEE);
    this.global(output, GLOBAL_SET, stackUsed);
    this.local(output, LOCAL_GET);
    this.global(output, GLOBAL_GET, stackGranted);
    output.byte(I32_GT_U);
    output.byte(IF);
    output.byte(NOTHING);
    output.byte(CALL);
    output.u32(outOfStack);
    output.byte(END);
    if (!this.keepsUsed) return;
    this.local(output, LOCAL_GET);
    this.local(output, LOCAL_SET, 1);
  }

  /** `used -= frame`, from what was kept where something may have been caught. */
  private leave(output: Output): void {
    const { stackUsed } = this.counting;
    if (this.keepsUsed) this.local(output, LOCAL_GET, 1);
    else this.global(output, GLOBAL_GET, stackUsed);
    output.byte(I32_CONST);
    output.positive(this.body.frameBytes);
    output.byte(I32_SUB);
    this.global(output, GLOBAL_SET, stackUsed);
  }

  private restore(output: Output): void {
    this.local(output, LOCAL_GET, 1);
    this.global(output, GLOBAL_SET, this.counting.stackUsed);
  }

  private spill(output: Output): void {
    this.local(output, LOCAL_GET);
    this.global(output, GLOBAL_SET);
  }

  private reload(output: Output): void {
    this.global(output, GLOBAL_GET);
    this.local(output, LOCAL_SET);
  }

  private local(output: Output, instruction: number, which = 0): void {
    output.byte(instruction);
    output.u32(this.body.locals + which);
  }

  private global(output: Output, instruction: number, index = this.counting.counter): void {
    output.byte(instruction);
    output.u32(index);
  }
}

function isNegative(output: Output): void {
  output.byte(I32_CONST);
  output.byte(0);
  output.byte(I32_LT_S);
}

/** The declarations of locals with some more, of type i32. */
function writeLocals(
  output: Output,
  bytes: Uint8Array,
  { start, code, more }: { readonly start: number; readonly code: number; readonly more: number },
): void {
  const reader = new InstructionReader(bytes, start, code);
  const groups = reader.u32();
  output.u32(groups + 1);
  output.copy(bytes, reader.at, code);
  output.byte(more);
  output.byte(I32);
}
