/**
 * What a build tells of what it made.
 */
import type { BuildIssue } from "./errors.ts";

export interface BuildResult {
  /** The module folder's name. */
  readonly name: string;
  /** The world's id, such as `demo:calc/calc@1.0.0`. */
  readonly world: string;
  /** Absolute path of the component. */
  readonly component: string;
  /** Absolute path of the declarations of its world, `<name>.d.ts`. */
  readonly declarations: string;
  /** Absolute path of the declarations of the file itself, `<name>.d.wasm.ts`: its default export is a typed source. */
  readonly sourceDeclarations: string;
  /** Absolute path of the generated AssemblyScript bindings. */
  readonly bindings: string;
  /** Nothing had changed, so nothing was done. */
  readonly cached: boolean;
  /** Sizes in bytes: the core module by itself, and the component. */
  readonly bytes: { readonly core: number; readonly component: number };
  /** Milliseconds by stage, those of the build that made the files. */
  readonly stages: Readonly<Record<Stage, number>>;
  /** Milliseconds this call took. */
  readonly durationMs: number;
  /** Files whose change makes a build necessary, absolute. */
  readonly sources: readonly string[];
  readonly warnings: readonly BuildIssue[];
}

export type Stage = "wit" | "bindings" | "assemblyscript" | "component" | "declarations";
