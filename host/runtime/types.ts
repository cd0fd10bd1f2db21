/**
 * The public surface of the lower half of the host: components and their instances, without names or life cycle.
 */
import type { GuestStream } from "../model/async-values.ts";
import type { DisposeReceipt, EngineComponent, EngineInstance, InstanceEvents, Limits } from "./engine.ts";

/** What a component wants and gives. Generated `.d.ts` files declare one `World` a module. */
export interface World {
  imports: object;
  exports: object;
}

declare const resource: unique symbol;

/**
 * An object of a class that a component exports. Only the component makes them: for the compiler an object that merely looks like
 * one is none, as for the component. There is no such property when the program runs.
 */
export interface GuestResource<Name extends string> extends Disposable {
  readonly [resource]: Name;
}

/** A world as it is in a worker: everything exported returns a promise, also a `new`, and every import may. */
export interface InWorker<W extends World = World> extends World {
  imports: Waiting<W["imports"]>;
  exports: Promised<W["exports"]>;
}

/** Functions, classes and interfaces whose calls return promises; resources among their arguments and results likewise. */
export type Promised<T> = T extends abstract new (...args: infer A) => infer R
  ? (new (...args: PromisedValues<A>) => Promise<PromisedValue<R>>) & {
      [K in Exclude<keyof T, "prototype">]: Promised<T[K]>;
    }
  : T extends (...args: infer A) => infer R
    ? (...args: PromisedValues<A>) => Promise<PromisedValue<Awaited<R>>>
    : T extends object
      ? { [K in keyof T]: K extends symbol ? T[K] : Promised<T[K]> }
      : T;

/** Functions that may return promises. */
type Waiting<T> = T extends abstract new (...args: never[]) => unknown
  ? T
  : T extends (...args: infer A) => infer R
    ? (...args: A) => R | PromiseLike<R>
    : { [K in keyof T]: T[K] extends object ? Waiting<T[K]> : T[K] };

type PromisedValues<A extends readonly unknown[]> = { [K in keyof A]: PromisedValue<A[K]> };

/** What is in a worker as it is here. */
type Plain = ArrayBufferView | AbortSignal | string | number | bigint | boolean | null | undefined;

/** A value, with the resources in it as they are in a worker. */
type PromisedValue<T> = T extends Plain
  ? T
  : T extends Disposable
    ? Promised<T>
    : T extends Map<infer K, infer V>
      ? Map<PromisedValue<K>, PromisedValue<V>>
      : T extends readonly unknown[]
        ? { [K in keyof T]: PromisedValue<T[K]> }
        : T extends AsyncIterable<unknown> | PromiseLike<unknown> | ReadableStream<unknown> | Iterable<unknown>
          ? PromisedLater<T>
          : T extends object
            ? { [K in keyof T]: PromisedValue<T[K]> }
            : T;

/** Values that come one by one or later. */
type PromisedLater<T> =
  T extends GuestStream<infer E, infer C>
    ? GuestStream<PromisedValue<E>, PromisedValue<C>>
    : T extends Promise<infer V>
      ? Promise<PromisedValue<V>>
      : T extends PromiseLike<infer V>
        ? PromiseLike<PromisedValue<V>>
        : T extends ReadableStream<infer C>
          ? ReadableStream<PromisedValue<C>>
          : T extends AsyncIterable<infer C>
            ? AsyncIterable<PromisedValue<C>>
            : T extends ReadonlyMap<infer K, infer V>
              ? ReadonlyMap<PromisedValue<K>, PromisedValue<V>>
              : T extends Iterable<infer C>
                ? Iterable<PromisedValue<C>> & Pick<T, Extract<keyof T, "length">>
                : never;

type WithoutVersion<K> = K extends `${infer Id}@${string}` ? Id : K;

/** The imports of a world as a user may give them: keyed by the import's name, with or without its version. */
export type ImportObject<W extends World = World> = object extends W["imports"]
  ? object
  : Partial<W["imports"]> & { readonly [K in keyof W["imports"] as WithoutVersion<K>]?: W["imports"][K] };

/** `G` when it meets every import of a world, whichever way its keys are written; the compiler names what it lacks. */
export type AllImports<W extends World, G> = object extends W["imports"]
  ? object
  : G & {
      readonly [
        K in keyof W["imports"] as K extends keyof G ? never : WithoutVersion<K> extends keyof G ? never : K
      ]: W["imports"][K];
    };

export interface CompileOptions {
  /** A name for messages and stack traces; default the first twelve digits of the hash. */
  readonly name?: string | undefined;
}

/** Arguments of an instantiation: imports may be left out where a world has none that must be given. */
export type InstantiateArguments<W extends World, G> = {} extends W["imports"]
  ? [imports?: AllImports<W, G>, options?: InstantiateOptions]
  : [imports: AllImports<W, G>, options?: InstantiateOptions];

export interface InstantiateOptions extends InstanceEvents {
  /**
   * Default: those the component was compiled with. Limits of time, steps, stack and memory can be set here only where the component
   * was compiled with some: its code is another then.
   */
  readonly limits?: Limits | undefined;
  /** A name for messages; default the component's. */
  readonly name?: string | undefined;
}

/** A compiled component: code that any number of instances share. */
export interface Component<W extends World = World> extends EngineComponent {
  /**
   * @throws {UsageError} for an option that does not exist
   * @throws {LinkError} with every issue, before anything runs
   * @throws {TrapError} when a start function traps
   * @throws {EngineLimitError} when the engine has no room for one more memory
   */
  instantiate<G extends ImportObject<W>>(...given: InstantiateArguments<W, G>): Promise<Instance<W>>;
  /**
   * As {@link instantiate}, at once; the core modules are compiled already.
   * @throws {EngineLimitError} also when a core module is too large for that on this thread: pages refuse those over 8 MiB
   */
  instantiateSync<G extends ImportObject<W>>(...given: InstantiateArguments<W, G>): Instance<W>;
}

/** A running component. It holds its linear memories until {@link Instance.dispose}. */
export interface Instance<W extends World = World> extends EngineInstance {
  readonly exports: W["exports"];
  /** Bytes of linear memory held now; 0 after {@link dispose}. */
  readonly memoryBytes: number;
  /**
   * As {@link end}, at once and without a watch: drops every reference to the core instances, so that held exports keep
   * nothing alive. Host resources the guest still held are disposed. Idempotent.
   * @param endReason what later calls are told of the instance; default "it has been unloaded"
   * @returns what was closed
   */
  dispose(endReason?: string): DisposeReceipt;
  [Symbol.dispose](): void;
}
