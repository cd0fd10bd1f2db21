/**
 * One running component: its state, its faults, and the end of it.
 *
 * The state machine is live → trapped | unloaded, trapped → unloaded. The flags that enforce it live in the generated text
 * (a call must not pay for more than a comparison); this file gives them meaning and words.
 */
import { describe, explain, type ExplainHandle } from "../abi/explain.ts";
import { disposeHostObject, GuestResource } from "../abi/handles.ts";
import { AbiRuntime } from "../abi/runtime.ts";
import { AbiTrap } from "../abi/trap.ts";
import { ENTERED, TRAPPED, UNLOADED } from "../bindings/state.ts";
import type { Controls, Instantiate } from "../bindings/evaluate.ts";
import { ComponentError, LowerError, TrapError, UnloadedError } from "../errors.ts";
import type { FuncType } from "../model/types.ts";
import type { ExportPlan, FuncItem, PlanSurface } from "../plan/plan.ts";
import type { LinkedImports } from "./linker.ts";
import { ImportFault, toTrapError, type GuestAbort } from "./trap.ts";
import type { DisposeReceipt, Instance, InstanceResources } from "./types.ts";

/** What `rt` is in the generated text: the base with this instance's names and faults. */
class InstanceRuntime extends AbiRuntime {
  readonly name: string;
  /** The first trap; once there is one, nothing runs any more. */
  trap: TrapError | undefined;
  /** Hears of the first trap. */
  onTrap: ((trap: Error) => void) | undefined;
  /** Reads what the guest's `abort` recorded; set by the generated text where the guest has the hook. */
  abortHook: (() => GuestAbort | undefined) | undefined;
  private ended = false;
  /** Linear memories of the core instances; one that no core module exports cannot be seen from here. */
  readonly memories = new Set<WebAssembly.Memory>();
  private readonly plan: PlanSurface;
  /** What stopped the guest before its wasm frames were unwound. */
  private stopped: { readonly error: unknown } | undefined;

  constructor(name: string, plan: PlanSurface, linked: LinkedImports) {
    super(linked.classes);
    this.name = name;
    this.plan = plan;
  }

  /** A memory that a new core instance exports. */
  track(memory: WebAssembly.Memory): void {
    this.memories.add(memory);
  }

  /** Arguments that a generated check refused. */
  badArguments(lift: number, args: readonly unknown[]): LowerError {
    const { type } = this.plan.lifts[lift]!;
    this.beginCheck();
    const found = this.mismatch(type, args);
    // What this check marked as given away was not.
    this.beginCheck();
    return found ?? new LowerError(this.exportName(lift), "values that stay the same while they are read", "others");
  }

  private mismatch(type: FuncType, args: readonly unknown[]): LowerError | undefined {
    for (const [i, param] of type.params.entries()) {
      const found = explain(param.type, args[i], param.name, this.explainHandle);
      if (found !== undefined) return new LowerError(found.path, found.expected, found.found);
    }
    return undefined;
  }

  private readonly explainHandle: ExplainHandle = (type, value) => {
    const index = this.plan.resources.findIndex((resource) => resource.type === type.resource);
    if (index < 0) return undefined;
    if (this.plan.resources[index]!.origin.kind === "host")
      return this.isHost(index, value) ? undefined : describe(value);
    if (this.isGuest(index, value, type.kind === "own")) return undefined;
    const known =
      typeof value === "object" && value !== null ? GuestResource.explain(value, this.owners[index]!) : undefined;
    return known ?? describe(value);
  };

  /** A call that the state does not allow. */
  refuse(lift: number, state: number): TrapError | UnloadedError {
    const what = lift < 0 ? "a destructor" : `export "${this.exportName(lift)}"`;
    if (state >= UNLOADED) return this.unloaded(`Cannot call ${what} of "${this.name}": it has been unloaded`);
    if (state >= TRAPPED) return this.unloaded(`Cannot call ${what} of "${this.name}": it has trapped and is locked`);
    const trap = new TrapError(`Cannot call ${what} of "${this.name}": a call is running already`, {
      trap: "cannot-enter-component",
      module: this.name,
      export: lift < 0 ? undefined : this.exportName(lift),
    });
    return trap;
  }

  private unloaded(message: string): UnloadedError {
    return new UnloadedError(message, this.trap === undefined ? undefined : { cause: this.trap });
  }

  /** A fault that reaches the host's edge. `error` is `undefined` when the guest swallowed it and went on. */
  fault(lift: number, error: unknown): Error {
    if (this.trap !== undefined) return this.unloaded(`"${this.name}" has trapped and is locked`);
    // What stopped the guest is the fault, whatever the guest made of it on the way out.
    const { error: original } = this.stopped ?? { error };
    this.stopped = undefined;
    if (this.ended || original === undefined) return this.unloaded(`"${this.name}" was unloaded during a call`);
    const name = lift < 0 ? undefined : this.exportName(lift);
    const abort = original instanceof WebAssembly.RuntimeError ? this.readAbort() : undefined;
    this.trap = toTrapError(original, { module: this.name, export: name, abort });
    this.abortHook = undefined;
    this.onTrap?.(this.trap);
    return this.trap;
  }

  /** An error about to re-enter the guest: the instance is locked already, so a guest that catches it gains nothing. */
  stop(error: unknown): unknown {
    this.stopped ??= { error };
    return error;
  }

  /** A call out of a guest that may not leave, or has trapped. */
  leave(): unknown {
    return this.stopped?.error ?? new AbiTrap("cannot-leave-component", "Cannot leave the component instance now");
  }

  threw(func: number, error: unknown): ImportFault {
    return new ImportFault(this.plan.hostFuncs[func]!.path.join("#"), error);
  }

  /** What an import with a result threw, as its error payload. @throws {ImportFault} when it is no payload */
  payload(func: number, error: unknown): unknown {
    if (error instanceof ComponentError) return error.payload;
    if (typeof error === "object" && error !== null && Object.hasOwn(error, "payload")) {
      return (error as { payload: unknown }).payload;
    }
    if (error instanceof Error || error instanceof AbiTrap) throw this.threw(func, error);
    return error;
  }

  override dropHost(index: number, rep: number): void {
    try {
      super.dropHost(index, rep);
    } catch (error) {
      const { origin, name } = this.plan.resources[index]!;
      const path = origin.kind === "host" ? origin.path.slice(0, -1) : [];
      throw new ImportFault([...path, `[resource-drop]${name}`].join("#"), error);
    }
  }

  badResult(func: number, value: unknown): ImportFault {
    const { type } = this.plan.hostFuncs[func]!;
    const found = explain(type.result!, value, "result", this.explainHandle);
    return this.threw(
      func,
      new LowerError(found?.path ?? "result", found?.expected ?? "a value that fits", found?.found ?? "another"),
    );
  }

  error(payload: unknown): ComponentError {
    return new ComponentError(payload);
  }

  noConstructor(resource: string): TypeError {
    return new TypeError(`Resource "${resource}" of "${this.name}" has no constructor; its functions return instances`);
  }

  private readAbort(): GuestAbort | undefined {
    try {
      return this.abortHook?.();
    } catch {
      // The guest has trapped once; a hook that traps too leaves only the trap itself to report.
      return undefined;
    }
  }

  /** What the guest's hook points to: pointers and lengths of message and file, then line and column. */
  abortRecord(pointer: number, memory: WebAssembly.Memory): GuestAbort | undefined {
    const at = pointer >>> 0;
    if (at === 0 || at % 4 !== 0 || at + 24 > memory.buffer.byteLength) return undefined;
    const words = new Uint32Array(memory.buffer, at, 6);
    const text = (start: number, codeUnits: number): string =>
      new TextDecoder("utf-16le").decode(new Uint8Array(memory.buffer, start, Math.min(codeUnits, 10_000) * 2));
    const [message, messageUnits, file, fileUnits, line, column] = words as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const position = file === 0 ? undefined : { file: text(file, fileUnits), line, column };
    return { message: message === 0 ? "" : text(message, messageUnits), position };
  }

  private exportName(lift: number): string {
    return liftNames(this.plan)[lift] ?? `function ${lift}`;
  }

  /** Live wrappers and guest-held host objects, by resource name. */
  resources(controls: Controls): InstanceResources {
    const heldByHost = new Map<string, number>();
    const heldByGuest = new Map<string, number>();
    this.plan.resources.forEach(({ name, origin }, index) => {
      if (origin.kind === "guest") {
        add(heldByHost, name, this.owners[index]!.live);
        return;
      }
      for (const table of controls.tables) add(heldByGuest, name, table.countOwned(index));
    });
    return { heldByHost, heldByGuest };
  }

  /** Disposes of what the guest leaked, and cuts the wrappers that the host still holds. */
  end(controls: Controls): { disposed: number; cut: number; errors: Error[] } {
    this.ended = true;
    const errors: Error[] = [];
    let disposed = 0;
    for (const table of controls.tables) table.clear();
    for (const objects of this.objects) {
      for (const object of objects?.clear() ?? []) {
        disposed++;
        try {
          disposeHostObject(object);
        } catch (error) {
          errors.push(error instanceof Error ? error : new Error(String(error)));
        }
      }
    }
    let cut = 0;
    for (const owner of this.owners) {
      if (owner === undefined) continue;
      cut += owner.live;
      owner.drop = undefined;
    }
    this.abortHook = undefined;
    this.memories.clear();
    return { disposed, cut, errors };
  }
}

function add(counts: Map<string, number>, name: string, count: number): void {
  if (count > 0) counts.set(name, (counts.get(name) ?? 0) + count);
}

const names = new WeakMap<PlanSurface, string[]>();

/** The name under which each lift is exported, for messages. */
function liftNames(plan: PlanSurface): string[] {
  let found = names.get(plan);
  if (found === undefined) {
    found = [];
    collect(plan.exports, "", found);
    names.set(plan, found);
  }
  return found;
}

function collect(exports: readonly ExportPlan[], prefix: string, found: string[]): void {
  for (const { name, item } of exports) {
    if (item.kind === "instance") collect(item.exports, `${prefix}${name}#`, found);
    else if (item.kind === "func") record(item.func, `${prefix}${name}`, found);
  }
}

function record(func: FuncItem, name: string, found: string[]): void {
  if (func.kind === "lift") found[func.lift] ??= name;
}

/**
 * Makes and starts an instance.
 *
 * @throws {TrapError} when a start function traps; nothing of the instance remains
 */
export function startInstance(
  name: string,
  plan: PlanSurface,
  instantiate: Instantiate,
  modules: readonly WebAssembly.Module[],
  linked: LinkedImports,
  onTrap?: (trap: Error) => void,
): Instance {
  const runtime = new InstanceRuntime(name, plan, linked);
  runtime.onTrap = onTrap;
  const controls = instantiate(runtime, modules, linked.funcs);
  const instance = new ComponentInstance(name, runtime, controls);
  try {
    controls.start();
  } catch (error) {
    instance.dispose();
    throw error;
  }
  return instance;
}

class ComponentInstance implements Instance {
  readonly name: string;
  readonly exports: Record<string, unknown>;
  private readonly runtime: InstanceRuntime;
  private readonly controls: Controls;
  private receipt: DisposeReceipt | undefined;

  constructor(name: string, runtime: InstanceRuntime, controls: Controls) {
    this.name = name;
    this.runtime = runtime;
    this.controls = controls;
    this.exports = controls.exports;
  }

  get state(): "live" | "trapped" | "unloaded" {
    const state = this.controls.state();
    return state >= UNLOADED ? "unloaded" : state >= TRAPPED ? "trapped" : "live";
  }

  get trap(): TrapError | undefined {
    return this.runtime.trap;
  }

  get depth(): number {
    return this.controls.state() === ENTERED ? 1 : 0;
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const memory of this.runtime.memories) bytes += memory.buffer.byteLength;
    return bytes;
  }

  memories(): readonly WebAssembly.Memory[] {
    return [...this.runtime.memories];
  }

  resources(): InstanceResources {
    return this.runtime.resources(this.controls);
  }

  dispose(): DisposeReceipt {
    if (this.receipt !== undefined) return this.receipt;
    const { memoryBytes } = this;
    this.controls.dispose();
    const { disposed, cut, errors } = this.runtime.end(this.controls);
    this.receipt = { memoryBytes, hostResourcesDisposed: disposed, guestResourcesCut: cut, errors };
    return this.receipt;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
