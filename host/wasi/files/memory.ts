/** `memory()`: a file system of the host's own memory, the same in Node and in pages. */
import {
  FileError,
  type Directory,
  type DirectoryEntry,
  type FileStat,
  type FileSystem,
  type FileSystemUse,
  type FileTimes,
  type OpenFile,
  type OpenOptions,
} from "./file-system.ts";

export interface MemoryOptions {
  /** Most bytes of all files together; more is `insufficient-space`. Default: 67,108,864 (64 MiB). */
  readonly maxBytes?: number;
  /** Most files, directories and links; more is `insufficient-space`. Default: 100,000. */
  readonly maxEntries?: number;
  /**
   * What is there at the beginning, by path; directories are made as needed, and a path that ends with a slash is one. Arrays are
   * not copied before a guest writes to them. Everything given is dated 1970-01-01, so that runs do not differ.
   */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** A file system in memory. It lives as long as something refers to it, also between modules. */
export interface MemoryFileSystem extends FileSystem {
  /** Every file by path, as `files` takes them: views, which change when guests write. Links and empty directories are left out. */
  files(): Record<string, Uint8Array>;
}

interface Times {
  accessed: bigint;
  modified: bigint;
  changed: bigint;
}

interface FileNode extends Times {
  readonly type: "regular-file";
  readonly inode: bigint;
  /** Room for the file and for some growth. */
  bytes: Uint8Array;
  size: number;
  /** The array is somebody else's: copied before the first write. */
  lent: boolean;
  links: bigint;
  /** How often it is open: what is removed keeps its bytes until it is closed. */
  uses: number;
}

interface LinkNode extends Times {
  readonly type: "symbolic-link";
  readonly inode: bigint;
  readonly target: string;
}

interface DirectoryNode extends Times {
  readonly type: "directory";
  readonly inode: bigint;
  readonly entries: Map<string, Node>;
  /** Absent at the root, and where it has been removed. */
  parent: DirectoryNode | undefined;
  removed: boolean;
}

type Node = FileNode | LinkNode | DirectoryNode;

const NOTHING = new Uint8Array(0);
const utf8 = new TextEncoder();

/**
 * Makes a file system in memory. It is empty, or holds the files given.
 *
 * @throws {FileError} for files that do not fit in it, or one file below another
 */
export function memory(options: MemoryOptions = {}): MemoryFileSystem {
  const volume = new Volume(options.maxBytes ?? 2 ** 26, options.maxEntries ?? 100_000);
  for (const [path, content] of Object.entries(options.files ?? {})) volume.put(path, content);
  return {
    root: (use) => new MemoryDirectory(volume, volume.top, use),
    files: () => Object.fromEntries(volume.files(volume.top, "")),
  };
}

/** What all open files and directories of one file system share. */
class Volume {
  readonly #maxBytes: number;
  readonly #maxEntries: number;
  #bytes = 0;
  #entries = 0;
  #inodes = 0n;
  readonly top: DirectoryNode;

  constructor(maxBytes: number, maxEntries: number) {
    this.#maxBytes = maxBytes;
    this.#maxEntries = maxEntries;
    this.top = this.directory(undefined, 0n);
  }

  /** Takes room for bytes, or gives it back. @throws {FileError} `insufficient-space` */
  charge(bytes: number): void {
    if (bytes > this.#maxBytes - this.#bytes) {
      throw new FileError("insufficient-space", `More than the ${this.#maxBytes} bytes of the file system`);
    }
    this.#bytes += bytes;
  }

  /** Room that is left, in bytes. */
  get left(): number {
    return this.#maxBytes - this.#bytes;
  }

  #enter(): bigint {
    if (this.#entries >= this.#maxEntries) {
      throw new FileError("insufficient-space", `More than the ${this.#maxEntries} entries of the file system`);
    }
    this.#entries++;
    return ++this.#inodes;
  }

  directory(parent: DirectoryNode | undefined, now: bigint): DirectoryNode {
    // The root is not one of the entries.
    const inode = parent === undefined ? 0n : this.#enter();
    return { type: "directory", inode, entries: new Map(), parent, removed: false, ...timesOf(now) };
  }

  file(now: bigint): FileNode {
    const inode = this.#enter();
    return { type: "regular-file", inode, bytes: NOTHING, size: 0, lent: false, links: 1n, uses: 0, ...timesOf(now) };
  }

  symbolicLink(target: string, now: bigint): LinkNode {
    return { type: "symbolic-link", inode: this.#enter(), target, ...timesOf(now) };
  }

  /** A name of something is gone, or its last user. */
  forget(node: Node): void {
    if (node.type === "regular-file") {
      if (node.links > 0n || node.uses > 0) return;
      this.charge(-node.size);
      node.bytes = NOTHING;
      node.size = 0;
    } else if (node.type === "directory") {
      node.removed = true;
      node.parent = undefined;
    }
    this.#entries--;
  }

  /** Puts a file of the user's there. */
  put(path: string, content: string | Uint8Array): void {
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    const last = path.endsWith("/") ? undefined : names.pop();
    let at = this.top;
    for (const name of names) {
      if (name === "..") throw new FileError("not-permitted", `The path leaves its directory: ${path}`);
      let next = at.entries.get(name);
      if (next === undefined) at.entries.set(name, (next = this.directory(at, 0n)));
      if (next.type !== "directory")
        throw new FileError("not-directory", `A file stands where a directory has to: ${path}`);
      at = next;
    }
    if (last === undefined) return;
    if (last === ".." || at.entries.has(last)) throw new FileError("exist", `Something is there already: ${path}`);
    const bytes = typeof content === "string" ? utf8.encode(content) : content;
    this.charge(bytes.length);
    at.entries.set(last, Object.assign(this.file(0n), { bytes, size: bytes.length, lent: true }));
  }

  *files(directory: DirectoryNode, prefix: string): Iterable<[string, Uint8Array]> {
    for (const [name, node] of directory.entries) {
      if (node.type === "regular-file") yield [prefix + name, node.bytes.subarray(0, node.size)];
      else if (node.type === "directory") yield* this.files(node, `${prefix}${name}/`);
    }
  }
}

function timesOf(now: bigint): Times {
  return { accessed: now, modified: now, changed: now };
}

function statOf(node: Node, volume: Volume): FileStat {
  const { type, inode, accessed, modified, changed } = node;
  const size = type === "regular-file" ? node.size : type === "directory" ? 0 : utf8.encode(node.target).length;
  const links = type === "regular-file" ? node.links : type === "directory" && node.removed ? 0n : 1n;
  return { type, size, links, accessed, modified, changed, inode, device: volume };
}

function setTimes(node: Node, times: FileTimes, now: bigint): void {
  node.accessed = times.accessed ?? node.accessed;
  node.modified = times.modified ?? node.modified;
  node.changed = now;
}

class MemoryFile implements OpenFile {
  readonly kind = "file";
  readonly #volume: Volume;
  readonly #node: FileNode;
  readonly #use: FileSystemUse;
  #closed = false;

  constructor(volume: Volume, node: FileNode, use: FileSystemUse) {
    this.#volume = volume;
    this.#node = node;
    this.#use = use;
    node.uses++;
  }

  stat(): FileStat {
    return statOf(this.#node, this.#volume);
  }

  read(offset: number, length: number): Uint8Array {
    const { bytes, size } = this.#node;
    return offset >= size ? NOTHING : bytes.subarray(offset, Math.min(size, offset + length));
  }

  write(bytes: Uint8Array, offset: number = this.#node.size): number {
    if (bytes.length === 0) return 0;
    const node = this.#node;
    this.#reserve(Math.max(node.size, offset + bytes.length));
    node.bytes.set(bytes, offset);
    node.modified = node.changed = this.#use.now();
    return bytes.length;
  }

  setSize(size: number): void {
    const node = this.#node;
    if (size < node.size) {
      this.#volume.charge(size - node.size);
      // What is cut off reads as zeros when the file grows again; a small rest does not hold on to a large array.
      if (node.lent || size < node.bytes.length / 4) node.bytes = node.bytes.slice(0, size);
      else node.bytes.fill(0, size, node.size);
      node.lent = false;
      node.size = size;
    } else this.#reserve(size);
    node.modified = node.changed = this.#use.now();
  }

  setTimes(times: FileTimes): void {
    setTimes(this.#node, times, this.#use.now());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#node.uses--;
    if (this.#node.links === 0n) this.#volume.forget(this.#node);
  }

  /** Makes the file `size` bytes long, and its array one that may be written to. */
  #reserve(size: number): void {
    const node = this.#node;
    this.#volume.charge(size - node.size);
    try {
      if (size > node.bytes.length || node.lent) {
        const spare = Math.min(node.bytes.length, this.#volume.left);
        const bytes = new Uint8Array(size > node.bytes.length ? size + spare : size);
        bytes.set(node.bytes.subarray(0, node.size));
        node.bytes = bytes;
        node.lent = false;
      }
    } catch {
      this.#volume.charge(node.size - size);
      throw new FileError("insufficient-memory", `No room for a file of ${size} bytes`);
    }
    node.size = size;
  }
}

class MemoryDirectory implements Directory {
  readonly kind = "directory";
  readonly #volume: Volume;
  readonly #node: DirectoryNode;
  readonly #use: FileSystemUse;

  constructor(volume: Volume, node: DirectoryNode, use: FileSystemUse) {
    this.#volume = volume;
    this.#node = node;
    this.#use = use;
  }

  stat(name?: string): FileStat | undefined {
    const node = name === undefined ? this.#node : this.#node.entries.get(name);
    return node && statOf(node, this.#volume);
  }

  list(): DirectoryEntry[] {
    return Array.from(this.#node.entries, ([name, { type }]) => ({ name, type }));
  }

  open(name: string, options: OpenOptions): OpenFile | Directory {
    let node = this.#node.entries.get(name);
    if (node === undefined) {
      if (!options.create) throw new FileError("no-entry");
      node = this.#enter(name, (now) => this.#volume.file(now));
    } else if (options.create && options.exclusive) throw new FileError("exist");
    if (node.type === "symbolic-link") throw new FileError("loop");
    if (node.type === "directory") {
      if (options.write || options.truncate || options.create) throw new FileError("is-directory");
      return new MemoryDirectory(this.#volume, node, this.#use);
    }
    if (options.directory) throw new FileError("not-directory");
    const file = new MemoryFile(this.#volume, node, this.#use);
    if (options.truncate) file.setSize(0);
    return file;
  }

  readLink(name: string): string {
    const node = this.#get(name);
    if (node.type !== "symbolic-link") throw new FileError("invalid");
    return node.target;
  }

  makeDirectory(name: string): void {
    this.#enter(name, (now) => this.#volume.directory(this.#node, now));
  }

  makeLink(name: string, target: string): void {
    this.#enter(name, (now) => this.#volume.symbolicLink(target, now));
  }

  removeDirectory(name: string): void {
    const node = this.#get(name);
    if (node.type !== "directory") throw new FileError("not-directory");
    if (node.entries.size > 0) throw new FileError("not-empty");
    this.#leave(name, node);
  }

  removeFile(name: string): void {
    const node = this.#get(name);
    if (node.type === "directory") throw new FileError("is-directory");
    this.#leave(name, node);
  }

  rename(name: string, to: Directory, toName: string): void {
    const node = this.#get(name);
    const target = this.#sameVolume(to);
    const there = target.#node.entries.get(toName);
    if (there === node) return;
    if (node.type === "directory") {
      for (let at: DirectoryNode | undefined = target.#node; at !== undefined; at = at.parent) {
        if (at === node) throw new FileError("invalid", "A directory cannot be moved into itself");
      }
    }
    // The system looks at this before it looks at what kind of thing is moved.
    for (let at: DirectoryNode | undefined = this.#node; at !== undefined; at = at.parent) {
      if (at === there) throw new FileError("not-empty");
    }
    if (target.#node.removed) throw new FileError("no-entry");
    if (there !== undefined) {
      if (there.type !== "directory" && node.type === "directory") throw new FileError("not-directory");
      if (there.type === "directory") {
        if (node.type !== "directory") throw new FileError("is-directory");
        if (there.entries.size > 0) throw new FileError("not-empty");
      }
      target.#leave(toName, there);
    }
    this.#node.entries.delete(name);
    target.#node.entries.set(toName, node);
    if (node.type === "directory") node.parent = target.#node;
    const now = this.#use.now();
    node.changed = now;
    this.#touched(now);
    target.#touched(now);
  }

  link(name: string, to: Directory, toName: string): void {
    const node = this.#get(name);
    const target = this.#sameVolume(to);
    if (node.type === "directory") throw new FileError("not-permitted", "A directory has one name");
    if (node.type === "symbolic-link") {
      target.makeLink(toName, node.target);
      return;
    }
    target.#enter(toName, () => node);
    node.links++;
    node.changed = this.#use.now();
  }

  setTimes(times: FileTimes, name?: string): void {
    setTimes(name === undefined ? this.#node : this.#get(name), times, this.#use.now());
  }

  #sameVolume(to: Directory): MemoryDirectory {
    if (!(to instanceof MemoryDirectory) || to.#volume !== this.#volume) throw new FileError("cross-device");
    return to;
  }

  #get(name: string): Node {
    const node = this.#node.entries.get(name);
    if (node === undefined) throw new FileError("no-entry");
    return node;
  }

  #enter<T extends Node>(name: string, make: (now: bigint) => T): T {
    if (this.#node.entries.has(name)) throw new FileError("exist");
    if (this.#node.removed) throw new FileError("no-entry", "The directory has been removed");
    const now = this.#use.now();
    const node = make(now);
    this.#node.entries.set(name, node);
    this.#touched(now);
    return node;
  }

  #leave(name: string, node: Node): void {
    this.#node.entries.delete(name);
    const now = this.#use.now();
    this.#touched(now);
    if (node.type === "regular-file") {
      node.links--;
      node.changed = now;
    }
    this.#volume.forget(node);
  }

  #touched(now: bigint): void {
    this.#node.modified = this.#node.changed = now;
  }
}
