/**
 * plan → JavaScript text: one function that, given a runtime, core modules and host functions, makes an instance.
 *
 * The text declares: state (one entered flag `e` and one may-leave flag `l` a component instance), memories `m`, handle
 * tables `t`, context slots `k`, host object tables `o`, core instances `x`, core items `c`, host functions `h`, checked reallocs `r`,
 * trampolines `g`, exported functions `f`, helpers `K` (check), `L` (load) and `S` (store). Dropping an instance
 * empties every variable that leads to the engine, so that functions a user still holds keep nothing alive.
 */
import { Code, quote } from "../abi/emit/code.ts";
import { Emitter } from "../abi/emit/context.ts";
import type { CoreItem, CoreInstanceRef, FuncItem, Options, Plan } from "../plan/plan.ts";
import { emitExports } from "./exports.ts";
import { emitLift } from "./lifts.ts";
import { emitDestructor, emitTrampoline } from "./trampolines.ts";
import { ABORT_HOOK, hasAbortHook, memoryExports } from "./key.ts";
import { ENTERED, LOCK, UNLOADED } from "./state.ts";

/** Emits the text of a plan. Deterministic: equal structure gives equal text. */
export function emitBindings(plan: Plan): string {
  return new BindingsWriter(plan).write();
}

/** Names in the text for the things of a plan, each declared on first use. */
export class BindingsWriter {
  readonly plan: Plan;
  readonly emitter: Emitter;
  /** Core items that the text calls or attaches, in the order of their variables. */
  private readonly coreItems: { readonly item: Extract<CoreItem, { kind: "export" }>; readonly name: string }[] = [];
  private readonly memories: { readonly key: string; readonly name: string; readonly item: CoreItem }[] = [];
  private readonly reallocs: { readonly key: string; readonly name: string; readonly text: string }[] = [];
  private readonly lifted = new Map<number, string>();

  constructor(plan: Plan) {
    this.plan = plan;
    this.emitter = new Emitter(plan.resources);
  }

  write(): string {
    const { plan } = this;
    const trampolines = plan.trampolines.map((_, index) => emitTrampoline(this, index));
    const destructors = plan.resources.map((_, index) => emitDestructor(this, index));
    const exports = emitExports(this);
    const code = new Code();
    code.line(`"use strict";`);
    code.block(
      "return function instantiate(rt, modules, host)",
      () => {
        this.declareState(code);
        for (const text of [...this.lifted.values(), ...trampolines, ...destructors]) appendText(code, text);
        for (const { text } of this.reallocs) code.line(text);
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
    return this.plan.trampolines.some(
      (item) => (item.kind === "context.get" || item.kind === "context.set") && item.component === component,
    );
  }

  /** The function that the host calls for a lift. */
  liftName(index: number): string {
    if (!this.lifted.has(index)) {
      this.lifted.set(index, "");
      this.lifted.set(index, emitLift(this, index));
    }
    return `f${index}`;
  }

  funcName(item: FuncItem): string {
    return item.kind === "lift" ? this.liftName(item.lift) : `h${item.func}`;
  }

  coreName(item: CoreItem): string {
    if (item.kind === "trampoline") return `g${item.trampoline}`;
    let entry = this.coreItems.find((known) => sameItem(known.item, item));
    if (entry === undefined) this.coreItems.push((entry = { item, name: `c${this.coreItems.length}` }));
    return entry.name;
  }

  memoryName(options: Options): string | undefined {
    if (options.memory === undefined) return undefined;
    const key = itemKey(options.memory);
    let entry = this.memories.find((known) => known.key === key);
    if (entry === undefined) {
      entry = { key, name: `m${this.memories.length}`, item: options.memory };
      this.memories.push(entry);
    }
    return entry.name;
  }

  reallocName(options: Options, component: number): string | undefined {
    if (options.realloc === undefined) return undefined;
    const memory = this.memoryName(options);
    const key = `${itemKey(options.realloc)} ${memory} ${component}`;
    let entry = this.reallocs.find((known) => known.key === key);
    if (entry === undefined) {
      const name = `r${this.reallocs.length}`;
      const core = this.coreName(options.realloc);
      const text =
        `const ${name} = (p, o, a, n) => { l${component} = 1; p = ${core}(p, o, a, n); l${component} = 0; ` +
        `${memory}.sync(); return ${memory}.checkAllocated(p, n, a); };`;
      this.reallocs.push((entry = { key, name, text }));
    }
    return entry.name;
  }

  private declareState(code: Code): void {
    const { plan } = this;
    const components = plan.components.map((_, i) => i);
    code.line(`let ${components.map((i) => `e${i} = ${i === 0 ? ENTERED : 0}, l${i} = 0`).join(", ")};`);
    code.line(`const ${components.map((i) => `t${i} = new rt.HandleTable(rt.quota)`).join(", ")};`);
    for (const i of components) if (this.usesContext(i)) code.line(`const k${i} = [0, 0];`);
    for (const { name } of this.memories) code.line(`const ${name} = new rt.Memory(rt.quota);`);
    plan.resources.forEach(({ origin }, i) => {
      if (origin.kind === "host") code.line(`const o${i} = rt.hostObjects(${i});`);
    });
    const variables = [...plan.steps.map(({ instance }) => `x${instance}`), ...this.coreItems.map(({ name }) => name)];
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
          "*start()",
          () => {
            code.block(
              "try",
              () => {
                for (const step of plan.steps) this.writeStep(code, step.instance, step.module, step.args);
              },
              `} catch (error) {`,
            );
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
            for (const { name } of this.memories) code.line(`${name}.detach();`);
            const variables = [
              ...plan.steps.map(({ instance }) => `x${instance}`),
              ...this.coreItems.map(({ name }) => name),
              ...plan.hostFuncs.map((_, i) => `h${i}`),
            ];
            code.line(`${[...variables, "modules", "host"].join(" = ")} = undefined;`);
          },
          "},",
        );
      },
      "};",
    );
  }

  private writeStep(code: Code, instance: number, module: number, args: Plan["steps"][number]["args"]): void {
    const imports = args.map(({ name, source }) => `${objectKey(name)}: ${this.source(source)}`);
    const object = imports.length === 0 ? "" : `, { ${imports.join(", ")} }`;
    const x = `x${instance}`;
    code.line(`${x} = yield [modules[${module}]${object}];`);
    const memories = memoryExports(this.plan.modules[module]!);
    if (memories === undefined) code.line(`for (const item of Object.values(${x})) rt.track(item);`);
    for (const name of memories ?? []) code.line(`rt.track(${x}[${quote(name)}]);`);
    if (hasAbortHook(this.plan.modules[module]!)) {
      code.line(`rt.abortHook = () => rt.abortRecord(${x}[${quote(ABORT_HOOK)}](), ${x}.memory);`);
    }
    for (const { item, name } of this.coreItems) {
      if (item.instance === instance) code.line(`${name} = x${instance}[${quote(item.name)}];`);
    }
    for (const { item, name } of this.memories) {
      if (item.kind === "export" && item.instance === instance)
        code.line(`${name}.attach(x${instance}[${quote(item.name)}]);`);
    }
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

function sameItem(a: CoreItem, b: CoreItem): boolean {
  return itemKey(a) === itemKey(b);
}

function itemKey(item: CoreItem): string {
  return item.kind === "trampoline" ? `g${item.trampoline}` : `${item.instance} ${item.name}`;
}

function appendText(code: Code, text: string): void {
  if (text === "") return;
  for (const line of text.split("\n")) code.line(line);
}
