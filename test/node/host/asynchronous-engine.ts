/**
 * An engine as one behind a message channel would be: every function that an instance exports returns a promise, runs on a
 * later macrotask in no certain order, and settles on a later one still. It wraps the engine of this thread.
 */
import { UnloadedError } from "../../../host/node/index.ts";
import { nodePlatform } from "../../../host/node/platform.ts";
import { limitedBy, limitedExports } from "../../../host/runtime/call-limits.ts";
import type { CallLimits, Engine, EngineInstance, EnginePlatform } from "../../../host/runtime/engine.ts";

type Call = (this: unknown, ...args: unknown[]) => unknown;

/** What a test does to calls, by the name of the function. */
export interface Interference {
  /** Runs before the function does; while its promise is pending, so is the call. */
  readonly before?: ((name: string) => Promise<void> | undefined) | undefined;
}

const { thread } = nodePlatform.engines;

/** A platform whose one engine is asynchronous. */
export function asynchronousPlatform(interference: Interference = {}): EnginePlatform {
  return { ...nodePlatform, engines: { ...nodePlatform.engines, thread: asynchronousEngine(interference) } };
}

function asynchronousEngine(interference: Interference): Engine {
  return {
    async open(content, recipe, platform) {
      const opened = await thread.open(content, recipe, platform);
      return {
        ...opened,
        prepare: async (name) => {
          const component = await opened.prepare(name);
          const { hash, imports, exports } = component;
          return {
            name: component.name,
            hash,
            imports,
            exports,
            asynchronous: true,
            describe: () => component.describe(),
            missing: (given) => component.missing(given),
            start: async (given, options) => new Instance(await component.start(given, options), interference),
          };
        },
      };
    },
  };
}

/** Numbers in no certain order, the same in every run: how many macrotasks a call takes to begin. */
function delays(): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) % 4;
}

const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Instance implements EngineInstance {
  readonly name: string;
  readonly exports: object;
  readonly #inner: EngineInstance;
  readonly #interference: Interference;
  readonly #delay = delays();
  /** Rejects the calls under way. */
  readonly #pending = new Set<(error: Error) => void>();

  constructor(inner: EngineInstance, interference: Interference) {
    this.name = inner.name;
    this.#inner = inner;
    this.#interference = interference;
    this.exports = this.#members(inner.exports);
  }

  /** Limits reach what makes the call, which here keeps none. */
  limited<T extends object>(exports: T, limits: CallLimits): T {
    return limitedExports(exports, limits, (call, own) => limitedBy(own, call));
  }

  get state(): EngineInstance["state"] {
    return this.#inner.state;
  }

  get trap(): Error | undefined {
    return this.#inner.trap;
  }

  get depth(): number {
    return this.#pending.size;
  }

  resources(): ReturnType<EngineInstance["resources"]> {
    return this.#inner.resources();
  }

  usage(): ReturnType<EngineInstance["usage"]> {
    return this.#inner.usage();
  }

  end(options?: Parameters<EngineInstance["end"]>[0]): ReturnType<EngineInstance["end"]> {
    for (const reject of this.#pending) reject(new UnloadedError(`The call of ${this.name} was cut`));
    this.#pending.clear();
    return this.#inner.end(options);
  }

  #members(from: object): object {
    return Object.fromEntries(
      Object.entries(from).map(([name, value]: [string, unknown]) => {
        if (typeof value === "function") return [name, this.#function(name, value)];
        return [name, typeof value === "object" && value !== null ? this.#members(value) : value];
      }),
    );
  }

  #function(name: string, value: Function): Function {
    if (value.prototype === undefined || !/^[A-Z]/.test(name)) return this.#later(name, value as Call);
    // A class: its methods are what returns promises.
    const methods = value.prototype as Record<string, unknown>;
    for (const key of Object.getOwnPropertyNames(methods)) {
      if (key === "constructor" || typeof methods[key] !== "function") continue;
      Object.defineProperty(methods, key, { value: this.#later(key, methods[key] as Call), writable: true });
    }
    return value;
  }

  #later(name: string, call: Call): Call {
    const begin = (receiver: unknown, args: unknown[]): Promise<unknown> =>
      this.#begin(name, () => call.apply(receiver, args));
    return function (this: unknown, ...args) {
      return begin(this, args);
    };
  }

  #begin(name: string, call: () => unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      const run = async (): Promise<unknown> => {
        for (let left = this.#delay(); left >= 0; left--) await macrotask();
        await this.#interference.before?.(name);
        // Cut while it waited: it does not run any more.
        if (!this.#pending.has(reject)) return undefined;
        const value = call();
        await macrotask();
        return value;
      };
      run().then(
        (value) => this.#pending.delete(reject) && resolve(value),
        (error: unknown) => this.#pending.delete(reject) && reject(error),
      );
    });
  }
}
