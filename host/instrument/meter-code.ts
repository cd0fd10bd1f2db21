/**
 * Function bodies → the same bodies, counting the steps they take.
 *
 * A step is an instruction. Where a function is entered and at each turn of a loop, the steps of that stretch are taken off
 * a counter (branches that are not taken included), and when it falls below zero the host is asked whether it may go on.
 * There is no other way back than a loop or a call, so no stretch runs unseen for longer than its own length. A function that
 * only computes, is short and has neither loops nor calls that come back is counted by those who call it.
 *
 * A loop becomes two, one within the other: the inner takes its steps and goes back to the outer when there are none, and the
 * outer asks. A call within the loop itself would have the engine keep everything in memory at each turn (2.7 times the time
 * of a tight loop, measured; the two loops cost nothing).
 *
 * Where the counter is: in a function with a loop that calls nothing it is kept in a local, and written back around calls and
 * at the function's end; the body becomes a block then, so that branches to the end pass there. In any other it stays in the
 * global, which costs such a function no more time and far fewer bytes: engines decide by a function's size what they put
 * in its place (a loop over checked arrays was 4.8 times slower in V8 13 when its function had grown to the double). A function
 * that throws or catches keeps it in the global, and its loops single: what it catches may have passed functions in between.
 */
import { BodyScan, EDIT } from "./body-scan.ts";
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
import type { Output } from "./output.ts";

/** What the counting code refers to. */
export interface Counting {
  /** Whether steps are counted, and long work is done in pieces. */
  readonly counts: boolean;
  /** The global that is counted down. */
  readonly counter: number;
  /** Called when the counter is below zero; with the steps to give back first; with the counter, which it gives back. */
  readonly out: number;
  readonly outBack: number;
  readonly outLocal: number;
  /** The function that does the work of an instruction that may take long, in pieces. */
  helper(opcode: number, first: number, second: number): number;
}

const numberTypes: Readonly<Record<string, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const NOTHING = 0x40;
const I32 = 0x7f;
const LOCAL_SET = LOCAL_GET + 1;
const [I32_CONST, I32_LT_S, I32_ADD, I32_SUB] = [0x41, 0x48, 0x6a, 0x6b];

/** Rewrites the bodies of one module. */
export class BodyMeter {
  private readonly outline: Outline;
  private readonly counting: Counting;
  private readonly body: BodyScan;

  // The body at hand: whether its counter is in a local, and whether its loops become two.
  private keepsLocal = false;
  private doubles = false;

  constructor(outline: Outline, counting: Counting) {
    this.outline = outline;
    this.counting = counting;
    this.body = new BodyScan(outline, counting.counts, (...what) => counting.helper(...what));
  }

  /** Looks at a body before any is written, as callers must know. */
  survey(bytes: Uint8Array, index: number, start: number, end: number): void {
    this.body.survey(bytes, index, start, end);
  }

  /** Writes a body without its size. @throws {UnknownInstruction} */
  write(output: Output, bytes: Uint8Array, index: number, start: number, end: number): void {
    const { body } = this;
    body.scan(bytes, index, start, end);
    if (!this.counting.counts) {
      this.writeEdits(output, bytes, start, end);
      return;
    }
    // Nothing in it is worth an edit.
    if (body.leaves[index]! > 0) {
      output.copy(bytes, start, end);
      return;
    }
    const result = this.resultOf(index);
    this.keepsLocal = body.tight && !body.throws && result !== undefined;
    this.doubles = !body.throws;
    writeLocals(output, bytes, start, body.code);
    this.take(output, body.steps[0]!, false);
    if (this.keepsLocal) {
      output.byte(BLOCK);
      output.byte(result!);
    }
    this.writeEdits(output, bytes, body.code, end);
    if (!this.keepsLocal) return;
    this.spill(output);
    output.byte(END);
  }

  /** What a block around the whole body gives; `undefined` where no byte says it. */
  private resultOf(index: number): number | undefined {
    const type = this.outline.types[this.outline.functions[index]!];
    if (type?.kind !== "core-func" || type.results.length === 0) return NOTHING;
    return type.results.length === 1 ? numberTypes[type.results[0]!] : undefined;
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
        return this.counting.counts;
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
        output.copy(bytes, at, next);
        if (this.doubles) this.turn(output, this.body.steps[value]!, bytes.subarray(at, next));
        else this.take(output, this.body.steps[value]!, this.keepsLocal);
        return;
      case EDIT.turnOnce:
        output.copy(bytes, at, next);
        this.take(output, this.body.steps[value]!, this.keepsLocal);
        return;
      case EDIT.close:
        output.byte(END);
        output.byte(END);
        return;
      case EDIT.leave:
        output.byte(BR);
        output.u32(value);
        return;
      case EDIT.relabel:
        output.byte(bytes[at]!);
        output.u32(value);
        return;
      case EDIT.relabelTable:
        this.writeTable(output, value);
        return;
      default:
        if (this.keepsLocal) this.spill(output);
        if (kind === EDIT.help) {
          output.byte(CALL);
          output.u32(value);
        } else output.copy(bytes, at, next);
        // A function that its callers count takes nothing off the counter, and one that does not come back needs nothing.
        if (this.keepsLocal && (kind === EDIT.call || kind === EDIT.help)) this.reload(output);
    }
  }

  private writeTable(output: Output, at: number): void {
    const { labels } = this.body;
    const count = labels[at]!;
    output.byte(BR_TABLE);
    output.u32(count - 1);
    for (let label = 1; label <= count; label++) output.u32(labels[at + label]!);
  }

  /**
   * The head of the two loops a loop becomes, of which the outer has begun:
   * `if (counter < 0) { counter += steps; out(); } loop: if ((counter -= steps) < 0) continue outer`.
   * @param loop the instruction that begins the loop
   */
  private turn(output: Output, steps: number, loop: Uint8Array): void {
    const { outBack, outLocal } = this.counting;
    if (this.keepsLocal) this.local(output, LOCAL_GET);
    else this.global(output, GLOBAL_GET);
    isNegative(output);
    output.byte(IF);
    output.byte(NOTHING);
    if (this.keepsLocal) this.local(output, LOCAL_GET);
    output.byte(I32_CONST);
    output.positive(steps);
    if (this.keepsLocal) output.byte(I32_ADD);
    output.byte(CALL);
    output.u32(this.keepsLocal ? outLocal : outBack);
    if (this.keepsLocal) this.local(output, LOCAL_SET);
    output.byte(END);
    output.copy(loop, 0, loop.length);
    this.subtract(output, steps, this.keepsLocal);
    output.byte(BR_IF);
    output.byte(1);
  }

  /**
   * `counter -= steps; if (counter < 0) out()`.
   * @param fromLocal whether the counter is in the local already: it is not where the function is entered
   */
  private take(output: Output, steps: number, fromLocal: boolean): void {
    const { keepsLocal } = this;
    this.subtract(output, steps, fromLocal);
    output.byte(IF);
    output.byte(NOTHING);
    if (keepsLocal) this.local(output, LOCAL_GET);
    output.byte(CALL);
    output.u32(keepsLocal ? this.counting.outLocal : this.counting.out);
    if (keepsLocal) this.local(output, LOCAL_SET);
    output.byte(END);
  }

  /** `(counter -= steps) < 0` */
  private subtract(output: Output, steps: number, fromLocal: boolean): void {
    if (fromLocal) this.local(output, LOCAL_GET);
    else this.global(output, GLOBAL_GET);
    output.byte(I32_CONST);
    output.positive(steps);
    output.byte(I32_SUB);
    this.local(output, LOCAL_TEE);
    if (!this.keepsLocal) {
      this.global(output, GLOBAL_SET);
      this.local(output, LOCAL_GET);
    }
    isNegative(output);
  }

  private spill(output: Output): void {
    this.local(output, LOCAL_GET);
    this.global(output, GLOBAL_SET);
  }

  private reload(output: Output): void {
    this.global(output, GLOBAL_GET);
    this.local(output, LOCAL_SET);
  }

  private local(output: Output, instruction: number): void {
    output.byte(instruction);
    output.u32(this.body.locals);
  }

  private global(output: Output, instruction: number): void {
    output.byte(instruction);
    output.u32(this.counting.counter);
  }
}

function isNegative(output: Output): void {
  output.byte(I32_CONST);
  output.byte(0);
  output.byte(I32_LT_S);
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
