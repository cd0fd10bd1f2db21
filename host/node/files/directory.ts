/** `directory()`: a directory of the machine as a file system, in Node. */
import * as fs from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../../errors.ts";
import {
  FileError,
  type Directory,
  type DirectoryEntry,
  type FileStat,
  type FileSystem,
  type FileTimes,
  type FileType,
  type OpenFile,
  type OpenOptions,
} from "../../wasi/files/file-system.ts";
import { system } from "./errno.ts";
import { holdDirectory, type Hold } from "./hold.ts";

const { O_CREAT, O_DIRECTORY, O_DSYNC, O_EXCL, O_RDONLY, O_RDWR, O_SYNC, O_WRONLY } = fs.constants;
/** No link is followed; a pipe does not make the program wait, and a terminal does not become its own. Absent on Windows. */
const ALWAYS = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0) | (fs.constants.O_NOCTTY ?? 0);

/** Bytes of reads on their way to a guest, which takes them before the next read. */
let scratch = new Uint8Array(65_536);

/** How to hold directories; for tests of the way that this machine would not take. */
interface DirectoryOptions {
  /** @internal */
  readonly hold?: "descriptor" | "path" | undefined;
}

/**
 * A directory of the machine. The guest may read and change what is in it, with the rights of the program, and nothing outside:
 * neither by `..` nor by links, which are followed inside the directory alone. Give it through `readOnly` to keep it as it is.
 *
 * On Linux this holds also while other programs swap directories for links: each name is looked up in an open directory. Elsewhere
 * Node has no such means; a link that is there is never followed out, and what is opened is compared with what is inside, but a program
 * that swaps a directory for a link at the right instant may have a file made, renamed or removed outside. Hard links to files outside
 * are files inside, as they are everywhere. Times are set to the microsecond.
 *
 * @param path relative to the working directory of now
 * @throws {UsageError} when there is no directory at `path`
 */
export function directory(path: string | URL, options: DirectoryOptions = {}): FileSystem {
  const absolute = resolve(typeof path === "string" ? path : fileURLToPath(path));
  if (fs.statSync(absolute, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new UsageError(
      `Expected a directory at ${absolute}, got ${fs.existsSync(absolute) ? "something else" : "nothing"}`,
    );
  }
  return { root: () => new HostDirectory(system(() => holdDirectory(absolute, options.hold))) };
}

class HostDirectory implements Directory {
  readonly kind = "directory";
  readonly #hold: Hold;

  constructor(hold: Hold) {
    this.#hold = hold;
  }

  stat(name?: string): FileStat | undefined {
    return system(() => {
      const stat = fs.lstatSync(this.#hold.path(name), { bigint: true, throwIfNoEntry: false });
      return stat && statOf(stat);
    });
  }

  list(): DirectoryEntry[] {
    return system(() => {
      const path = this.#hold.path();
      const entries = fs.readdirSync(path, { withFileTypes: true });
      // Such a letter may stand for bytes that are no UTF-8, and then for no name that can be opened.
      if (entries.some(({ name }) => name.includes("\ufffd"))) checkNames(path);
      return entries.map((entry) => ({ name: entry.name, type: typeOf(entry) }));
    });
  }

  open(name: string, options: OpenOptions): OpenFile | Directory {
    return system(() => {
      const hold = this.#hold;
      if (options.directory) {
        const entered = hold.enter(name);
        if (!options.write) return new HostDirectory(entered);
        entered.close();
        throw new FileError("is-directory");
      }
      const path = hold.path(name);
      const descriptor = fs.openSync(path, flagsOf(options), 0o666);
      try {
        hold.confirm(name, descriptor);
        if (fs.fstatSync(descriptor).isDirectory()) return new HostDirectory(hold.entered(name, descriptor));
        // Not when it is opened: by then it is not known that it is inside.
        if (options.truncate) fs.ftruncateSync(descriptor);
      } catch (error) {
        fs.closeSync(descriptor);
        throw error;
      }
      return new HostFile(descriptor);
    });
  }

  readLink(name: string): string {
    return system(() => {
      const path = this.#hold.path(name);
      const target = fs.readlinkSync(path);
      if (!target.includes("\ufffd")) return process.platform === "win32" ? target.replaceAll("\\", "/") : target;
      return decode(fs.readlinkSync(path, { encoding: "buffer" }));
    });
  }

  makeDirectory(name: string): void {
    system(() => fs.mkdirSync(this.#hold.path(name)));
  }

  removeDirectory(name: string): void {
    system(() => fs.rmdirSync(this.#hold.path(name)));
  }

  removeFile(name: string): void {
    system(() => fs.unlinkSync(this.#hold.path(name)));
  }

  rename(name: string, to: Directory, toName: string): void {
    const target = held(to);
    system(() => fs.renameSync(this.#hold.path(name), target.path(toName)));
  }

  link(name: string, to: Directory, toName: string): void {
    const target = held(to);
    system(() => fs.linkSync(this.#hold.path(name), target.path(toName)));
  }

  makeLink(name: string, target: string): void {
    system(() => fs.symlinkSync(target, this.#hold.path(name)));
  }

  setTimes(times: FileTimes, name?: string): void {
    system(() => {
      const path = this.#hold.path(name);
      fs.lutimesSync(path, ...newTimes(times, () => fs.lstatSync(path, { bigint: true })));
    });
  }

  sync(): void {
    system(() => {
      const descriptor = fs.openSync(this.#hold.path(), O_RDONLY | (O_DIRECTORY ?? 0));
      try {
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
    });
  }

  close(): void {
    this.#hold.close();
  }

  /** The directory that another one holds. */
  static hold(directory: HostDirectory): Hold {
    return directory.#hold;
  }
}

function held(directory: Directory): Hold {
  if (!(directory instanceof HostDirectory)) throw new FileError("cross-device");
  return HostDirectory.hold(directory);
}

class HostFile implements OpenFile {
  readonly kind = "file";
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  stat(): FileStat {
    return system(() => statOf(fs.fstatSync(this.#descriptor, { bigint: true })));
  }

  read(offset: number, length: number): Uint8Array {
    if (scratch.length < length) scratch = new Uint8Array(length);
    const bytes = scratch;
    return bytes.subarray(
      0,
      system(() => fs.readSync(this.#descriptor, bytes, 0, length, offset)),
    );
  }

  write(bytes: Uint8Array, offset: number | undefined): number {
    return system(() =>
      fs.writeSync(this.#descriptor, bytes, 0, bytes.length, offset ?? fs.fstatSync(this.#descriptor).size),
    );
  }

  setSize(size: number): void {
    system(() => fs.ftruncateSync(this.#descriptor, size));
  }

  setTimes(times: FileTimes): void {
    const now = (): fs.BigIntStats => fs.fstatSync(this.#descriptor, { bigint: true });
    system(() => fs.futimesSync(this.#descriptor, ...newTimes(times, now)));
  }

  sync(what: "data" | "file"): void {
    system(() => (what === "data" ? fs.fdatasyncSync : fs.fsyncSync)(this.#descriptor));
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }
}

function flagsOf({ read, write, create, exclusive, sync }: OpenOptions): number {
  return (
    ALWAYS |
    (write ? (read ? O_RDWR : O_WRONLY) : O_RDONLY) |
    (create ? O_CREAT | (exclusive ? O_EXCL : 0) : 0) |
    (sync === "file" ? (O_SYNC ?? 0) : sync === "data" ? (O_DSYNC ?? O_SYNC ?? 0) : 0)
  );
}

/** Both times as Node sets them, in seconds: what is not given stays. A number below 0 would be the present to it. */
function newTimes(times: FileTimes, stat: () => fs.BigIntStats): [accessed: fs.TimeLike, modified: fs.TimeLike] {
  const current = times.accessed === undefined || times.modified === undefined ? stat() : undefined;
  const seconds = (time: bigint): fs.TimeLike => (time < 0n ? new Date(Number(time) / 1e6) : Number(time) / 1e9);
  return [seconds(times.accessed ?? current!.atimeNs), seconds(times.modified ?? current!.mtimeNs)];
}

function statOf(stat: fs.BigIntStats): FileStat {
  return {
    type: typeOf(stat),
    size: Number(stat.size),
    links: stat.nlink,
    accessed: stat.atimeNs,
    modified: stat.mtimeNs,
    changed: stat.ctimeNs,
    inode: stat.ino,
    device: stat.dev,
  };
}

function typeOf(entry: fs.BigIntStats | fs.Dirent): FileType {
  if (entry.isFile()) return "regular-file";
  if (entry.isDirectory()) return "directory";
  if (entry.isSymbolicLink()) return "symbolic-link";
  if (entry.isFIFO()) return "fifo";
  if (entry.isSocket()) return "socket";
  if (entry.isCharacterDevice()) return "character-device";
  return entry.isBlockDevice() ? "block-device" : "unknown";
}

function checkNames(path: string): void {
  for (const name of fs.readdirSync(path, { encoding: "buffer" })) decode(name);
}

/** @throws {FileError} `illegal-byte-sequence` for bytes that are no UTF-8 */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FileError("illegal-byte-sequence");
  }
}
