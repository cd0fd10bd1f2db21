/**
 * The worker's side: one instance by the engine of this thread, calls that come as messages, and imports that wait for the
 * host.
 */
import { looksLikeResult } from "../bindings/canon-lower.ts";
import { ComponentError, LowerError } from "../errors.ts";
import type { ExternDecl } from "../model/types.ts";
import { className, externName, funcName, staticName, toCamelCase } from "../model/spelling.ts";
import type { Platform } from "../platform.ts";
import { limitedBy } from "../runtime/call-limits.ts";
import type { Engine, EngineInstance, Usage } from "../runtime/engine.ts";
import { HostError, toData } from "./errors.ts";
import type { Job, Reply, Request, Starter } from "./messages.ts";
import { surfaceOf, type Func, type Surface } from "./surface.ts";
import { handled, handling, type Handle } from "../runtime/copies.ts";
import { mayTransfer, transfers } from "./values.ts";

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
    }
  }

  #post(message: Reply, transfer: readonly ArrayBuffer[] = []): void {
    this.#starter.post(message, transfer);
  }

  async #start({ bytes, from, recipe, limits, name, modules }: Job): Promise<void> {
    const opened = await this.#engine.open({ body: bytes, from, limits }, recipe, this.#platform);
    const component = await opened.prepare(name);
    this.#surface = surfaceOf(component.imports, component.exports);
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

  /** A trap that no call reports is told by itself, when those that run have had their turn. */
  #trapped(trap: Error): void {
    queueMicrotask(() => {
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

  #call([, id, index, args, limits]: Extract<Request, readonly ["call", ...unknown[]]>): void {
    const { type } = this.#surface.exports[index]!;
    const given: number[] = [];
    const take: Handle = (handle, value) => {
      const resource = this.#surface.resource(handle);
      if (resource.origin.kind === "host") return this.#standIn(resource.number, value as number);
      if (handle.kind === "own") given.push(value as number);
      return this.#held.get(value as number);
    };
    const give: Handle = (handle, value) => this.#numberOf(this.#surface.resource(handle).origin.kind, value as object);
    const fail = (error: unknown): void => {
      const refused = error instanceof LowerError;
      if (!refused) for (const number of given) this.#held.delete(number);
      const trapped = this.#instance!.state === "trapped";
      this.#trapTold ||= trapped;
      const err = type.result?.kind === "result" ? type.result.err : undefined;
      const data = toData(error, (value) => handled(err, value, give));
      this.#post(["failed", id, { error: data, trapped, refused, usage: this.#usage() }]);
    };
    const returns = (value: unknown): void => {
      for (const number of given) this.#held.delete(number);
      const { result } = type;
      // A function's `err` is thrown, and what it returns is the value of `ok`.
      const returned = result?.kind === "result" ? result.ok : result;
      const out = handled(returned, value, give);
      this.#post(["done", id, out, this.#usage()], mayTransfer(returned) ? transfers(out) : []);
    };
    let value: unknown;
    try {
      const taken = args.map((arg, i) => handled(type.params[i]!.type, arg, take));
      value = limits === undefined ? this.#calls[index]!(taken) : limitedBy(limits, () => this.#calls[index]!(taken));
    } catch (error) {
      fail(error);
      return;
    }
    if (value instanceof Promise) value.then(returns, fail);
    else returns(value);
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
      this.#ask(["dropped", resource, this.#numbers.get(object)!]);
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
    const take: Handle = (handle, value) => {
      const { origin, number } = this.#surface.resource(handle);
      if (origin.kind === "host") return this.#standIn(number, value as number);
      const own = this.#held.get(value as number);
      this.#held.delete(value as number);
      return own;
    };
    // The host tells a result's cases apart, so what comes is the value of one.
    const [ok, err] = type.result?.kind === "result" ? [type.result.ok, type.result.err] : [type.result];
    const [takeOk, takeErr] = [ok && handling(ok), err && handling(err)];
    return (...args) => {
      const lent: number[] = [];
      const give: Handle = (handle, value) => {
        const { kind } = this.#surface.resource(handle).origin;
        const number = this.#numberOf(kind, value as object);
        if (kind === "guest" && handle.kind === "borrow") lent.push(number);
        return number;
      };
      const out = params.map((convert, i) => (convert === undefined ? args[i] : convert(args[i], give)));
      try {
        const value = this.#ask(["import", index, out], large ? transfers(out) : []);
        return takeOk === undefined ? value : takeOk(value, take);
      } catch (error) {
        if (error instanceof ComponentError && takeErr !== undefined)
          throw new ComponentError(takeErr(error.payload, take), "");
        throw error;
      } finally {
        for (const number of lent) this.#held.delete(number);
      }
    };
  }

  #ask(message: Reply, transfer: readonly ArrayBuffer[] = []): unknown {
    this.#post(message, transfer);
    const answer = this.#starter.wait();
    if (answer[0] === "ok") return answer[1];
    if (answer[0] === "threw") throw new HostError(answer[1], answer[2], answer[3]);
    throw new ComponentError(answer[1]);
  }
}

/** What makes the objects of a class. */
const constructors = new WeakMap<Function, (...args: unknown[]) => unknown>();

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, configurable: true });
}
