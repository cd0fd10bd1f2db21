/**
 * How an open directory of the machine is held, so that names in it mean what is in that very directory.
 *
 * Node has no `openat`. On Linux `/proc/self/fd/N/name` is one: the kernel begins at the directory that descriptor N has open,
 * wherever it is by now. Elsewhere a directory is its path and its inode: before and after each use it is checked that the path
 * still leads to it. That holds against links that are there, and against a change that lasts; not against another program that
 * swaps a directory for a link and back within one use.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { FileError } from "../../wasi/files/file-system.ts";
import { checkWindowsName } from "./windows-names.ts";

/** An open directory. */
export interface Hold {
  /** A path for `node:fs` that means a name in this directory, or the directory itself. @throws {FileError} */
  path(name?: string): string;
  /** Opens a directory in this one: never through a link. */
  enter(name: string): Hold;
  /** Makes a directory of a descriptor that was opened by {@link path}, and takes it over. */
  entered(name: string, descriptor: number): Hold;
  /** Checks that what was opened by {@link path} is in this directory. @throws {FileError} */
  confirm(name: string, descriptor: number): void;
  close(): void;
}

/** Opens a directory by its path, through whatever links there are: it is the program's own path. */
export function holdDirectory(path: string, how: "descriptor" | "path" = HOW): Hold {
  if (how === "path") {
    const real = realpathSync(path);
    return new PathHold(real, lstatSync(real, { bigint: true }));
  }
  return new DescriptorHold(openSync(path, DIRECTORY & ~constants.O_NOFOLLOW));
}

/** Of Linux, and unknown to Node: a descriptor that needs no right to read. */
const O_PATH = 0x200000;
const DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

class DescriptorHold implements Hold {
  readonly #descriptor: number;
  readonly #base: string;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.#base = `/proc/self/fd/${descriptor}/`;
  }

  path(name: string = "."): string {
    return this.#base + name;
  }

  enter(name: string): Hold {
    return new DescriptorHold(openSync(this.#base + name, DIRECTORY));
  }

  entered(_name: string, descriptor: number): Hold {
    return new DescriptorHold(descriptor);
  }

  confirm(): void {}

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** What tells directories apart. */
interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}

class PathHold implements Hold {
  readonly #path: string;
  readonly #identity: Identity;

  constructor(path: string, identity: Identity) {
    this.#path = path;
    this.#identity = identity;
  }

  path(name?: string): string {
    this.#check();
    if (name === undefined) return this.#path;
    if (process.platform === "win32") checkWindowsName(name);
    return join(this.#path, name);
  }

  enter(name: string): Hold {
    const path = this.path(name);
    const stat = lstatSync(path, { bigint: true });
    if (!stat.isDirectory()) throw new FileError("not-directory");
    this.#check();
    return new PathHold(path, stat);
  }

  entered(name: string, descriptor: number): Hold {
    const hold = this.enter(name);
    closeSync(descriptor);
    return hold;
  }

  confirm(name: string, descriptor: number): void {
    const [opened, there] = [
      fstatSync(descriptor, { bigint: true }),
      lstatSync(join(this.#path, name), { bigint: true }),
    ];
    if (there.isSymbolicLink()) throw new FileError("loop");
    if (!isSame(opened, there)) throw new FileError("not-permitted", "The file was replaced while it was opened");
    this.#check();
  }

  close(): void {}

  #check(): void {
    const stat = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || !isSame(stat, this.#identity)) {
      throw new FileError("no-entry", "The directory is no longer where it was opened");
    }
  }
}

function isSame(a: Identity, b: Identity): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

const HOW = canWalkByDescriptor() ? "descriptor" : "path";

/** Whether this is Linux, with its process file system. */
function canWalkByDescriptor(): boolean {
  if (process.platform !== "linux") return false;
  try {
    const descriptor = openSync("/", DIRECTORY);
    try {
      const there = statSync(`/proc/self/fd/${descriptor}/.`, { bigint: true });
      return isSame(there, fstatSync(descriptor, { bigint: true }));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false;
  }
}
