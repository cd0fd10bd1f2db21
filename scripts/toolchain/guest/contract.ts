/**
 * What the bindings generator is given and what it gives back.
 */
import type { WorldDescription } from "../../../host/plan/world.ts";
import type { ExportTypes } from "./transform.ts";

/** One function or class that the module's `index.ts` must export. */
export interface RequiredExport {
  /** The path below `index.ts`'s exports, such as `add`, `Counter`, `Counter#increment` or `state.save`. */
  readonly name: string;
  /** What it implements, such as `demo:calc/api@1.0.0#add`. */
  readonly wit: string;
  /** The declaration that the author must write, on one line and without a body. */
  readonly signature: string;
  /** Lines of the entry file (from 1, both inclusive) where a diagnostic is about this export. */
  readonly lines: { readonly first: number; readonly last: number };
}

export interface GuestOutput {
  /** Path relative to `bindings/` → text. */
  readonly files: ReadonlyMap<string, string>;
  /** Entry for asc, relative to `bindings/`. */
  readonly entry: string;
  /** AssemblyScript export name → canonical core export name. */
  readonly renames: ReadonlyMap<string, string>;
  /** Extra asc flags, such as `["--use", "abort=…"]`. */
  readonly ascFlags: readonly string[];
  readonly required: readonly RequiredExport[];
  /** The same, as `createTransform` (transform.ts) compares them while asc runs. */
  readonly exportTypes: readonly ExportTypes[];
  /** Files of a new module (`tenon new`), relative to the module's folder: `index.ts`, `tsconfig.json`. */
  readonly skeleton: ReadonlyMap<string, string>;
}

export interface GuestInput {
  readonly world: WorldDescription;
  /**
   * Doc comments by WIT item: `demo:calc/api` for an interface (no version), `demo:calc/api#add` for a function or
   * type, `demo:calc/api#size.width` for a field, case or method. `collectDocs` gathers them from WIT text.
   */
  readonly docs?: ReadonlyMap<string, string>;
  /**
   * Whether `trace` and `console` go to `tenon:module/console` where the world imports nothing that takes lines of text; such
   * a component imports it when its code uses them. Default `true`.
   */
  readonly hostConsole?: boolean | undefined;
}
