/**
 * The names in generated text for the things of a plan. Each is declared once something uses it: what is named here is
 * what the conductor (`emit.ts`) still has to write. Text that is meant to be read also says what each function is.
 *
 * i: the state of a component instance, i0 the root's · m: a memory · r: its checked realloc · o: the host's objects of one resource type · x: a core instance · c: an item of one · h: a function of
 * the host's · g: a trampoline · f: a lifted function · w: an import exported again · K, L, S: helpers that check, load, store.
 */
import type { Budget } from "../budget.ts";
import { comment, type Code } from "../abi/emit/code.ts";
import { Emitter } from "../abi/emit/context.ts";
import type { CoreItem, ExportPlan, FuncItem, Options, Plan } from "../plan/plan.ts";

/** What the text of a plan may have beside what runs. */
export interface TextStyle {
  /** A line above each function says what it is: for text that is meant to be read. Default `false`. */
  readonly annotated?: boolean | undefined;
  /** The instance's meter is told when calls begin and end, and when the guest leaves for an import. Default `false`. */
  readonly metered?: boolean | undefined;
  /** How functions are written whose calls may be suspended. Default: calls run to their end. */
  readonly waiting?: ((tools: object) => WaitingText) | undefined;
  /** How asynchronous functions are written. Default: the plan has none. */
  readonly tasks?: ((tools: object) => TaskText) | undefined;
}

/** What writes asynchronous functions and the built-ins of tasks: loaded for components that have some. */
export interface TaskText {
  /** `canon lift` of an exported function; `undefined` for one that is not asynchronous. */
  lift(names: Names, index: number): Code | undefined;
  /** A core function that the host makes; `undefined` for one that has nothing to do with tasks. */
  trampoline(names: Names, index: number): Code | undefined;
  /** Whether a guest may be suspended in a core function that the host makes. */
  suspends(names: Names, index: number): boolean;
  /** The declarations of what all of these use. */
  declare(names: Names): readonly string[];
  /** As {@link WaitingText.attach}. */
  attach(item: CoreItem, local: string): readonly string[];
}

/** What writes calls that may be suspended: loaded for components that want it. */
export interface WaitingText {
  /** `canon lift` of an exported function. */
  lift(names: Names, index: number): Code;
  /** Whether a guest that calls a function of the host's may be suspended. */
  waits(names: Names, index: number): boolean;
  /** `canon lower` of a function for which that is so. */
  lower(names: Names, index: number): Code;
  /** Declares `j`, with the functions that WebAssembly can be suspended in. */
  declare(names: Names): readonly string[];
  /** The statements that make a core item, which is in the text by its name, one that the functions of `j` call. */
  attach(item: CoreItem, local: string): readonly string[];
}

type CoreExport = Extract<CoreItem, { kind: "export" }>;

export class Names {
  readonly plan: Plan;
  readonly emitter: Emitter;
  /** Lifts and imports exported again that the exports name, in the order of their text. */
  readonly lifts: Set<number> = new Set();
  readonly reexports: Set<number> = new Set();
  /** The names of core items that the text calls or attaches, in the order of their variables. */
  readonly coreItems: Map<CoreExport, string> = new Map();
  readonly memories: Map<CoreItem, string> = new Map();
  /** By what distinguishes them: the core function, the memory and the component instance. */
  readonly reallocs: Map<string, { readonly name: string; readonly text: string }> = new Map();
  /** The component instances that have context slots. */
  private readonly contexts = new Set<number>();

  /** Where functions are exported, by their names in the text; absent in text that nobody reads. */
  private readonly exported: Map<string, string> | undefined;

  readonly metered: boolean;
  readonly waiting: WaitingText | undefined;
  readonly tasks: TaskText | undefined;

  /** @param tools of those who write text, for the one that is loaded when it is needed */
  constructor(
    plan: Plan,
    budget: Budget,
    { annotated = false, metered = false, waiting, tasks }: TextStyle,
    tools: object,
  ) {
    this.plan = plan;
    this.metered = metered;
    this.waiting = waiting?.(tools);
    this.tasks = tasks?.(tools);
    this.emitter = new Emitter(plan.resources, budget, metered);
    if (annotated) {
      this.exported = new Map();
      noteExports(plan.exports, "", this.exported);
    }
    for (const item of plan.trampolines) {
      if (item.kind === "context.get" || item.kind === "context.set") this.contexts.add(item.component);
    }
  }

  get budget(): Budget {
    return this.emitter.budget;
  }

  /** Says above a function what it is. */
  annotate(code: Code, what: string): void {
    if (this.exported !== undefined) code.line(comment(what));
  }

  /** How a function is known outside: `demo:calc/api@1.0.0#area`. */
  pathOf(item: FuncItem): string {
    if (item.kind === "host") return this.plan.hostFuncs[item.func]!.path.join("#");
    return this.exported?.get(localName(item)) ?? `function ${item.lift} of this component`;
  }

  /** Whether a component instance has context slots, which are reset for each task. */
  usesContext(component: number): boolean {
    return this.contexts.has(component);
  }

  /** The function that the host calls for an export. */
  func(item: FuncItem): string {
    if (item.kind === "lift") this.lifts.add(item.lift);
    else this.reexports.add(item.func);
    return localName(item);
  }

  core(item: CoreItem): string {
    if (item.kind === "trampoline") return this.trampoline(item.trampoline);
    let name = this.coreItems.get(item);
    if (name === undefined) this.coreItems.set(item, (name = `c${this.coreItems.size}`));
    return name;
  }

  /** A function of the host's, as guests have it. */
  trampoline(index: number): string {
    return this.waits(index) || this.tasks?.suspends(this, index) === true ? `j.g${index}` : `g${index}`;
  }

  /** Whether a guest that calls a function of the host's may be suspended. */
  waits(index: number): boolean {
    return this.waiting?.waits(this, index) === true;
  }

  memory({ memory }: Options): string | undefined {
    if (memory === undefined) return undefined;
    let name = this.memories.get(memory);
    if (name === undefined) this.memories.set(memory, (name = `m${this.memories.size}`));
    return name;
  }

  /** The guest's `realloc`, during which it may not leave, with its result checked. */
  realloc(options: Options, component: number): string | undefined {
    if (options.realloc === undefined) return undefined;
    const memory = this.memory(options);
    const core = this.core(options.realloc);
    const key = `${core} ${memory} ${component}`;
    let entry = this.reallocs.get(key);
    if (entry === undefined) {
      const name = `r${this.reallocs.size}`;
      // In a component of tasks it is a task of its own, and its context is not that of the one it works for.
      const own = this.tasks !== undefined && this.usesContext(component);
      const call = `${own ? `const outer = tk.begin(q${component}); ` : ""}p = ${core}(p, o, a, n); ${own ? "tk.end(outer); " : ""}`;
      const text =
        `const ${name} = (p, o, a, n) => { i${component}.mayLeave = false; ${call}` +
        `${memory}.sync(); p = ${memory}.checkAllocated(p, n, a); i${component}.mayLeave = true; return p; };`;
      this.reallocs.set(key, (entry = { name, text }));
    }
    return entry.name;
  }
}

function localName(item: FuncItem): string {
  return item.kind === "lift" ? `f${item.lift}` : `w${item.func}`;
}

function noteExports(exports: readonly ExportPlan[], prefix: string, found: Map<string, string>): void {
  for (const { name, item } of exports) {
    if (item.kind === "instance") noteExports(item.exports, `${prefix}${name}#`, found);
    else if (item.kind === "func" && !found.has(localName(item.func))) found.set(localName(item.func), prefix + name);
  }
}
