/**
 * The text of imported functions: what a guest calls when it calls the host, or another guest.
 *
 * Follows design/mvp/CanonicalABI.md, `canon lower`. The root is locked before an error re-enters a guest.
 */
import { checkExpression } from "../abi/emit/check.ts";
import { member, type Code } from "../abi/emit/code.ts";
import { hasBorrow, type Context } from "../abi/emit/context.ts";
import { liftMembers, load, plus } from "../abi/emit/lift.ts";
import { lowerFlat, store } from "../abi/emit/lower.ts";
import { MAX_FLAT_PARAMS, flatOf, layoutOf, sequence } from "../abi/layout.ts";
import type { FuncType, ValueType } from "../model/types.ts";
import type { FuncItem, Lift, Options, Trampoline } from "../plan/plan.ts";
import {
  areRelated,
  callCore,
  contextOf,
  enteringSet,
  flags,
  guard,
  guarded,
  isBusy,
  isSpilled,
  liftResult,
  mayChange,
  postReturn,
  resetContext,
  resultOf,
  settleGiven,
} from "./crossing.ts";
import type { BindingsWriter } from "./emit.ts";
import { funcName } from "../model/spelling.ts";
import { LOCK } from "./state.ts";

export function emitLower(
  writer: BindingsWriter,
  name: string,
  { func, type, options, component }: Extract<Trampoline, { kind: "lower" }>,
  code: Code,
): void {
  const types = type.params.map((param) => param.type);
  const flat = flatOf(types);
  const spilled = flat.length > MAX_FLAT_PARAMS;
  const params = spilled ? ["p0"] : flat.map((_, i) => `p${i}`);
  const returnsByPointer = type.result !== undefined && isSpilled(type.result);
  const callee = func.kind === "lift" ? writer.plan.lifts[func.lift]! : undefined;
  const peer = callee === undefined ? "host" : "guest";
  const context = contextOf(writer, options, component, peer, callee?.options.encoding);
  code.block(`function ${name}(${[...params, ...(returnsByPointer ? ["r"] : [])].join(", ")})`, () => {
    guard(component, code);
    if (callee !== undefined && areRelated(writer.plan, callee.component, component)) {
      // Calls between a component instance and one inside it are not allowed, whichever way they go.
      code.line(`${LOCK} throw rt.stop(rt.enter());`);
      return;
    }
    guarded(code, () => {
      const lends = types.some(hasBorrow);
      const entered = callee === undefined ? [] : enteringSet(writer.plan, callee.component, component);
      if (entered.length > 0) {
        code.line(`if (${isBusy(entered)}) throw rt.enter();`);
        code.line(flags(entered, 1));
      }
      if (lends) code.line("const lends = new rt.Lends();");
      const values = liftParams(writer, types, params, spilled, context, code, lends);
      if (callee === undefined) {
        settleGiven(writer, types, code);
        lowerHostResult(
          writer,
          func,
          callHost(writer, func, type, values, code),
          type,
          context,
          returnsByPointer,
          code,
          lends,
        );
      } else {
        callGuest(writer, callee, type, values, context, returnsByPointer, entered, options, code, lends);
      }
    });
  });
}

function liftParams(
  writer: BindingsWriter,
  types: readonly ValueType[],
  params: readonly string[],
  spilled: boolean,
  context: Context,
  code: Code,
  lends: boolean,
): string[] {
  const lift = (): string[] => {
    if (!spilled) return liftMembers(writer.emitter, types, params, context, code);
    const { size, alignment, offsets } = sequence(types);
    const pointer = code.name(`${context.memory}.check(p0, ${size}, ${alignment})`);
    return types.map((type, i) => code.name(load(writer.emitter, type, plus(pointer, offsets[i]!), context)));
  };
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

/** Calls the user's function and gives the name of a checked value of the WIT result type. */
function callHost(
  writer: BindingsWriter,
  func: FuncItem,
  type: FuncType,
  values: readonly string[],
  code: Code,
): string {
  const index = func.kind === "host" ? func.func : -1;
  const { path } = writer.plan.hostFuncs[index]!;
  const name = funcName(path.at(-1)!);
  const call =
    name.kind === "constructor"
      ? `new h${index}(${values.join(", ")})`
      : name.kind === "method"
        ? `${values[0]}${member(name.js)}(${values.slice(1).join(", ")})`
        : `h${index}(${values.join(", ")})`;
  if (type.result === undefined) {
    code.line(`try { ${call}; } catch (error) { throw rt.threw(${index}, error); }`);
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
    `try { ${before}${fits} = ${checkExpression(writer.emitter, type.result, returned)}; } ` +
      `catch (error) { throw rt.threw(${index}, error); }`,
  );
  code.line(`if (!${fits}) throw rt.badResult(${index}, ${returned});`);
  return returned;
}

/** Whether a value of a type may be an object with a `tag`, so that a result cannot be told from it. */
function looksLikeResult(type: ValueType | undefined): boolean {
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

function lowerHostResult(
  writer: BindingsWriter,
  func: FuncItem,
  value: string,
  type: FuncType,
  context: Context,
  byPointer: boolean,
  code: Code,
  lends: boolean,
): void {
  if (lends) code.line("lends.end();");
  if (type.result === undefined) return;
  if (context.memory !== undefined) code.line(`${context.memory}.sync();`);
  const { result } = type;
  if (func.kind !== "host" || !mayChange(result)) {
    lowerResult(writer, result, value, context, byPointer, code);
    return;
  }
  const { func: index } = func;
  code.block("try", () => lowerResult(writer, result, value, context, byPointer, code), "} catch (error) {");
  code.line(`  throw l${context.component} !== 0 || error === rt.quota.trap ? error : rt.threw(${index}, error);`);
  code.line("}");
}

function lowerResult(
  writer: BindingsWriter,
  type: ValueType,
  value: string,
  context: Context,
  byPointer: boolean,
  code: Code,
): void {
  if (byPointer) {
    const { size, alignment } = layoutOf(type);
    const pointer = code.name(`${context.memory}.check(r, ${size}, ${alignment})`);
    store(writer.emitter, type, value, pointer, context, code);
    return;
  }
  code.line(`return ${lowerFlat(writer.emitter, type, value, context, code)[0]};`);
}

/** One guest calls another: lift from the caller, lower to the callee, call, and the same back. */
function callGuest(
  writer: BindingsWriter,
  callee: Lift,
  type: FuncType,
  values: readonly string[],
  caller: Context,
  byPointer: boolean,
  entered: readonly number[],
  callerOptions: Options,
  code: Code,
  lends: boolean,
): void {
  const context = contextOf(writer, callee.options, callee.component, "guest", callerOptions.encoding);
  const scoped = callee.type.params.some((param) => hasBorrow(param.type));
  if (scoped) code.line("const b = new rt.BorrowScope();");
  if (context.memory !== undefined) code.line(`${context.memory}.sync();`);
  resetContext(writer, callee.component, code);
  const returned = callCore(writer, callee, values, context, code);
  const value = type.result === undefined ? "" : code.name(liftResult(writer, type.result, returned, context, code));
  if (scoped) code.line("b.end();");
  let flat: string | undefined;
  if (type.result !== undefined) {
    if (caller.memory !== undefined) code.line(`${caller.memory}.sync();`);
    if (byPointer) lowerResult(writer, type.result, value, caller, true, code);
    else flat = code.name(lowerFlat(writer.emitter, type.result, value, caller, code)[0]!);
  }
  postReturn(writer, callee, returned, code);
  if (lends) code.line("lends.end();");
  if (entered.length > 0) code.line(flags(entered, 0));
  if (flat !== undefined) code.line(`return ${flat};`);
}
