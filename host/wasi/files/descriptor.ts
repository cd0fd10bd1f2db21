/**
 * The resources of `wasi:filesystem/types`: descriptors and streams of directory entries. A thin face on open files and directories.
 *
 * What the host's bindings hand in has been checked against the WIT. What is refused is thrown as a `FileError`.
 */
import { InputStream, OutputStream, type Sink, type Source } from "../io/streams.ts";
import type { WasiState } from "../state.ts";
import {
  codeOf,
  FileError,
  type Directory,
  type DirectoryEntry,
  type FileStat,
  type FileTimes,
  type FileType,
  type OpenFile,
  type OpenOptions,
} from "./file-system.ts";
import type { Handle, OpenHandles } from "./handle.ts";
import type { Identities, MetadataHash } from "./identities.ts";
import { openReadOnly } from "./read-only.ts";
import { Walk } from "./walk.ts";

/** Most bytes of one read: a guest that wants more reads again. */
const MOST_READ = 1_048_576n;
/** The largest offset that a number holds exactly. */
const LAST = BigInt(Number.MAX_SAFE_INTEGER);
const BILLION = 1_000_000_000n;

const NOTHING = new Uint8Array(0);

interface Datetime {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

type NewTimestamp = { readonly tag: "no-change" | "now" } | { readonly tag: "timestamp"; readonly val: Datetime };

interface PathFlags {
  readonly symlinkFollow?: boolean;
}

interface OpenFlags {
  readonly create?: boolean;
  readonly directory?: boolean;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
}

interface DescriptorFlags {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly fileIntegritySync?: boolean;
  readonly dataIntegritySync?: boolean;
  readonly requestedWriteSync?: boolean;
  readonly mutateDirectory?: boolean;
}

interface DescriptorStat {
  readonly type: FileType;
  readonly linkCount: bigint;
  readonly size: bigint;
  readonly dataAccessTimestamp: Datetime | undefined;
  readonly dataModificationTimestamp: Datetime | undefined;
  readonly statusChangeTimestamp: Datetime | undefined;
}

/** What the descriptors of a module share. */
export interface Descriptors {
  readonly state: WasiState;
  readonly open: OpenHandles;
  readonly identities: Identities;
  /** Nanoseconds since 1970. */
  now(): bigint;
}

/** The resource `descriptor`. */
export class Descriptor {
  readonly #all: Descriptors;
  readonly #handle: Handle<OpenFile | Directory>;
  readonly #flags: DescriptorFlags;
  /** The path by which it was opened, from the name of its preopen on: for those who are told of accesses. */
  readonly #path: string;

  constructor(all: Descriptors, handle: Handle<OpenFile | Directory>, flags: DescriptorFlags, path: string) {
    this.#all = all;
    this.#handle = handle;
    this.#flags = flags;
    this.#path = path;
  }

  [Symbol.dispose](): void {
    this.#handle.release();
  }

  // Files.

  readViaStream(offset: bigint): InputStream {
    return new InputStream(this.#all.state.waiting, this.source(offset));
  }

  writeViaStream(offset: bigint): OutputStream {
    return new OutputStream(this.#all.state.waiting, this.sink(offset));
  }

  appendViaStream(): OutputStream {
    return new OutputStream(this.#all.state.waiting, this.sink(undefined));
  }

  /** The bytes of the file from an offset on; it holds the file open. @internal */
  source(offset: bigint): Source {
    const file = this.#readable();
    const from = numberOf(offset);
    return new FileSource(this.#handle.use(), file, from);
  }

  /** Writes the file from an offset on, or at its end; it holds the file open. @internal */
  sink(offset: bigint | undefined): Sink {
    const file = this.#writable();
    const from = offset === undefined ? undefined : numberOf(offset);
    return new FileSink(this.#handle.use(), file, from);
  }

  advise(_offset: bigint, _length: bigint, _advice: string): void {
    this.#file();
  }

  syncData(): void {
    this.#handle.it.sync?.("data");
  }

  sync(): void {
    this.#handle.it.sync?.("file");
  }

  getFlags(): DescriptorFlags {
    return this.#flags;
  }

  getType(): FileType {
    return this.#handle.it.kind === "directory" ? "directory" : this.#handle.it.stat().type;
  }

  setSize(size: bigint): void {
    const file = this.#writable();
    if (file.setSize === undefined) throw new FileError("read-only");
    if (size > LAST) throw new FileError("file-too-large");
    file.setSize(Number(size));
  }

  setTimes(accessed: NewTimestamp, modified: NewTimestamp): void {
    const { it } = this.#handle;
    if (it.setTimes === undefined) throw new FileError("read-only");
    const times = this.#times(accessed, modified);
    this.#noted("set-times", "", () => it.setTimes!(times));
  }

  read(length: bigint, offset: bigint): [Uint8Array, boolean] {
    const file = this.#readable();
    if (length === 0n) return [NOTHING, false];
    const most = Number(length > MOST_READ ? MOST_READ : length);
    const bytes = file.read(numberOf(offset), most);
    return [bytes, bytes.length < most];
  }

  write(bytes: Uint8Array, offset: bigint): bigint {
    const file = this.#writable();
    if (offset > LAST - BigInt(bytes.length)) throw new FileError("file-too-large");
    return BigInt(file.write!(bytes, Number(offset)));
  }

  // Directories.

  readDirectory(): DirectoryEntryStream {
    return new DirectoryEntryStream(this.entries());
  }

  /** What the directory holds. @internal */
  entries(): Iterable<DirectoryEntry> {
    return this.#directory().it.list();
  }

  createDirectoryAt(path: string): void {
    this.#at("create-directory-at", path, (walk) => {
      const { makeDirectory } = mutable(walk.directory);
      if (walk.name === "" || walk.settle(false) !== undefined) throw new FileError("exist");
      makeDirectory.call(walk.directory, walk.name);
    });
  }

  stat(): DescriptorStat {
    return statOf(this.found());
  }

  statAt(pathFlags: PathFlags, path: string): DescriptorStat {
    return statOf(this.foundAt(pathFlags, path));
  }

  /** What is known of it. @internal */
  found(): FileStat {
    return this.#handle.it.stat()!;
  }

  /** What is known of what is at a path. @internal */
  foundAt(pathFlags: PathFlags, path: string): FileStat {
    return this.#at("stat-at", path, (walk) => walk.found(follows(pathFlags)));
  }

  setTimesAt(pathFlags: PathFlags, path: string, accessed: NewTimestamp, modified: NewTimestamp): void {
    this.#at("set-times-at", path, (walk) => {
      walk.found(follows(pathFlags));
      const { directory, name } = walk;
      if (directory.setTimes === undefined) throw new FileError("read-only");
      directory.setTimes(this.#times(accessed, modified), name === "" ? undefined : name);
    });
  }

  linkAt(pathFlags: PathFlags, path: string, to: Descriptor, toPath: string): void {
    // POSIX leaves open what a link to a link is: one that follows it is asked for by no program, and refused as by others.
    if (follows(pathFlags)) throw new FileError("invalid", "A hard link does not follow links");
    this.#between("link-at", path, to, toPath, (walk, target) => {
      const stat = walk.found(false);
      if (stat.type === "directory") throw new FileError("not-permitted", "A directory has one name");
      if (target.settle(false) !== undefined) throw new FileError("exist");
      if (target.slash) throw new FileError("no-entry");
      mutable(target.directory);
      mutable(walk.directory).link.call(walk.directory, walk.name, target.directory, target.name);
    });
  }

  openAt(pathFlags: PathFlags, path: string, openFlags: OpenFlags, flags: DescriptorFlags): Descriptor {
    return this.#at("open-at", path, (walk) => {
      const handle = this.#open(walk, follows(pathFlags), openFlags, flags);
      const given =
        handle.it.kind === "file" ? openedFileFlags(openFlags, flags) : openedDirectoryFlags(handle.it, flags);
      return new Descriptor(this.#all, handle, given, this.#pathTo(path));
    });
  }

  readlinkAt(path: string): string {
    return this.#at("readlink-at", path, (walk) => {
      if (walk.found(false).type !== "symbolic-link") throw new FileError("invalid");
      const target = walk.directory.readLink!(walk.name);
      if (target.startsWith("/")) throw new FileError("not-permitted", "The link is absolute");
      return target;
    });
  }

  removeDirectoryAt(path: string): void {
    this.#at("remove-directory-at", path, (walk) => {
      if (walk.name === "") throw new FileError("invalid", "The path ends with a directory itself");
      // A link with a slash behind it is not what is to be removed, whatever it points to; out of here it must not lead either.
      if (walk.slash && walk.isLink()) {
        walk.settle(true);
        throw new FileError("not-directory");
      }
      if (walk.found(false).type !== "directory") throw new FileError("not-directory");
      mutable(walk.directory).removeDirectory.call(walk.directory, walk.name);
    });
  }

  renameAt(path: string, to: Descriptor, toPath: string): void {
    this.#between("rename-at", path, to, toPath, (walk, target) => {
      if (walk.name === "" || target.name === "")
        throw new FileError("busy", "A directory cannot be renamed by itself");
      const stat = walk.found(false);
      const there = target.settle(false);
      if (target.slash && there === undefined && stat.type !== "directory") throw new FileError("not-directory");
      mutable(target.directory);
      mutable(walk.directory).rename.call(walk.directory, walk.name, target.directory, target.name);
    });
  }

  symlinkAt(target: string, path: string): void {
    this.#at("symlink-at", path, (walk) => {
      if (target.startsWith("/")) throw new FileError("not-permitted", "The link would be absolute");
      if (target === "" || target.includes("\0")) throw new FileError(target === "" ? "no-entry" : "invalid");
      if (walk.settle(false) !== undefined) throw new FileError("exist");
      if (walk.slash) throw new FileError("no-entry");
      mutable(walk.directory).makeLink.call(walk.directory, walk.name, target);
    });
  }

  unlinkFileAt(path: string): void {
    this.#at("unlink-file-at", path, (walk) => {
      const { slash } = walk;
      walk.slash = false;
      if (walk.found(false).type === "directory") throw new FileError("is-directory");
      if (slash) throw new FileError("not-directory");
      mutable(walk.directory).removeFile.call(walk.directory, walk.name);
    });
  }

  // Identity.

  isSameObject(other: Descriptor): boolean {
    const { identities } = this.#all;
    return identities.isSame(this.#handle.it.stat()!, other.#handle.it.stat()!);
  }

  metadataHash(): MetadataHash {
    return this.#all.identities.hash(this.#handle.it.stat()!);
  }

  metadataHashAt(pathFlags: PathFlags, path: string): MetadataHash {
    return this.#at("metadata-hash-at", path, (walk) => this.#all.identities.hash(walk.found(follows(pathFlags))));
  }

  // What they are made of.

  #file(): OpenFile {
    const { it } = this.#handle;
    if (it.kind === "directory") throw new FileError("bad-descriptor");
    return it;
  }

  #readable(): OpenFile {
    const file = this.#file();
    if (this.#flags.read !== true) throw new FileError("bad-descriptor", "The file is not open for reading");
    return file;
  }

  #writable(): OpenFile {
    const file = this.#file();
    if (this.#flags.write !== true) throw new FileError("bad-descriptor", "The file is not open for writing");
    if (file.write === undefined) throw new FileError("read-only");
    return file;
  }

  #directory(): Handle<Directory> {
    if (this.#handle.it.kind === "file") throw new FileError("not-directory");
    return this.#handle as Handle<Directory>;
  }

  #times(accessed: NewTimestamp, modified: NewTimestamp): FileTimes {
    const now = accessed.tag === "now" || modified.tag === "now" ? this.#all.now() : 0n;
    const of = (time: NewTimestamp): bigint | undefined =>
      time.tag === "timestamp" ? nanoseconds(time.val) : time.tag === "now" ? now : undefined;
    return { accessed: of(accessed), modified: of(modified) };
  }

  /** Opens what a walk has come to. */
  #open(walk: Walk, follow: boolean, openFlags: OpenFlags, flags: DescriptorFlags): Handle<OpenFile | Directory> {
    const { create = false, directory = false, exclusive = false, truncate = false } = openFlags;
    if (create && directory) throw new FileError("invalid", "open-at makes no directories");
    const { read = false, write = false } = openedFileFlags(openFlags, flags);
    const sync = flags.fileIntegritySync
      ? "file"
      : flags.dataIntegritySync || flags.requestedWriteSync
        ? "data"
        : undefined;
    for (;;) {
      if (walk.name === "" || (walk.slash && create)) {
        const stat = walk.settle(true);
        if (stat === undefined) throw new FileError(create ? "is-directory" : "no-entry");
        if (create && exclusive) throw new FileError("exist");
      }
      if (walk.name === "") {
        if (write || truncate || create) throw new FileError("is-directory");
        return walk.handle.use();
      }
      const options = {
        read,
        write: write || truncate,
        create: create && !walk.slash,
        exclusive,
        truncate,
        directory: directory || walk.slash,
        sync,
      } as const;
      try {
        const { directory: from, name } = walk;
        const opened = isMutable(from) ? from.open(name, options) : openReadOnly(from, name, options);
        return this.#opened(opened, options);
      } catch (error) {
        const code = codeOf(error);
        if (code !== "loop" && !(code === "not-directory" && walk.isLink())) throw error;
        if (!(follow || walk.slash) || !walk.isLink()) throw error;
        walk.follow();
      }
    }
  }

  #opened(opened: OpenFile | Directory, options: OpenOptions): Handle<OpenFile | Directory> {
    const isDirectory = opened.kind === "directory";
    if (isDirectory ? options.write : options.directory) {
      opened.close?.();
      throw new FileError(isDirectory ? "is-directory" : "not-directory");
    }
    return this.#all.open.add(opened);
  }

  /** Walks along a path, does something at its end, and tells of it. */
  #at<T>(action: string, path: string, use: (walk: Walk) => T): T {
    return this.#noted(action, path, () => {
      const walk = new Walk(this.#directory(), path, this.#all.open);
      try {
        return use(walk);
      } finally {
        walk.end();
      }
    });
  }

  /** As {@link #at}, with two paths. */
  #between(action: string, path: string, to: Descriptor, toPath: string, use: (from: Walk, to: Walk) => void): void {
    this.#at(action, path, (from) => to.#at(action, toPath, (target) => use(from, target)));
  }

  #noted<T>(action: string, path: string, use: () => T): T {
    const { state } = this.#all;
    if (!state.watched) return use();
    try {
      const value = use();
      state.access(TYPES, action, true, this.#pathTo(path));
      return value;
    } catch (error) {
      const code = codeOf(error);
      if (code !== undefined) state.access(TYPES, action, !REFUSALS.has(code), this.#pathTo(path));
      throw error;
    }
  }

  #pathTo(path: string): string {
    return path === "" ? this.#path : `${this.#path.endsWith("/") ? this.#path : `${this.#path}/`}${path}`;
  }
}

const TYPES = "wasi:filesystem/types";
/** The codes that mean that a right is missing, and not that something is not there. */
const REFUSALS = new Set(["access", "not-permitted", "read-only"]);

/** The resource `directory-entry-stream`. */
export class DirectoryEntryStream {
  readonly #entries: Iterator<DirectoryEntry>;

  constructor(entries: Iterable<DirectoryEntry>) {
    this.#entries = entries[Symbol.iterator]();
  }

  readDirectoryEntry(): DirectoryEntry | undefined {
    const next = this.#entries.next();
    return next.done === true ? undefined : next.value;
  }

  [Symbol.dispose](): void {
    this.#entries.return?.();
  }
}

/** Reads on from a place in a file. */
class FileSource implements Source {
  readonly immediate = true;
  readonly #handle: Handle<OpenFile | Directory>;
  readonly #file: OpenFile;
  #offset: number;

  constructor(handle: Handle<OpenFile | Directory>, file: OpenFile, offset: number) {
    this.#handle = handle;
    this.#file = file;
    this.#offset = offset;
  }

  read(most: number): Uint8Array | undefined {
    const bytes = this.#file.read(this.#offset, most);
    this.#offset += bytes.length;
    return bytes.length === 0 ? undefined : bytes;
  }

  close(): void {
    this.#handle.release();
  }
}

/** Writes on from a place in a file, or at its end. */
class FileSink implements Sink {
  readonly #handle: Handle<OpenFile | Directory>;
  readonly #file: OpenFile;
  #offset: number | undefined;

  constructor(handle: Handle<OpenFile | Directory>, file: OpenFile, offset: number | undefined) {
    this.#handle = handle;
    this.#file = file;
    this.#offset = offset;
  }

  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const written = this.#file.write!(done === 0 ? bytes : bytes.subarray(done), this.#offset);
      if (written === 0) throw new FileError("io", "The file takes no bytes");
      if (this.#offset !== undefined) this.#offset += written;
      done += written;
    }
  }

  close(): void {
    this.#handle.release();
  }
}

/** What a descriptor of a directory may be used for: what its file system has. */
export function directoryFlags(directory: Directory): DescriptorFlags {
  return { read: true, mutateDirectory: isMutable(directory) };
}

/** A file that is opened for nothing is read, and one that this call has made is written too. */
function openedFileFlags({ create, exclusive }: OpenFlags, flags: DescriptorFlags): DescriptorFlags {
  const made = create === true && exclusive === true;
  const read = flags.read === true || flags.write !== true;
  return { ...flags, read, ...((made || flags.write === true) && { write: true }) };
}

/**
 * A directory is read whatever it is opened for, and says that it may be changed when that was asked for. What is below it may be changed
 * all the same, as on other hosts: programs of C open directories for reading and make files in them.
 */
function openedDirectoryFlags(directory: Directory, { mutateDirectory = false }: DescriptorFlags): DescriptorFlags {
  return { read: true, mutateDirectory: mutateDirectory && isMutable(directory) };
}

function isMutable(directory: Directory): boolean {
  return directory.makeDirectory !== undefined;
}

/** The methods that change a directory. @throws {FileError} `read-only` where it has none */
function mutable(directory: Directory): Required<Directory> {
  const { makeDirectory, removeDirectory, removeFile, rename, link, makeLink } = directory;
  if (makeDirectory === undefined || removeDirectory === undefined || removeFile === undefined)
    throw new FileError("read-only");
  const lacking = (): never => {
    throw new FileError("unsupported");
  };
  return {
    makeDirectory,
    removeDirectory,
    removeFile,
    rename: rename ?? lacking,
    link: link ?? lacking,
    makeLink: makeLink ?? lacking,
  } as Required<Directory>;
}

function follows(flags: PathFlags): boolean {
  return flags.symlinkFollow === true;
}

/** An offset in a file: behind the last one that a number holds, there is nothing. */
function numberOf(offset: bigint): number {
  if (offset > LAST) throw new FileError("invalid", "The offset is beyond what a file can have");
  return Number(offset);
}

function nanoseconds({ seconds, nanoseconds: rest }: Datetime): bigint {
  if (rest >= 1e9) throw new FileError("invalid", "A time has less than 1,000,000,000 nanoseconds beside its seconds");
  return seconds * BILLION + BigInt(rest);
}

function datetime(time: bigint | undefined): Datetime | undefined {
  // WASI has no times before 1970.
  if (time === undefined || time < 0n) return undefined;
  return { seconds: time / BILLION, nanoseconds: Number(time % BILLION) };
}

function statOf(stat: FileStat): DescriptorStat {
  return {
    type: stat.type,
    linkCount: stat.links ?? 1n,
    size: BigInt(stat.size),
    dataAccessTimestamp: datetime(stat.accessed),
    dataModificationTimestamp: datetime(stat.modified),
    statusChangeTimestamp: datetime(stat.changed),
  };
}
