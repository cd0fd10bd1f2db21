/**
 * One of several instances in this thread whose calls may wait: what is called in it, and its end.
 *
 * Its resources are objects of its own classes, which stand below those that the pool exports: methods of them are calls to
 * the pool, which come here.
 */
import type { ExplainHandle } from "../abi/explain.ts";
import type { ExternDecl } from "../model/types.ts";
import { className, externName, funcName, staticName } from "../model/spelling.ts";
import { describe } from "../words.ts";
import { handling, kept } from "../runtime/copies.ts";
import type { EndOptions, EndReceipt, InstanceResources, Usage } from "../runtime/engine.ts";
import type { WaitingInstance } from "../runtime/jspi.ts";
import type { Faults } from "../runtime/lazy.ts";
import type { Call, Given, Limiting, Member, MemberEvents, Passing } from "./call.ts";
import type { Func, Surface } from "./surface.ts";

type Target = (...args: unknown[]) => unknown;
type Members = Record<string, unknown>;

/** What the instances of a component in this thread share. */
export interface InThread {
  readonly surface: Surface;
  readonly exports: readonly ExternDecl[];
  readonly limiting: Limiting;
  /** Which instance an object belongs to, by its prototype. */
  readonly homes: WeakMap<object, ThreadMember>;
  /** Classes of the guest's resources that the pool exports, by number. */
  readonly classes: readonly (Function | undefined)[];
  start(onTrap: (trap: Error) => void): Promise<WaitingInstance>;
}

export class ThreadMember implements Member {
  state: Member["state"] = "starting";
  trap: Error | undefined;
  readonly #shared: InThread;
  readonly #events: MemberEvents;
  #instance: WaitingInstance | undefined;
  /** What it exports, by number. */
  #functions: readonly (Target | undefined)[] = [];
  readonly #running = new Map<Call, AbortController | undefined>();
  #starting: Promise<void> = Promise.resolve();
  /** Settles when the call that was made last has ended. */
  #settled: Promise<void> = Promise.resolve();

  constructor(shared: InThread, events: MemberEvents) {
    this.#shared = shared;
    this.#events = events;
  }

  // Not async: a suspended function would hold the instance.
  start(): Promise<void> {
    const { start } = this.#shared;
    const starting = start((trap) => this.#trapped(trap)).then((instance) => this.#started(instance));
    this.#starting = starting.catch(() => undefined);
    return starting;
  }

  #started(instance: WaitingInstance): void {
    this.#instance = instance;
    // The pool may have ended meanwhile, and waits for this.
    if (this.state !== "starting") return;
    this.state = "live";
    this.#functions = functionsOf(this.#shared, instance.exports as Members, this);
  }

  #trapped(trap: Error): void {
    this.trap = trap;
    if (this.state !== "live") return;
    this.state = "trapped";
    this.#events.trapped(this, trap);
  }

  get usage(): Usage {
    return this.#instance?.usage() ?? { memoryBytes: 0 };
  }

  get importing(): boolean {
    return this.#instance?.importing === true;
  }

  get free(): boolean {
    return this.state === "live" && (this.#running.size === 0 || this.#instance!.overlaps);
  }

  get depth(): number {
    return this.#running.size || (this.#instance?.depth ?? 0);
  }

  get underway(): Member["underway"] {
    return this.#instance?.pending?.underway;
  }

  resources(): InstanceResources {
    return this.#instance?.resources() ?? { heldByHost: new Map(), heldByGuest: new Map() };
  }

  run(call: Call): void {
    const { limiting, surface } = this.#shared;
    const controller = surface.exports[call.index]!.type.async ? new AbortController() : undefined;
    this.#running.set(call, controller);
    const args = controller === undefined ? call.args : [...call.args, controller];
    const made = limiting.limitedBy(call.limits, () => this.#functions[call.index]!(...args)) as Promise<unknown>;
    this.#settled = made.then(
      (value) => this.#settle(call, () => call.resolve(value)),
      (error: Error) => this.#settle(call, () => call.reject(error)),
    );
    // What has not waited has ended, though its promise tells it a turn later.
    const { depth, overlaps } = this.#instance ?? {};
    if (depth === 0 && !overlaps && this.state === "live") this.#running.clear();
  }

  #settle(call: Call, tell: () => void): void {
    this.#running.delete(call);
    tell();
    this.#events.free(this);
  }

  /** The guest looks at the signal by itself. */
  stop(): void {}

  giveUp(call: Call): void {
    this.#running.get(call)?.abort();
  }

  end(error: Error, options?: EndOptions): Promise<EndReceipt | undefined> {
    // The call that trapped tells of it a turn later, and may be on the stack now.
    if (this.state === "trapped") return this.#starting.then(() => this.#settled).then(() => this.#end(options));
    const running = [...this.#running.keys()];
    this.state = "ended";
    this.#running.clear();
    for (const call of running) call.reject(error);
    return this.#starting.then(() => this.#end(options));
  }

  #end(options: EndOptions | undefined): Promise<EndReceipt> | undefined {
    const instance = this.#instance;
    this.#instance = undefined;
    this.#functions = [];
    return instance?.end(options);
  }
}

/** The exported functions by number, taken from an instance; objects of its classes find the pool's methods from here on. */
function functionsOf({ surface, exports, classes, homes }: InThread, root: Members, member: ThreadMember): Target[] {
  const functions: Target[] = [];
  const numbers = new Map(surface.exports.map(({ path }, index) => [path.join("#"), index]));
  const owned: (readonly [own: Function, shown: Function])[] = [];
  const walk = (items: readonly ExternDecl[], above: string, source: Members): void => {
    for (const { name, type } of items) {
      if (type.kind === "instance") walk(type.exports, `${above}${name}#`, source[externName(name)] as Members);
      else if (type.kind === "func") functions[numbers.get(above + name)!] = functionOf(name, source);
      else if (type.kind === "resource-type") {
        const shown = classes[surface.resource({ kind: "own", resource: type.resource }).number];
        if (shown !== undefined) owned.push([source[className(name)] as Function, shown]);
      }
    }
  };
  walk(exports, "", root);
  for (const [own, shown] of owned) {
    const prototype = own.prototype as object;
    for (const key of Reflect.ownKeys(prototype)) Reflect.deleteProperty(prototype, key);
    Object.setPrototypeOf(prototype, shown.prototype as object);
    homes.set(prototype, member);
  }
  return functions;
}

/** A method takes its object first. */
function functionOf(name: string, source: Members): Target {
  const js = funcName(name);
  if (js.kind === "function") return source[js.js] as Target;
  const owner = source[className(js.resource)] as (new (...args: unknown[]) => object) & Members;
  if (js.kind === "constructor") return (...args) => new owner(...args);
  if (js.kind === "static") return owner[staticName(js.js)] as Target;
  const method = (owner.prototype as Members)[js.js] as Target;
  return (self, ...args) => method.apply(self, args);
}

/** How arguments get to instances in this thread: as they are, for the instance looks at them itself. */
export function passingHere(homes: InThread["homes"], { mismatch }: Pick<Faults, "mismatch">): Passing {
  const explain: ExplainHandle = (_, value) =>
    typeof value === "object" && value !== null ? undefined : describe(value);
  // The instance knows.
  explain.channel = () => undefined;
  return {
    explain,
    give({ type: { params } }: Func, args, only): Given {
      let member = only;
      const look = (_: unknown, value: unknown): unknown => {
        if (typeof value === "object" && value !== null) member ??= homes.get(Object.getPrototypeOf(value) as object);
        return value;
      };
      // Where a resource may be, what was looked at is what is passed.
      const given = params.map(({ type }, i) => (handling(type) === undefined ? args[i] : kept(type, args[i], look)));
      return { args: given, passed: [], member };
    },
    keep({ type: { params } }: Func, args) {
      const types = params.map(({ type }) => type);
      const names = params.map(({ name }) => name);
      if (mismatch(types, args, names, explain) !== undefined) throw new TypeError("Expected other arguments");
      return args.map((arg, i) => kept(types[i]!, arg));
    },
  };
}
