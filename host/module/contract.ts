/**
 * What the rooms of the module host know of each other: who may meet an import, whose resources are whose, who uses whom.
 *
 * Types only.
 */
import type { ResourceBindings } from "../model/subtype.ts";
import type { ExternDecl, ResourceType } from "../model/types.ts";
import type { EngineComponent } from "../runtime/engine.ts";
import type { ImportOrigin } from "./types.ts";

/**
 * An entry of a list of imports: an object that the user or the host gives, or what a factory made for one instance. The
 * module's own entries come first, then the host's, then loaded modules; the first that offers something meets the import.
 */
export interface Provider {
  /** Whose list it is in, and at which place where there is a list. */
  readonly origin: Omit<ImportOrigin, "name">;
  /** In messages: `imports`, `imports[1]`, `the host's imports`. */
  readonly where: string;
  /** What it holds, by key: one of these may be the name that was meant. */
  readonly object: object;
  /** The value for an import; `undefined` for none. Whether it fits is the runtime's to say. */
  offer(wanted: ExternDecl): unknown;
}

/** A version of a module, as far as its types go. */
export interface ExportingRun {
  readonly component: Pick<EngineComponent, "exports" | "asynchronous">;
  /** The imported resources → the identities of those that meet them. */
  readonly resources: ResourceBindings;
}

/** A module whose exports others may import. */
export interface Exporter {
  readonly run: ExportingRun;
  /** Its own identities by interface and name, for its whole life; new ones are added here. */
  readonly resources: Map<string, ResourceType>;
}

/** A module that may meet the imports of others. */
export interface ExportingModule extends Exporter {
  readonly name: string;
  /** The stable object of an interface, function or class. */
  exported(decl: ExternDecl): unknown;
  /** Whether it may lend an export to others. */
  mayProvide(name: string): boolean;
}

/** An import of some version that a module meets. */
export interface DependentImport<V = { readonly module: string; readonly resources: ResourceBindings }> {
  readonly run: V;
  readonly wanted: ExternDecl;
}
