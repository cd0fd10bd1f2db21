/**
 * What a guest in a worker reaches at the host: the functions that meet its imports, the resources that it was given, and what
 * was thrown on the way.
 */
import { disposeHostObject } from "../abi/host-objects.ts";
import { returnRep } from "../abi/guest-resource.ts";
import { ComponentError, UnsupportedError } from "../errors.ts";
import type { ImportCall } from "../model/async-values.ts";
import { someType } from "../model/cases.ts";
import type { ValueType } from "../model/types.ts";
import { funcName } from "../model/spelling.ts";
import type { LinkedImports } from "../runtime/given-imports.ts";
import { exitCodeOf } from "../runtime/exit.ts";
import { scrub } from "../runtime/trap.ts";
import { wordsOf } from "../words.ts";
import type { Call } from "./call.ts";
import type { Channels, Crossing } from "./channels.ts";
import type { Answer } from "./messages.ts";
import type { Func, Surface } from "./surface.ts";
import { type ChannelType, copying, handled, type Handle, type HandleType, isChannel } from "../runtime/copies.ts";

/** The guest's resources, as the host has them. */
export interface GuestSide {
  /** An object of the host's for a resource that the guest gives, or lends until `lent` is ended. */
  wrap(type: HandleType, number: number): object;
  /** The number of a resource that goes back. @throws when it is none of this guest, or gone */
  unwrap(type: HandleType, value: unknown): number;
  /** Ends what was lent. */
  cut(object: object): void;
}

type Import = (args: readonly unknown[]) => unknown;

export class HostImports {
  readonly #surface: Surface;
  readonly #guest: GuestSide;
  readonly #imports: readonly Import[];
  /** Objects that the guest has, by number. */
  readonly #objects = new Map<number, { readonly object: object; readonly resource: number }>();
  #last = 0;
  /** Of each import, whether an object with a `tag` that it returns is its result, and not the value of one. */
  tagged: readonly boolean[] = [];
  /** What imports threw; the traps that come of it have it as their cause. */
  readonly #thrown: unknown[] = [];
  #ended = false;
  /** The one that the guest waits for in place. */
  #blocking: Begun | undefined;
  /** Asynchronous ones that have not ended, by the number of the call. */
  readonly #begun = new Map<number, Begun>();
  readonly #channels: () => Channels | undefined;

  /** @param channels streams and futures that cross, where some do */
  constructor(surface: Surface, linked: LinkedImports, guest: GuestSide, channels: () => Channels | undefined) {
    this.#surface = surface;
    this.#guest = guest;
    this.#channels = channels;
    this.#imports = surface.imports.map((func, index) => target(func, linked.funcs[index]));
  }

  /** What an import threw, by its number. */
  readonly thrown = (number: number): unknown => {
    const found = this.#thrown[number];
    delete this.#thrown[number];
    return found;
  };

  /** Asynchronous imports whose end the guest waits for. */
  get awaited(): readonly string[] {
    return [...this.#begun.values()].map(({ index }) => this.#pathOf(index));
  }

  #pathOf(index: number): string {
    return this.#surface.imports[index]!.path.join("#");
  }

  /** Calls an asynchronous import, which the guest may cancel. @see call */
  begin(id: number, index: number, args: readonly unknown[], waits: boolean, answer: (answer: Answer) => void): void {
    const begun = new Begun(index);
    this.#begun.set(id, begun);
    this.#call(index, args, begun, waits ? "later" : "now", (given) => {
      this.#begun.delete(id);
      answer(given);
    });
  }

  /** The guest has cancelled an asynchronous import. */
  cancel(id: number): void {
    this.#begun.get(id)?.abort();
  }

  /**
   * Calls an import for the guest, which waits for it in place, and answers now or, when it returns a promise, later.
   * @param waits whether a promise can be waited for
   */
  call(index: number, args: readonly unknown[], waits: boolean, answer: (answer: Answer) => void): void {
    const begun = new Begun(index);
    const { type } = this.#surface.imports[index]!;
    // Its worker could neither write to a stream meanwhile nor read from one.
    const gives = type.params.some((param) => someType(param.type, isChannel));
    this.#blocking = begun;
    this.#call(index, args, begun, !waits ? "now" : gives ? "without streams" : "later", (given) => {
      this.#blocking = undefined;
      answer(given);
    });
  }

  #call(
    index: number,
    args: readonly unknown[],
    begun: Begun,
    waits: keyof typeof cannotWait | "later",
    answer: (answer: Answer) => void,
  ): void {
    const { type } = this.#surface.imports[index]!;
    const lent: object[] = [];
    const take: Handle = (handle, value) => {
      const taken = this.take(handle, value, index);
      if (handle.kind === "borrow" && this.#surface.resource(handle).origin.kind === "guest")
        lent.push(taken as object);
      return taken;
    };
    const result = type.result;
    const [ok, err] = result?.kind === "result" ? [result.ok, result.err] : [result, undefined];
    const finish = (how: () => Answer): void => {
      for (const object of lent) this.#guest.cut(object);
      // Nobody is left who could use what it gave.
      if (this.#ended) return;
      let message: Answer;
      try {
        message = how();
      } catch (error) {
        message = this.#threw(error);
      }
      try {
        answer(message);
      } catch (error) {
        // What is no value of any type, such as a function, cannot be sent.
        answer(this.#threw(error));
      }
    };
    const failed = (error: unknown): void =>
      finish(() => {
        const payload = result?.kind === "result" ? payloadOf(error) : undefined;
        return payload === undefined ? this.#threw(error) : ["err", this.give(err, payload.value)];
      });
    const returns = (value: unknown): void =>
      finish(() => {
        const tagged = this.tagged[index] === true ? taggedOf(value) : undefined;
        if (tagged !== undefined) return [tagged.tag, this.give(tagged.tag === "ok" ? ok : err, tagged.val)];
        return ["ok", this.give(ok, value)];
      });
    let value: unknown;
    try {
      const given = args.map((arg, i) => handled(type.params[i]!.type, arg, take));
      if (type.async) given.push(begun);
      value = this.#imports[index]!(given);
    } catch (error) {
      failed(error);
      return;
    }
    if (!isThenable(value)) returns(value);
    else if (waits === "later") Promise.resolve(value).then(returns, failed);
    else {
      // Nobody will hear of what it rejects with.
      Promise.resolve(value).catch(() => {});
      const words = `The import "${this.#pathOf(index)}" returned a promise, ${cannotWait[waits]}`;
      finish(() => this.#threw(new UnsupportedError("worker", words)));
    }
  }

  /** The guest has dropped an object of the host's. */
  drop(number: number): Answer {
    const { object } = this.#objects.get(number)!;
    this.#objects.delete(number);
    try {
      disposeHostObject(object);
      return ["ok", undefined];
    } catch (error) {
      return this.#threw(error);
    }
  }

  /**
   * What the guest sends of a resource, a stream or a future, as the host has it.
   * @param by the function that gives it: an import by its number, or the names of an export
   */
  take(handle: HandleType | ChannelType, value: unknown, by: number | string): unknown {
    if (isChannel(handle)) {
      return this.#channels()!.take(handle, value as Crossing, typeof by === "string" ? by : this.#pathOf(by));
    }
    const number = value as number;
    if (this.#surface.resource(handle).origin.kind === "guest") return this.#guest.wrap(handle, number);
    const { object } = this.#objects.get(number)!;
    if (handle.kind === "own") this.#objects.delete(number);
    return object;
  }

  /** A number for an object of the host's that goes to the guest. */
  add(handle: HandleType, object: unknown): number {
    if (typeof object !== "object" || object === null) throw new NoResource();
    this.#objects.set(++this.#last, { object, resource: this.#surface.resource(handle).number });
    return this.#last;
  }

  /** Takes back what was lent for a call, or given in one that was refused. */
  takeBack(numbers: readonly number[]): void {
    for (const number of numbers) this.#objects.delete(number);
  }

  /** Objects that the guest has, by the name of their resource. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { resource } of this.#objects.values()) {
      const { name } = this.#surface.resources[resource]!;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }

  /** Nobody waits for the imports that are called any more. */
  abort(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const begun of this.#begun.values()) begun.abort(reason);
    this.#begun.clear();
    this.#blocking?.abort(reason);
  }

  /** Disposes of what the guest still has. */
  end(): { readonly disposed: number; readonly errors: readonly Error[] } {
    const objects = [...this.#objects.values()];
    this.#objects.clear();
    const errors: Error[] = [];
    for (const { object } of objects) {
      try {
        disposeHostObject(object);
      } catch (error) {
        scrub(error);
        errors.push(error instanceof Error ? error : new Error(wordsOf(error)));
      }
    }
    return { disposed: objects.length, errors };
  }

  /** A value of the program's as it is sent. */
  give(type: ValueType | undefined, value: unknown): unknown {
    const convert = type && copying(type);
    if (convert === undefined) return value;
    return convert(value, (handle, part) =>
      isChannel(handle)
        ? this.#channels()!.give(handle, part)
        : this.#surface.resource(handle).origin.kind === "guest"
          ? this.#guest.unwrap(handle, part)
          : this.add(handle, part),
    );
  }

  #threw(error: unknown): Answer {
    return ["threw", ...this.tell(error)];
  }

  /** What the worker is told of an error that it does not cause: a number, by which it is found again, and words. */
  tell(error: unknown): readonly [number, string, number | undefined] {
    scrub(error);
    return [this.#thrown.push(error) - 1, wordsOf(error), exitCodeOf(error)];
  }
}

/** A value that is to be a resource, and is not: what it should have been is found by the types. */
class NoResource extends TypeError {
  constructor() {
    super("Expected a resource");
  }
}

/** Why a promise cannot be waited for, and what to do. */
const cannotWait = {
  now: 'which isolation: "worker-sync" cannot wait for: return the value itself, or load the module with isolation: "worker"',
  "without streams":
    "but takes a stream or future of a guest that waits for it and writes nothing meanwhile: return before anything is read, declare it async in WIT and call it so, or load the module without isolation",
};

/** A call of an import that has not ended, as the import is told of it. */
class Begun implements ImportCall {
  readonly index: number;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(index: number) {
    this.index = index;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  abort(reason?: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }
}

function target({ path }: Func, linked: unknown): Import {
  const name = funcName(path.at(-1)!);
  const call = linked as (...args: unknown[]) => unknown;
  if (name.kind === "constructor") {
    const made = linked as new (...args: unknown[]) => object;
    return (args) => new made(...args);
  }
  // A method is called on the object itself, so that a subclass may override it.
  if (name.kind === "method")
    return ([self, ...args]) => (self as Record<string, (...args: unknown[]) => unknown>)[name.js]!(...args);
  return (args) => call(...args);
}

/** What of something that an import threw is its err; `undefined` when it is a fault. */
function payloadOf(error: unknown): { readonly value: unknown } | undefined {
  try {
    if (error instanceof ComponentError) return { value: error.payload };
    if (typeof error === "object" && error !== null && Object.hasOwn(error, "payload"))
      return { value: (error as { payload: unknown }).payload };
    return error instanceof Error ? undefined : { value: error };
  } catch {
    // A proxy or a getter that throws is no payload.
    return undefined;
  }
}

function taggedOf(value: unknown): { readonly tag: "ok" | "err"; readonly val: unknown } | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { tag, val } = value as { tag?: unknown; val?: unknown };
  return tag === "ok" || tag === "err" ? { tag, val } : undefined;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** The guest's own resources that a call would have given away, which is not made, are the host's again. */
export function giveBackAll({ passed }: Pick<Call, "passed">): void {
  for (const { handle, value, number } of passed)
    if (handle.kind === "own" && number !== undefined) returnRep(value as object, number);
}
