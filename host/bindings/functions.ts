/**
 * The text of functions that cross the boundary: exported functions, trampolines for imports, resource built-ins.
 *
 * Follows design/mvp/CanonicalABI.md, `canon lift`, `canon lower` and `canon resource.*`. Whatever goes wrong between
 * entering and leaving a guest marks the root (`fault` at the host's edge, `stop` before an error re-enters a guest).
 */
import { checkExpression } from "../abi/emit/check.ts";
import { Code, member, quote } from "../abi/emit/code.ts";
import { hasBorrow, type Context } from "../abi/emit/context.ts";
import { liftCases, liftFlat, liftMembers, load, plus } from "../abi/emit/lift.ts";
import { lowerFlat, store } from "../abi/emit/lower.ts";
import { casesOf, layoutOf, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, sequence, someType } from "../abi/layout.ts";
import type { FuncType, ResultType, ValueType } from "../model/types.ts";
import type { FuncItem, Lift, Options, Plan, Trampoline } from "../plan/plan.ts";
import type { BindingsWriter } from "./emit.ts";
import { funcName } from "./js-names.ts";

function contextOf(
  writer: BindingsWriter,
  options: Options,
  component: number,
  peer: "host" | "guest",
  source: Context["source"],
): Context {
  return {
    component,
    encoding: options.encoding,
    memory: writer.memoryName(options),
    realloc: writer.reallocName(options, component),
    peer,
    source,
  };
}

/** The component instances that a call enters: the callee and its ancestors, less the caller and its ancestors. */
function enteringSet(plan: Plan, callee: number, caller: number | undefined): number[] {
  const chain = (start: number | undefined): number[] => {
    const found: number[] = [];
    for (let at = start; at !== undefined; at = plan.components[at]) found.push(at);
    return found;
  };
  const already = new Set(chain(caller));
  return chain(callee).filter((component) => !already.has(component));
}

/** Whether one of two component instances is the other or holds it. */
function areRelated(plan: Plan, a: number, b: number): boolean {
  const holds = (outer: number, inner: number): boolean => {
    for (let at: number | undefined = inner; at !== undefined; at = plan.components[at]) if (at === outer) return true;
    return false;
  };
  return holds(a, b) || holds(b, a);
}

function flags(components: readonly number[], value: number): string {
  return components.map((component) => `e${component} = `).join("") + `${value};`;
}

/** A task begins with its context slots at zero; a component instance runs one task at a time. */
function resetContext(writer: BindingsWriter, component: number, code: Code): void {
  if (writer.usesContext(component)) code.line(`k${component}.fill(0);`);
}

function isBusy(components: readonly number[]): string {
  return components.map((component) => `e${component} !== 0`).join(" || ");
}

/** An exported function, called by the host. */
export function emitLift(writer: BindingsWriter, index: number): string {
  const { plan, emitter } = writer;
  const lift = plan.lifts[index]!;
  const { type, component } = lift;
  const context = contextOf(writer, lift.options, component, "host", undefined);
  const params = type.params.map((_, i) => `a${i}`);
  const entered = enteringSet(plan, component, undefined);
  const code = new Code();
  const result = resultOf(type);
  code.block(`function f${index}(${params.join(", ")})`, () => {
    const checks = type.params.map((param, i) => checkExpression(emitter, param.type, `a${i}`));
    if (type.params.some((param) => someType(param.type, ({ kind }) => kind === "own"))) code.line("rt.beginCheck();");
    if (checks.length > 0) {
      const refusal = `e0 > 1 ? rt.refuse(${index}, e0) : rt.badArguments(${index}, [${params.join(", ")}])`;
      code.line(`if (!(${checks.join(" && ")})) throw ${refusal};`);
    }
    code.line(`if (${isBusy(entered)}) throw rt.refuse(${index}, e0);`);
    code.line(flags(entered, 1));
    resetContext(writer, component, code);
    if (type.result !== undefined) code.line(`let value${result === undefined ? "" : ", failed = false"};`);
    const scoped = type.params.some((param) => hasBorrow(param.type));
    code.block(
      "try",
      () => {
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
    code.line(`  throw fault(${index}, error);`);
    code.line("}");
    // A guest can catch what an import threw and go on; the fault stands all the same.
    code.line(`if (e0 !== 1) throw fault(${index}, undefined);`);
    code.line(flags(entered, 0));
    settleGiven(writer, [type.result], code);
    if (result !== undefined) code.line("if (failed) throw rt.error(value);");
    if (type.result !== undefined) code.line("return value;");
  });
  return code.toString();
}

/** A function's result when it is a `result`, which crosses to the host as return or throw. */
function resultOf(type: FuncType): ResultType | undefined {
  return type.result?.kind === "result" ? type.result : undefined;
}

/** Lowers the arguments, calls the core function and gives the name of what it returned. */
function callCore(writer: BindingsWriter, lift: Lift, values: readonly string[], context: Context, code: Code): string {
  const args = lowerParams(writer, lift.type, values, context, code);
  const call = `${writer.coreName(lift.core)}(${args.join(", ")})`;
  if (lift.type.result === undefined) {
    code.line(`${call};`);
    if (lift.options.postReturn !== undefined && context.memory !== undefined) code.line(`${context.memory}.sync();`);
    return "";
  }
  const returned = code.name(call);
  if (context.memory !== undefined) code.line(`${context.memory}.sync();`);
  return returned;
}

/** `lower_flat_values` for parameters: flat up to sixteen, spilled to memory beyond. */
function lowerParams(
  writer: BindingsWriter,
  type: FuncType,
  values: readonly string[],
  context: Context,
  code: Code,
): string[] {
  const types = type.params.map((param) => param.type);
  if (types.flatMap((t) => layoutOf(t).flat).length <= MAX_FLAT_PARAMS) {
    return types.flatMap((t, i) => lowerFlat(writer.emitter, t, values[i]!, context, code));
  }
  const { size, alignment, offsets } = sequence(types);
  const pointer = code.name(`${context.realloc}(0, 0, ${alignment}, ${size})`);
  types.forEach((t, i) => store(writer.emitter, t, values[i]!, plus(pointer, offsets[i]!), context, code));
  return [pointer];
}

function isSpilled(type: ValueType): boolean {
  return layoutOf(type).flat.length > MAX_FLAT_RESULTS;
}

/** The address of a spilled result, checked. */
function resultAddress(type: ValueType, pointer: string, context: Context, code: Code): string {
  const { size, alignment } = layoutOf(type);
  return code.name(`${context.memory}.check(${pointer}, ${size}, ${alignment})`);
}

function liftResult(writer: BindingsWriter, type: ValueType, returned: string, context: Context, code: Code): string {
  if (!isSpilled(type)) return liftFlat(writer.emitter, type, [returned], context, code);
  return load(writer.emitter, type, resultAddress(type, returned, context, code), context);
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

function postReturn(writer: BindingsWriter, lift: Lift, returned: string, code: Code): void {
  if (lift.options.postReturn === undefined) return;
  const call = `${writer.coreName(lift.options.postReturn)}(${returned});`;
  code.line(`l${lift.component} = 1; ${call} l${lift.component} = 0;`);
}

/** A core function that the host makes for core modules to import. */
export function emitTrampoline(writer: BindingsWriter, index: number): string {
  const trampoline = writer.plan.trampolines[index]!;
  const code = new Code();
  const name = `g${index}`;
  switch (trampoline.kind) {
    case "lower":
      emitLower(writer, name, trampoline, code);
      break;
    case "resource.new":
      code.block(`function ${name}(rep)`, () => {
        guard(trampoline.component, code);
        guarded(code, () =>
          code.line(`return t${trampoline.component}.add(${trampoline.resource}, rep, true, undefined);`),
        );
      });
      break;
    case "resource.rep":
      code.block(`function ${name}(index)`, () => {
        guarded(code, () => code.line(`return t${trampoline.component}.rep(index, ${trampoline.resource});`));
      });
      break;
    case "resource.drop":
      code.block(`function ${name}(index)`, () => {
        guard(trampoline.component, code);
        guarded(code, () => emitDrop(writer, trampoline.component, trampoline.resource, code));
      });
      break;
    case "context.get":
      code.line(`function ${name}() { return k${trampoline.component}[${trampoline.slot}]; }`);
      break;
    case "context.set":
      code.line(`function ${name}(value) { k${trampoline.component}[${trampoline.slot}] = value; }`);
      break;
    case "task":
      emitTask(name, trampoline.name, trampoline.component, code);
      break;
  }
  return code.toString();
}

/** Built-ins that have no effect where every call runs to its end. */
const idle: ReadonlySet<string> = new Set(["backpressure.inc", "backpressure.dec"]);

function emitTask(name: string, builtin: string, component: number, code: Code): void {
  code.block(`function ${name}()`, () => {
    if (idle.has(builtin)) return;
    guard(component, code);
    if (builtin === "thread.yield") code.line("return 0;");
    else code.line(`throw stop(rt.unsupported(${quote(builtin)}));`);
  });
}

/** "trap_if(not inst.may_leave)", and nothing leaves an instance that has trapped. */
function guard(component: number, code: Code): void {
  code.line(`if (l${component} !== 0 || e0 > 1) throw stop(rt.leave());`);
}

function guarded(code: Code, body: () => void): void {
  code.block("try", body, "} catch (error) {");
  code.line("  throw stop(error);");
  code.line("}");
}

function emitDrop(writer: BindingsWriter, component: number, resource: number, code: Code): void {
  const { origin } = writer.plan.resources[resource]!;
  code.line(`const handle = t${component}.drop(index, ${resource});`);
  if (origin.kind === "host") {
    code.line(`if (handle.own) rt.dropHost(${resource}, handle.rep);`);
    return;
  }
  const { dtor } = origin;
  const entered = enteringSet(writer.plan, origin.component, component);
  if (dtor === undefined) {
    // The specification calls an empty destructor, which must be allowed to enter all the same.
    if (entered.length > 0) code.line(`if (handle.own && (${isBusy(entered)})) throw rt.enter();`);
    return;
  }
  code.block("if (handle.own)", () => {
    if (entered.length > 0) {
      code.line(`if (${isBusy(entered)}) throw rt.enter();`);
      code.line(flags(entered, 1));
    }
    code.line(`${writer.coreName(dtor)}(handle.rep);`);
    if (entered.length > 0) code.line(flags(entered, 0));
  });
}

/** Registers a guest's resource with the function by which the host drops one. */
export function emitDestructor(writer: BindingsWriter, index: number): string {
  const { origin, name } = writer.plan.resources[index]!;
  if (origin.kind === "host") return "";
  const code = new Code();
  const entered = enteringSet(writer.plan, origin.component, undefined);
  code.block(
    `rt.resource(${index}, ${quote(name)}, (rep) =>`,
    () => {
      // A locked instance has nothing left to drop, and a second error would hide the trap from `using`.
      code.line("if (e0 > 1) return;");
      code.line(`if (${isBusy(entered)}) throw rt.refuse(-1, e0);`);
      if (origin.dtor === undefined) return;
      code.line(flags(entered, 1));
      code.block("try", () => code.line(`${writer.coreName(origin.dtor!)}(rep);`), "} catch (error) {");
      code.line("  throw fault(-1, error);");
      code.line("}");
      code.line("if (e0 !== 1) throw fault(-1, undefined);");
      code.line(flags(entered, 0));
    },
    "});",
  );
  return code.toString();
}

function emitLower(
  writer: BindingsWriter,
  name: string,
  { func, type, options, component }: Extract<Trampoline, { kind: "lower" }>,
  code: Code,
): void {
  const types = type.params.map((param) => param.type);
  const flat = types.flatMap((t) => layoutOf(t).flat);
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
      code.line("throw stop(rt.enter());");
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

/** Host objects that guests gave back are the host's own from here on. */
function settleGiven(writer: BindingsWriter, types: readonly (ValueType | undefined)[], code: Code): void {
  const given = new Set<number>();
  for (const type of types) {
    someType(type, (inner) => {
      const resource = inner.kind === "own" ? writer.emitter.types.resource(inner.resource) : undefined;
      if (resource !== undefined && writer.plan.resources[resource]!.origin.kind === "host") given.add(resource);
      return false;
    });
  }
  for (const resource of given) code.line(`o${resource}.given();`);
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
  if (context.memory !== undefined && types.length > 0) code.line(`${context.memory}.sync();`);
  if (!lends) return liftNow(writer, types, params, spilled, context, code);
  // Inside, `b` is where borrows are noted; the callee's own scope may use the same name outside.
  const names = types.map(() => code.fresh());
  code.line(`let ${names.join(", ")};`);
  code.block("", () => {
    code.line("const b = lends;");
    liftNow(writer, types, params, spilled, context, code).forEach((value, i) => code.line(`${names[i]} = ${value};`));
  });
  return names;
}

function liftNow(
  writer: BindingsWriter,
  types: readonly ValueType[],
  params: readonly string[],
  spilled: boolean,
  context: Context,
  code: Code,
): string[] {
  if (!spilled) return liftMembers(writer.emitter, types, params, context, code);
  const { size, alignment, offsets } = sequence(types);
  const pointer = code.name(`${context.memory}.check(p0, ${size}, ${alignment})`);
  return types.map((type, i) => code.name(load(writer.emitter, type, plus(pointer, offsets[i]!), context)));
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
  const result = resultOf(type);
  const returned = code.fresh();
  code.line(`let ${returned};`);
  if (result === undefined) {
    const statement = type.result === undefined ? call : `${returned} = ${call}`;
    code.line(`try { ${statement}; } catch (error) { throw rt.threw(${index}, error); }`);
  } else {
    code.line(`try { ${returned} = { tag: "ok", val: ${call} }; }`);
    code.line(`catch (error) { ${returned} = { tag: "err", val: rt.payload(${index}, error) }; }`);
  }
  if (type.result !== undefined) {
    code.line(
      `if (!(${checkExpression(writer.emitter, type.result, returned)})) throw rt.badResult(${index}, ${returned});`,
    );
  }
  return returned;
}

function lowerHostResult(
  writer: BindingsWriter,
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
  lowerResult(writer, type.result, value, context, byPointer, code);
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
