/**
 * A plan: what instantiating one component takes, as a flat list of steps with every index resolved.
 *
 * Nested components are inlined, so nothing here refers to a component's own index spaces; numbers refer to the lists
 * of the plan itself. A plan holds no bytes of the component, only where its core modules are, and generated text
 * depends on everything here but those places.
 */
import type { AsyncValueType, CoreModuleType, ExternDecl, FuncType, ResourceType, ValueType } from "../model/types.ts";

export type StringEncoding = "utf8" | "utf16" | "latin1+utf16";

/** Something a core instance exports, or a function the host makes. A plan has one object for each. */
export type CoreItem =
  | { readonly kind: "export"; readonly instance: number; readonly name: string }
  | { readonly kind: "trampoline"; readonly trampoline: number };

/** What a core instance gives: the exports of an instantiation, or items put together by name. */
export type CoreInstanceRef =
  | { readonly kind: "instance"; readonly instance: number }
  | { readonly kind: "items"; readonly items: readonly { readonly name: string; readonly item: CoreItem }[] };

export interface Options {
  readonly encoding: StringEncoding;
  readonly memory: CoreItem | undefined;
  readonly realloc: CoreItem | undefined;
  readonly postReturn: CoreItem | undefined;
  /** The call may return before it has its result; absent where it may not. */
  readonly async?: true;
  /** What an asynchronous function is called with for each event; absent where there is none. */
  readonly callback?: CoreItem;
}

/** A core function lifted to a component function (`canon lift`). */
export interface Lift {
  readonly core: CoreItem;
  readonly type: FuncType;
  readonly options: Options;
  /** The component instance it runs in. */
  readonly component: number;
}

/** A function that the host's user supplies. */
export interface HostFunc {
  /** Import name, then the export names of nested instances, then the function's name. */
  readonly path: readonly string[];
  readonly type: FuncType;
}

export type FuncItem =
  | { readonly kind: "lift"; readonly lift: number }
  | { readonly kind: "host"; readonly func: number };

/** A core function that the host makes for core modules to import. */
export type Trampoline =
  | {
      readonly kind: "lower";
      readonly func: FuncItem;
      readonly type: FuncType;
      readonly options: Options;
      readonly component: number;
    }
  | {
      readonly kind: "resource.new" | "resource.rep" | "resource.drop";
      readonly resource: number;
      readonly component: number;
    }
  | { readonly kind: "context.get" | "context.set"; readonly slot: number; readonly component: number }
  /** The built-ins of tasks, their waitables and threads, by the name that the specification has for each. */
  | TaskBuiltin;

/** A built-in of tasks, with those immediates that it has. */
export interface TaskBuiltin {
  readonly kind: "task";
  readonly name: string;
  readonly component: number;
  /** It returns at once where it would have to wait. */
  readonly async?: boolean;
  /** A request to cancel the task ends the wait. */
  readonly cancellable?: boolean;
  /** The type of the stream or future. */
  readonly type?: AsyncValueType;
  /** What `task.return` returns. */
  readonly result?: ValueType;
  readonly options?: Options;
  readonly memory?: CoreItem;
  readonly table?: CoreItem;
}

export interface ResourcePlan {
  readonly type: ResourceType;
  readonly name: string;
  /** Where it is implemented: a component instance of this plan, or the host's user. */
  readonly origin:
    | { readonly kind: "guest"; readonly component: number; readonly dtor: CoreItem | undefined }
    | { readonly kind: "host"; readonly path: readonly string[] };
}

export type ModuleRef =
  /** Bytes `start` to `end` of the component's binary. */
  | {
      readonly kind: "embedded";
      readonly start: number;
      readonly end: number;
      readonly type: CoreModuleType;
      /** The private names of memories that only the module as it is compiled exports; default none. */
      readonly hidden?: readonly string[];
    }
  /** A core module that the host's user supplies. */
  | { readonly kind: "imported"; readonly path: readonly string[]; readonly type: CoreModuleType };

/** Instantiates `modules[module]` as core instance number `instance`. */
export interface Step {
  readonly instance: number;
  readonly module: number;
  readonly args: readonly { readonly name: string; readonly source: CoreInstanceRef }[];
}

export type ExportItem =
  | { readonly kind: "func"; readonly func: FuncItem; readonly type: FuncType }
  | { readonly kind: "instance"; readonly exports: readonly ExportPlan[] }
  | { readonly kind: "resource"; readonly resource: number }
  | { readonly kind: "module"; readonly module: number }
  /** A component: what it imports and exports is in its declaration, and nothing else of it is planned. */
  | { readonly kind: "component" }
  | { readonly kind: "type" };

export interface ExportPlan {
  readonly name: string;
  readonly item: ExportItem;
}

export interface Plan {
  /** Bytes of the component, which say how much text may be generated from the plan. */
  readonly byteLength: number;
  readonly imports: readonly ExternDecl[];
  readonly exportDecls: readonly ExternDecl[];
  /** One for each component instance, the root first: the number of its parent. */
  readonly components: readonly (number | undefined)[];
  readonly modules: readonly ModuleRef[];
  readonly lifts: readonly Lift[];
  readonly hostFuncs: readonly HostFunc[];
  readonly trampolines: readonly Trampoline[];
  readonly resources: readonly ResourcePlan[];
  readonly steps: readonly Step[];
  readonly exports: readonly ExportPlan[];
}

/** The part of a plan that is still needed once text has been generated from it: to link, to explain, to report. */
export interface KeptPlan extends Pick<Plan, "imports" | "exportDecls" | "hostFuncs" | "resources" | "exports"> {
  readonly lifts: readonly Pick<Lift, "type">[];
  readonly modules: readonly (
    | { readonly kind: "embedded" }
    | { readonly kind: "imported"; readonly path: readonly string[] }
  )[];
}
