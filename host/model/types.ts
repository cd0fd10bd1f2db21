/**
 * What a component *is*, as data: value types, function types and extern declarations with every index resolved.
 *
 * Owns the shape of types, not where they came from (`binary/`) nor what is done with them (`abi/`, `bindings/`).
 * Follows design/mvp/Explainer.md, "Type Definitions". Two conventions carry meaning by object identity:
 *
 * - a {@link ResourceType} is equal only to itself;
 * - every *named* type (one that an interface or world exports or imports by name) is an object of its own, also when
 *   it is an alias of another or of a primitive, so `Map<ValueType, name>` recovers the name an author wrote.
 *   Primitives written in place are shared constants.
 */

export type IntegerKind = "s8" | "u8" | "s16" | "u16" | "s32" | "u32" | "s64" | "u64";
export type PrimitiveKind = "bool" | IntegerKind | "f32" | "f64" | "char" | "string" | "error-context";

export interface PrimitiveType {
  readonly kind: PrimitiveKind;
}
export interface ListType {
  readonly kind: "list";
  readonly element: ValueType;
  /** The number of elements of a fixed-length list; `undefined` for an ordinary one. */
  readonly length: number | undefined;
}
export interface MapType {
  readonly kind: "map";
  readonly key: ValueType;
  readonly value: ValueType;
}
export interface RecordType {
  readonly kind: "record";
  readonly fields: readonly { readonly name: string; readonly type: ValueType }[];
}
export interface TupleType {
  readonly kind: "tuple";
  readonly types: readonly ValueType[];
}
export interface VariantType {
  readonly kind: "variant";
  readonly cases: readonly { readonly name: string; readonly type: ValueType | undefined }[];
}
export interface EnumType {
  readonly kind: "enum";
  readonly names: readonly string[];
}
export interface FlagsType {
  readonly kind: "flags";
  readonly names: readonly string[];
}
export interface OptionType {
  readonly kind: "option";
  readonly type: ValueType;
}
export interface ResultType {
  readonly kind: "result";
  readonly ok: ValueType | undefined;
  readonly err: ValueType | undefined;
}
export interface HandleType {
  readonly kind: "own" | "borrow";
  readonly resource: ResourceType;
}
export interface AsyncValueType {
  readonly kind: "stream" | "future";
  readonly type: ValueType | undefined;
}

export type ValueType =
  | PrimitiveType
  | ListType
  | MapType
  | RecordType
  | TupleType
  | VariantType
  | EnumType
  | FlagsType
  | OptionType
  | ResultType
  | HandleType
  | AsyncValueType;

/** A resource type: nominal, equal only to itself. */
export interface ResourceType {
  readonly kind: "resource";
  /** The first name it was imported, exported or defined under, for messages only. */
  name: string;
  /**
   * The resource type that this is a further name of. Validation tells the names of one resource apart, since each is
   * visible or not; what it gives to others has none of them.
   */
  readonly of?: ResourceType;
}

export interface FuncType {
  readonly kind: "func";
  readonly params: readonly { readonly name: string; readonly type: ValueType }[];
  readonly result: ValueType | undefined;
  readonly async: boolean;
}

export interface InstanceType {
  readonly kind: "instance";
  readonly exports: readonly ExternDecl[];
  /** Resource types that each use of the type makes anew; none in the type of an actual instance. */
  readonly bound?: ReadonlySet<ResourceType>;
}

export interface ComponentType {
  readonly kind: "component";
  readonly imports: readonly ExternDecl[];
  readonly exports: readonly ExternDecl[];
  /** Resource types that whoever instantiates it chooses. */
  readonly imported?: ReadonlySet<ResourceType>;
  /** Resource types that each instantiation makes anew. */
  readonly created?: ReadonlySet<ResourceType>;
}

/** What a type index may stand for. */
export type Type = ValueType | FuncType | InstanceType | ComponentType | ResourceType;

// Core WebAssembly types, as far as linking core modules needs them.

export type CoreValueType = "i32" | "i64" | "f32" | "f64" | "v128" | (string & {});
export interface CoreFuncType {
  readonly kind: "core-func";
  readonly params: readonly CoreValueType[];
  readonly results: readonly CoreValueType[];
}
export interface CoreLimits {
  readonly min: bigint;
  readonly max: bigint | undefined;
  readonly shared: boolean;
  /** The type of an index: `i64` for memory64 and table64. */
  readonly index: "i32" | "i64";
}
export interface CoreMemoryType {
  readonly kind: "core-memory";
  readonly limits: CoreLimits;
}
export interface CoreTableType {
  readonly kind: "core-table";
  readonly element: CoreValueType;
  readonly limits: CoreLimits;
}
export interface CoreGlobalType {
  readonly kind: "core-global";
  readonly type: CoreValueType;
  readonly mutable: boolean;
}
export interface CoreTagType {
  readonly kind: "core-tag";
  readonly params: readonly CoreValueType[];
}
export type CoreExternType = CoreFuncType | CoreMemoryType | CoreTableType | CoreGlobalType | CoreTagType;

export interface CoreModuleType {
  readonly kind: "core-module";
  readonly imports: readonly { readonly module: string; readonly name: string; readonly type: CoreExternType }[];
  readonly exports: readonly { readonly name: string; readonly type: CoreExternType }[];
}

/** What an import or export of a component can be. `value` imports (🪙) are refused while decoding. */
export type ExternType =
  | FuncType
  | InstanceType
  | ComponentType
  | CoreModuleType
  | { readonly kind: "type"; readonly type: Exclude<Type, ResourceType> }
  | { readonly kind: "resource-type"; readonly resource: ResourceType };

/** A named import or export with its type. `name` is the extern name as written, such as `demo:log/log@0.1.0`. */
export interface ExternDecl {
  readonly name: string;
  readonly type: ExternType;
}
