/**
 * plan → JavaScript text: one function that, given a runtime, core modules and host functions, makes an instance.
 *
 * The text declares: state (one entered flag `e` and one may-leave flag `l` a component instance), memories `m`, handle
 * tables `t`, context slots `k`, host object tables `o`, core instances `x`, core items `c`, host functions `h`, checked reallocs `r`,
 * trampolines `g`, exported functions `f`, imports exported again `w`, helpers `K` (check), `L` (load) and `S` (store). Dropping an instance
 * empties every variable that leads to the engine, so that functions a user still holds keep nothing alive.
 */
import { Budget } from "../budget.ts";
import { Code, quote } from "../abi/emit/code.ts";
import { Emitter } from "../abi/emit/context.ts";
import type { CoreItem, CoreInstanceRef, FuncItem, Options, Plan } from "../plan/plan.ts";
import { emitExports } from "./exports.ts";
import { emitLift, emitReexport } from "./canon-lift.ts";
import { emitDestructor, emitTrampoline } from "./trampolines.ts";
import { ABORT_HOOK, hasAbortHook, memoryExports } from "./key.ts";
import { ENTERED, LOCK, UNLOADED } from "./state.ts";

/**
 * Emits the text of a plan. Deterministic: equal structure gives equal text.
 * @param budget the work allowed, by default for the text alone
 * @throws {UnsupportedError} when the text would be out of all proportion to the component
 */
export function emitBindings(plan: Plan, budget: Budget = new Budget(plan.byteLength)): string {
  return new BindingsWriter(plan, budget).write();
}

type CoreExport = Extract<CoreItem, { kind: "export" }>;

/** Variables that one statement may empty: a long chain of assignments overflows the stack of the engine's parser. */
const maxChain = 1_000;

/** Names in the text for the things of a plan, each declared on first use. */
export class BindingsWriter {
  readonly plan: Plan;
  readonly emitter: Emitter;
  /** The names of core items that the text calls or attaches, in the order of their variables. */
  private readonly coreItems = new Map<CoreExport, string>();
  private readonly memories = new Map<CoreItem, string>();
  /** By what distinguishes them: the core function, the memory and the component instance. */
  private readonly reallocs = new Map<string, { readonly name: string; readonly text: string }>();
  private readonly lifted = new Map<number, string>();
  private readonly reexported = new Map<number, string>();
  /** The component instances that have context slots. */
  private readonly contexts = new Set<number>();
  private readonly modules: readonly {
    readonly memories: readonly string[] | undefined;
    readonly hasAbortHook: boolean;
  }[];

  constructor(plan: Plan, budget: Budget) {
    this.plan = plan;
    this.emitter = new Emitter(plan.resources, budget);
    this.modules = plan.modules.map((module) => ({
      memories: memoryExports(module),
      hasAbortHook: hasAbortHook(module),
    }));
    for (const item of plan.trampolines) {
      if (item.kind === "context.get" || item.kind === "context.set") this.contexts.add(item.component);
    }
  }

  write(): string {
    const { plan } = this;
    const trampolines = plan.trampolines.map((_, index) => emitTrampoline(this, index));
    const destructors = plan.resources.map((_, index) => emitDestructor(this, index));
    const exports = emitExports(this);
    const code = new Code(this.emitter.budget);
    code.line(`"use strict";`);
    code.block(
      "return function instantiate(rt, modules, host)",
      () => {
        this.declareState(code);
        for (const text of [...this.lifted.values(), ...this.reexported.values(), ...trampolines, ...destructors])
          appendText(code, text);
        for (const { text } of this.reallocs.values()) code.line(text);
        appendText(code, this.emitter.helperText());
        appendText(code, exports);
        this.writeControls(code);
      },
      "};",
    );
    return `${code.toString()}\n`;
  }

  /** Whether a component instance has context slots, which are reset for each task. */
  usesContext(component: number): boolean {
    return this.contexts.has(component);
  }

  /** The function that the host calls for a lift. */
  liftName(index: number): string {
    if (!this.lifted.has(index)) {
      this.lifted.set(index, "");
      this.lifted.set(index, emitLift(this, index));
    }
    return `f${index}`;
  }

  /** The function that the host calls for an import that is exported again. */
  private reexportName(func: number): string {
    if (!this.reexported.has(func)) this.reexported.set(func, emitReexport(this, func));
    return `w${func}`;
  }

  funcName(item: FuncItem): string {
    return item.kind === "lift" ? this.liftName(item.lift) : this.reexportName(item.func);
  }

  coreName(item: CoreItem): string {
    if (item.kind === "trampoline") return `g${item.trampoline}`;
    let name = this.coreItems.get(item);
    if (name === undefined) this.coreItems.set(item, (name = `c${this.coreItems.size}`));
    return name;
  }

  memoryName(options: Options): string | undefined {
    if (options.memory === undefined) return undefined;
    let name = this.memories.get(options.memory);
    if (name === undefined) this.memories.set(options.memory, (name = `m${this.memories.size}`));
    return name;
  }

  reallocName(options: Options, component: number): string | undefined {
    if (options.realloc === undefined) return undefined;
    const memory = this.memoryName(options);
    const core = this.coreName(options.realloc);
    const key = `${core} ${memory} ${component}`;
    let entry = this.reallocs.get(key);
    if (entry === undefined) {
      const name = `r${this.reallocs.size}`;
      const text =
        `const ${name} = (p, o, a, n) => { l${component} = 1; p = ${core}(p, o, a, n); ` +
        `${memory}.sync(); p = ${memory}.checkAllocated(p, n, a); l${component} = 0; return p; };`;
      this.reallocs.set(key, (entry = { name, text }));
    }
    return entry.name;
  }

  private declareState(code: Code): void {
    const { plan } = this;
    const components = plan.components.map((_, i) => i);
    code.line(`let ${components.map((i) => `e${i} = ${i === 0 ? ENTERED : 0}, l${i} = 0`).join(", ")};`);
    code.line(`const ${components.map((i) => `t${i} = new rt.HandleTable(rt.quota)`).join(", ")};`);
    for (const i of components) if (this.usesContext(i)) code.line(`const k${i} = [0, 0];`);
    for (const name of this.memories.values()) code.line(`const ${name} = new rt.Memory(rt.quota);`);
    plan.resources.forEach(({ origin }, i) => {
      if (origin.kind === "host") code.line(`const o${i} = rt.hostObjects(${i});`);
    });
    const variables = [...plan.steps.map(({ instance }) => `x${instance}`), ...this.coreItems.values()];
    if (variables.length > 0) code.line(`let ${variables.join(", ")};`);
    if (plan.hostFuncs.length > 0) code.line(`let ${plan.hostFuncs.map((_, i) => `h${i} = host[${i}]`).join(", ")};`);
  }

  private writeControls(code: Code): void {
    const { plan } = this;
    code.block(
      "return",
      () => {
        code.line("exports,");
        code.line(`tables: [${plan.components.map((_, i) => `t${i}`).join(", ")}],`);
        code.line("state: () => e0,");
        code.block(
          "start(at, made)",
          () => {
            code.block("try", () => this.writeSteps(code), `} catch (error) {`);
            code.line(`  ${LOCK} throw rt.fault(-1, error);`);
            code.line("}");
            code.line(`if (e0 !== ${ENTERED}) throw rt.fault(-1, undefined);`);
            code.line("e0 = 0;");
          },
          "},",
        );
        code.block(
          "dispose()",
          () => {
            code.line(`e0 = ${UNLOADED};`);
            for (const name of this.memories.values()) code.line(`${name}.detach();`);
            const variables = [
              ...plan.steps.map(({ instance }) => `x${instance}`),
              ...this.coreItems.values(),
              ...plan.hostFuncs.map((_, i) => `h${i}`),
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
      code.line("case 0:");
      steps.forEach((step, index) => {
        const imports = step.args.map(({ name, source }) => `${objectKey(name)}: ${this.source(source)}`);
        const object = imports.length === 0 ? "" : `, { ${imports.join(", ")} }`;
        code.line(`  if ((made = rt.make(modules[${step.module}]${object})) === undefined) return ${index + 1};`);
        code.line(`case ${index + 1}:`);
        this.writeStep(code, step);
        for (const text of attached.get(step.instance) ?? []) code.line(`  ${text}`);
      });
      code.line("  break;");
      code.line("case -1:");
      code.line("  throw made;");
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
    const attached = new Map<number, string[]>();
    const add = (instance: number, text: string): void => {
      const texts = attached.get(instance);
      if (texts === undefined) attached.set(instance, [text]);
      else texts.push(text);
    };
    for (const [{ instance, name }, local] of this.coreItems) add(instance, `${local} = x${instance}[${quote(name)}];`);
    for (const [item, local] of this.memories) {
      if (item.kind === "export") add(item.instance, `${local}.attach(x${item.instance}[${quote(item.name)}]);`);
    }
    return attached;
  }

  private source(source: CoreInstanceRef): string {
    if (source.kind === "instance") return `x${source.instance}`;
    const items = source.items.map(({ name, item }) => {
      const value = item.kind === "trampoline" ? `g${item.trampoline}` : `x${item.instance}[${quote(item.name)}]`;
      return `${objectKey(name)}: ${value}`;
    });
    return `{ ${items.join(", ")} }`;
  }
}

/** Import names of core modules are arbitrary strings, `__proto__` among them. */
function objectKey(name: string): string {
  return name === "__proto__" ? `["__proto__"]` : quote(name);
}

function appendText(code: Code, text: string): void {
  if (text === "") return;
  for (const line of text.split("\n")) code.line(line);
}
