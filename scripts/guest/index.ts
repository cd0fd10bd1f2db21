/**
 * The AssemblyScript bindings generator: a decoded world in, the text of its bindings out.
 *
 * Pure: it reads and writes no file. Owns what a module author sees and the canonical ABI on the guest's side; not the
 * compiler runs that follow (`scripts/build`). Follows design/mvp/CanonicalABI.md, "Canonical ABI".
 */
import type { WorldDescription } from "../../host/plan/world.ts";

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
}
