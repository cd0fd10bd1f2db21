/** What `tenon/wasi` exports on every platform; `node/` and `browser/` add `wasi` itself. */
export { ExitError, runCommand } from "./cli/exit.ts";
export type { MaybePromise } from "./maybe.ts";
export type { AccessEvent, Bucket, ByteStream, OutputTo, StdinFrom, WasiOptions } from "./options.ts";
export type { WasiImports } from "./provider.ts";
export type { WasiScope } from "./state.ts";
