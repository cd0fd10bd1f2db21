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
import type { ResultType } from "../model/types.ts";
import {
  callCore,
  contextOf,
  enteringSet,
  flags,
  isBusy,
  isSpilled,
  liftResult,
  postReturn,
  resetContext,
  resultAddress,
  resultOf,
  settleGiven,
} from "./crossing.ts";
import type { BindingsWriter } from "./emit.ts";
import { LOCK } from "./state.ts";

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
    const checks = type.params.map((param, i) => checkExpression(emitter, param.type, `a${i}`));
    if (type.params.some((param) => handlesIn(param.type).own)) code.line("rt.beginCheck();");
    if (checks.length > 0) {
      const refusal = `e0 > 1 ? rt.refuse(${index}, e0) : rt.badArguments(${index}, [${params.join(", ")}])`;
      code.line(`if (!(${checks.join(" && ")})) throw ${refusal};`);
    }
    code.line(`if (${isBusy(entered)}) throw rt.refuse(${index}, e0);`);
    if (type.result !== undefined) code.line(`let value${result === undefined ? "" : ", failed = false"};`);
    const scoped = type.params.some((param) => hasBorrow(param.type));
    // Nothing may be called between entering and `try`: at the end of the stack the root would stay entered for ever.
    code.line(flags(entered, 1));
    code.block(
      "try",
      () => {
        resetContext(writer, component, code);
        if (scoped) code.line("const b = new rt.BorrowScope();");
        if (context.memory !== undefined) code.line(`${context.memory}.sync();`);
        const returned = callCore(writer, lift, params, context, code);
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
