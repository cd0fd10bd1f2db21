/**
 * The text of exported functions, called by the host.
 *
 * Follows design/mvp/CanonicalABI.md, `canon lift`. Whatever goes wrong between entering and leaving a guest locks the root
 * before anything else is done about it.
 */
import { checkExpression } from "../abi/emit/check.ts";
import { Code } from "../abi/emit/code.ts";
import { hasBorrow, type Context } from "../abi/emit/context.ts";
import { liftCases, load, plus } from "../abi/emit/lift.ts";
import { layoutOf } from "../abi/layout.ts";
import { casesOf, handlesIn } from "../model/cases.ts";
import type { FuncType, ResultType } from "../model/types.ts";
import {
  callCore,
  contextOf,
  enteringSet,
  flags,
  isBusy,
  isSpilled,
  liftResult,
  mayChange,
  postReturn,
  resetContext,
  resultAddress,
  resultOf,
  settleGiven,
} from "./crossing.ts";
import type { BindingsWriter } from "./emit.ts";
import { ENTERED, LOCK } from "./state.ts";

/** An exported function, called by the host. */
export function emitLift(writer: BindingsWriter, index: number): string {
  const { plan, emitter } = writer;
  const lift = plan.lifts[index]!;
  const { type, component } = lift;
  const context = contextOf(writer, lift.options, component, "host", undefined);
  const params = type.params.map((_, i) => `a${i}`);
  const entered = enteringSet(plan, component, undefined);
  const code = new Code(emitter.budget);
  const result = resultOf(type);
  code.block(`function f${index}(${params.join(", ")})`, () => {
    emitChecks(writer, type, index, code);
    code.line(`if (${isBusy(entered)}) throw rt.refuse(${index}, e0);`);
    if (type.result !== undefined) code.line(`let value${result === undefined ? "" : ", failed = false"};`);
    const changing = type.params.some((param) => mayChange(param.type));
    if (changing) code.line("let lowered = false;");
    const scoped = type.params.some((param) => hasBorrow(param.type));
    // Nothing may be called between entering and `try`: at the end of the stack the root would stay entered for ever.
    code.line(flags(entered, 1));
    code.block(
      "try",
      () => {
        resetContext(writer, component, code);
        if (scoped) code.line("const b = new rt.BorrowScope();");
        if (context.memory !== undefined) code.line(`${context.memory}.sync();`);
        const returned = callCore(writer, lift, params, context, code, changing ? "lowered = true;" : undefined);
        if (result === undefined) {
          if (type.result !== undefined)
            code.line(`value = ${liftResult(writer, type.result, returned, context, code)};`);
        } else {
          liftOutcome(writer, result, returned, context, code);
        }
        if (scoped) code.line("b.end();");
        postReturn(writer, lift, returned, code);
      },
      "} catch (error) {",
    );
    if (changing) {
      // The guest has not been called: what was allocated in it stays, and it goes on.
      const untouched = `!lowered && l${component} === 0 && e0 === ${ENTERED} && error !== rt.quota.trap`;
      code.line(`  if (${untouched}) { ${flags(entered, 0)} throw rt.unlowered(${index}, error); }`);
    }
    code.line(`  ${LOCK} throw rt.fault(${index}, error);`);
    code.line("}");
    // A guest can catch what an import threw and go on; the fault stands all the same.
    code.line(`if (e0 !== 1) throw rt.fault(${index}, undefined);`);
    code.line(flags(entered, 0));
    settleGiven(writer, [type.result], code);
    if (result !== undefined) code.line("if (failed) throw rt.error(value);");
    if (type.result !== undefined) code.line("return value;");
  });
  return code.toString();
}

/** Checks the arguments `a0`, … of a call; `index` is how the runtime knows the function. */
function emitChecks(writer: BindingsWriter, type: FuncType, index: number, code: Code): void {
  if (type.params.length === 0) return;
  const params = type.params.map((_, i) => `a${i}`);
  const checks = type.params.map((param, i) => checkExpression(writer.emitter, param.type, `a${i}`)).join(" && ");
  const refusal = `e0 > 1 ? rt.refuse(${index}, e0) : rt.badArguments(${index}, [${params.join(", ")}])`;
  const gives = type.params.some((param) => handlesIn(param.type).own);
  if (!gives && !type.params.some((param) => mayChange(param.type))) {
    code.line(`if (!(${checks})) throw ${refusal};`);
    return;
  }
  code.line("let fits;");
  if (gives) code.line("const check = rt.beginCheck();");
  // What throws when it is looked at does not fit.
  code.line(`try { fits = ${checks}; } catch { fits = false; }${gives ? " finally { rt.endCheck(check); }" : ""}`);
  code.line(`if (!fits) throw ${refusal};`);
}

/** An import that is exported again: checked as every export is, and cut with the instance. */
export function emitReexport(writer: BindingsWriter, func: number): string {
  const { type } = writer.plan.hostFuncs[func]!;
  const params = type.params.map((_, i) => `a${i}`).join(", ");
  const code = new Code(writer.emitter.budget);
  // The runtime knows the host's functions by the numbers below those of `start` and destructors.
  const index = -2 - func;
  code.block(`function w${func}(${params})`, () => {
    code.line(`if (e0 > 1) throw rt.refuse(${index}, e0);`);
    emitChecks(writer, type, index, code);
    code.line(`return h${func}(${params});`);
  });
  return code.toString();
}

/** Lifts a `result` into `value` and `failed`, without an object around it. */
function liftOutcome(writer: BindingsWriter, type: ResultType, returned: string, context: Context, code: Code): void {
  const cases = casesOf(type);
  const assign = (name: string, payload: string | undefined): void => {
    if (payload !== undefined) code.line(`value = ${payload};`);
    if (name === "err") code.line("failed = true;");
  };
  if (!isSpilled(type)) {
    liftCases(writer.emitter, type, cases, [returned], context, code, (c, payload) => assign(c.name, payload));
    return;
  }
  const pointer = resultAddress(type, returned, context, code);
  const at = plus(pointer, Math.max(1, ...cases.map((c) => (c.type === undefined ? 1 : layoutOf(c.type).alignment))));
  code.block(`switch (${context.memory}.u8[${pointer}])`, () => {
    cases.forEach((c, i) => {
      code.block(`case ${i}:`, () => {
        assign(c.name, c.type === undefined ? undefined : load(writer.emitter, c.type, at, context));
        code.line("break;");
      });
    });
    code.line("default: throw rt.discriminant();");
  });
}
