/**
 * plan → JavaScript text: one function that, given a runtime, core modules and host functions, makes an instance.
 *
 * What the names in it mean is said in `names.ts`. Dropping an instance empties every variable that leads to the engine, so
 * that functions a user still holds keep nothing alive.
 */
import { Budget } from "../budget.ts";
import { checkExpression } from "../abi/emit/check.ts";
import { Code, quote } from "../abi/emit/code.ts";
import { hasBorrow } from "../abi/emit/context.ts";
import { liftFlat, load } from "../abi/emit/lift.ts";
import { elementCost } from "../abi/emit/cost.ts";
import { lowerFlat, store } from "../abi/emit/lower.ts";
import { typedArrayOf } from "../abi/emit/numbers.ts";
import { holdsHandle } from "../model/facts.ts";
import { UsageError } from "../errors.ts";
import { flatOf, layoutOf } from "../model/layout.ts";
import type { CoreInstanceRef, Plan } from "../plan/plan.ts";
import { emitExports } from "./exports.ts";
import { emitChecks, emitLift, emitReexport, liftOutcome } from "./canon-lift.ts";
import { hostCall, liftParams, looksLikeResult, lowerHostResult, loweringOf, lowerResult } from "./canon-lower.ts";
import {
  areRelated,
  crossingOf,
  enteringSet,
  flags,
  guard,
  guarded,
  entryOf,
  isSpilled,
  liftResult,
  LOCK,
  lowerParams,
  mayChange,
  postReturn,
  beginTask,
  resultAddress,
  resultOf,
  runningComponents,
  settleGiven,
} from "./crossing.ts";
import { emitDestructor, emitTrampoline } from "./trampolines.ts";
import { ABORT_HOOK, hasAbortHook } from "./guest-hooks.ts";
import { memoryExports } from "./key.ts";
import { Names, type TextStyle } from "./names.ts";
import type { TextTools } from "./text-tools.ts";

/**
 * Emits the text of a plan. Deterministic: equal structure gives equal text.
 * @param budget the work allowed, by default for the text alone
 * @throws {UnsupportedError} when the text would be out of all proportion to the component
 * @throws {UsageError} for calls that may wait where functions are asynchronous
 */
export function emitBindings(plan: Plan, budget: Budget = new Budget(plan.byteLength), style: TextStyle = {}): string {
  if (style.tasks !== undefined && style.waiting !== undefined) {
    throw new UsageError("The functions of this component are asynchronous, and wait by themselves: leave jspi out");
  }
  return new Conductor(plan, budget, style).write();
}

/** Variables that one statement may empty: a long chain of assignments overflows the stack of the engine's parser. */
const maxChain = 1_000;

const textTools: TextTools = {
  areRelated,
  entryOf,
  liftFlat,
  load,
  lowerFlat,
  lowerResult,
  checkExpression,
  Code,
  crossingOf,
  emitChecks,
  enteringSet,
  flags,
  flatOf,
  guard,
  guarded,
  hasBorrow,
  holdsHandle,
  hostCall,
  isSpilled,
  layoutOf,
  liftOutcome,
  liftParams,
  liftResult,
  LOCK,
  looksLikeResult,
  lowerHostResult,
  loweringOf,
  lowerParams,
  mayChange,
  postReturn,
  beginTask,
  resultAddress,
  resultOf,
  runningComponents,
  settleGiven,
  elementCost,
  store,
  typedArrayOf,
};

/** Puts the text together: first what calls and is called, then the declarations of all that it named. */
class Conductor {
  private readonly plan: Plan;
  private readonly names: Names;
  private readonly modules: readonly {
    readonly memories: readonly string[] | undefined;
    readonly hasAbortHook: boolean;
  }[];

  constructor(plan: Plan, budget: Budget, style: TextStyle) {
    this.plan = plan;
    this.names = new Names(plan, budget, style, textTools);
    this.modules = plan.modules.map((module) => ({
      memories: memoryExports(module),
      hasAbortHook: hasAbortHook(module),
    }));
  }

  write(): string {
    const { plan, names } = this;
    const { waiting } = names;
    const trampolines = plan.trampolines.map((_, index) =>
      names.waits(index)
        ? waiting!.lower(names, index)
        : (names.tasks?.trampoline(names, index) ?? emitTrampoline(names, index)),
    );
    const destructors = plan.resources.map((_, index) => emitDestructor(names, index));
    const exports = emitExports(names);
    const lifts = Array.from(names.lifts, (index) =>
      waiting === undefined ? (names.tasks?.lift(names, index) ?? emitLift(names, index)) : waiting.lift(names, index),
    );
    const reexports = Array.from(names.reexports, (func) => emitReexport(names, func));
    const code = new Code(names.budget, 0);
    code.line(`"use strict";`);
    code.block(
      "return function instantiate(rt, modules, host)",
      () => {
        this.declareState(code);
        for (const part of [...lifts, ...reexports, ...trampolines, ...destructors]) code.append(part);
        for (const { text } of names.reallocs.values()) code.line(text);
        for (const helper of names.emitter.helpers()) code.append(helper);
        code.append(exports);
        this.writeControls(code);
      },
      "};\n",
    );
    return code.toString();
  }

  private declareState(code: Code): void {
    const { plan, names } = this;
    // First, as it names more of what is declared here.
    const more = (names.waiting ?? names.tasks)?.declare(names) ?? [];
    const states = runningComponents(plan).map((i) => (i === 0 ? "i0 = rt.root" : `i${i} = rt.component()`));
    code.line(`const ${states.join(", ")};`);
    for (const name of names.memories.values()) code.line(`const ${name} = new rt.Memory(rt.quota);`);
    plan.resources.forEach(({ origin }, i) => {
      if (origin.kind === "host") code.line(`const o${i} = rt.hostObjects(${i});`);
    });
    const variables = [...plan.steps.map(({ instance }) => `x${instance}`), ...names.coreItems.values()];
    if (variables.length > 0) code.line(`let ${variables.join(", ")};`);
    if (plan.hostFuncs.length > 0) code.line(`let ${plan.hostFuncs.map((_, i) => `h${i} = host[${i}]`).join(", ")};`);
    for (const line of more) code.line(line);
  }

  private writeControls(code: Code): void {
    const { plan, names } = this;
    code.block(
      "return",
      () => {
        code.line("exports,");
        code.block("start(at, made)", () => this.writeSteps(code), "},");
        code.block(
          "dispose()",
          () => {
            if (names.waiting !== undefined) code.line("rt.waiter.end();");
            if (names.tasks !== undefined) code.line("tk.dispose();");
            for (const name of names.memories.values()) code.line(`${name}.detach();`);
            const variables = [
              ...plan.steps.map(({ instance }) => `x${instance}`),
              ...names.coreItems.values(),
              ...plan.hostFuncs.map((_, i) => `h${i}`),
              ...(names.waiting === undefined && names.tasks === undefined ? [] : ["j"]),
              "modules",
              "host",
            ];
            for (let from = 0; from < variables.length; from += maxChain) {
              code.line(`${variables.slice(from, from + maxChain).join(" = ")} = undefined;`);
            }
          },
          "},",
        );
      },
      "};",
    );
  }

  /** Every step is a case that falls through to the next, so that a start can go on where it had to wait. */
  private writeSteps(code: Code): void {
    const { steps } = this.plan;
    const attached = this.attachments();
    code.block("switch (at)", () => {
      code.line("case -1:");
      code.line("  throw made;");
      code.line("case 0:");
      if (this.names.tasks !== undefined) code.line("  tk.begin(q0);");
      steps.forEach((step, index) => {
        const imports = step.args.map(({ name, source }) => `${objectKey(name)}: ${this.source(source)}`);
        const object = imports.length === 0 ? "" : `, { ${imports.join(", ")} }`;
        code.line(`  if ((made = rt.make(modules[${step.module}]${object})) === undefined) return ${index + 1};`);
        code.line(`case ${index + 1}:`);
        this.writeStep(code, step);
        for (const text of attached.get(step.instance) ?? []) code.line(`  ${text}`);
      });
      if (this.names.waiting !== undefined) code.line("  rt.waiter.serves(exports);");
      if (this.names.tasks !== undefined) code.line("  tk.end(undefined); tk.serves(exports);");
    });
  }

  /** What the host and the text keep of a core instance. */
  private writeStep(code: Code, { instance, module }: Plan["steps"][number]): void {
    const x = `x${instance}`;
    code.line(`  ${x} = made;`);
    const { memories, hasAbortHook: hooked } = this.modules[module]!;
    if (memories === undefined) code.line(`  for (const item of Object.values(${x})) rt.track(item);`);
    for (const name of memories ?? []) code.line(`  rt.track(${x}[${quote(name)}]);`);
    if (hooked) {
      code.line(`  rt.abortHook = () => rt.abortRecord(${x}[${quote(ABORT_HOOK)}](), ${x}.memory);`);
    }
  }

  /** The statements that take what the text uses out of the exports of a core instance, by its number. */
  private attachments(): Map<number, string[]> {
    const { names } = this;
    const attached = new Map<number, string[]>();
    const add = (instance: number, text: string): void => {
      const texts = attached.get(instance);
      if (texts === undefined) attached.set(instance, [text]);
      else texts.push(text);
    };
    for (const [item, local] of names.coreItems) {
      add(item.instance, `${local} = x${item.instance}[${quote(item.name)}];`);
      for (const text of (names.waiting ?? names.tasks)?.attach(item, local) ?? []) add(item.instance, text);
    }
    for (const [item, local] of names.memories) {
      if (item.kind === "export") add(item.instance, `${local}.attach(x${item.instance}[${quote(item.name)}]);`);
    }
    return attached;
  }

  private source(source: CoreInstanceRef): string {
    if (source.kind === "instance") return `x${source.instance}`;
    const items = source.items.map(({ name, item }) => {
      const value =
        item.kind === "trampoline" ? this.names.trampoline(item.trampoline) : `x${item.instance}[${quote(item.name)}]`;
      return `${objectKey(name)}: ${value}`;
    });
    return `{ ${items.join(", ")} }`;
  }
}

/** Import names of core modules are arbitrary strings, `__proto__` among them. */
function objectKey(name: string): string {
  return name === "__proto__" ? `["__proto__"]` : quote(name);
}
