/**
 * An instance on jco's bindings that behaves as the host's own: arguments are checked before anything runs, every
 * fault locks it, errors are the host's classes, and dispose cuts what leads to its memories.
 *
 * jco keeps its handle tables to itself, so resources are not counted, no limit holds, and host objects that the guest leaks
 * are not disposed;
 * a guest's resource that the user keeps holds the instance until it is let go. Asynchronous functions return promises; a
 * trap or dispose rejects those that are pending.
 */
import { explain, type ExplainHandle } from "../abi/explain.ts";
import { someType } from "../model/cases.ts";
import { AbiTrap } from "../abi/trap.ts";
import { className, externName, funcName, shortNames } from "../model/spelling.ts";
import {
  ComponentError,
  EngineLimitError,
  LowerError,
  TrapError,
  UnloadedError,
  UsageError,
  UnsupportedError,
  type TrapCode,
} from "../errors.ts";
import { describe } from "../words.ts";
import type { FuncType, ValueType } from "../model/types.ts";
import type { ExportPlan, Plan } from "../plan/plan.ts";
import type { Platform } from "../platform.ts";
import type { LinkedImports } from "../runtime/given-imports.ts";
import { engineRefusal, toTrapError } from "../runtime/faults.ts";
import { ImportFault } from "../runtime/trap.ts";
import type { Start, ThreadInstance } from "../runtime/component.ts";
import type { DisposeReceipt, EndOptions, EndReceipt, InstanceResources, Usage } from "../runtime/engine.ts";
import { endWatched } from "../runtime/lifetime.ts";
import type { JcoInstantiate } from "./jco-text.ts";

type Glue = Record<string, unknown>;
type Members = Record<string, unknown>;
type Call = (receiver: unknown, args: readonly unknown[]) => unknown;

/** One exported function: `call` leads to jco's glue and is emptied by dispose. */
interface Slot {
  readonly name: string;
  readonly type: FuncType;
  /** Whether the first parameter is the receiver. */
  readonly method: boolean;
  call: Call | undefined;
}

/** jco's words for the traps of the canonical ABI; what the engine says is read as always. */
const jcoTexts: readonly (readonly [string, TrapCode])[] = [
  ["cannot enter component", "cannot-enter-component"],
  ["cannot leave component", "cannot-leave-component"],
  ["unknown handle index", "invalid-handle"],
  ["borrow handles still remain", "invalid-handle"],
  ["Resource error", "invalid-handle"],
  ["invalid variant discriminant", "invalid-discriminant"],
];

export class JcoInstance implements ThreadInstance {
  readonly name: string;
  readonly exports: Members = {};
  readonly seesMemories: boolean;
  trap: TrapError | undefined;
  private readonly plan: Plan;
  private readonly linked: LinkedImports;
  private readonly platform: Platform;
  private readonly onTrap: ((trap: Error) => void) | undefined;
  private slots: Slot[] = [];
  private guestClasses: (Function | undefined)[] = [];
  private coreInstances: WebAssembly.Instance[] = [];
  /** The guest is on the stack. */
  private running = true;
  /** Rejects the promises of calls that have returned one. */
  private readonly calls = new Set<(error: Error) => void>();
  /** An import's fault, before jco or the guest can make something else of it. */
  private stopped: ImportFault | undefined;
  private receipt: DisposeReceipt | undefined;
  /** The reason in the errors of calls after the end. */
  private endReason = "it has been unloaded";

  private constructor(plan: Plan, { name, linked, onTrap, platform }: Start) {
    this.name = name;
    this.plan = plan;
    this.linked = linked;
    this.onTrap = onTrap;
    this.platform = platform;
    this.seesMemories = plan.modules.every(({ kind }) => kind === "embedded");
  }

  /**
   * @throws {TrapError} when a start function traps
   * @throws {UnsupportedError} when the engine cannot suspend and the component needs it
   */
  static start(
    plan: Plan,
    instantiate: JcoInstantiate,
    modules: ReadonlyMap<string, WebAssembly.Module>,
    start: Start,
  ): JcoInstance {
    const instance = new JcoInstance(plan, start);
    try {
      const glue = instantiate(
        (file) => modules.get(file)!,
        instance.glueImports(),
        (module, imports) => {
          const core = instance.makeCore(module, imports);
          instance.coreInstances.push(core);
          return core;
        },
      );
      instance.running = false;
      instance.addClasses(plan.exports, glue, "");
      instance.addMembers(instance.exports, plan.exports, glue, "");
      instance.addShortNames();
    } catch (error) {
      const expected = error instanceof UnsupportedError || error instanceof EngineLimitError;
      const reason = expected ? error : instance.fault(undefined, error);
      instance.dispose();
      throw reason;
    }
    return instance;
  }

  private makeCore(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Instance {
    try {
      return new WebAssembly.Instance(module, imports);
    } catch (error) {
      throw this.stopped === undefined ? engineRefusal(this.name, error) : error;
    }
  }

  get state(): "live" | "trapped" | "unloaded" {
    return this.receipt !== undefined ? "unloaded" : this.trap !== undefined ? "trapped" : "live";
  }

  get depth(): number {
    return this.calls.size + (this.running ? 1 : 0);
  }

  get memoryBytes(): number {
    return this.memories().reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
  }

  memories(): readonly WebAssembly.Memory[] {
    const exported = this.coreInstances.flatMap((core) => Object.values(core.exports));
    return [...new Set(exported.filter((item): item is WebAssembly.Memory => item instanceof WebAssembly.Memory))];
  }

  cores(): readonly object[] {
    return this.coreInstances.map((core) => core.exports);
  }

  resources(): InstanceResources {
    return { heldByHost: new Map(), heldByGuest: new Map() };
  }

  usage(): Usage {
    const { memoryBytes } = this;
    return { memoryBytes };
  }

  end(options?: EndOptions): Promise<EndReceipt> {
    return endWatched(this, this.platform, options);
  }

  dispose(endReason: string = this.endReason): DisposeReceipt {
    if (this.receipt !== undefined) return this.receipt;
    this.endReason = endReason;
    const { memoryBytes } = this;
    this.receipt = { memoryBytes, hostResourcesDisposed: 0, guestResourcesCut: 0, errors: [] };
    for (const slot of this.slots) slot.call = undefined;
    this.slots = [];
    this.guestClasses = [];
    this.coreInstances = [];
    this.rejectPending(() => this.unloaded("it was unloaded while the call was pending"));
    return this.receipt;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  // Exports.

  /** One class for each resource of the guest: other interfaces may export it again, and jco has it where it is defined. */
  private addClasses(exports: readonly ExportPlan[], glue: Glue, prefix: string): void {
    for (const { name, item } of exports) {
      if (item.kind === "instance") {
        this.addClasses(item.exports, (glue[externName(name)] ?? {}) as Glue, `${prefix}${name}#`);
      } else if (item.kind === "resource" && this.plan.resources[item.resource]!.origin.kind !== "host") {
        const inner = glue[className(name)];
        if (typeof inner !== "function") continue;
        this.guestClasses[item.resource] ??= this.resourceFace(name, inner, exports, prefix);
      }
    }
  }

  private addMembers(members: Members, exports: readonly ExportPlan[], glue: Glue, prefix: string): void {
    for (const { name, item } of exports) {
      switch (item.kind) {
        case "func": {
          const js = funcName(name);
          if (js.kind !== "function") break;
          const target = glue[js.js] as Function;
          members[js.js] = this.face(prefix + name, item.type, false, (_, args) => target(...args));
          break;
        }
        case "instance": {
          const inner: Members = {};
          this.addMembers(inner, item.exports, glue[externName(name)] as Glue, `${prefix}${name}#`);
          members[externName(name)] = inner;
          break;
        }
        case "resource":
          members[className(name)] = this.guestClasses[item.resource] ?? this.linked.classes[item.resource];
          break;
        default:
      }
    }
  }

  private addShortNames(): void {
    for (const [short, name] of shortNames(this.plan.exports.map((item) => item.name))) {
      if (!(short in this.exports)) this.exports[short] = this.exports[name];
    }
  }

  /** The class of a guest's resource, whose constructor and members reach jco's through slots only. */
  private resourceFace(name: string, inner: Function, siblings: readonly ExportPlan[], prefix: string): Function {
    const prototype = inner.prototype as Members;
    const constructor = { call: this.noConstructor(name) };
    const face = classFace(className(name), constructor, prototype);
    for (const { name: member, item } of siblings) {
      const js = funcName(member);
      if (item.kind !== "func" || js.kind === "function" || js.resource !== name) continue;
      const make = (method: boolean, call: Call): Function => this.face(prefix + member, item.type, method, call);
      if (js.kind === "constructor") {
        constructor.call = make(false, (_, args) => Reflect.construct(inner, args) as unknown);
      } else {
        const method = js.kind === "method";
        const target = (method ? prototype[js.js] : (inner as unknown as Members)[js.js]) as Function;
        const value = make(method, (receiver, args) => Reflect.apply(target, receiver, args) as unknown);
        if (method) delete prototype[js.js];
        Object.defineProperty(method ? face.prototype : face, js.js, { value, writable: true, configurable: true });
      }
    }
    return face;
  }

  private noConstructor(resource: string): Function {
    return () => {
      throw new UsageError(
        `Resource "${resource}" of "${this.name}" has no constructor; its functions return instances`,
      );
    };
  }

  private face(name: string, type: FuncType, method: boolean, call: Call): Function {
    const slot: Slot = { name, type, method, call };
    this.slots.push(slot);
    const { invoke } = this;
    return function (this: unknown, ...args: unknown[]): unknown {
      return invoke(slot, this, args);
    };
  }

  private readonly invoke = (slot: Slot, receiver: unknown, args: readonly unknown[]): unknown => {
    if (this.state !== "live") {
      const why = this.state === "unloaded" ? this.endReason : "it has trapped and is locked";
      throw this.unloaded(`Cannot call export "${slot.name}" of "${this.name}": ${why}`);
    }
    this.checkArguments(slot, slot.method ? [receiver, ...args] : args);
    if (this.running) {
      const details = { trap: "cannot-enter-component", module: this.name, export: slot.name } as const;
      throw new TrapError(`Cannot call export "${slot.name}" of "${this.name}": a call is running already`, details);
    }
    this.running = true;
    let result: unknown;
    try {
      result = slot.call!(receiver, args);
    } catch (error) {
      throw this.failed(slot, error);
    } finally {
      this.running = false;
    }
    // A guest can catch what an import threw and go on; the fault stands all the same.
    if (this.stopped !== undefined) throw this.fault(slot, this.stopped);
    return slot.type.async ? this.settle(slot, result as Promise<unknown>) : result;
  };

  private settle(slot: Slot, result: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.calls.add(reject);
      // A call whose promise was rejected when the instance went settles into nothing.
      const settled = (end: () => void) => (): void => {
        if (this.calls.delete(reject)) end();
      };
      Promise.resolve(result).then(
        (value) => settled(() => resolve(value))(),
        (error: unknown) => settled(() => reject(this.failed(slot, error)))(),
      );
    });
  }

  /** What a call that threw or rejected ends with: an ordinary error, or a fault. */
  private failed(slot: Slot, error: unknown): Error {
    if (this.stopped === undefined && slot.type.result?.kind === "result" && hasPayload(error)) {
      return new ComponentError(error.payload);
    }
    return this.fault(slot, error);
  }

  private fault(slot: Slot | undefined, error: unknown): Error {
    const original = this.stopped ?? toAbiTrap(error);
    this.stopped = undefined;
    if (this.state !== "live") return this.unloaded(`"${this.name}" is locked`);
    this.trap = toTrapError(original, {
      module: this.name,
      export: slot?.name,
      starting: slot === undefined,
      abort: undefined,
    });
    this.onTrap?.(this.trap);
    this.rejectPending(() => this.unloaded(`"${this.name}" has trapped while the call was pending`));
    return this.trap;
  }

  private rejectPending(error: () => Error): void {
    const all = [...this.calls];
    this.calls.clear();
    for (const reject of all) reject(error());
  }

  private unloaded(message: string): UnloadedError {
    return new UnloadedError(message, this.trap === undefined ? undefined : { cause: this.trap });
  }

  /** @throws {LowerError} */
  private checkArguments({ type }: Slot, args: readonly unknown[]): void {
    for (const [i, param] of type.params.entries()) {
      // Streams and futures are jco's own objects, for it to check.
      if (someType(param.type, isAsynchronous)) continue;
      const found = explain(param.type, args[i], param.name, this.explainHandle);
      if (found !== undefined) throw new LowerError(found.path, found.expected, found.found);
    }
  }

  private readonly explainHandle: ExplainHandle = (type, value) => {
    const index = this.plan.resources.findIndex((resource) => resource.type === type.resource);
    const wanted = this.guestClasses[index] ?? this.linked.classes[index];
    if (typeof value !== "object" || value === null) return describe(value);
    if (wanted !== undefined && !(value instanceof wanted)) return describe(value);
    return this.guestClasses[index] !== undefined && isGone(value) ? "one that was dropped or given away" : undefined;
  };

  // Imports.

  /** The user's imports under the names by which jco asks for them: interfaces without version, functions as modules. */
  private glueImports(): object {
    const imports: Record<string, Members> = {};
    const holder = (path: readonly string[]): Members => {
      const names = path.slice(0, -1);
      if (names.length === 0) return imports;
      const id = names.join("#");
      return (imports[id.replace(/@.*$/, "")] ??= imports[id] ??= {});
    };
    this.plan.resources.forEach(({ origin }, index) => {
      if (origin.kind !== "host") return;
      const given = this.linked.classes[index];
      holder(origin.path)[className(origin.path.at(-1)!)] =
        given === undefined ? AnyObject : this.hostClass(given, origin.path);
    });
    this.plan.hostFuncs.forEach(({ path, type }, index) => {
      const js = funcName(path.at(-1)!);
      if (js.kind !== "function") return;
      const call = this.importFace(path.join("#"), type, this.linked.funcs[index] as Function);
      if (path.length > 1) holder(path)[js.js] = call;
      else imports[path[0]!] = { default: call };
    });
    return imports;
  }

  /** Constructor and statics of a host's class, with their faults noticed. Methods are called on the objects themselves. */
  private hostClass(given: Function, path: readonly string[]): Function {
    const id = path.slice(0, -1).join("#");
    const types = new Map<PropertyKey, readonly [string, FuncType]>();
    for (const func of this.plan.hostFuncs) {
      const name = funcName(func.path.at(-1)!);
      if (name.kind === "function" || name.kind === "method" || name.resource !== path.at(-1)) continue;
      if (func.path.slice(0, -1).join("#") !== id) continue;
      types.set(name.kind === "constructor" ? "constructor" : name.js, [func.path.join("#"), func.type]);
    }
    return new Proxy(given, {
      construct: (target, args, newTarget) => {
        const [name, type] = types.get("constructor") ?? ["constructor", undefined];
        return this.importFace(name, type, () => Reflect.construct(target, args, newTarget) as object)() as object;
      },
      get: (target, key, receiver) => {
        const value: unknown = Reflect.get(target, key, receiver);
        const known = key === "constructor" ? undefined : types.get(key);
        return known === undefined ? value : this.importFace(known[0], known[1], (value as Function).bind(target));
      },
    });
  }

  private importFace(name: string, type: FuncType | undefined, call: Function): Function {
    const result = type?.result?.kind === "result";
    const threw = (error: unknown): unknown => {
      // jco knows these as error payloads; whatever else an import throws is a fault.
      if (result && (!(error instanceof Error) || hasPayload(error))) return error;
      this.stopped ??= new ImportFault(name, error, result);
      return error;
    };
    return (...args: unknown[]): unknown => {
      try {
        const value: unknown = call(...args);
        if (!(value instanceof Promise)) return value;
        return value.catch((error: unknown) => {
          const thrown = threw(error);
          // Nobody may be on the stack to hear of it, so the calls that wait are told here.
          if (this.stopped !== undefined && !this.running) this.fault(undefined, thrown);
          throw thrown;
        });
      } catch (error) {
        throw threw(error);
      }
    };
  }
}

/**
 * A class above jco's: what jco makes inherits from it, and nothing leads from it to jco, whose prototype holds the instance
 * through its hidden class. A function of its own, so that its closure has nothing of jco either.
 */
function classFace(name: string, constructor: { readonly call: Function }, prototype: Members): Function {
  const face = function (...args: unknown[]): unknown {
    return constructor.call(...args) as unknown;
  };
  Object.defineProperty(face, "name", { value: name });
  delete prototype["constructor"];
  Object.setPrototypeOf(prototype, face.prototype as object);
  return face;
}

/** Stands for the class of a host's resource when the user gave none: any object will do. */
class AnyObject {
  static [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null;
  }
}

function isAsynchronous({ kind }: ValueType): boolean {
  return kind === "stream" || kind === "future" || kind === "error-context";
}

function hasPayload(error: unknown): error is { payload: unknown } {
  return typeof error === "object" && error !== null && Object.hasOwn(error, "payload");
}

/** jco empties the handle of a wrapper whose resource is gone. */
function isGone(value: object): boolean {
  const handle = Object.getOwnPropertySymbols(value).find(({ description }) => description === "handle");
  return handle === undefined || (value as Record<symbol, unknown>)[handle] === undefined;
}

function toAbiTrap(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { message } = error;
  for (const [text, code] of jcoTexts) {
    if (!message.includes(text)) continue;
    void error.stack;
    return new AbiTrap(code, message);
  }
  return error;
}
