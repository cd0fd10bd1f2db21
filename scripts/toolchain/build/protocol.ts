/**
 * What goes between the build and its compiler worker. Data only, so that it can be copied between threads.
 */
import type { ExportTypes } from "../guest/transform.ts";

/** One run of asc. */
export interface CompileTask {
  /** The module's folder; sources are named relative to it. */
  readonly folder: string;
  /** Generated files, by path relative to the folder; they are read from here and not from the disk. */
  readonly generated: ReadonlyMap<string, string>;
  /** Relative to the folder. */
  readonly entry: string;
  readonly flags: readonly string[];
  /** AssemblyScript export name → canonical core export name. */
  readonly renames: ReadonlyMap<string, string>;
  /** Types of the author's exports, to be compared while asc runs. */
  readonly exportTypes: readonly ExportTypes[];
  /** Keep the names of functions and locals. */
  readonly debug: boolean;
  readonly optimize: boolean;
  readonly sourceMap: boolean;
  /** Transforms of the author's: absolute path and content hash of each. */
  readonly transforms: readonly { readonly path: string; readonly hash: string }[];
}

export interface Place {
  /** Relative to the folder, with its extension; a file of asc's library begins with `~lib/`. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The text of the line. */
  readonly text: string;
}

export interface Diagnostic {
  readonly severity: "info" | "warning" | "error";
  readonly code: number;
  readonly message: string;
  readonly at: Place | undefined;
  readonly related: Place | undefined;
}

export interface CompileReply {
  /** The core module; absent when there were errors. */
  readonly wasm: Uint8Array<ArrayBuffer> | undefined;
  /** Its source map, as asc writes it: sources are named relative to the folder. */
  readonly map: string | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** The files that were read from the disk: absolute path → SHA-256 of what was read. */
  readonly sources: Readonly<Record<string, string>>;
  /** Absolute paths that were looked for and are not there; one that appears changes the outcome. */
  readonly absent: readonly string[];
  readonly times: { readonly load: number; readonly asc: number };
  /** What asc said when it failed without a diagnostic. */
  readonly failure: string | undefined;
  /** Options that asc does not know. */
  readonly unknown: readonly string[];
}

/** From the build to its worker. */
export interface Request {
  readonly id: number;
  readonly task: CompileTask;
}

/** From the worker to the build. */
export type Response =
  | { readonly id: number; readonly reply: CompileReply }
  | { readonly id: number; readonly error: string }
  /** Packages that are not installed. */
  | { readonly id: number; readonly missing: readonly string[] };
