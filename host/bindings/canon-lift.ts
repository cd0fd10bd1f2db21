/**
 * The text of exported functions, called by the host.
 *
 * Follows design/mvp/CanonicalABI.md, `canon lift`. Whatever goes wrong between entering and leaving a guest locks the root
 * before anything else is done about it.
 */
import { checkExpression } from "../abi/emit/check.ts";
import { Code } from "../abi/emit/code.ts";
import type { Crossing } from "../abi/emit/context.ts";
import { liftCases, load, plus } from "../abi/emit/lift.ts";
import { payloadOffset } from "../model/layout.ts";
import { ENTERED } from "../abi/entered.ts";
import { casesOf } from "../model/cases.ts";
import { holdsAsync, holdsHandle, holdsOwn } from "../model/facts.ts";
import type { FuncType, ResultType } from "../model/types.ts";
import { Callee, crossingOf, isSpilled, LOCK, mayChange, resultAddress, resultOf, settleGiven } from "./crossing.ts";
import type { Names } from "./names.ts";

/** `canon lift`: an exported function, called by the host. */
export function emitLift(names: Names, index: number): Code {
  const { plan } = names;
  const lift = plan.lifts[index]!;
  const { type, component } = lift;
  const code = new Code(names.budget);
  const crossing = crossingOf(names, code, lift, "host", undefined);
  const callee = new Callee(crossing, lift, undefined);
  const { entry } = callee;
  const params = type.params.map((_, i) => `a${i}`);
  const result = resultOf(type);
  names.annotate(code, `canon lift ${names.pathOf({ kind: "lift", lift: index })}`);
  code.block(`function f${index}(${params.join(", ")})`, () => {
    emitChecks(crossing, type, index);
    code.line(`if (${entry.busy}) throw rt.refuse(${index});`);
    const changing = type.params.some((param) => mayChange(param.type));
    const variables = [
      ...(type.result === undefined ? [] : ["value"]),
      ...(result === undefined ? [] : ["failed = false"]),
      ...(changing ? ["lowered = false"] : []),
    ];
    if (variables.length > 0) code.line(`let ${variables.join(", ")};`);
    // Handles may have been made when another argument turns out to have changed.
    const undone = changing && type.params.some((param) => holdsHandle(param.type) || holdsAsync(param.type));
    // Nothing may be called between entering and `try`: at the end of the stack the root would stay entered for ever.
    code.line(entry.enter);
    code.block(
      "try",
      () => {
        if (names.metered) code.line("rt.meter.begin();");
        callee.beginTask();
        callee.begin();
        if (undone) code.line(`i${component}.handles.added = []; rt.taken = [];`);
        const settled = `lowered = true;${undone ? ` i${component}.handles.added = rt.taken = undefined;` : ""}`;
        const returned = callee.call(params, changing ? settled : undefined);
        if (result !== undefined) liftOutcome(crossing, result, returned);
        else if (type.result !== undefined) code.line(`value = ${callee.lift(type.result, returned)};`);
        callee.endScope();
        callee.postReturn(returned);
        callee.endTask();
      },
      "} catch (error) {",
    );
    if (changing) {
      // The guest has not been called: what was allocated in it stays, handles are taken back, and it goes on.
      const untouched = `!lowered && i${component}.mayLeave && i0.entered === ${ENTERED} && error !== rt.quota.trap`;
      code.line(
        `  if (${untouched}) { ${entry.leave}${names.metered ? " rt.meter.finish();" : ""}${names.tasks === undefined ? "" : " tk.end(undefined);"} throw rt.unlowered(${index}, error${undone ? `, i${component}` : ""}); }`,
      );
    }
    code.line(`  ${LOCK} throw rt.fault(${index}, error);`);
    code.line("}");
    if (names.metered) code.line("rt.meter.finish();");
    // A guest can catch what an import threw and go on; the fault stands all the same.
    code.line(`if (i0.entered !== ${ENTERED}) throw rt.fault(${index});`);
    code.line(entry.leave);
    settleGiven(crossing, [type.result]);
    if (result !== undefined) code.line("if (failed) throw rt.error(value);");
    if (type.result !== undefined) code.line("return value;");
  });
  return code;
}

/** Checks the arguments `a0`, … of a call; `index` is how the runtime knows the function. */
export function emitChecks(
  { emitter, code }: Pick<Crossing, "emitter" | "code">,
  type: FuncType,
  index: number,
  fail: (error: string) => string = (error) => `throw ${error};`,
): void {
  if (type.params.length === 0) return;
  const params = type.params.map((_, i) => `a${i}`);
  const checks = type.params.map((param, i) => checkExpression(emitter, param.type, `a${i}`)).join(" && ");
  const refusal = fail(`rt.badArguments(${index}, [${params.join(", ")}])`);
  const gives = type.params.some((param) => holdsOwn(param.type) || holdsAsync(param.type));
  if (!gives && !type.params.some((param) => mayChange(param.type))) {
    code.line(`if (!(${checks})) ${refusal}`);
    return;
  }
  code.line("let fits = false;");
  if (gives) code.line("const check = rt.beginCheck();");
  // What throws when it is looked at does not fit.
  code.line(`try { fits = ${checks}; } catch {}${gives ? " finally { rt.endCheck(check); }" : ""}`);
  code.line(`if (!fits) ${refusal}`);
}

/** An import that is exported again: checked as every export is, and cut with the instance. */
export function emitReexport(names: Names, func: number): Code {
  const { plan, emitter, budget } = names;
  const { type } = plan.hostFuncs[func]!;
  const params = type.params.map((_, i) => `a${i}`).join(", ");
  const code = new Code(budget);
  // The runtime knows the host's functions by the numbers below those of `start` and destructors.
  const index = -2 - func;
  names.annotate(code, `the import ${names.pathOf({ kind: "host", func })}, exported again`);
  code.block(`${names.waiting === undefined ? "" : "async "}function w${func}(${params})`, () => {
    code.line(`if (i0.entered > ${ENTERED}) throw rt.refuse(${index});`);
    emitChecks({ emitter, code }, type, index);
    code.line(`return h${func}(${params});`);
  });
  return code;
}

/** Lifts a `result` into `value` and `failed`, without an object around it. */
export function liftOutcome(crossing: Crossing, type: ResultType, returned: string): void {
  const { code, context } = crossing;
  const assign = (name: string, payload: string | undefined): void => {
    if (payload !== undefined) code.line(`value = ${payload};`);
    if (name === "err") code.line("failed = true;");
  };
  if (!isSpilled(type)) {
    liftCases(crossing, type, [returned], (c, payload) => assign(c.name, payload));
    return;
  }
  const cases = casesOf(type);
  const pointer = resultAddress(crossing, type, returned);
  const at = plus(pointer, payloadOffset(cases));
  code.block(`switch (${context.memory}.u8[${pointer}])`, () => {
    cases.forEach((c, i) => {
      code.block(`case ${i}:`, () => {
        assign(c.name, c.type === undefined ? undefined : load(crossing, c.type, at));
        code.line("break;");
      });
    });
    code.line("default: throw rt.discriminant();");
  });
}
