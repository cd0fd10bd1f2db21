/**
 * The shape of a decoded component: what the bytes say, in their order, with every index still an index.
 *
 * Follows design/mvp/Binary.md. Nothing here is resolved or checked beyond the grammar; `validate` decides whether the
 * indices make sense and `plan/` resolves them. `offset` counts bytes from the start of the outermost component.
 */
import type { CoreExternType, CoreModuleType, PrimitiveKind } from "../model/types.ts";

/** `index` into the type index space, or a primitive written in place. */
export type RawValueType = { readonly kind: "index"; readonly index: number } | { readonly kind: PrimitiveKind };

export type RawDefinedType =
  | { readonly kind: PrimitiveKind }
  | { readonly kind: "record"; readonly fields: readonly { readonly name: string; readonly type: RawValueType }[] }
  | {
      readonly kind: "variant";
      readonly cases: readonly { readonly name: string; readonly type: RawValueType | undefined }[];
    }
  | { readonly kind: "list"; readonly element: RawValueType; readonly length: number | undefined }
  | { readonly kind: "map"; readonly key: RawValueType; readonly value: RawValueType }
  | { readonly kind: "tuple"; readonly types: readonly RawValueType[] }
  | { readonly kind: "flags" | "enum"; readonly names: readonly string[] }
  | { readonly kind: "option"; readonly type: RawValueType }
  | { readonly kind: "result"; readonly ok: RawValueType | undefined; readonly err: RawValueType | undefined }
  | { readonly kind: "own" | "borrow"; readonly resource: number }
  | { readonly kind: "stream" | "future"; readonly type: RawValueType | undefined };

export interface RawFuncType {
  readonly kind: "func";
  readonly params: readonly { readonly name: string; readonly type: RawValueType }[];
  readonly result: RawValueType | undefined;
  readonly async: boolean;
}
interface RawResourceType {
  readonly kind: "resource";
  /** The core type of the representation: `i32` (or `i64` with memory64). */
  readonly rep: string;
  /** Core function index of the destructor. */
  readonly dtor: number | undefined;
}
/** The declarators of a component type; an instance type has no imports. */
export interface RawComponentType {
  readonly kind: "component" | "instance";
  readonly declarators: readonly RawDeclarator[];
}
export type RawType = RawDefinedType | RawFuncType | RawResourceType | RawComponentType;

/** A core type definition: a function type, a module type, or a form (struct, array, …) kept only by name. */
export type RawCoreType =
  | { readonly kind: "core-func"; readonly params: readonly string[]; readonly results: readonly string[] }
  | { readonly kind: "core-module"; readonly declarators: readonly RawCoreDeclarator[] }
  | { readonly kind: "core-other"; readonly form: string };

/** In a module type the types are resolved while decoding, so imports and exports carry the type itself. */
export type RawCoreDeclarator =
  | {
      readonly kind: "import";
      readonly offset: number;
      readonly module: string;
      readonly name: string;
      readonly type: RawCoreExtern;
    }
  | { readonly kind: "export"; readonly offset: number; readonly name: string; readonly type: RawCoreExtern }
  | { readonly kind: "type"; readonly offset: number; readonly type: RawCoreType }
  | { readonly kind: "outer-alias"; readonly offset: number; readonly count: number; readonly index: number };

/** A core extern type whose function (or tag) type is an index into the enclosing core type index space. */
export type RawCoreExtern =
  | { readonly kind: "core-func" | "core-tag"; readonly typeIndex: number }
  | Exclude<CoreExternType, { kind: "core-func" | "core-tag" }>;

export type CoreSort = "func" | "table" | "memory" | "global" | "tag" | "type" | "module" | "instance";
export type Sort = "func" | "type" | "component" | "instance";
export type SortIndex =
  | { readonly core: true; readonly sort: CoreSort; readonly index: number }
  | { readonly core: false; readonly sort: Sort; readonly index: number };

export type RawExternType =
  | { readonly kind: "core-module"; readonly index: number }
  | { readonly kind: "func" | "component" | "instance"; readonly index: number }
  | {
      readonly kind: "type";
      readonly bound: { readonly kind: "eq"; readonly index: number } | { readonly kind: "resource" };
    };

/** An extern name with its attributes (`implements`, `versionsuffix`, `external-id`). */
export interface RawName {
  readonly name: string;
  readonly implements?: string;
  readonly versionSuffix?: string;
  readonly externalId?: string;
}

export type RawDeclarator =
  | { readonly kind: "core-type"; readonly offset: number; readonly type: RawCoreType }
  | { readonly kind: "type"; readonly offset: number; readonly type: RawType }
  | AliasDefinition
  | { readonly kind: "import"; readonly offset: number; readonly name: RawName; readonly type: RawExternType }
  | { readonly kind: "export-type"; readonly offset: number; readonly name: RawName; readonly type: RawExternType };

export interface AliasDefinition {
  readonly kind: "alias";
  readonly offset: number;
  readonly target:
    | { readonly kind: "export"; readonly sort: Sort | "core-module"; readonly instance: number; readonly name: string }
    | { readonly kind: "core-export"; readonly sort: CoreSort; readonly instance: number; readonly name: string }
    /** `sort` is the index space the alias adds to; `count` scopes outward, 0 the current one. */
    | {
        readonly kind: "outer";
        readonly core: boolean;
        readonly sort: CoreSort | Sort;
        readonly count: number;
        readonly index: number;
      };
}

export interface CanonOptions {
  readonly stringEncoding: "utf8" | "utf16" | "latin1+utf16";
  readonly memory: number | undefined;
  readonly realloc: number | undefined;
  readonly postReturn: number | undefined;
  readonly async: boolean;
  readonly callback: number | undefined;
}

export type CanonDefinition =
  | {
      readonly kind: "canon";
      readonly offset: number;
      readonly op: "lift";
      readonly func: number;
      readonly options: CanonOptions;
      readonly type: number;
    }
  | {
      readonly kind: "canon";
      readonly offset: number;
      readonly op: "lower";
      readonly func: number;
      readonly options: CanonOptions;
    }
  | {
      readonly kind: "canon";
      readonly offset: number;
      readonly op: "resource.new" | "resource.drop" | "resource.rep";
      readonly type: number;
    }
  /** Everything async, threaded or 📝: valid grammar that the synchronous host refuses by `name`. */
  | {
      readonly kind: "canon";
      readonly offset: number;
      readonly op: "other";
      readonly name: string;
      readonly immediates: CanonImmediates;
    };

/** The immediates of the other built-ins, as far as validation needs them. */
export interface CanonImmediates {
  readonly type?: number;
  readonly coreType?: string | number;
  readonly result?: RawValueType;
  readonly options?: CanonOptions;
  readonly memory?: number;
  readonly table?: number;
  readonly index?: number;
  readonly async?: boolean;
  readonly cancellable?: boolean;
  readonly shared?: boolean;
}

export interface CoreModuleDefinition {
  readonly kind: "core-module";
  readonly offset: number;
  /** The module's bytes are `bytes.subarray(start, end)` of the outermost component. */
  readonly start: number;
  readonly end: number;
  /** Its imports and exports with their types. */
  readonly type: CoreModuleType;
}

export type Definition =
  | CoreModuleDefinition
  | {
      readonly kind: "core-instance";
      readonly offset: number;
      readonly expr:
        | {
            readonly kind: "instantiate";
            readonly module: number;
            readonly args: readonly { readonly name: string; readonly instance: number }[];
          }
        | {
            readonly kind: "exports";
            readonly exports: readonly { readonly name: string; readonly sort: CoreSort; readonly index: number }[];
          };
    }
  | { readonly kind: "core-type"; readonly offset: number; readonly type: RawCoreType }
  | { readonly kind: "component"; readonly offset: number; readonly component: ComponentDefinition }
  | {
      readonly kind: "instance";
      readonly offset: number;
      readonly expr:
        | {
            readonly kind: "instantiate";
            readonly component: number;
            readonly args: readonly { readonly name: string; readonly item: SortIndex }[];
          }
        | {
            readonly kind: "exports";
            readonly exports: readonly { readonly name: RawName; readonly item: SortIndex }[];
          };
    }
  | AliasDefinition
  | { readonly kind: "type"; readonly offset: number; readonly type: RawType }
  | CanonDefinition
  | { readonly kind: "import"; readonly offset: number; readonly name: RawName; readonly type: RawExternType }
  | {
      readonly kind: "export";
      readonly offset: number;
      readonly name: RawName;
      readonly item: SortIndex;
      readonly type: RawExternType | undefined;
    };

export interface CustomSection {
  readonly name: string;
  readonly offset: number;
  /** The payload is `bytes.subarray(start, end)` of the outermost component. */
  readonly start: number;
  readonly end: number;
}

/** One component: its definitions in the order of the binary, which is also the order of instantiation. */
export interface ComponentDefinition {
  readonly offset: number;
  /** Bytes of its binary, those of nested components included. */
  readonly byteLength: number;
  readonly definitions: readonly Definition[];
  readonly customSections: readonly CustomSection[];
}
