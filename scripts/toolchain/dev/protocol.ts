/**
 * What the dev server tells open pages. Data only: both sides import it, so it imports neither Node nor the DOM.
 */

/** Where a page listens: a stream of server-sent events, each a {@link Message}. */
export const EVENTS = "/events";

/** The first thing that a page hears, and whenever the page itself has changed. The state of every module follows. */
export interface Greeting {
  readonly kind: "hello";
  /** The modules that there are. */
  readonly names: readonly string[];
  /** Another one when the page's own code has changed. */
  readonly page: string;
}

export type Message = Greeting | Update;

/** The state of one module's build. */
export type Update = BuildingUpdate | BuiltUpdate | FailedUpdate | RemovedUpdate;

export interface BuildingUpdate {
  readonly kind: "building";
  readonly name: string;
}

export interface BuiltUpdate {
  readonly kind: "built";
  readonly name: string;
  /** Where the component's bytes are, on the dev server; another URL for other bytes. */
  readonly url: string;
  /** SHA-256, hex. */
  readonly hash: string;
  readonly byteLength: number;
  /** Doc comments of the WIT, by item: `demo:calc/api@1.0.0#area`. */
  readonly docs: Readonly<Record<string, string>>;
  /** Milliseconds by stage of the build; empty for a component that somebody else has built. */
  readonly stages: readonly (readonly [stage: string, ms: number])[];
  /** When a saved file was the cause. */
  readonly saved: SavedFile | undefined;
}

/** Times are milliseconds since 1970, on the server's clock. */
export interface SavedFile {
  /** Relative to where the server was started. */
  readonly file: string;
  readonly savedAt: number;
  /** When the build began: the file system had told, and the file had been quiet for a moment. */
  readonly startedAt: number;
  readonly builtAt: number;
}

export interface FailedUpdate {
  readonly kind: "failed";
  readonly name: string;
  readonly issues: readonly Issue[];
}

/** The module's folder is gone. */
export interface RemovedUpdate {
  readonly kind: "removed";
  readonly name: string;
}

/** What is wrong with a module's source. */
export interface Issue {
  /** Relative to where the server was started. */
  readonly file: string | undefined;
  /** Counted from 1. */
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  /** The lines around it. */
  readonly excerpt: readonly { readonly line: number; readonly text: string }[];
}
