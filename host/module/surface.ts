/**
 * What `tenon` exports on every platform; `node/` and `browser/` add `createHost` and `compile`.
 */
export * from "../errors.ts";
export type * from "../model/types.ts";
export type { BoundComponent, Platform, ResponseLike, Source } from "../platform.ts";
export type * from "../runtime/types.ts";
export { attempt, type CallResult } from "./attempt.ts";
export type * from "./types.ts";
export type { CompileSourceOptions } from "./open.ts";
