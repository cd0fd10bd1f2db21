/**
 * What a file system is to WASI: a small synchronous interface, for those of tenon and for those that users write.
 *
 * A file system never sees a path. It is asked for one name in one directory at a time, and never for `.` or `..`; paths, links and
 * rights are looked after above it, once for all of them.
 */

/** WASI's error codes of files, section `wasi:filesystem/types`. */
export type FileErrorCode =
  | "access"
  | "would-block"
  | "already"
  | "bad-descriptor"
  | "busy"
  | "deadlock"
  | "quota"
  | "exist"
  | "file-too-large"
  | "illegal-byte-sequence"
  | "in-progress"
  | "interrupted"
  | "invalid"
  | "io"
  | "is-directory"
  | "loop"
  | "too-many-links"
  | "message-size"
  | "name-too-long"
  | "no-device"
  | "no-entry"
  | "no-lock"
  | "insufficient-memory"
  | "insufficient-space"
  | "not-directory"
  | "not-empty"
  | "not-recoverable"
  | "unsupported"
  | "no-tty"
  | "no-such-device"
  | "overflow"
  | "not-permitted"
  | "pipe"
  | "read-only"
  | "invalid-seek"
  | "text-file-busy"
  | "cross-device";

/** What a method of a file system throws so that the guest gets an error code. Anything else that is thrown is a fault of the host. */
export class FileError extends Error {
  override readonly name = "FileError";
  /** The error code, under the name by which every import says what the guest gets. */
  readonly payload: FileErrorCode;

  constructor(code: FileErrorCode, message: string = code) {
    super(message);
    this.payload = code;
  }
}

/** The error code of something thrown; `undefined` for what is none. */
export function codeOf(error: unknown): FileErrorCode | undefined {
  return error instanceof FileError ? error.payload : undefined;
}

/** WASI's types of what a directory can hold. */
export type FileType =
  | "unknown"
  | "block-device"
  | "character-device"
  | "directory"
  | "fifo"
  | "symbolic-link"
  | "regular-file"
  | "socket";

/** What there is to know of a file, a directory or a link. */
export interface FileStat {
  readonly type: FileType;
  /** In bytes; of a symbolic link, the length of its target. */
  readonly size: number;
  /** Hard links. Default: 1. */
  readonly links?: bigint | undefined;
  /** Nanoseconds since 1970; absent where it is not kept. */
  readonly accessed?: bigint | undefined;
  readonly modified?: bigint | undefined;
  readonly changed?: bigint | undefined;
  /** What tells it from everything else on the same device, for as long as it is there. */
  readonly inode: bigint;
  /** What tells devices apart: any value, such as the file system itself. */
  readonly device: unknown;
}

/** New times in nanoseconds since 1970; what is absent stays. */
export interface FileTimes {
  readonly accessed?: bigint | undefined;
  readonly modified?: bigint | undefined;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly type: FileType;
}

/** How something in a directory is opened. */
export interface OpenOptions {
  readonly read: boolean;
  readonly write: boolean;
  /** Makes a file where nothing is. */
  readonly create: boolean;
  /** With `create`: `exist` where something is. */
  readonly exclusive: boolean;
  /** Empties the file. */
  readonly truncate: boolean;
  /** Opens a directory; `not-directory` for anything else. */
  readonly directory: boolean;
  /** Each write waits until the bytes, or the bytes and everything known of the file, are on the medium. */
  readonly sync?: "data" | "file" | undefined;
}

/** An open file. What is absent is answered with `read-only`, or does nothing in the case of `sync` and `close`. */
export interface OpenFile {
  readonly kind: "file";
  stat(): FileStat;
  /**
   * Up to `length` bytes from `offset` on: fewer only where the file ends. The array may be a view of what the file system holds or
   * a buffer that it uses again: it is read before anything else is asked of the file system, and never written.
   */
  read(offset: number, length: number): Uint8Array;
  /** Writes at `offset`, with zeros before it where the file was shorter; `undefined` is the end of the file. @returns how many bytes */
  write?(bytes: Uint8Array, offset: number | undefined): number;
  setSize?(size: number): void;
  setTimes?(times: FileTimes): void;
  sync?(what: "data" | "file"): void;
  close?(): void;
}

/**
 * An open directory. It goes on meaning the same directory when that is renamed. A file system without the methods of the second
 * half is read-only.
 *
 * No method follows a symbolic link. Each throws {@link FileError}.
 */
export interface Directory {
  readonly kind: "directory";
  /** The directory itself, or what it holds under a name; `undefined` where it holds nothing under that name. */
  stat(name?: string): FileStat | undefined;
  list(): Iterable<DirectoryEntry>;
  /** Opens what the directory holds under a name: `no-entry` where that is nothing, `loop` where it is a symbolic link. */
  open(name: string, options: OpenOptions): OpenFile | Directory;
  /** The target of a symbolic link; `invalid` for anything else. */
  readLink?(name: string): string;

  makeDirectory?(name: string): void;
  removeDirectory?(name: string): void;
  removeFile?(name: string): void;
  /** Renames to a name in a directory of the same file system; `cross-device` where `to` is of another. */
  rename?(name: string, to: Directory, toName: string): void;
  /** One more name for a file; `cross-device` where `to` is of another file system. */
  link?(name: string, to: Directory, toName: string): void;
  makeLink?(name: string, target: string): void;
  /** Of the directory itself, or of what it holds under a name. */
  setTimes?(times: FileTimes, name?: string): void;
  sync?(what: "data" | "file"): void;
  close?(): void;
}

/** What a module may use of its surroundings in a file system. */
export interface FileSystemUse {
  /** The module's clock, in nanoseconds since 1970, for what is written. */
  now(): bigint;
}

/** A file system, for `preopens`. The same one may stand under several names and serve several modules. */
export interface FileSystem {
  /** Opens the directory that everything is in. @throws {FileError} */
  root(use: FileSystemUse): Directory;
}
