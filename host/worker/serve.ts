/**
 * The worker's side: one instance by the engine of this thread, calls that come as messages, and imports that wait for the
 * host.
 */
import { BOXED, type Boxing } from "../abi/async/host-call.ts";
import { type InPlace, NOW } from "../abi/async/import-call.ts";
import { looksLikeResult } from "../bindings/canon-lower.ts";
import { ComponentError, LowerError } from "../errors.ts";
import type { GuestStream, ImportCall } from "../model/async-values.ts";
import type { ExternDecl } from "../model/types.ts";
import { className, externName, funcName, staticName, toCamelCase } from "../model/spelling.ts";
import type { Platform } from "../platform.ts";
import { limitedBy } from "../runtime/call-limits.ts";
import type { Engine, EngineInstance, Usage } from "../runtime/engine.ts";
import { HostError, toData } from "./errors.ts";
import type { Answer, Job, Reply, Request, Starter } from "./messages.ts";
import { surfaceOf, type Func, type Surface } from "./surface.ts";
import { handled, handling, type Handle, isChannel } from "../runtime/copies.ts";
import type { Link } from "./channel-ends.ts";
import type { Channels, Crossing } from "./channels.ts";
import { mayTransfer, transfers } from "./values.ts";

/** What an asynchronous call gave, which may be a promise itself. */
interface Boxed {
  readonly value: unknown;
}
type Call = (args: readonly unknown[]) => unknown;
type Members = Record<string, unknown>;

/** Serves the thread that started this one, for the life of one instance. */
export function serve(starter: Starter, engine: Engine, platform: Platform): void {
  const server = new Server(starter, engine, platform);
  starter.listen((message) => server.receive(message));
}

class Server {
  readonly #starter: Starter;
  readonly #engine: Engine;
  readonly #platform: Platform;
  #surface!: Surface;
  #instance: EngineInstance | undefined;
  #calls: readonly Call[] = [];
  #told: Usage | undefined;
  #trapTold = false;
  /** Resources of the guest that the host has, by number. */
  readonly #held = new Map<number, object>();
  #lastHeld = 0;
  /** Resources of the host, by what stands for them here. */
  readonly #numbers = new WeakMap<object, number>();
  /** Asynchronous calls under way, by number. */
  readonly #aborts = new Map<number, AbortController>();
  /** What is to be done with the answers of asynchronous imports, by the number of the call. */
  readonly #begun = new Map<number, (answer: Answer) => void>();
  #lastBegun = 0;
  #channels: Channels | undefined;
  /** What stands for the classes of the host's resources, by the number of each. */
  readonly #classes: (Function | undefined)[] = [];

  constructor(starter: Starter, engine: Engine, platform: Platform) {
    this.#starter = starter;
    this.#engine = engine;
    this.#platform = platform;
  }

  receive(message: Request): void {
    switch (message[0]) {
      case "start":
        this.#start(message[1]).catch((error: unknown) => this.#post(["refused", toData(error)]));
        return;
      case "call":
        this.#call(message);
        return;
      case "drop":
        this.#drop(message[1]);
        return;
      case "abort":
        this.#aborts.get(message[1])?.abort();
        return;
      case "answer":
        this.#begun.get(message[1])?.(message[2]);
        this.#begun.delete(message[1]);
        return;
      case "channel":
        this.#channels!.receive(message);
    }
  }

  #post(message: Reply, transfer: readonly ArrayBuffer[] = []): void {
    this.#starter.post(message, transfer);
  }

  async #start({ bytes, from, recipe, limits, name, modules }: Job): Promise<void> {
    const opened = await this.#engine.open({ body: bytes, from, limits }, recipe, this.#platform);
    const component = await opened.prepare(name);
    this.#surface = surfaceOf(component.imports, component.exports);
    if (this.#surface.channels !== undefined) this.#channels = new (await import("./channels.ts")).Channels(this.#link);
    const tagged = this.#surface.imports.map(
      ({ type: { result } }) => result?.kind === "result" && !looksLikeResult(result.ok),
    );
    this.#post(["prepared", tagged]);
    const imports = this.#imports(component.imports, modules);
    const instance = await component.start(imports, { name, onTrap: (trap) => this.#trapped(trap) });
    this.#instance = instance;
    this.#calls = this.#surface.exports.map((func) => this.#target(func));
    const memories = (instance as Partial<{ memories(): readonly unknown[] }>).memories?.().length ?? 1;
    this.#told = instance.usage();
    this.#post(["started", this.#told, memories]);
  }

  /** A trap that no call reports is told by itself, when those that run have had their turn: the one that trapped is among them. */
  #trapped(trap: Error): void {
    void this.#platform.macrotask().then(() => {
      if (!this.#trapTold) this.#post(["trapped", toData(trap)]);
      this.#trapTold = true;
    });
  }

  /** What the instance takes, where that has changed. */
  #usage(): Usage | undefined {
    const usage = this.#instance!.usage();
    const told = this.#told as unknown as Record<string, unknown> | undefined;
    for (const [key, value] of Object.entries(usage)) if (value !== told?.[key]) return (this.#told = usage);
    return undefined;
  }

  /** How elements of streams and values of futures cross, outside of calls. */
  readonly #link: Link = {
    post: (message, transfer) => this.#post(message, transfer),
    out: (type, value) => handled(type, value, this.#give),
    in: (type, value) => handled(type, value, this.#keep),
    transfers: (type, value) => (mayTransfer(type) ? transfers(value) : []),
    // A trap is told once, and cuts all.
    tell: (error) => (this.#instance?.state === "trapped" ? undefined : toData(error)),
    told: (data) => new HostError(...(data as ConstructorParameters<typeof HostError>)),
  };

  readonly #give: Handle = (handle, value) =>
    isChannel(handle)
      ? this.#channels!.give(handle, value)
      : this.#numberOf(this.#surface.resource(handle).origin.kind, value as object);

  /** What the host gives: what it owned is the guest's from here on. */
  readonly #keep: Handle = (handle, value) => {
    if (isChannel(handle)) return this.#channels!.take(handle, value as Crossing, "");
    const { origin, number } = this.#surface.resource(handle);
    if (origin.kind === "host") return this.#standIn(number, value as number);
    const own = this.#held.get(value as number);
    this.#held.delete(value as number);
    return own;
  };

  #call([, id, index, args, limits]: Extract<Request, readonly ["call", ...unknown[]]>): void {
    const { type } = this.#surface.exports[index]!;
    const given: number[] = [];
    const streams: unknown[] = [];
    const take: Handle = (handle, value) => {
      if (isChannel(handle)) {
        const taken = this.#keep(handle, value);
        streams.push(taken);
        return taken;
      }
      const resource = this.#surface.resource(handle);
      if (resource.origin.kind === "host") return this.#standIn(resource.number, value as number);
      if (handle.kind === "own") given.push(value as number);
      return this.#held.get(value as number);
    };
    const fail = (error: unknown): void => {
      this.#aborts.delete(id);
      const refused = error instanceof LowerError;
      if (refused) for (const stream of streams) void (stream as Partial<GuestStream<unknown>>).cancel?.();
      else for (const number of given) this.#held.delete(number);
      const trapped = this.#instance!.state === "trapped";
      this.#trapTold ||= trapped;
      const err = type.result?.kind === "result" ? type.result.err : undefined;
      const data = toData(error, (value) => handled(err, value, this.#give));
      this.#post(["failed", id, { error: data, trapped, refused, usage: this.#usage() }]);
    };
    const returns = (value: unknown): void => {
      this.#aborts.delete(id);
      for (const number of given) this.#held.delete(number);
      const { result } = type;
      // A function's `err` is thrown, and what it returns is the value of `ok`.
      const returned = result?.kind === "result" ? result.ok : result;
      const out = handled(returned, value, this.#give);
      this.#post(["done", id, out, this.#usage()], mayTransfer(returned) ? transfers(out) : []);
    };
    let value: unknown;
    try {
      const taken = args.map((arg, i) => handled(type.params[i]!.type, arg, take));
      if (type.async) taken.push(this.#options(id));
      value = limits === undefined ? this.#calls[index]!(taken) : limitedBy(limits, () => this.#calls[index]!(taken));
    } catch (error) {
      fail(error);
      return;
    }
    if (value instanceof Promise) value.then(type.async ? ({ value: boxed }: Boxed) => returns(boxed) : returns, fail);
    else returns(value);
  }

  #options(id: number): Boxing {
    const controller = new AbortController();
    this.#aborts.set(id, controller);
    return { signal: controller.signal, [BOXED]: true };
  }

  #drop(number: number): void {
    const object = this.#held.get(number) as Disposable | undefined;
    this.#held.delete(number);
    try {
      object?.[Symbol.dispose]();
    } catch {
      // The trap has locked the instance, which has told of it.
    }
  }

  /** The number of a resource that goes to the host. */
  #numberOf(kind: "host" | "guest", value: object): number {
    if (kind === "host") return this.#numbers.get(value)!;
    this.#held.set(++this.#lastHeld, value);
    return this.#lastHeld;
  }

  /** What stands for a resource of the host here. */
  #standIn(resource: number, number: number): object {
    const object = Object.create(this.#classes[resource]!.prototype as object) as object;
    this.#numbers.set(object, number);
    return object;
  }

  /** What an export's number leads to. */
  #target({ path }: Func): Call {
    const names = path.slice(0, -1).map(externName);
    const holder = names.reduce((at, name) => at[name] as Members, this.#instance!.exports as Members);
    const name = funcName(path.at(-1)!);
    if (name.kind === "function") {
      const plain = holder[name.js] as (...args: unknown[]) => unknown;
      return (args) => plain(...args);
    }
    const owner = holder[className(name.resource)] as Members & (new (...args: unknown[]) => object);
    if (name.kind === "constructor") return (args) => new owner(...args);
    if (name.kind === "static") {
      const plain = owner[staticName(name.js)] as (...args: unknown[]) => unknown;
      return (args) => plain(...args);
    }
    return ([self, ...args]) => (self as Record<string, (...args: unknown[]) => unknown>)[name.js]!(...args);
  }

  #imports(decls: readonly ExternDecl[], modules: Job["modules"]): object {
    let func = 0;
    let module = 0;
    const fill = (items: readonly ExternDecl[], inside: boolean): Members => {
      const members: Members = {};
      const classOf = (resource: string): Function =>
        (members[className(resource)] as Function | undefined) ?? (members[className(resource)] = this.#class());
      for (const { name, type } of items) {
        if (type.kind === "instance") members[name] = fill(type.exports, true);
        else if (type.kind === "core-module") members[name] = modules[module++];
        else if (type.kind === "resource-type") {
          const { number } = this.#surface.resource({ kind: "own", resource: type.resource });
          this.#classes[number] ??= classOf(name);
          members[className(name)] = this.#classes[number];
        } else if (type.kind === "func") {
          const ask = this.#import(func++);
          const js = funcName(name);
          if (js.kind === "function") members[inside ? toCamelCase(name) : name] = ask;
          else if (js.kind === "static") define(classOf(js.resource), staticName(js.js), ask);
          else if (js.kind === "constructor") constructors.set(classOf(js.resource), ask);
          else {
            define(classOf(js.resource).prototype as object, js.js, function (this: unknown, ...args: unknown[]) {
              return ask(this, ...args);
            });
          }
        }
      }
      return members;
    };
    return fill(decls, false);
  }

  /** The class of a resource of the host. */
  #class(): Function {
    const drop = (object: object): void => {
      const resource = this.#classes.findIndex((it) => it !== undefined && object instanceof it);
      this.#post(["dropped", resource, this.#numbers.get(object)!]);
      valueOf(this.#starter.wait());
    };
    const made: Function = class {
      constructor(...args: unknown[]) {
        return constructors.get(made)!(...args) as Disposable;
      }
      [Symbol.dispose](): void {
        drop(this);
      }
    };
    return made;
  }

  /** A function that asks the host. */
  #import(index: number): (...args: unknown[]) => unknown {
    const { type } = this.#surface.imports[index]!;
    const params = type.params.map((param) => handling(param.type));
    const large = type.params.some((param) => mayTransfer(param.type));
    // The host tells a result's cases apart, so what comes is the value of one.
    const [ok, err] = type.result?.kind === "result" ? [type.result.ok, type.result.err] : [type.result];
    const [takeOk, takeErr] = [ok && handling(ok), err && handling(err)];
    return (...args) => {
      const lent: number[] = [];
      const give: Handle = (handle, value) => {
        const number = this.#give(handle, value);
        if (handle.kind === "borrow" && this.#surface.resource(handle).origin.kind === "guest")
          lent.push(number as number);
        return number;
      };
      // What crosses is given when it is sent, so that nothing is told of a stream before the host knows it.
      const send = (message: (out: readonly unknown[]) => Reply): void => {
        const out = params.map((convert, i) => (convert === undefined ? args[i] : convert(args[i], give)));
        this.#post(message(out), large ? transfers(out) : []);
      };
      const result = (asked: () => Answer): unknown => {
        try {
          const value = valueOf(asked());
          return takeOk === undefined ? value : takeOk(value, this.#keep);
        } catch (error) {
          if (error instanceof ComponentError && takeErr !== undefined)
            throw new ComponentError(takeErr(error.payload, this.#keep), "");
          throw error;
        } finally {
          for (const number of lent) this.#held.delete(number);
        }
      };
      const wait = (): unknown =>
        result(() => {
          send((out) => ["import", index, out]);
          return this.#starter.wait();
        });
      if (!type.async) return wait();
      const begin = (): Promise<unknown> => {
        const id = ++this.#lastBegun;
        const { signal } = args[params.length] as ImportCall;
        const cancel = (): void => {
          if (this.#begun.has(id)) this.#post(["cancel", id]);
        };
        send((out) => ["begin", id, index, out]);
        if (signal.aborted) this.#post(["cancel", id]);
        else signal.addEventListener("abort", cancel);
        return new Promise((resolve, reject) => {
          this.#begun.set(id, (answer) => {
            const { value, thrown } = outcomeOf(() => result(() => answer));
            (thrown ? reject : resolve)(value);
          });
        });
      };
      return soon(begin, this.#starter.canWait ? wait : undefined);
    };
  }
}

function valueOf(answer: Answer): unknown {
  if (answer[0] === "ok") return answer[1];
  if (answer[0] === "threw") throw new HostError(answer[1], answer[2], answer[3]);
  throw new ComponentError(answer[1]);
}

/** An asynchronous import, which is asked soon: while its guest goes on, or at once by a guest that waits for it in place. */
function soon(begin: () => Promise<unknown>, wait: (() => unknown) | undefined): InPlace {
  let waited = false;
  const promise = Promise.resolve().then(() => (waited ? undefined : begin()));
  const now = (): ReturnType<typeof outcomeOf> => {
    waited = true;
    return outcomeOf(wait!);
  };
  return Object.assign(promise, { [NOW]: wait && now });
}

function outcomeOf(wait: () => unknown): { readonly value: unknown; readonly thrown: boolean } {
  try {
    return { value: wait(), thrown: false };
  } catch (error) {
    return { value: error, thrown: true };
  }
}

/** What makes the objects of a class. */
const constructors = new WeakMap<Function, (...args: unknown[]) => unknown>();

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, configurable: true });
}
