/**
 * What every crossing has in common: contexts, the flags of the component instances it enters, the call of the core
 * function between lowered arguments and the lifted result.
 */
import { type Code, quote } from "../abi/emit/code.ts";
import { type Context, type Crossing, hasBorrow } from "../abi/emit/context.ts";
import { liftFlat, load, plus } from "../abi/emit/lift.ts";
import { lowerFlat, store } from "../abi/emit/lower.ts";
import { MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, flatOf, layoutOf, sequence } from "../model/layout.ts";
import { ENTERED, IDLE, TRAPPED } from "../abi/entered.ts";
import { someType } from "../model/cases.ts";
import { holdsOwn } from "../model/facts.ts";
import type { FuncType, ResultType, ValueType } from "../model/types.ts";
import type { Lift, Options, Plan } from "../plan/plan.ts";
import type { Names } from "./names.ts";

/**
 * Locks the root, unless it is locked or unloaded already. A statement and not a function: a fault may come at the very
 * end of the stack, where nothing can be called.
 */
export const LOCK: string = `if (i0.entered < ${TRAPPED}) i0.entered = ${TRAPPED};`;

/** A crossing of a call: it also names things of the plan. */
export interface CallCrossing extends Crossing {
  readonly names: Names;
}

/** The crossing of one guest's side of a call, by the options of its `canon lift` or `canon lower`. */
export function crossingOf(
  names: Names,
  code: Code,
  { options, component }: { readonly options: Options; readonly component: number },
  peer: Context["peer"],
  source: Context["source"],
): CallCrossing {
  const context = {
    component,
    encoding: options.encoding,
    memory: names.memory(options),
    realloc: names.realloc(options, component),
    peer,
    source,
  };
  return { names, emitter: names.emitter, code, context };
}

/** The component instances that a call enters: the callee and its ancestors, less the caller and its ancestors. */
export function enteringSet(plan: Plan, callee: number, caller: number | undefined): number[] {
  const chain = (start: number | undefined): number[] => {
    const found: number[] = [];
    for (let at = start; at !== undefined; at = plan.components[at]) found.push(at);
    return found;
  };
  const already = new Set(chain(caller));
  return chain(callee).filter((component) => !already.has(component));
}

/** The component instances whose state the text names: those that only pass on what others define never run. */
export function runningComponents({ components, lifts, trampolines, resources }: Plan): number[] {
  const running = new Set([0]);
  const add = (component: number | undefined): void => {
    for (let at = component; at !== undefined; at = components[at]) running.add(at);
  };
  for (const { component } of lifts) add(component);
  for (const item of trampolines) add(item.component);
  for (const { origin } of resources) if (origin.kind === "guest") add(origin.component);
  return [...running].sort((a, b) => a - b);
}

/** Whether one of two component instances is the other or holds it. */
export function areRelated(plan: Plan, a: number, b: number): boolean {
  const holds = (outer: number, inner: number): boolean => {
    for (let at: number | undefined = inner; at !== undefined; at = plan.components[at]) if (at === outer) return true;
    return false;
  };
  return holds(a, b) || holds(b, a);
}

export function flags(components: readonly number[], value: number): string {
  return components.map((component) => `i${component}.entered = `).join("") + `${value};`;
}

/** What a call says of the component instances that it enters. */
export interface Entry {
  /** Whether one of them is busy, as an expression; empty when it enters none, which no call of the host does. */
  readonly busy: string;
  readonly enter: string;
  readonly leave: string;
}

/** @param caller the component instance that calls; `undefined` for the host */
export function entryOf(plan: Plan, callee: number, caller: number | undefined): Entry {
  const entered = enteringSet(plan, callee, caller);
  const busy = entered.map((component) => `i${component}.entered !== ${IDLE}`).join(" || ");
  return { busy, enter: flags(entered, ENTERED), leave: flags(entered, IDLE) };
}

/**
 * The callee's side of a call into a guest, in the order of its text: what is around the core function begins, the function is
 * called, its result is lifted, what is around it ends. Where it is entered and left is the caller's to say.
 */
export class Callee {
  readonly entry: Entry;
  readonly #crossing: CallCrossing;
  readonly #lift: Lift;
  /** Arguments are lent, in a scope named `b`. */
  readonly #scoped: boolean;

  /** @param caller the component instance that calls; `undefined` for the host */
  constructor(crossing: CallCrossing, lift: Lift, caller: number | undefined) {
    this.entry = entryOf(crossing.names.plan, lift.component, caller);
    this.#crossing = crossing;
    this.#lift = lift;
    this.#scoped = lift.type.params.some((param) => hasBorrow(param.type));
  }

  beginTask(): void {
    beginTask(this.#crossing.names, this.#lift.component, this.#crossing.code);
  }

  endTask(): void {
    endTask(this.#crossing.names, this.#crossing.code);
  }

  begin(): void {
    const { code, context } = this.#crossing;
    if (this.#scoped) code.line("const b = new rt.BorrowScope();");
    if (context.memory !== undefined) code.line(`${context.memory}.sync();`);
  }

  /**
   * Lowers the arguments, calls the core function and gives the name of what it returned.
   *
   * @param onLowered a statement between the two
   */
  call(values: readonly string[], onLowered?: string): string {
    const { names, code, context } = this.#crossing;
    const { type, core, options } = this.#lift;
    const args = lowerParams(this.#crossing, type, values);
    if (onLowered !== undefined) code.line(onLowered);
    const call = `${names.core(core)}(${args.join(", ")})`;
    if (type.result === undefined) {
      code.line(`${call};`);
      if (options.postReturn !== undefined && context.memory !== undefined) code.line(`${context.memory}.sync();`);
      return "";
    }
    const returned = code.name(call);
    if (context.memory !== undefined) code.line(`${context.memory}.beginLift();`);
    return returned;
  }

  lift(type: ValueType, returned: string): string {
    return liftResult(this.#crossing, type, returned);
  }

  endScope(): void {
    if (this.#scoped) this.#crossing.code.line("b.end();");
  }

  postReturn(returned: string): void {
    postReturn(this.#crossing, this.#lift, returned);
  }
}

/** A task begins with its context slots at zero; a component instance without asynchronous functions runs one at a time. */
export function beginTask(names: Names, component: number, code: Code): void {
  if (names.tasks !== undefined) code.line(`const outer = tk.begin(q${component});`);
  else if (names.usesContext(component)) code.line(`i${component}.context.fill(0);`);
}

/** The task is over, and its caller goes on. */
export function endTask(names: Names, code: Code): void {
  if (names.tasks !== undefined) code.line("tk.end(outer);");
}

/** A function's result when it is a `result`, which crosses to the host as return or throw. */
export function resultOf(type: FuncType): ResultType | undefined {
  return type.result?.kind === "result" ? type.result : undefined;
}

/**
 * Whether reading a value may run code of the user, in a getter or a proxy, so that it may be another each time; or a stream may be
 * another's by then.
 */
export function mayChange(type: ValueType): boolean {
  return type.kind === "option" ? type.type.kind === "option" || mayChange(type.type) : readable.has(type.kind);
}

const readable: ReadonlySet<ValueType["kind"]> = new Set([
  "list",
  "map",
  "record",
  "tuple",
  "flags",
  "variant",
  "result",
  "stream",
  "error-context",
] as const);

/** `lower_flat_values` for parameters: flat up to sixteen, spilled to memory beyond. */
export function lowerParams(crossing: CallCrossing, type: FuncType, values: readonly string[]): string[] {
  const types = type.params.map((param) => param.type);
  if (flatOf(types).length <= MAX_FLAT_PARAMS) return types.flatMap((t, i) => lowerFlat(crossing, t, values[i]!));
  const { size, alignment, offsets } = sequence(types);
  const pointer = crossing.code.name(`${crossing.context.realloc}(0, 0, ${alignment}, ${size})`);
  types.forEach((t, i) => store(crossing, t, values[i]!, plus(pointer, offsets[i]!)));
  return [pointer];
}

export function isSpilled(type: ValueType): boolean {
  return layoutOf(type).flat.length > MAX_FLAT_RESULTS;
}

/** The address of a spilled result, checked. */
export function resultAddress({ code, context }: Crossing, type: ValueType, pointer: string): string {
  const { size, alignment } = layoutOf(type);
  return code.name(`${context.memory}.check(${pointer}, ${size}, ${alignment})`);
}

/** `lift_flat_values` for a result. */
export function liftResult(crossing: Crossing, type: ValueType, returned: string): string {
  if (!isSpilled(type)) return liftFlat(crossing, type, [returned]);
  return load(crossing, type, resultAddress(crossing, type, returned));
}

export function postReturn({ names, code }: CallCrossing, lift: Lift, returned: string): void {
  if (lift.options.postReturn === undefined) return;
  const call = `${names.core(lift.options.postReturn)}(${returned});`;
  code.line(`i${lift.component}.mayLeave = false; ${call} i${lift.component}.mayLeave = true;`);
}

/** "trap_if(not inst.may_leave)", and nothing leaves an instance that has trapped. */
export function guard(component: number, code: Code): void {
  code.line(`if (!i${component}.mayLeave || i0.entered > ${ENTERED}) { ${LOCK} throw rt.stop(rt.leave()); }`);
}

export function guarded(code: Code, body: () => void): void {
  code.block("try", body, "} catch (error) {");
  code.line(`  ${LOCK} throw rt.stop(error);`);
  code.line("}");
}

/** Writes a call of a guest on top of frames that cannot be suspended. @param why "because" */
export function unsuspended(
  { names, code }: { readonly names: Names; readonly code: Code },
  why: string,
  call: () => void,
): void {
  if (names.waiting !== undefined) code.line(`const able = rt.waiter.bar(${quote(why)});`);
  call();
  if (names.waiting !== undefined) code.line("rt.waiter.barred = able;");
}

/** Host objects that guests gave back are the host's own from here on. */
export function settleGiven({ names, code }: CallCrossing, types: readonly (ValueType | undefined)[]): void {
  const given = new Set<number>();
  for (const type of types) {
    if (!holdsOwn(type)) continue;
    someType(type, (inner) => {
      names.budget.spend(1, "generate bindings for");
      const resource = inner.kind === "own" ? names.emitter.types.resource(inner.resource) : undefined;
      if (resource !== undefined && names.emitter.isHosts(resource)) given.add(resource);
      return false;
    });
  }
  for (const resource of given) code.line(`o${resource}.given();`);
}
