/**
 * What the faces of WASI share: the state of one instance, and the shape of a face.
 *
 * A face makes the import object of one interface from that state. Nothing here is shared between two instances: `wasi(options)` makes
 * a state for each version of each module, and ends it with it.
 */
import type { ExternDecl } from "../model/types.ts";
import type { ConsoleEvents, ImportScope } from "../module/types.ts";
import type { AccessEvent, WasiOptions } from "./options.ts";
import type { Waiting } from "./waiting.ts";

/** What a platform gives WASI beside the language. Whatever is absent cannot be had there. */
export interface WasiPlatform {
  /** Blocks this thread, milliseconds; absent where a thread may not block. */
  readonly sleep?: ((ms: number) => void) | undefined;
  /** Nanoseconds of a clock that never goes back. */
  monotonic(): bigint;
  /** The program's own standard streams. */
  readonly inherit: {
    /** Bytes that are there, waiting for them; `undefined` at the end. */
    readonly stdin?: ((most: number) => Uint8Array | undefined) | undefined;
    /** The same as they come, for guests whose other work goes on meanwhile. */
    readonly stdinStream?:
      | (() => {
          read(): PromiseLike<Uint8Array | undefined>;
          close(): void;
        })
      | undefined;
    readonly stdout?: ((bytes: Uint8Array) => void) | undefined;
    readonly stderr?: ((bytes: Uint8Array) => void) | undefined;
    /** Whether one of them is a terminal. */
    isTerminal?(fd: 0 | 1 | 2): boolean;
  };
  /** Who is told of accesses beside the option `onAccess`. */
  readonly audit?: { readonly hasSubscribers: boolean | undefined; publish(event: AccessEvent): void } | undefined;
  /** Faces that this platform has beside those of every platform, or in their place. */
  readonly faces?: Faces | undefined;
  /** The same of WASI 0.3. */
  readonly faces3?: Faces | undefined;
}

/** The state of one instance. */
export interface WasiState {
  /** The module's name. */
  readonly module: string;
  /** Of the component, where that is known. */
  readonly hash: string | undefined;
  readonly options: WasiOptions;
  readonly platform: WasiPlatform;
  readonly waiting: Waiting;
  /** Whether somebody wants to be told of accesses: asked before an event is made. */
  readonly watched: boolean;
  /** Tells of a use or a refusal, if somebody wants to know. */
  access(from: string, action: string, granted: boolean, target?: string): void;
  /** Runs when the instance ends, last first. */
  defer(end: () => void): void;
  /**
   * What several faces share, made when the first asks: `state.shared(Descriptors, () => new Descriptors(state))`.
   * @param key an object of its own, such as the class
   */
  shared<T>(key: object, make: () => T): T;
  /** @internal */
  readonly events: ConsoleEvents | undefined;
}

/**
 * Makes the import object of one interface: functions in camelCase, classes of resources in PascalCase.
 * @param wanted the interface as the component has it: what differs between drafts can be told by its types
 */
export type Face = (state: WasiState, wanted: ExternDecl) => object;

/** Faces by interface without version; a face that takes room is loaded when a component imports it. */
export type Faces = Readonly<Record<string, Face | { load(): Promise<Face> }>>;

/** What `wasi` needs to know of an instance: the scope that a host gives, or a name. */
export type WasiScope = Pick<ImportScope, "module"> & Partial<ImportScope>;
