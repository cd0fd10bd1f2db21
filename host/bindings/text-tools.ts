/**
 * What the writers of text that is loaded by itself have in common: what they are given, how the value of an import is checked,
 * and the letters of core types, as `instrument/suspender.ts` reads them.
 */
import type { FuncType, ValueType } from "../model/types.ts";
import type { Code } from "../abi/emit/code.ts";
import type { LowerTrampoline, Lowering } from "./canon-lower.ts";
import type { Names } from "./names.ts";

/** Flat parameters beyond which there is one pointer. */
export const MOST_FLAT = 16;
const MOST_FLAT_ASYNC = 4;

const LETTERS = { i32: "i", i64: "l", f32: "f", f64: "d" } as const;

/** Parts of the compiler. They are given: if what is loaded by itself imported these, bundlers would cut the compiler in more pieces. */
export type TextTools = Pick<typeof import("../abi/emit/check.ts"), "checkExpression"> &
  Pick<typeof import("../abi/emit/lift.ts"), "liftFlat" | "load"> &
  Pick<typeof import("../abi/emit/lower.ts"), "lowerFlat" | "store"> &
  Pick<typeof import("../abi/emit/cost.ts"), "elementCost"> &
  Pick<typeof import("../abi/emit/numbers.ts"), "typedArrayOf"> &
  Pick<typeof import("../abi/emit/code.ts"), "Code"> &
  Pick<typeof import("../abi/emit/context.ts"), "hasBorrow"> &
  Pick<typeof import("../model/facts.ts"), "holdsHandle"> &
  Pick<typeof import("../model/layout.ts"), "flatOf" | "layoutOf"> &
  Pick<typeof import("./canon-lift.ts"), "emitChecks" | "liftOutcome"> &
  Pick<
    typeof import("./canon-lower.ts"),
    "hostCall" | "liftParams" | "looksLikeResult" | "lowerHostResult" | "loweringOf" | "lowerResult"
  > &
  Pick<
    typeof import("./crossing.ts"),
    | "areRelated"
    | "beginTask"
    | "crossingOf"
    | "enteringSet"
    | "entryOf"
    | "flags"
    | "guard"
    | "guarded"
    | "isSpilled"
    | "liftResult"
    | "LOCK"
    | "lowerParams"
    | "mayChange"
    | "postReturn"
    | "resultAddress"
    | "resultOf"
    | "runningComponents"
    | "settleGiven"
  >;

/** Writes what a function of the host's gave, `raw`, as a checked value of its WIT result type, and gives the name of that. */
export function hostOutcome(tools: TextTools, { emitter, code, type }: Lowering, func: number): string {
  const result = tools.resultOf(type);
  if (result === undefined) code.line(`if (thrown) throw rt.threw(${func}, raw);`);
  if (type.result === undefined) return "";
  const value = code.fresh();
  const fits = code.fresh();
  code.line(`let ${value} = raw, ${fits};`);
  if (result !== undefined) {
    const outcome = tools.looksLikeResult(result.ok) ? `{ tag: "ok", val: raw }` : "rt.outcome(raw)";
    code.line(`try { if (thrown) throw raw; ${value} = ${outcome}; }`);
    code.line(`catch (error) { ${value} = { tag: "err", val: rt.payload(${func}, error) }; }`);
  }
  // Looking at the result may run code of its own, which may throw as the function may.
  const check = tools.checkExpression(emitter, type.result, value);
  code.line(`try { ${fits} = ${check}; } catch (error) { throw rt.threw(${func}, error); }`);
  code.line(`if (!${fits}) throw rt.badResult(${func}, ${value});`);
  return value;
}

/** What is done of its own around a call between guests. */
interface Around {
  /** Where is kept what the second half needs of the first. */
  readonly frames: string;
  /** Names that `begin` declares and `end` uses. */
  readonly kept: readonly string[];
  begin(code: Code): void;
  end(code: Code): void;
}

/**
 * One guest calls another, in frames that may be suspended together: what is done before the callee is called, `t`, and what after,
 * `k`, so that no frame of the host's is between theirs.
 */
export function callThrough(
  tools: TextTools,
  names: Names,
  { index, lift }: { readonly index: number; readonly lift: number },
  around: Around,
): Code {
  const code = new tools.Code(names.budget);
  const item = names.plan.trampolines[index] as LowerTrampoline;
  const lowering = tools.loweringOf(names, item, code);
  const { context: caller, lends, byPointer, type } = lowering;
  const callee = names.plan.lifts[lift]!;
  const crossing = tools.crossingOf(names, code, callee, "guest", item.options.encoding);
  const { memory } = crossing.context;
  names.core(callee.core);
  const { busy, enter, leave } = tools.entryOf(names.plan, callee.component, caller.component);
  const scoped = callee.type.params.some((param) => tools.hasBorrow(param.type));
  const carried = [...around.kept, ...(lends ? ["lends"] : []), ...(scoped ? ["b"] : []), ...(byPointer ? ["r"] : [])];
  const kept = `{ ${carried.join(", ")} }`;
  code.block(`function t${index}(${[...lowering.params, ...(byPointer ? ["r"] : [])].join(", ")})`, () => {
    tools.guard(item.component, code);
    tools.guarded(code, () => {
      if (busy !== "") {
        code.line(`if (${busy}) throw rt.enter();`);
        code.line(enter);
      }
      const values = tools.liftParams(lowering);
      if (scoped) code.line("const b = new rt.BorrowScope();");
      if (memory !== undefined) code.line(`${memory}.sync();`);
      around.begin(code);
      const args = tools.lowerParams(crossing, callee.type, values);
      code.line(`${around.frames}.push(${kept});`);
      code.line(`return ${args.length === 1 ? args[0]! : `[${args.join(", ")}]`};`);
    });
  });
  const returned = type.result === undefined ? "" : code.fresh();
  code.block(`function k${index}(${returned})`, () => {
    tools.guarded(code, () => {
      code.line(`const ${kept} = ${around.frames}.pop();`);
      if (memory !== undefined && type.result !== undefined) code.line(`${memory}.beginLift();`);
      else if (memory !== undefined && callee.options.postReturn !== undefined) code.line(`${memory}.sync();`);
      const { result } = type;
      const value = result === undefined ? "" : code.name(tools.liftResult(crossing, result, returned));
      if (scoped) code.line("b.end();");
      let flat: string | undefined;
      if (result !== undefined) {
        if (caller.memory !== undefined) code.line(`${caller.memory}.sync();`);
        if (byPointer) tools.lowerResult(lowering, result, value);
        else flat = code.name(tools.lowerFlat(lowering, result, value)[0]!);
      }
      tools.postReturn(crossing, callee, returned);
      if (lends) code.line("lends.end();");
      around.end(code);
      if (busy !== "") code.line(leave);
      if (flat !== undefined) code.line(`return ${flat};`);
    });
  });
  return code;
}

/** Of a core function, in letters. */
export type Signature = readonly [params: string, result: string];

/** Of the core function of a synchronous lift. */
export function liftedSignature(tools: TextTools, { params, result }: FuncType): Signature {
  return [paramLetters(tools, params, MOST_FLAT), resultLetters(tools, result)];
}

/** Of the core function of a synchronous lower: it is told where a result is to be written that is spilled. */
export function loweredSignature(tools: TextTools, { params, result }: FuncType): Signature {
  const flat = paramLetters(tools, params, MOST_FLAT);
  return result !== undefined && tools.isSpilled(result) ? [`${flat}i`, ""] : [flat, resultLetters(tools, result)];
}

/** Of the core function of an asynchronous lower, which gives the state of a subtask. */
export function loweredAsyncSignature(tools: TextTools, { params, result }: FuncType): Signature {
  return [paramLetters(tools, params, MOST_FLAT_ASYNC) + (result === undefined ? "" : "i"), "i"];
}

function paramLetters(tools: TextTools, params: FuncType["params"], most: number): string {
  const flat = tools.flatOf(params.map(({ type }) => type));
  return flat.length > most ? "i" : flat.map((type) => LETTERS[type]).join("");
}

/** What is spilled is a pointer. */
function resultLetters(tools: TextTools, type: ValueType | undefined): string {
  if (type === undefined) return "";
  if (tools.isSpilled(type)) return "i";
  const [flat] = tools.layoutOf(type).flat;
  return flat === undefined ? "" : LETTERS[flat];
}
