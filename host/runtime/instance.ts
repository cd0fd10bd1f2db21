/**
 * One running component: its state, its faults, and the end of it.
 *
 * The state machine is live → trapped | unloaded, trapped → unloaded. The flags that enforce it live in the generated text
 * (a call must not pay for more than a comparison); this file gives them meaning and words.
 */
import type { ExplainHandle } from "../abi/explain.ts";
import { explainWrapper } from "../abi/guest-resource.ts";
import type { ComponentState } from "../abi/component-state.ts";
import type { HostLimits } from "../abi/quota.ts";
import { AbiRuntime } from "../abi/runtime.ts";
import { AbiTrap } from "../abi/trap.ts";
import { ENTERED, IDLE, TRAPPED, UNLOADED } from "../abi/entered.ts";
import type { Controls } from "../bindings/evaluate.ts";
import { ComponentError, EngineLimitError } from "../errors.ts";
import type { LowerError, TrapError, UnloadedError, UsageError } from "../errors.ts";
import { describe } from "../words.ts";
import type { KeptPlan } from "../plan/plan.ts";
import type { LinkedImports } from "./given-imports.ts";
import type { Closed } from "./resources.ts";
import type { Faults } from "./lazy.ts";
import { ImportFault, scrub, type GuestAbort } from "./trap.ts";
import type {
  EngineInstance,
  DisposeReceipt,
  EndOptions,
  EndReceipt,
  InstanceResources,
  PendingCalls,
  Usage,
} from "./engine.ts";
import type { Meter } from "./metering.ts";
import type { Prepared } from "./prepared.ts";
import type { Platform } from "../platform.ts";
import type { Start, ThreadInstance } from "./component.ts";
import { endWatched } from "./lifetime.ts";

/** What `rt` is in the generated text: the base with this instance's names and faults. */
class InstanceRuntime extends AbiRuntime {
  readonly name: string;
  /** The first trap; once there is one, nothing runs any more. */
  trap: TrapError | undefined;
  /** Called with the first trap. */
  onTrap: ((trap: Error) => void) | undefined;
  /** Reads what the guest's `abort` recorded; set by the generated text where the guest has the hook. */
  abortHook: (() => GuestAbort | undefined) | undefined;
  private ended = false;
  /** The steps of the plan have not all run. */
  starting = true;
  /** Whether a core instance that the engine does not make at once is made asynchronously. */
  waits = false;
  /** The core instance that the next step waits for. */
  pending: Promise<WebAssembly.Exports> | undefined;
  /** The reason in the errors of calls after the end. */
  endReason = "it has been unloaded";
  /** Linear memories of the core instances: those that core modules hide are exported under private names. */
  readonly memories = new Set<WebAssembly.Memory>();
  /** What the core instances export. */
  cores: object[] = [];
  readonly plan: KeptPlan;
  readonly seesMemories: boolean;
  /** The first error thrown into the guest: the guest's frames may catch it and throw another. */
  private stopped: { readonly error: unknown; stack?: readonly string[] } | undefined;
  /** The message of the first trap is being made, which may run getters of the value that was thrown. */
  private describing = false;
  private readonly faults: Faults;
  /** Its asynchronous calls, where it has such functions. */
  declare tasks: PendingCalls | undefined;
  /** Limits the guest's own code, where its core modules were rewritten for that. */
  meter: Meter | undefined;

  constructor(name: string, plan: KeptPlan, linked: LinkedImports, faults: Faults, limits: HostLimits) {
    super(linked.classes, limits);
    this.name = name;
    this.plan = plan;
    this.faults = faults;
    this.seesMemories = plan.modules.every(({ kind }) => kind === "embedded");
  }

  /**
   * Makes a core instance, at once where the engine does that. It may refuse before anything of the instance runs: on a
   * page's own thread when the module is large, which it then makes asynchronously, and anywhere for want of memory.
   * @returns its exports; `undefined` when {@link pending} will have the instance
   */
  make(module: WebAssembly.Module, imports?: WebAssembly.Imports): WebAssembly.Exports | undefined {
    try {
      this.meter?.admit(module);
      return this.made(module, new WebAssembly.Instance(module, imports));
    } catch (error) {
      const refusal = this.refusalOf(error);
      if (refusal === error || !this.waits) throw refusal;
      this.pending = WebAssembly.instantiate(module, imports).then((instance) => this.made(module, instance));
      return undefined;
    }
  }

  /** What the engine refused by itself; any other error as it is. A guest that was stopped has run. */
  refusalOf(error: unknown): unknown {
    return this.stopped === undefined ? this.faults.engineRefusal(this.name, error) : error;
  }

  private made(module: WebAssembly.Module, { exports }: WebAssembly.Instance): WebAssembly.Exports {
    this.cores.push(exports);
    this.meter?.attach(module, exports);
    return exports;
  }

  /** What a new core instance exports where a memory is expected. */
  track(item: unknown): void {
    if (item instanceof WebAssembly.Memory) this.memories.add(item);
  }

  /** Arguments that a generated check refused. */
  badArguments(lift: number, args: readonly unknown[]): Error {
    if (this.root.entered > ENTERED) return this.refuse(lift);
    const { params } = (lift < 0 ? this.plan.hostFuncs[-2 - lift]! : this.plan.lifts[lift]!).type;
    const check = this.beginCheck();
    const found = this.faults.mismatch(
      params.map(({ type }) => type),
      args,
      params.map(({ name }) => name),
      this.explainHandle,
    );
    this.endCheck(check);
    return found === undefined ? this.unlowered(lift, "others") : this.faults.misfit(found);
  }

  /**
   * Arguments that are not what was checked any more. The guest has not been called.
   * @param state of the component instance to be called, when handles were made in it
   */
  unlowered(lift: number, error: unknown, state?: ComponentState): LowerError {
    if (state !== undefined) this.faults.takeBack(state.handles, this.taken!, this.objects);
    return this.faults.changed(this.exportName(lift), error);
  }

  readonly explainHandle: ExplainHandle = (type, value) => {
    const index = this.plan.resources.findIndex((resource) => resource.type === type.resource);
    if (index < 0) return undefined;
    const fits =
      this.plan.resources[index]!.origin.kind === "host"
        ? this.isHost(index, value)
        : this.isGuest(index, value, type.kind === "own");
    return fits ? undefined : (explainWrapper(value, this.owners[index]) ?? describe(value));
  };

  /** A call that the state does not allow. */
  refuse(lift: number): TrapError | UnloadedError {
    return this.faults.refusal(this.look(), lift === -1 ? undefined : this.exportName(lift), this);
  }

  private unloaded(message: string): UnloadedError {
    return this.faults.unloaded(message, this.trap);
  }

  /** A fault that reaches the host's edge. `error` is `undefined` when the guest swallowed it and went on. */
  fault(lift: number, error?: unknown): Error {
    this.meter?.finish();
    if (this.trap !== undefined) return this.unloaded(`"${this.name}" has trapped and is locked`);
    if (this.ended) return this.unloaded(`"${this.name}" was unloaded during a call`);
    if (error instanceof EngineLimitError) {
      // No fault of the guest, so no trap; but the instance is incomplete, and ends here.
      this.ended = true;
      scrub(error);
      return error;
    }
    return this.lock(lift, error);
  }

  /** Makes the first trap, and passes it to `onTrap`. */
  private lock(lift: number, error: unknown): TrapError {
    this.describing = true;
    try {
      // The error first thrown into the guest is the fault, also when the guest caught it and threw another.
      const { error: original, stack } = this.stopped ?? { error };
      this.trap ??= this.faults.toTrapError(original, {
        module: this.name,
        export: lift < 0 ? undefined : this.exportName(lift),
        starting: this.starting,
        abort: this.abortHook,
        stack,
      });
      this.stopped = undefined;
      this.abortHook = undefined;
      this.tell(this.trap);
      return this.trap;
    } finally {
      this.describing = false;
    }
  }

  private tell(trap: TrapError): void {
    try {
      this.onTrap?.(trap);
    } catch (error) {
      // At the end of the stack the listener may not have begun: it is called when the instance is next looked at.
      if (this.faults.isStackOverflow(error)) return;
    }
    this.onTrap = undefined;
  }

  /** The root's state. A fault at the very end of the stack is described and told of when it is looked at. */
  look(): number {
    const { entered } = this.root;
    if (
      entered === TRAPPED &&
      !this.ended &&
      !this.describing &&
      (this.trap === undefined || this.onTrap !== undefined)
    )
      this.lock(-1, undefined);
    return entered;
  }

  /** An error about to re-enter the guest: the instance is locked already, so a guest that catches it gains nothing. */
  stop(error: unknown): unknown {
    const stopped = (this.stopped ??= { error });
    // Where the guest is now, nobody can tell when the error has passed through it.
    stopped.stack ??= this.faults.linesHere();
    return error;
  }

  /** A call out of a guest that may not leave, or has trapped. */
  leave(): unknown {
    return this.stopped?.error ?? new AbiTrap("cannot-leave-component", "Cannot leave the component instance now");
  }

  threw(func: number, error: unknown, hasErr?: boolean): ImportFault {
    return new ImportFault(this.plan.hostFuncs[func]!.path.join("#"), error, hasErr);
  }

  /** What an import with a result threw, as its error payload. @throws {ImportFault} when it is no payload */
  payload(func: number, error: unknown): unknown {
    try {
      if (error instanceof ComponentError) return error.payload;
      if (typeof error === "object" && error !== null && Object.hasOwn(error, "payload")) {
        return (error as { payload: unknown }).payload;
      }
      if (!(error instanceof Error || error instanceof AbiTrap)) return error;
    } catch {
      // A proxy or a getter that throws is no payload.
    }
    throw this.threw(func, error, true);
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
    const { result } = this.plan.hostFuncs[func]!.type;
    return this.threw(func, this.faults.badResult(result!, value, this.explainHandle));
  }

  error(payload: unknown): ComponentError {
    return new ComponentError(payload);
  }

  noConstructor(resource: string): UsageError {
    return this.faults.noConstructor(resource, this.name);
  }

  abortRecord(pointer: number, memory: WebAssembly.Memory): GuestAbort | undefined {
    return this.faults.abortRecord(pointer, memory);
  }

  exportName(lift: number): string {
    return this.faults.exportName(this.plan, lift);
  }

  /** Live wrappers and guest-held host objects, by resource name. */
  resources(): InstanceResources {
    return this.faults.liveResources(this, this.plan);
  }

  /** Disposes of what the guest leaked, and cuts the wrappers that the host still holds. */
  end(): Closed {
    this.ended = true;
    this.abortHook = undefined;
    this.memories.clear();
    this.meter?.end();
    this.cores = [];
    return this.faults.closeResources(this);
  }
}

/**
 * Makes and starts an instance.
 *
 * @returns a promise only when a core module was instantiated asynchronously
 * @throws {TrapError} when a start function traps; nothing of the instance remains
 * @throws {EngineLimitError} when the engine has no room for it
 */
export function startInstance(
  plan: KeptPlan,
  { instantiate, equip }: Pick<Prepared, "instantiate" | "equip">,
  modules: readonly WebAssembly.Module[],
  faults: Faults,
  { name, linked, limits, onTrap, waits, platform }: Start,
): ThreadInstance | Promise<ThreadInstance> {
  const runtime = new InstanceRuntime(name, plan, linked, faults, limits);
  runtime.onTrap = onTrap;
  equip?.(runtime, limits);
  const controls = instantiate(runtime, modules, linked.funcs);
  const instance = new ComponentInstance(runtime, controls, platform);
  runtime.waits = waits;
  runtime.meter?.beginStart();
  return run(instance, runtime, controls, 0);
}

/** Runs the steps from number `at`. */
function run(
  instance: ComponentInstance,
  runtime: InstanceRuntime,
  controls: Controls,
  at: number,
  made?: unknown,
): ThreadInstance | Promise<ThreadInstance> {
  const { root } = runtime;
  let fault: unknown;
  try {
    const next = controls.start(at, made);
    if (next !== undefined) {
      const { pending } = runtime;
      // It leads to the core instance, and what is held of the instance after its end leads to this.
      runtime.pending = undefined;
      return pending!.then(
        (exports) => run(instance, runtime, controls, next, exports),
        (error: unknown) => run(instance, runtime, controls, -1, runtime.refusalOf(error)),
      );
    }
    runtime.meter?.finish();
    // A guest can catch what an import threw and go on; the fault stands all the same.
    if (root.entered === ENTERED) {
      root.entered = IDLE;
      runtime.starting = false;
      return instance;
    }
  } catch (error) {
    fault = error;
  }
  try {
    if (root.entered < TRAPPED) root.entered = TRAPPED;
    throw runtime.fault(-1, fault);
  } finally {
    instance.dispose();
  }
}

class ComponentInstance implements ThreadInstance {
  readonly exports: Record<string, unknown>;
  private readonly runtime: InstanceRuntime;
  private readonly controls: Controls;
  private readonly platform: Platform;
  readonly pending: PendingCalls | undefined;
  private receipt: DisposeReceipt | undefined;

  constructor(runtime: InstanceRuntime, controls: Controls, platform: Platform) {
    this.runtime = runtime;
    this.controls = controls;
    this.platform = platform;
    this.exports = controls.exports;
    this.pending = runtime.tasks;
  }

  get name(): string {
    return this.runtime.name;
  }

  get state(): "live" | "trapped" | "unloaded" {
    const state = this.runtime.look();
    return state >= UNLOADED ? "unloaded" : state >= TRAPPED ? "trapped" : "live";
  }

  get trap(): TrapError | undefined {
    this.runtime.look();
    return this.runtime.trap;
  }

  get depth(): number {
    return this.runtime.root.entered === ENTERED ? 1 : 0;
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const memory of this.runtime.memories) bytes += memory.buffer.byteLength;
    return bytes;
  }

  get seesMemories(): boolean {
    return this.runtime.seesMemories;
  }

  memories(): readonly WebAssembly.Memory[] {
    return [...this.runtime.memories];
  }

  cores(): readonly object[] {
    return this.runtime.cores;
  }

  resources(): InstanceResources {
    return this.runtime.resources();
  }

  get limited(): EngineInstance["limited"] {
    return this.runtime.meter?.limited;
  }

  usage(): Usage {
    const { memoryBytes } = this;
    return { memoryBytes, ...this.runtime.meter?.usage() };
  }

  end(options?: EndOptions): Promise<EndReceipt> {
    return endWatched(this, this.platform, options);
  }

  dispose(endReason?: string): DisposeReceipt {
    if (this.receipt !== undefined) return this.receipt;
    this.runtime.look();
    if (endReason !== undefined) this.runtime.endReason = endReason;
    const { memoryBytes } = this;
    this.runtime.root.entered = UNLOADED;
    this.controls.dispose();
    const { disposed, cut, errors } = this.runtime.end();
    this.receipt = { memoryBytes, hostResourcesDisposed: disposed, guestResourcesCut: cut, errors };
    return this.receipt;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
