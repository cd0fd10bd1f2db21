/** What `tenon/wasi` exports on every platform; `node/` and `browser/` add `wasi` itself. */
export { ExitError, runCommand } from "./cli/exit.ts";
export {
  FileError,
  type Directory,
  type DirectoryEntry,
  type FileErrorCode,
  type FileStat,
  type FileSystem,
  type FileSystemUse,
  type FileTimes,
  type FileType,
  type OpenFile,
  type OpenOptions,
} from "./files/file-system.ts";
export { memory, type MemoryFileSystem, type MemoryOptions } from "./files/memory.ts";
export { overlay } from "./files/overlay.ts";
export { readOnly } from "./files/read-only.ts";
export { type FetchHandlerOptions, type HandlerModule, toFetchHandler } from "./http/to-fetch-handler.ts";
export type { MaybePromise } from "./maybe.ts";
export type { NetOption, NetRequest, Secret } from "./net/types.ts";
export type { AccessEvent, Bucket, ByteStream, HttpInit, OutputTo, StdinFrom, WasiOptions } from "./options.ts";
export type { WasiImports } from "./provider.ts";
export type { WasiScope } from "./state.ts";
