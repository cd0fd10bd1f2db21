/**
 * The text of asynchronous functions and of the built-ins of tasks: what is compiled for one component. What tasks are and when
 * they run is ordinary code, `abi/async/`, which this text tells how values cross.
 *
 * tk: the tasks · q: a component instance's side of them · l: a lifted function · s: lowers the arguments of a call and calls · d: what
 * is done with what a function without `task.return` returns · y: a call between guests, or of the host · k: what is done with a
 * result · j: core functions in which a guest may be suspended. Follows design/mvp/CanonicalABI.md, `canon lift`, `canon lower` and
 * the built-ins.
 */
import type { Code } from "../abi/emit/code.ts";
import { ENTERED } from "../abi/entered.ts";
import type { FuncType, ValueType } from "../model/types.ts";
import { holdsAsync } from "../model/facts.ts";
import { allSuspendingComponents, blocks, suspendingComponents } from "../plan/asynchronous.ts";
import type { CoreItem, Lift, TaskBuiltin } from "../plan/plan.ts";
import type { LowerTrampoline } from "./canon-lower.ts";
import type { CallCrossing } from "./crossing.ts";
import type { Names, TaskText } from "./names.ts";
import { Channels } from "./channels.ts";
import { builtinSignature, builtinText } from "./task-builtins.ts";
import {
  callThrough,
  hostOutcome,
  liftedSignature,
  loweredAsyncSignature,
  loweredSignature,
  MOST_FLAT,
  type Signature,
  type TextTools,
} from "./text-tools.ts";

/**
 * @param suspends whether the engine can suspend a guest
 * @param awaited whether the host waits for synchronous functions by promises, so that they can be suspended too
 */
export function taskText(suspends: boolean, awaited: boolean): (tools: object) => TaskText {
  return (tools) => new Tasks(tools as TextTools, suspends, awaited);
}

class Tasks implements TaskText {
  readonly #tools: TextTools;
  readonly #suspends: boolean;
  readonly #awaited: boolean;
  #suspending: ReadonlySet<number> | undefined;
  /** Asynchronous functions that are called, by the host or by guests. */
  readonly #called = new Set<number>();
  /** Those that the host calls. */
  readonly #exported = new Set<number>();
  /** Calls between guests. */
  readonly #between: number[] = [];
  /** Calls between guests that may be suspended in them. */
  readonly #through: number[] = [];
  /** Calls of the host. */
  readonly #outward: number[] = [];
  /** Where the functions of `j` find core items, in a table with a place for each. */
  readonly #slots = new Map<CoreItem, number[]>();
  #outwardCount = 0;
  readonly #channels: Channels;

  constructor(tools: TextTools, suspends: boolean, awaited: boolean) {
    this.#tools = tools;
    this.#suspends = suspends;
    this.#awaited = awaited;
    this.#channels = new Channels(this.#tools);
  }

  lift(names: Names, index: number): Code | undefined {
    const item = names.plan.lifts[index]!;
    if (!item.type.async && !this.#awaited) return undefined;
    const tools = this.#tools;
    const { type } = item;
    const params = type.params.map((_, i) => `a${i}`);
    const list = params.join(", ");
    const code = new tools.Code(names.budget);
    const crossing = tools.crossingOf(names, code, item, "host", undefined);
    this.#call(names, index, code);
    this.#exported.add(index);
    names.annotate(code, `canon lift ${names.pathOf({ kind: "lift", lift: index })}`);
    code.block(`function f${index}(${[...params, "options"].join(", ")})`, () => {
      code.line(`if (i0.entered > ${ENTERED}) return tk.refused(${index});`);
      tools.emitChecks(crossing, type, index, (error) => `return Promise.reject(${error});`);
      code.line(`return tk.callFromHost(l${index}, [${list}], options);`);
    });
    const changing = this.#changes(type);
    const undone = type.params.some((param) => tools.holdsHandle(param.type) || holdsAsync(param.type));
    code.block(`function s${index}(task, args)`, () => {
      if (params.length > 0) code.line(`const ${params.map((name, i) => `${name} = args[${i}]`).join(", ")};`);
      // Handles may have been made when another argument turns out to have changed.
      const { handles, taken } = { handles: `i${item.component}.handles.added`, taken: "rt.taken" };
      if (undone) code.line(`${handles} = []; ${taken} = [];`);
      const settled = undone ? ` ${handles} = ${taken} = undefined;` : "";
      this.#writeStart(crossing, index, params, changing ? `task.caller.lowered = true;${settled}` : undefined);
    });
    return code;
  }

  /** Whether arguments may be others when they are lowered: a call may wait, and a resource be dropped or given away meanwhile. */
  #changes({ params }: FuncType): boolean {
    return params.some(({ type }) => this.#tools.mayChange(type) || this.#tools.holdsHandle(type));
  }

  /** Lowers the arguments of a call and calls the core function. */
  #writeStart(crossing: CallCrossing, index: number, values: readonly string[], onLowered?: string): void {
    const tools = this.#tools;
    const { names, code, context } = crossing;
    const item = names.plan.lifts[index]!;
    if (item.type.params.some((param) => tools.hasBorrow(param.type))) {
      code.line("const b = task.scope = new rt.BorrowScope();");
    }
    if (context.memory !== undefined) code.line(`${context.memory}.sync();`);
    const args = tools.lowerParams(crossing, item.type, values).join(", ");
    if (onLowered !== undefined) code.line(onLowered);
    if (this.#isSuspended(names, index)) {
      code.line(`return j.f${index}(${args});`);
      return;
    }
    const call = `${names.core(item.core)}(${args})`;
    const { async, callback } = item.options;
    if (!async) code.line(`return d${index}(${call});`);
    else if (callback === undefined) code.line(`${call}; return 0;`);
    else code.line(`return ${call};`);
  }

  /** The result of a function that gives it by returning, and what comes after that. */
  #writeReturn(names: Names, index: number, code: Code): void {
    const tools = this.#tools;
    const item = names.plan.lifts[index]!;
    const { type, options } = item;
    const returned = type.result === undefined ? "" : "returned";
    code.block(`function d${index}(${returned})`, () => {
      tools.guarded(code, () => {
        this.#writeOutcome(names, code, item, (crossing, result) =>
          tools.isSpilled(result)
            ? tools.liftResult(crossing, result, "returned")
            : tools.liftFlat(crossing, result, ["returned"]),
        );
        if (options.postReturn !== undefined) {
          const crossing = tools.crossingOf(names, code, item, "host", undefined);
          if (crossing.context.memory !== undefined) code.line(`${crossing.context.memory}.sync();`);
          tools.postReturn(crossing, item, returned);
        }
      });
      code.line("return 0;");
    });
  }

  /** Lifts a result for whoever called, the host or a guest, and resolves the task with it. */
  #writeOutcome(
    names: Names,
    code: Code,
    side: Pick<Lift, "type" | "options" | "component">,
    lift: (crossing: CallCrossing, type: ValueType) => string,
  ): void {
    const tools = this.#tools;
    const { result } = side.type;
    if (result === undefined) {
      code.line("tk.current.task.return_(undefined, false);");
      return;
    }
    const { memory } = tools.crossingOf(names, code, side, "host", undefined).context;
    if (memory !== undefined) code.line(`${memory}.beginLift();`);
    code.line("const { task } = tk.current;");
    code.branch(
      "task.caller.isHost",
      () => {
        const crossing = tools.crossingOf(names, code, side, "host", undefined);
        const value = code.name(lift(crossing, result));
        tools.settleGiven(crossing, [result]);
        if (result.kind === "result") code.line(`task.return_(${value}.val, ${value}.tag === "err");`);
        else code.line(`task.return_(${value}, false);`);
      },
      () => {
        const crossing = tools.crossingOf(names, code, side, "guest", undefined);
        code.line(`task.return_(${code.name(lift(crossing, result))}, false);`);
      },
    );
  }

  trampoline(names: Names, index: number): Code | undefined {
    const item = names.plan.trampolines[index]!;
    if (item.kind === "task") return this.#builtin(names, index, item);
    if (item.kind !== "lower") return undefined;
    if (!item.type.async) {
      if (!this.suspends(names, index)) return undefined;
      return item.func.kind === "host"
        ? this.#lowerToHost(names, index, item, item.func.func)
        : this.#callThrough(names, index, item.func.lift);
    }
    return item.func.kind === "host"
      ? this.#lowerToHost(names, index, item, item.func.func)
      : this.#lowerToGuest(names, index, item, item.func.lift);
  }

  #builtin(names: Names, index: number, item: TaskBuiltin): Code {
    const tools = this.#tools;
    const code = new tools.Code(names.budget);
    names.annotate(code, `canon ${item.name}`);
    if (item.name === "task.return") {
      this.#writeTaskReturn(names, code, index, item);
      return code;
    }
    const channel = this.#channels.builtin(names, item);
    if (channel !== undefined) {
      code.block(`function ${this.#nameOf(names, index)}(${channel.params})`, () => {
        tools.guard(item.component, code);
        tools.guarded(code, () => channel.write(code));
      });
      return code;
    }
    const { params, body } = builtinText(item, (core) =>
      core === item.table ? names.core(core!) : names.memory({ memory: core } as Lift["options"]),
    );
    code.block(`function ${this.#nameOf(names, index)}(${params})`, () => {
      if (!item.name.startsWith("backpressure")) tools.guard(item.component, code);
      tools.guarded(code, () => code.line(body));
    });
    return code;
  }

  #writeTaskReturn(names: Names, code: Code, index: number, { component, result, options }: TaskBuiltin): void {
    const tools = this.#tools;
    const flat = result === undefined ? [] : tools.layoutOf(result).flat;
    const spilled = flat.length > MOST_FLAT;
    const params = spilled ? ["p0"] : flat.map((_, i) => `p${i}`);
    const type: FuncType = { kind: "func", params: [], result, async: true };
    const side = { type, options: options!, component };
    code.block(`function g${index}(${params.join(", ")})`, () => {
      tools.guard(component, code);
      tools.guarded(code, () => {
        // A result that takes no memory may be returned without naming one.
        const memory = options!.memory === undefined ? "" : `, ${JSON.stringify(names.memory(options!))}`;
        code.line(`tk.returning(${JSON.stringify(this.#returns(names, side))}${memory});`);
        this.#writeOutcome(names, code, side, (crossing, of) =>
          spilled
            ? tools.load(crossing, of, tools.resultAddress(crossing, of, "p0"))
            : tools.liftFlat(crossing, of, params),
        );
      });
    });
  }

  /** What `task.return` and the function it returns from must have in common. */
  #returns(names: Names, { type, options }: Pick<Lift, "type" | "options">): string {
    const result = type.result === undefined ? "-" : names.emitter.types.of(type.result);
    return `${result} ${options.encoding}`;
  }

  #lowerToHost(names: Names, index: number, item: LowerTrampoline, func: number): Code {
    const tools = this.#tools;
    const code = new tools.Code(names.budget);
    const lowering = tools.loweringOf(names, item, code);
    const { lends, byPointer, type } = lowering;
    const blocking = item.options.async === undefined;
    this.#outward.push(index);
    code.block(
      `function ${this.#nameOf(names, index)}(${[...lowering.params, ...(byPointer ? ["r"] : [])].join(", ")})`,
      () => {
        tools.guard(item.component, code);
        tools.guarded(code, () => {
          const values = tools.liftParams(lowering);
          tools.settleGiven(
            lowering,
            type.params.map((param) => param.type),
          );
          if (names.metered) code.line("rt.meter.pause();");
          code.line("const call = tk.importCall();");
          code.line("let raw, thrown = false;");
          const call = tools.hostCall(names, func, item.type.async ? [...values, "call"] : values);
          code.line(`try { raw = ${call}; } catch (error) { raw = error; thrown = true; }`);
          if (names.metered) code.line("rt.meter.resume();");
          const kept = `${lends ? "lends" : "undefined"}, ${byPointer ? "r" : "0"}`;
          code.block("if (!thrown && tk.isPending(raw))", () => {
            const wait = `tk.${blocking ? "await" : "pending"}(y${index}, call, raw, ${kept})`;
            code.line(`return ${wait}${this.#zero(names, index)};`);
          });
          const done = `k${index}(raw, thrown, ${byPointer ? "r" : "0"})`;
          if (lends) code.line("lends.end();");
          code.line(blocking ? `return ${done};` : `${done}; return 2;`);
        });
      },
    );
    code.block(`function k${index}(raw, thrown, r)`, () => {
      const value = hostOutcome(tools, lowering, func);
      tools.lowerHostResult({ ...lowering, lends: false }, func, value);
    });
    return code;
  }

  #lowerToGuest(names: Names, index: number, item: LowerTrampoline, number: number): Code {
    const tools = this.#tools;
    const code = new tools.Code(names.budget);
    const lowering = tools.loweringOf(names, item, code);
    const callee = names.plan.lifts[number]!;
    const params = [...lowering.params, ...(lowering.byPointer ? ["r"] : [])];
    code.block(`function ${this.#nameOf(names, index)}(${params.join(", ")})`, () => {
      tools.guard(item.component, code);
      if (tools.areRelated(names.plan, callee.component, item.component)) {
        code.line(`${tools.LOCK} throw rt.stop(rt.enter());`);
        return;
      }
      tools.guarded(code, () => {
        const call = `tk.${item.options.async ? "call" : "callAndWait"}(y${index}, [${params.join(", ")}])`;
        code.line(`return ${call}${this.#zero(names, index)};`);
      });
    });
    if (tools.areRelated(names.plan, callee.component, item.component)) return code;
    this.#call(names, number, code);
    this.#between.push(index);
    code.block(`function s${number}_${index}(task, subtask)`, () => {
      if (lowering.params.length > 0) {
        code.line(`const { flat } = subtask;`);
        code.line(`const ${lowering.params.map((name, i) => `${name} = flat[${i}]`).join(", ")};`);
      }
      const values = tools.liftParams(lowering);
      if (lowering.lends) code.line("subtask.lenders = lends;");
      this.#writeStart(tools.crossingOf(names, code, callee, "guest", item.options.encoding), number, values);
    });
    code.block(`function k${index}(subtask, value)`, () => {
      const { result } = lowering.type;
      if (result === undefined) return;
      if (lowering.byPointer) code.line(`const r = subtask.flat[${params.length - 1}];`);
      if (lowering.context.memory !== undefined) code.line(`${lowering.context.memory}.sync();`);
      tools.lowerResult(lowering, result, "value");
    });
    return code;
  }

  /** A synchronous call of one guest by another, both of which may be suspended. */
  #callThrough(names: Names, index: number, lift: number): Code {
    this.#through.push(index);
    const { component } = names.plan.lifts[lift]!;
    return callThrough(
      this.#tools,
      names,
      { index, lift },
      {
        frames: "tk.frames",
        kept: ["outer"],
        begin: (code) => code.line(`const outer = tk.begin(q${component}, true);`),
        end: (code) => code.line("tk.end(outer);"),
      },
    );
  }

  /** Names what calls of an asynchronous function need, and writes what is done with what it returns. */
  #call(names: Names, index: number, code: Code): void {
    if (this.#called.has(index)) return;
    this.#called.add(index);
    const { core, options } = names.plan.lifts[index]!;
    if (!options.async) this.#writeReturn(names, index, code);
    const called = options.callback === undefined ? [core] : [core, options.callback];
    for (const item of called) {
      names.core(item);
      if (!this.#isSuspended(names, index)) continue;
      this.#slots.set(item, [...(this.#slots.get(item) ?? []), this.#outwardCount++]);
    }
  }

  /** Whether a lifted function may be suspended: one that is itself the host's does not stay in frames of its own. */
  #isSuspended(names: Names, index: number): boolean {
    const { core, options, component } = names.plan.lifts[index]!;
    return this.#mayBeSuspended(names, component) && core.kind === "export" && options.callback?.kind !== "trampoline";
  }

  suspends(names: Names, index: number): boolean {
    const item = names.plan.trampolines[index]!;
    if (!this.#mayBeSuspended(names, item.component)) return false;
    return blocks(item) || (item.kind === "lower" && !item.type.async && this.#callsOn(names, item));
  }

  /** Whether the guest that makes a synchronous call may be suspended in it. */
  #callsOn(names: Names, { func, component }: LowerTrampoline): boolean {
    if (!this.#awaited || func.kind === "host") return this.#awaited;
    const callee = names.plan.lifts[func.lift]!;
    const related = this.#tools.areRelated(names.plan, callee.component, component);
    return !related && callee.core.kind === "export" && this.#mayBeSuspended(names, callee.component);
  }

  #mayBeSuspended({ plan }: Names, component: number): boolean {
    if (!this.#suspends) return false;
    this.#suspending ??= this.#awaited ? allSuspendingComponents(plan) : suspendingComponents(plan);
    return this.#suspending.has(component);
  }

  /** What a core function returns when the guest is about to be suspended, where nothing cannot be converted. */
  #zero(names: Names, index: number): string {
    return this.suspends(names, index) && this.#signature(names, index)[1] === "l" ? " ?? 0n" : "";
  }

  #nameOf(names: Names, index: number): string {
    return `${this.suspends(names, index) ? "t" : "g"}${index}`;
  }

  declare(names: Names): readonly string[] {
    const { plan } = names;
    const tools = this.#tools;
    const lines: string[] = ["const tk = rt.tasks;"];
    for (const at of tools.runningComponents(plan)) {
      const chain = tools.enteringSet(plan, at, undefined).map((component) => `i${component}`);
      lines.push(`const q${at} = tk.component(i${at}, [${chain.join(", ")}]);`);
    }
    for (const index of this.#called) lines.push(this.#declareLift(names, index));
    for (const index of this.#between) {
      const { func, component } = plan.trampolines[index] as LowerTrampoline;
      const { lift } = func as Extract<typeof func, { kind: "lift" }>;
      const entering = tools.enteringSet(plan, plan.lifts[lift]!.component, component).map((at) => `i${at}`);
      lines.push(
        `const y${index} = { lift: l${lift}, caller: q${component}, entering: [${entering.join(", ")}], start: s${lift}_${index}, result: k${index} };`,
      );
    }
    for (const index of this.#outward) {
      const { func, component } = plan.trampolines[index] as LowerTrampoline;
      const { func: number } = func as Extract<typeof func, { kind: "host" }>;
      lines.push(`const y${index} = { func: ${number}, caller: q${component}, result: k${index} };`);
    }
    lines.push(...this.#channels.declare(names), this.#functions(names));
    return lines;
  }

  #declareLift(names: Names, index: number): string {
    const item = names.plan.lifts[index]!;
    const { component, options, type } = item;
    const suspended = this.#isSuspended(names, index);
    const callback =
      options.callback === undefined
        ? "undefined"
        : `(e, p, q) => ${suspended ? `j.c${index}` : names.core(options.callback)}(e, p, q)`;
    const start = this.#exported.has(index) ? `s${index}` : "undefined";
    const traits = {
      exclusive: type.async && (!options.async || options.callback !== undefined),
      ...(type.async ? {} : { synchronous: true }),
      suspended,
      changing: this.#changes(type),
      returns: options.async ? this.#returns(names, { type, options }) : "",
      memory: names.memory(options),
    };
    return `const l${index} = tk.lift(${index}, q${component}, ${start}, ${callback}, ${JSON.stringify(traits)});`;
  }

  /** Declares `j`: the core functions in which a guest may be suspended, and those that are called so that it may. */
  #functions(names: Names): string {
    const { trampolines } = names.plan;
    const described = (name: string, params: string, result: string, func: string): string =>
      `["${name}", "${params}", "${result}", ${func}]`;
    const inward = trampolines.flatMap((_, index) => {
      if (!this.suspends(names, index) || this.#through.includes(index)) return [];
      const [params, result] = this.#signature(names, index);
      return [described(`g${index}`, params, result, `t${index}`)];
    });
    const outward = [...this.#called].flatMap((index) => {
      if (!this.#isSuspended(names, index)) return [];
      const { type, options } = names.plan.lifts[index]!;
      const [params, result] = liftedSignature(this.#tools, type);
      const callback = options.callback === undefined ? [] : [described(`c${index}`, "iii", "i", "tk.finished")];
      if (options.async) {
        const code = options.callback === undefined ? "" : "i";
        return [described(`f${index}`, params, code, "tk.finished"), ...callback];
      }
      return [described(`f${index}`, params, result, `(returned) => tk.finished(d${index}(returned))`)];
    });
    // Whatever runs in them, the frames of a thread may be suspended.
    if (this.#suspends && trampolines.some((item) => item.kind === "task" && item.name === "thread.new-indirect")) {
      outward.push(described("thread", "i", "", "tk.finished"));
    }
    if (inward.length + outward.length + this.#through.length === 0) return "let j;";
    const through = this.#through.map((index, i) => {
      const { func } = trampolines[index] as LowerTrampoline;
      const { core, type } = names.plan.lifts[(func as Extract<typeof func, { kind: "lift" }>).lift]!;
      const slot = outward.length + i;
      this.#slots.set(core, [...(this.#slots.get(core) ?? []), slot]);
      const [params, result] = liftedSignature(this.#tools, type);
      const between = described(`g${index}`, ...this.#signature(names, index), `t${index}, k${index}`);
      return `${between.slice(0, -1)}, "${params}", "${result}", ${slot}]`;
    });
    const more = through.length === 0 ? "" : `, [${through.join(", ")}]`;
    return `let j = tk.functions([${inward.join(", ")}], [${outward.join(", ")}]${more});`;
  }

  attach(item: CoreItem, local: string): readonly string[] {
    return (this.#slots.get(item) ?? []).map((slot) => `j.table.set(${slot}, ${local});`);
  }

  /** Of a core function that the host makes, in letters. */
  #signature({ plan }: Names, index: number): Signature {
    const item = plan.trampolines[index]!;
    if (item.kind === "task") return builtinSignature(item);
    const { type, options } = item as LowerTrampoline;
    return options.async ? loweredAsyncSignature(this.#tools, type) : loweredSignature(this.#tools, type);
  }
}
