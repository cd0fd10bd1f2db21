/**
 * The text of calls that may be suspended: each is cut in two where a guest is entered or left, so that between the halves only
 * frames of WebAssembly stand, which pass through the functions of `instrument/suspender.ts`.
 *
 * f: begins a call and returns its promise · d: what is done with what the guest returns · t: what a guest calls · k: goes on
 * with what the host's function gave, at once or after a wait · j: the functions between. Follows design/mvp/CanonicalABI.md,
 * `canon lift` and `canon lower`, as `canon-lift.ts` and `canon-lower.ts` do.
 */
import type { Code } from "../abi/emit/code.ts";
import { ENTERED, IDLE } from "../abi/entered.ts";
import type { CoreItem } from "../plan/plan.ts";
import type { LowerTrampoline } from "./canon-lower.ts";
import type { Names, WaitingText } from "./names.ts";
import {
  callThrough,
  hostOutcome,
  liftedSignature,
  loweredSignature,
  type Signature,
  type TextTools,
} from "./text-tools.ts";

const reject = (error: string): string => `return rt.waiter.reject(${error});`;

export function waitingText(tools: object): WaitingText {
  return new Waiting(tools as TextTools);
}

class Waiting implements WaitingText {
  readonly #tools: TextTools;
  /** Where the functions of `j` find core items. */
  readonly #slots = new Map<CoreItem, number[]>();

  constructor(tools: TextTools) {
    this.#tools = tools;
  }

  lift(names: Names, index: number): Code {
    const tools = this.#tools;
    const { flags } = tools;
    const { plan } = names;
    const item = plan.lifts[index]!;
    const { type, component } = item;
    const code = new tools.Code(names.budget);
    const crossing = tools.crossingOf(names, code, item, "host", undefined);
    const { memory } = crossing.context;
    const params = type.params.map((_, i) => `a${i}`);
    const list = params.join(", ");
    const entered = tools.enteringSet(plan, component, undefined);
    names.core(item.core);
    names.annotate(code, `canon lift ${names.pathOf({ kind: "lift", lift: index })}`);
    code.block(`function f${index}(${list})`, () => {
      const later = `return rt.waiter.later(${index}, f${index}, [${list}]);`;
      code.line(`if (i0.entered > ${ENTERED}) ${later}`);
      tools.emitChecks(crossing, type, index, reject);
      code.line(`if (i0.entered !== ${IDLE} || rt.waiter.full) ${later}`);
      const changing = type.params.some((param) => tools.mayChange(param.type));
      const undone = changing && type.params.some((param) => tools.holdsHandle(param.type));
      if (changing) code.line("let lowered = false;");
      code.line(flags(entered, ENTERED));
      code.block(
        "try",
        () => {
          if (names.metered) code.line("rt.meter.begin();");
          tools.beginTask(names, component, code);
          const scoped = type.params.some((param) => tools.hasBorrow(param.type));
          if (scoped) code.line("const b = rt.waiter.scope = new rt.BorrowScope();");
          if (memory !== undefined) code.line(`${memory}.sync();`);
          if (undone) code.line(`i${component}.handles.added = []; rt.taken = [];`);
          const args = tools.lowerParams(crossing, type, params);
          if (undone) code.line(`i${component}.handles.added = rt.taken = undefined;`);
          if (changing) code.line("lowered = true;");
          code.line(`rt.waiter.enter(${index});`);
          code.line(`return rt.waiter.begun(j.f${index}(${args.join(", ")}));`);
        },
        "} catch (error) {",
      );
      if (changing) {
        // The guest has not been called: what was allocated in it stays, handles are taken back, and it goes on.
        const untouched = `!lowered && i${component}.mayLeave && i0.entered === ${ENTERED} && error !== rt.quota.trap`;
        const back = `${flags(entered, IDLE)}${names.metered ? " rt.meter.finish();" : ""}`;
        const error = `rt.unlowered(${index}, error${undone ? `, i${component}` : ""})`;
        code.line(`  if (${untouched}) { ${back} ${reject(error)} }`);
      }
      code.line(`  ${tools.LOCK} return rt.waiter.failed(${index}, error);`);
      code.line("}");
    });
    this.#writeDone(names, index, code);
    return code;
  }

  /** What is done with what the guest returns, on top of its frames. */
  #writeDone(names: Names, index: number, code: Code): void {
    const tools = this.#tools;
    const item = names.plan.lifts[index]!;
    const { type, component, options } = item;
    const crossing = tools.crossingOf(names, code, item, "host", undefined);
    const { memory } = crossing.context;
    const result = tools.resultOf(type);
    const returned = type.result === undefined ? "" : code.fresh();
    code.block(`function d${index}(${returned})`, () => {
      const variables = [
        ...(type.result === undefined ? [] : ["value"]),
        ...(result === undefined ? [] : ["failed = false"]),
      ];
      if (variables.length > 0) code.line(`let ${variables.join(", ")};`);
      tools.guarded(code, () => {
        if (memory !== undefined && type.result !== undefined) code.line(`${memory}.beginLift();`);
        else if (memory !== undefined && options.postReturn !== undefined) code.line(`${memory}.sync();`);
        if (result !== undefined) tools.liftOutcome(crossing, result, returned);
        else if (type.result !== undefined) code.line(`value = ${tools.liftResult(crossing, type.result, returned)};`);
        if (type.params.some((param) => tools.hasBorrow(param.type))) code.line("rt.waiter.scope.end();");
        tools.postReturn(crossing, item, returned);
      });
      if (names.metered) code.line("rt.meter.finish();");
      // A guest can catch what an import threw and go on; where the call began, the fault is told.
      code.line(`if (i0.entered !== ${ENTERED}) return;`);
      // The root is free when the guest's frames are gone.
      const inner = tools.enteringSet(names.plan, component, undefined).filter((at) => at !== 0);
      if (inner.length > 0) code.line(tools.flags(inner, IDLE));
      tools.settleGiven(crossing, [type.result]);
      const outcome = [...(type.result === undefined ? [] : ["value"]), ...(result === undefined ? [] : ["failed"])];
      code.line(`return rt.waiter.done(${outcome.join(", ")});`);
    });
  }

  waits({ plan }: Names, index: number): boolean {
    const item = plan.trampolines[index]!;
    if (item.kind !== "lower") return false;
    const { func, component } = item;
    return func.kind === "host" || !this.#tools.areRelated(plan, plan.lifts[func.lift]!.component, component);
  }

  lower(names: Names, index: number): Code {
    const { func } = trampoline(names, index);
    return func.kind === "host" ? this.#toHost(names, index, func.func) : this.#toGuest(names, index, func.lift);
  }

  #toHost(names: Names, index: number, func: number): Code {
    const tools = this.#tools;
    const code = new tools.Code(names.budget);
    const item = trampoline(names, index);
    const lowering = tools.loweringOf(names, item, code);
    const { lends, byPointer, type } = lowering;
    // What the second half needs of the first.
    const rest = [...(lends ? ["lends"] : []), ...(byPointer ? ["r"] : [])];
    const zero = loweredSignature(tools, type)[1] === "l" ? " 0n" : "";
    code.block(`function t${index}(${[...lowering.params, ...(byPointer ? ["r"] : [])].join(", ")})`, () => {
      tools.guard(item.component, code);
      tools.guarded(code, () => {
        const values = tools.liftParams(lowering);
        tools.settleGiven(
          lowering,
          type.params.map((param) => param.type),
        );
        // What the import does is not the guest's own time, but it is the call's.
        if (names.metered) code.line("rt.meter.pause();");
        code.line("let raw, thrown = false;");
        code.line("rt.waiter.importing = true;");
        const call = tools.hostCall(names, func, values);
        code.line(`try { raw = ${call}; } catch (error) { raw = error; thrown = true; }`);
        code.line("rt.waiter.importing = false;");
        const args = [func, "raw", `k${index}`, ...rest].join(", ");
        code.line(`if (!thrown && typeof raw === "object" && raw !== null && rt.waiter.block(${args})) return${zero};`);
        code.line(`return k${index}(${["raw", "thrown", ...rest].join(", ")});`);
      });
    });
    code.block(`function k${index}(${["raw", "thrown", ...rest].join(", ")})`, () => {
      tools.guarded(code, () => {
        if (names.metered) code.line("rt.meter.resume();");
        tools.lowerHostResult(lowering, func, hostOutcome(tools, lowering, func));
      });
    });
    return code;
  }

  #toGuest(names: Names, index: number, lift: number): Code {
    const tools = this.#tools;
    const begin = (code: Code): void => tools.beginTask(names, names.plan.lifts[lift]!.component, code);
    return callThrough(tools, names, { index, lift }, { frames: "rt.waiter.frames", kept: [], begin, end: () => {} });
  }

  declare(names: Names): readonly string[] {
    const { trampolines, lifts } = names.plan;
    const waiting = trampolines.flatMap((_, index) => (names.waits(index) ? [index] : []));
    const called = waiting.flatMap((index) => {
      const { func } = trampoline(names, index);
      return func.kind === "lift" ? [func.lift] : [];
    });
    const slots = [...new Set([...names.lifts, ...called])];
    const slotOf = new Map(slots.map((lift, slot) => [lift, slot]));
    const tools = this.#tools;
    const lowered = (index: number): Signature => loweredSignature(tools, trampoline(names, index).type);
    const described = (name: string, [params, result]: Signature, ...functions: string[]): string =>
      `["${name}", "${params}", "${result}", ${functions.join(", ")}]`;
    const inward = waiting.filter((index) => trampoline(names, index).func.kind === "host");
    const through = waiting.filter((index) => trampoline(names, index).func.kind === "lift");
    const lists = [
      inward.map((index) => described(`g${index}`, lowered(index), `t${index}`)),
      Array.from(names.lifts, (index) =>
        described(`f${index}`, liftedSignature(tools, lifts[index]!.type), `d${index}`),
      ),
      through.map((index) => {
        const { func } = trampoline(names, index);
        const lift = (func as Extract<typeof func, { kind: "lift" }>).lift;
        const [params, result] = liftedSignature(tools, lifts[lift]!.type);
        return described(
          `g${index}`,
          lowered(index),
          `t${index}`,
          `k${index}`,
          `"${params}", "${result}", ${slotOf.get(lift)!}`,
        );
      }),
    ].map((list) => `[${list.join(", ")}]`);
    const lines = [`let j = rt.waiter.functions(${lists.join(", ")}, ${slots.length});`];
    for (const [lift, slot] of slotOf) {
      const { core } = lifts[lift]!;
      if (core.kind === "export") {
        this.#slots.set(core, [...(this.#slots.get(core) ?? []), slot]);
      } else {
        // A function of the host's own, lifted again: only those of WebAssembly can be in a table.
        const [params, result] = liftedSignature(tools, lifts[lift]!.type);
        lines.push(`j.table.set(${slot}, rt.waiter.wrapped("${params}", "${result}", ${names.core(core)}));`);
      }
    }
    return lines;
  }

  attach(item: CoreItem, local: string): readonly string[] {
    return (this.#slots.get(item) ?? []).map((slot) => `j.table.set(${slot}, ${local});`);
  }
}

function trampoline({ plan }: Names, index: number): LowerTrampoline {
  return plan.trampolines[index] as LowerTrampoline;
}
