/**
 * The text of imported functions: what a guest calls when it calls the host, or another guest.
 *
 * Follows design/mvp/CanonicalABI.md, `canon lower`. The root is locked before an error re-enters a guest.
 */
import { checkExpression } from "../abi/emit/check.ts";
import { member, type Code } from "../abi/emit/code.ts";
import { hasBorrow } from "../abi/emit/context.ts";
import { liftMembers, load, plus } from "../abi/emit/lift.ts";
import { lowerFlat, store } from "../abi/emit/lower.ts";
import { MAX_FLAT_ASYNC_PARAMS, MAX_FLAT_PARAMS, flatOf, sequence } from "../model/layout.ts";
import { funcName } from "../model/spelling.ts";
import type { FuncType, ValueType } from "../model/types.ts";
import type { Lift, StringEncoding, Trampoline } from "../plan/plan.ts";
import {
  areRelated,
  Callee,
  type CallCrossing,
  crossingOf,
  guard,
  guarded,
  isSpilled,
  LOCK,
  mayChange,
  resultAddress,
  resultOf,
  settleGiven,
} from "./crossing.ts";
import type { Names } from "./names.ts";

export type LowerTrampoline = Extract<Trampoline, { kind: "lower" }>;

/** The caller's side of a call that leaves a guest, and what decides the form of its text. */
export interface Lowering extends CallCrossing {
  readonly type: FuncType;
  /** The core parameters: one pointer when the arguments are spilled. */
  readonly params: readonly string[];
  readonly spilled: boolean;
  /** The result is stored at the address `r`. */
  readonly byPointer: boolean;
  /** Arguments are lent for the length of the call. */
  readonly lends: boolean;
}

/** How a call that leaves a guest is written. */
export function loweringOf(names: Names, lower: LowerTrampoline, code: Code): Lowering {
  const { func, type, options } = lower;
  const types = type.params.map((param) => param.type);
  const flat = flatOf(types);
  const spilled = flat.length > (options.async ? MAX_FLAT_ASYNC_PARAMS : MAX_FLAT_PARAMS);
  const params = spilled ? ["p0"] : flat.map((_, i) => `p${i}`);
  const byPointer = type.result !== undefined && (options.async === true || isSpilled(type.result));
  const callee = func.kind === "lift" ? names.plan.lifts[func.lift]! : undefined;
  const peer = callee === undefined ? "host" : "guest";
  const crossing = crossingOf(names, code, lower, peer, callee?.options.encoding);
  names.annotate(code, `canon lower ${names.pathOf(func)}`);
  return { ...crossing, type, params, spilled, byPointer, lends: types.some(hasBorrow) };
}

/** `canon lower`: an imported function, called by a guest. */
export function emitLower(names: Names, name: string, lower: LowerTrampoline, code: Code): void {
  const { func, component } = lower;
  const { plan } = names;
  const callee = func.kind === "lift" ? plan.lifts[func.lift]! : undefined;
  const lowering = loweringOf(names, lower, code);
  code.block(`function ${name}(${[...lowering.params, ...(lowering.byPointer ? ["r"] : [])].join(", ")})`, () => {
    guard(component, code);
    if (callee !== undefined && areRelated(plan, callee.component, component)) {
      // Calls between a component instance and one inside it are not allowed, whichever way they go.
      code.line(`${LOCK} throw rt.stop(rt.enter());`);
      return;
    }
    guarded(code, () => {
      if (func.kind === "host") lowerToHost(lowering, func.func);
      else lowerToGuest(lowering, callee!, lower.options.encoding);
    });
  });
}

function lowerToHost(lowering: Lowering, func: number): void {
  const values = liftParams(lowering);
  settleGiven(
    lowering,
    lowering.type.params.map((param) => param.type),
  );
  lowerHostResult(lowering, func, callHost(lowering, func, values));
}

/** Lifts the arguments, each of which gets a name. */
export function liftParams(lowering: Lowering): string[] {
  const { code, context, params, spilled, lends } = lowering;
  const types = lowering.type.params.map((param) => param.type);
  const lift = (): string[] => {
    if (!spilled) return liftMembers(lowering, types, params);
    const { size, alignment, offsets } = sequence(types);
    const pointer = code.name(`${context.memory}.check(p0, ${size}, ${alignment})`);
    return types.map((type, i) => code.name(load(lowering, type, plus(pointer, offsets[i]!))));
  };
  if (lends) code.line("const lends = new rt.Lends();");
  if (context.memory !== undefined && types.length > 0) code.line(`${context.memory}.beginLift();`);
  if (!lends) return lift();
  // Inside, `b` is where borrows are noted; the callee's own scope may use the same name outside.
  const names = types.map(() => code.fresh());
  code.line(`let ${names.join(", ")};`);
  code.block("", () => {
    code.line("const b = lends;");
    lift().forEach((value, i) => code.line(`${names[i]} = ${value};`));
  });
  return names;
}

/** The call of the user's function number `index`. */
export function hostCall({ plan }: Names, index: number, values: readonly string[]): string {
  const { path } = plan.hostFuncs[index]!;
  const name = funcName(path.at(-1)!);
  return name.kind === "constructor"
    ? `new h${index}(${values.join(", ")})`
    : name.kind === "method"
      ? `${values[0]}${member(name.js)}(${values.slice(1).join(", ")})`
      : `h${index}(${values.join(", ")})`;
}

/** Calls the user's function number `index` and gives the name of a checked value of the WIT result type. */
function callHost({ names, emitter, code, type }: Lowering, index: number, values: readonly string[]): string {
  const call = hostCall(names, index, values);
  // What the import does is not the guest's own time, but it is the call's.
  if (names.metered) code.line("rt.meter.pause();");
  const back = (): void => {
    if (names.metered) code.line("rt.meter.resume();");
  };
  if (type.result === undefined) {
    code.line(`try { ${call}; } catch (error) { throw rt.threw(${index}, error); }`);
    back();
    return "";
  }
  const returned = code.fresh();
  const fits = code.fresh();
  code.line(`let ${returned}, ${fits};`);
  if (resultOf(type) !== undefined) {
    const outcome = looksLikeResult(resultOf(type)!.ok) ? `{ tag: "ok", val: ${call} }` : `rt.outcome(${call})`;
    code.line(`try { ${returned} = ${outcome}; }`);
    code.line(`catch (error) { ${returned} = { tag: "err", val: rt.payload(${index}, error) }; }`);
  }
  const before = resultOf(type) === undefined ? `${returned} = ${call}; ` : "";
  // Looking at the result may run code of its own, which may throw as the function may.
  code.line(
    `try { ${before}${fits} = ${checkExpression(emitter, type.result, returned)}; } ` +
      `catch (error) { throw rt.threw(${index}, error); }`,
  );
  back();
  code.line(`if (!${fits}) throw rt.badResult(${index}, ${returned});`);
  return returned;
}

/** Whether a value of a type may be an object with a `tag`, so that a result cannot be told from it. */
export function looksLikeResult(type: ValueType | undefined): boolean {
  switch (type?.kind) {
    case "record":
    case "flags":
    case "variant":
    case "result":
    case "own":
    case "borrow":
    case "stream":
    case "future":
      return true;
    case "option":
      return type.type.kind === "option" || looksLikeResult(type.type);
    default:
      return false;
  }
}

export function lowerHostResult(lowering: Lowering, func: number, value: string): void {
  const { code, context } = lowering;
  const { result } = lowering.type;
  if (lowering.lends) code.line("lends.end();");
  if (result === undefined) return;
  if (context.memory !== undefined) code.line(`${context.memory}.sync();`);
  if (!mayChange(result)) {
    lowerResult(lowering, result, value);
    return;
  }
  code.block("try", () => lowerResult(lowering, result, value), "} catch (error) {");
  code.line(`  throw !i${context.component}.mayLeave || error === rt.quota.trap ? error : rt.threw(${func}, error);`);
  code.line("}");
}

export function lowerResult(lowering: Lowering, type: ValueType, value: string): void {
  const { code, byPointer } = lowering;
  if (byPointer) store(lowering, type, value, resultAddress(lowering, type, "r"));
  else code.line(`return ${lowerFlat(lowering, type, value)[0]};`);
}

/** One guest calls another: lift from the caller, lower to the callee, call, and the same back. */
function lowerToGuest(lowering: Lowering, lift: Lift, encoding: StringEncoding): void {
  const { names, code, context: caller, lends } = lowering;
  const { result } = lowering.type;
  const callee = new Callee(crossingOf(names, code, lift, "guest", encoding), lift, caller.component);
  const { busy, enter, leave } = callee.entry;
  if (busy !== "") {
    code.line(`if (${busy}) throw rt.enter();`);
    code.line(enter);
  }
  const values = liftParams(lowering);
  callee.begin();
  callee.beginTask();
  const returned = callee.call(values);
  const value = result === undefined ? "" : code.name(callee.lift(result, returned));
  callee.endScope();
  let flat: string | undefined;
  if (result !== undefined) {
    if (caller.memory !== undefined) code.line(`${caller.memory}.sync();`);
    if (lowering.byPointer) lowerResult(lowering, result, value);
    else flat = code.name(lowerFlat(lowering, result, value)[0]!);
  }
  callee.postReturn(returned);
  if (lends) code.line("lends.end();");
  callee.endTask();
  if (busy !== "") code.line(leave);
  if (flat !== undefined) code.line(`return ${flat};`);
}
