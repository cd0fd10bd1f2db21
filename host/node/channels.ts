/**
 * The diagnostics channels of Node: `tenon:load`, `tenon:reload`, `tenon:unload`, `tenon:call` and `tenon:import` as tracing
 * channels, `tenon:trap`, `tenon:exit`, `tenon:restart` and `tenon:leak` as plain ones.
 *
 * Messages name modules and functions and never hold what is passed or returned. While nobody has subscribed nothing is
 * wrapped: a channel tells here when somebody subscribes, so that no call has to ask.
 */
import diagnostics, { type Channel } from "node:diagnostics_channel";
import type { Host } from "../module/types.ts";
import type { TracedFunction, Tracing } from "../platform.ts";

type Context = object & { error?: unknown };

/** The five channels of an operation, named as Node's own `tracingChannel` names them. */
class Operation {
  readonly start: Channel;
  readonly end: Channel;
  readonly asyncStart: Channel;
  readonly asyncEnd: Channel;
  readonly error: Channel;
  readonly #all: readonly Channel[];

  constructor(name: string) {
    const channel = (event: string): Channel => diagnostics.channel(`tracing:tenon:${name}:${event}`);
    this.start = channel("start");
    this.end = channel("end");
    this.asyncStart = channel("asyncStart");
    this.asyncEnd = channel("asyncEnd");
    this.error = channel("error");
    this.#all = [this.start, this.end, this.asyncStart, this.asyncEnd, this.error];
  }

  get hasSubscribers(): boolean {
    return this.#all.some((channel) => channel.hasSubscribers);
  }

  /** Calls `changed` when the first subscriber has come or the last one has gone. */
  watch(changed: () => void): void {
    const subscribed = (): boolean => this.hasSubscribers;
    let before = subscribed();
    for (const channel of this.#all) {
      for (const method of ["subscribe", "unsubscribe", "bindStore", "unbindStore"] as const) {
        const plain = channel[method] as ((...args: unknown[]) => unknown) | undefined;
        if (plain === undefined) continue;
        // An own property: the class of a channel changes with its subscribers.
        const value = function (this: Channel, ...args: unknown[]): unknown {
          const result = (Object.getPrototypeOf(this) as Record<string, typeof plain>)[method]!.apply(this, args);
          const now = subscribed();
          if (now !== before) {
            before = now;
            changed();
          }
          return result;
        };
        Object.defineProperty(channel, method, { value, configurable: true, writable: true });
      }
    }
  }

  /** Runs a function between `start` and `end`; what it promises ends with `asyncEnd`. Stores that are bound go along. */
  trace<T>(context: Context, run: () => T): T {
    return this.start.runStores(context, () => {
      try {
        const value = run();
        if (value instanceof Promise) this.#settle(value, context);
        return value;
      } catch (error) {
        this.#failed(context, error);
        throw error;
      } finally {
        this.end.publish(context);
      }
    }) as T;
  }

  #settle(promise: Promise<unknown>, context: Context): void {
    const ended = (): void => {
      this.asyncStart.runStores(context, () => this.asyncEnd.publish(context));
    };
    promise.then(ended, (error: unknown) => {
      this.#failed(context, error);
      ended();
    });
  }

  #failed(context: Context, error: unknown): void {
    context.error = error;
    this.error.publish(context);
  }
}

const operations = {
  load: new Operation("load"),
  reload: new Operation("reload"),
  unload: new Operation("unload"),
  call: new Operation("call"),
  import: new Operation("import"),
};

/** Hosts to tell when the subscribers of calls come or go. */
const watching = new Set<WeakRef<() => void>>();
const watches = new WeakMap<object, () => void>();

operations.call.watch(() => {
  for (const reference of watching) {
    const changed = reference.deref();
    if (changed === undefined) watching.delete(reference);
    else changed();
  }
});

export const channels: Tracing = {
  wants: (of) => operations[of].hasSubscribers,
  run: (operation, context, task) => operations[operation].trace(context, task),
  wrap(of, plain, context) {
    const operation = operations[of];
    return function (this: unknown, ...args) {
      return operation.trace({ ...context }, () => plain.apply(this, args));
    } satisfies TracedFunction;
  },
  watch(owner, changed) {
    const weak = new WeakRef(owner);
    const tell = (): void => {
      const alive = weak.deref();
      if (alive !== undefined) changed(alive);
    };
    // As long as its owner lives, and no longer.
    watches.set(owner, tell);
    watching.add(new WeakRef(tell));
  },
};

const plain = {
  trapped: diagnostics.channel("tenon:trap"),
  exited: diagnostics.channel("tenon:exit"),
  restarted: diagnostics.channel("tenon:restart"),
  leaked: diagnostics.channel("tenon:leak"),
};

/** Publishes the events of a host that have a channel. */
export function publishEvents<H extends Host>(host: H): H {
  for (const event of ["trapped", "exited", "restarted", "leaked"] as const) {
    host.on(event, (message) => {
      if (plain[event].hasSubscribers) plain[event].publish(message);
    });
  }
  return host;
}
