/**
 * The public surface of the lower half of the host: components and their instances, without names or life cycle.
 */
import type { LinkIssue } from "../errors.ts";
import type { ExternDecl } from "../model/types.ts";

/** What a component wants and gives. Generated `.d.ts` files declare one `World` a module. */
export interface World {
  imports: object;
  exports: object;
}

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

/** What runs a component: the host's own bindings, or those that jco makes, which know asynchronous functions. */
export type Bindings = "tenon" | "jco";

export interface CompileOptions {
  /** A name for messages and stack traces; default the first twelve digits of the hash. */
  readonly name?: string | undefined;
}

/**
 * What an instance may take of the host. Passing a limit is a trap, a `LimitError`. Instances on jco's bindings have none of
 * these.
 */
export interface Limits {
  /**
   * Bytes that one call may hand from the guest to the host or to another guest, as results or as arguments of an import:
   * the contents of strings and lists, each time they are referred to, and the objects made for them on the host's heap.
   * What the host passes to a guest is not counted. Default 134,217,728 (128 MiB).
   */
  readonly hostCallBytes?: number | undefined;
  /** Handles of resources that are alive in the instance at once, owned and borrowed. Default 100,000. */
  readonly resources?: number | undefined;
}

export interface InstantiateOptions {
  /** Default: those of {@link Limits}. @throws {UsageError} for a limit that is no integer of at least 0 */
  readonly limits?: Limits | undefined;
  /** A name for messages; default the component's. */
  readonly name?: string | undefined;
  /**
   * Called once, synchronously, when the first fault locks the instance: after `state` is `trapped`, before the error
   * reaches the caller, wherever the call came from (an export, a resource's method or destructor, a re-entering
   * import). The error is already scrubbed. What it throws is dropped.
   */
  readonly onTrap?: ((trap: Error) => void) | undefined;
}

/** A compiled component: code that any number of instances share. */
export interface Component<W extends World = World> {
  readonly name: string;
  /** SHA-256 of the bytes, lower-case hex. */
  readonly hash: string;
  readonly imports: readonly ExternDecl[];
  readonly exports: readonly ExternDecl[];
  /** Every import that `imports` does not meet, before anything runs. */
  missing(imports: object): readonly LinkIssue[];
  /**
   * @throws {LinkError} with every issue, before anything runs
   * @throws {TrapError} when a start function traps
   * @throws {EngineLimitError} when the engine has no room for one more memory
   */
  instantiate<G extends ImportObject<W>>(
    imports?: AllImports<W, G>,
    options?: InstantiateOptions,
  ): Promise<Instance<W>>;
  /**
   * As {@link instantiate}, at once; the core modules are compiled already.
   * @throws {EngineLimitError} also when a core module is too large for that on this thread: pages refuse those over 8 MiB
   */
  instantiateSync<G extends ImportObject<W>>(imports?: AllImports<W, G>, options?: InstantiateOptions): Instance<W>;
}

/** A running component. It holds its linear memories until {@link Instance.dispose}. */
export interface Instance<W extends World = World> {
  readonly name: string;
  /**
   * Functions, interface objects, resource classes and core modules, named as the JavaScript mapping says. A component
   * that is exported is `{ kind: "component" }`: only another component can make instances of it. What it imports and
   * exports is in {@link Component.exports}.
   */
  readonly exports: W["exports"];
  readonly state: "live" | "trapped" | "unloaded";
  /** Bytes of linear memory held now; 0 after {@link dispose}. */
  readonly memoryBytes: number;
  /** The first trap, when `state` is `trapped`. */
  readonly trap: Error | undefined;
  /** The linear memories themselves, for proof of freeing; empty after {@link dispose}. Never handed to users. */
  memories(): readonly WebAssembly.Memory[];
  /** Whether {@link memories} are all there are: core modules given as imports may hide some. */
  readonly seesMemories: boolean;
  /** Calls under way now: 0 or more when a host import re-enters the host. */
  readonly depth: number;
  /** Live resources by owner: those the guest lent to the host and those of the host that the guest holds. */
  resources(): InstanceResources;
  /**
   * Drops every reference to the core instances, so that held exports keep nothing alive. Host resources the guest
   * still held are disposed. Idempotent.
   * @param epitaph what later calls are told of the instance; default "it has been unloaded"
   * @returns what was closed
   */
  dispose(epitaph?: string): DisposeReceipt;
  [Symbol.dispose](): void;
}

export interface InstanceResources {
  /** Handles of guest resources the host has not disposed, by resource name. */
  readonly heldByHost: ReadonlyMap<string, number>;
  /** Host resources that the guest holds, by resource name. */
  readonly heldByGuest: ReadonlyMap<string, number>;
}

export interface DisposeReceipt {
  /** Bytes of linear memory released. */
  readonly memoryBytes: number;
  /** Host resources disposed because the guest had leaked them. */
  readonly hostResourcesDisposed: number;
  /** Guest resources whose host handles were cut. */
  readonly guestResourcesCut: number;
  /** Errors thrown by the `Symbol.dispose` of leaked host resources. */
  readonly errors: readonly Error[];
}
