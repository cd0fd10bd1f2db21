/**
 * Components of this thread whose calls may wait: the engine of the thread prepares them, with text and instances of another
 * kind (`waiting.ts`), and here they get the face of an engine whose calls return promises.
 */
import { type LimitName, UnsupportedError, UsageError } from "../errors.ts";
import type { BoundComponent, Platform } from "../platform.ts";
import type { CompilerTools } from "./compiler.ts";
import type { ThreadComponent, ThreadInstance } from "./component.ts";
import type { CallLimits, Content, EngineComponent, EngineInstance, EnginePlatform, Opened, Recipe } from "./engine.ts";
import type { Component, Instance } from "./types.ts";
import { type Limiting, type Waiter, waiterOf, waitingTools } from "./waiting.ts";

/** A component whose instances are those of this thread. */
export interface WaitingComponent extends Component, Pick<ThreadComponent, "link"> {
  start(...args: Parameters<EngineComponent["start"]>): Promise<WaitingInstance>;
}

interface OpenedWaiting extends Opened {
  prepare(name?: string): Promise<WaitingComponent>;
}

/** See `Engine.open`. */
export async function openWaiting(content: Content, recipe: Recipe, platform: EnginePlatform): Promise<OpenedWaiting> {
  const { isolation = "thread" } = recipe;
  if (isolation !== "thread") {
    throw new UsageError(
      "Calls of instances in this thread may wait with jspi: true, and those to workers wait anyway: leave jspi out, or isolation",
    );
  }
  if (!("Suspending" in WebAssembly)) {
    throw new UnsupportedError(
      "jspi",
      `This engine has no JavaScript Promise Integration, which jspi: true needs (Chromium 137, Firefox 153, Safari 27 and Node 24 have it): load with isolation: "worker", whose calls return promises too`,
    );
  }
  const limiting = await import("./call-limits.ts");
  // What the compiler needs comes with the platform: an import of its own would have bundlers cut it in more pieces.
  const tools: CompilerTools = { waiting: waitingTools(limiting, platform, recipe) };
  const { body: given } = content;
  const body = "instantiate" in given ? forWaiting(given) : given;
  const equipped = { ...platform, ...tools } as Platform;
  const opened = await platform.engines.thread.open({ ...content, body }, recipe, equipped);
  return {
    ...opened,
    prepare: async (name) => waiting((await opened.prepare(name)) as ThreadComponent, recipe, limiting),
  };
}

/** By those that `tenon bind` wrote: a host caches by the object. */
const plainly = new WeakMap<BoundComponent, BoundComponent>();

/** Bindings for calls that may wait, as the engine of this thread takes them: with parts to be asked for, in its format. */
function forWaiting(bound: BoundComponent): BoundComponent {
  const { name, format, asynchronous, lines = [] } = bound;
  if (asynchronous) {
    throw new UsageError(`The functions of "${name}" are asynchronous, and wait by themselves: leave jspi out`);
  }
  if (format > 0) {
    throw new UsageError(
      `The module "${name}" was written by \`tenon bind\` for calls that run to their end: with jspi, bind it again with --jspi, or load the component that it was made from`,
    );
  }
  let plain = plainly.get(bound);
  if (plain === undefined) plainly.set(bound, (plain = { ...bound, format: -format, lines }));
  return plain;
}

function waiting(component: ThreadComponent, recipe: Recipe, limiting: Limiting): WaitingComponent {
  const { name, hash, imports, exports } = component;
  const counts = limiting.countsSteps(recipe);
  const waits = (instance: ThreadInstance): WaitingInstance =>
    new WaitingInstance(instance, waiterOf(instance.exports), counts ? limiting : undefined);
  return {
    name,
    hash,
    imports,
    exports,
    asynchronous: true,
    waits: true,
    describe: () => component.describe(),
    missing: (given) => component.missing(given),
    link: (given, plan) => component.link(given, plan),
    instantiate: (given, options) => component.instantiate(given, options).then(waits),
    instantiateSync: (given, options) => waits(component.instantiateSync(given, options)),
    // Not async: a suspended function would hold the instance.
    start: (given, options) => component.start(given, options).then(waits),
  };
}

/** An instance of this thread that counts the calls which wait for it. */
export class WaitingInstance implements Instance {
  readonly #instance: ThreadInstance;
  /** Absent where functions are asynchronous: these have tasks, which wait by themselves. */
  readonly #waiter: Waiter | undefined;
  readonly #limiting: Limiting | undefined;
  /** Its end unwinds what waits. */
  readonly cutsCalls = true;

  /** @param limiting absent where calls cannot be limited */
  constructor(instance: ThreadInstance, waiter: Waiter | undefined, limiting: Limiting | undefined) {
    this.#instance = instance;
    this.#waiter = waiter;
    this.#limiting = limiting;
  }

  get name(): string {
    return this.#instance.name;
  }

  get memoryBytes(): number {
    return this.#instance.memoryBytes;
  }

  get exports(): object {
    return this.#instance.exports;
  }

  get state(): EngineInstance["state"] {
    return this.#waiter?.faulty ? "trapped" : this.#instance.state;
  }

  get trap(): Error | undefined {
    return this.#waiter?.faulty ? undefined : this.#instance.trap;
  }

  get depth(): number {
    return this.#waiter?.depth ?? this.#instance.depth;
  }

  get pending(): EngineInstance["pending"] {
    return this.#instance.pending;
  }

  /** Takes any number of calls, and has them wait for each other where they must. */
  get overlaps(): boolean {
    return this.#waiter === undefined;
  }

  /** A function of the host's is on the stack, called by the guest. */
  get importing(): boolean {
    return this.#waiter?.importing === true;
  }

  get limited(): EngineInstance["limited"] {
    const limiting = this.#limiting;
    return limiting && ((exports, limits) => limiting.limitedExports(exports, limits, limitedCall.bind(limiting)));
  }

  resources(): ReturnType<EngineInstance["resources"]> {
    return this.#instance.resources();
  }

  usage(): ReturnType<EngineInstance["usage"]> {
    return this.#instance.usage();
  }

  end(options?: Parameters<EngineInstance["end"]>[0]): ReturnType<EngineInstance["end"]> {
    return this.#instance.end(options);
  }

  dispose(endReason?: string): ReturnType<Instance["dispose"]> {
    return this.#instance.dispose(endReason);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A call that rejects with the reason of its signal when that has ended it. */
async function limitedCall(this: Limiting, call: () => unknown, limits: CallLimits): Promise<unknown> {
  const { signal } = limits;
  if (this.isAborted(signal)) throw signal!.reason;
  try {
    return await this.limitedBy(limits, call);
  } catch (error) {
    if (this.isAborted(signal) && (error as { limit?: LimitName }).limit === "signal") throw signal!.reason;
    throw error;
  }
}
