/**
 * What `tenon` exports on every platform; `node/` and `browser/` add `createHost`, `compile` and `inspect`.
 */
export * from "../errors.ts";
export type * from "../model/async-values.ts";
export type * from "../model/types.ts";
export type {
  BoundComponent,
  Follower,
  OfWorld,
  Platform,
  ResponseLike,
  ServedComponent,
  Source,
  TypedSource,
} from "../platform.ts";
export type * from "../runtime/engine.ts";
export type * from "../runtime/types.ts";
export { attempt, type CallResult } from "./attempt.ts";
export type * from "./types.ts";
export type { CompileSourceOptions } from "./types.ts";
export type { InspectedSource } from "./source/inspect.ts";
export type { InspectedExtern, InspectedModule, Inspection } from "../runtime/inspect.ts";
