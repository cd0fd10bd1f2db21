/**
 * `overlay()`: one file system over another. What is written goes to the upper one, what is not there is read from the lower one.
 *
 * What is removed of the lower one is noted in the upper one, in the way of OCI's image layers: an empty file `.wh.NAME` hides NAME,
 * and a directory with `.wh..wh..opq` in it hides the lower directory of its name. So an upper directory of the machine can be used again.
 */
import {
  FileError,
  type Directory,
  type DirectoryEntry,
  type FileStat,
  type FileSystem,
  type FileTimes,
  type OpenFile,
  type OpenOptions,
} from "./file-system.ts";

const HIDES = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** Bytes that are copied at once. */
const CHUNK = 1_048_576;

const READ: OpenOptions = {
  read: true,
  write: false,
  create: false,
  exclusive: false,
  truncate: false,
  directory: false,
};
const MAKE: OpenOptions = { ...READ, read: false, write: true, create: true, exclusive: true };

/**
 * One file system over another, which is only read. A file of the lower one is copied to the upper one when it is opened for writing, and
 * is another file from then on: who has it open for reading goes on reading the old one. A directory is copied as a whole when it is
 * renamed. Names that begin with `.wh.` are kept for the overlay.
 */
export function overlay(upper: FileSystem, lower: FileSystem): FileSystem {
  return {
    root(use) {
      const [above, below] = [upper.root(use), lower.root(use)];
      return new OverlayDirectory(upper, undefined, "", { above, below });
    },
  };
}

class OverlayDirectory implements Directory {
  readonly kind = "directory";
  /** What it is a part of: the upper file system. */
  readonly #volume: object;
  readonly #parent: OverlayDirectory | undefined;
  readonly #name: string;
  #above: Directory | undefined;
  readonly #below: Directory | undefined;
  /** It is used by who opened it, and by directories in it that are open. */
  #uses = 1;

  constructor(
    volume: object,
    parent: OverlayDirectory | undefined,
    name: string,
    { above, below }: { above: Directory | undefined; below: Directory | undefined },
  ) {
    this.#volume = volume;
    this.#parent = parent;
    this.#name = name;
    this.#above = above;
    this.#below = below;
    if (parent !== undefined) parent.#uses++;
  }

  stat(name?: string): FileStat | undefined {
    if (name === undefined) return (this.#upper() ?? this.#below!).stat();
    return this.#statUpper(name) ?? this.#statLower(name);
  }

  list(): DirectoryEntry[] {
    const upper = [...(this.#upper()?.list() ?? [])];
    const hidden = new Set(upper.map(({ name }) => (name.startsWith(HIDES) ? name.slice(HIDES.length) : name)));
    const isSeen = ({ name }: DirectoryEntry): boolean => !name.startsWith(HIDES);
    const lower = [...(this.#below?.list() ?? [])].filter((entry) => isSeen(entry) && !hidden.has(entry.name));
    return [...upper.filter(isSeen), ...lower];
  }

  open(name: string, options: OpenOptions): OpenFile | Directory {
    const upper = this.#statUpper(name);
    const stat = upper ?? this.#statLower(name);
    const { create, exclusive, write, truncate } = options;
    if (stat !== undefined && create && exclusive) throw new FileError("exist");
    if (stat?.type === "directory") {
      if (write || truncate || create) throw new FileError("is-directory");
      return this.#enter(name);
    }
    if (upper !== undefined) return this.#upper()!.open(name, options);
    if (stat === undefined) {
      if (!create) throw new FileError("no-entry");
      return this.#make(name, (to) => to.open(name, options));
    }
    if (stat.type === "symbolic-link") throw new FileError("loop");
    if (options.directory) throw new FileError("not-directory");
    if (!write && !truncate) return this.#below!.open(name, { ...options, create: false });
    this.#copyUp(name, stat, !truncate);
    return this.#writable().open(name, { ...options, create: false });
  }

  readLink(name: string): string {
    const from = this.#statUpper(name) !== undefined ? this.#upper() : this.#found(name) && this.#below;
    if (from?.readLink === undefined) throw new FileError("invalid");
    return from.readLink(name);
  }

  makeDirectory(name: string): void {
    if (this.stat(name) !== undefined) throw new FileError("exist");
    this.#make(name, (to) => {
      to.makeDirectory!(name);
      // Below what was removed, nothing of the lower directory comes to light again.
      if (this.#below?.stat(name) !== undefined) this.#orUndo(name, () => this.#closeOff(name));
    });
  }

  makeLink(name: string, target: string): void {
    if (this.stat(name) !== undefined) throw new FileError("exist");
    this.#make(name, (to) => (to.makeLink ?? unsupported).call(to, name, target));
  }

  removeFile(name: string): void {
    const upper = this.#statUpper(name);
    if ((upper ?? this.#found(name)).type === "directory") throw new FileError("is-directory");
    this.#hide(name);
    if (upper !== undefined) this.#writable().removeFile!(name);
  }

  removeDirectory(name: string): void {
    if (this.#found(name).type !== "directory") throw new FileError("not-directory");
    const inside = this.#enter(name);
    try {
      if (inside.list().length > 0) throw new FileError("not-empty");
      this.#hide(name);
      const upper = inside.#upper();
      for (const { name: note } of upper === undefined ? [] : [...upper.list()]) upper!.removeFile!(note);
    } finally {
      inside.close();
    }
    if (this.#statUpper(name) !== undefined) this.#writable().removeDirectory!(name);
  }

  rename(name: string, to: Directory, toName: string): void {
    const target = this.#sameOverlay(to);
    const stat = this.#found(name);
    const there = target.stat(toName);
    if (there?.inode === stat.inode && there.device === stat.device) return;
    if (target.#isBelow(stat)) throw new FileError("invalid", "A directory cannot be moved into itself");
    if (there !== undefined && this.#isBelow(there)) throw new FileError("not-empty");
    if (there !== undefined) {
      if (there.type !== "directory" && stat.type === "directory") throw new FileError("not-directory");
      if (there.type === "directory" && stat.type !== "directory") throw new FileError("is-directory");
    }
    target.#keepName(toName);
    const writable = this.#writable();
    const goal = target.#writable();
    this.#copyUp(name, stat, true);
    if (there?.type === "directory") target.removeDirectory(toName);
    this.#hide(name);
    (writable.rename ?? unsupported).call(writable, name, goal, toName);
    target.#show(toName);
  }

  link(name: string, to: Directory, toName: string): void {
    const target = this.#sameOverlay(to);
    const stat = this.#found(name);
    if (stat.type === "directory") throw new FileError("not-permitted");
    if (target.stat(toName) !== undefined) throw new FileError("exist");
    const writable = this.#writable();
    this.#copyUp(name, stat, true);
    target.#make(toName, (goal) => (writable.link ?? unsupported).call(writable, name, goal, toName));
  }

  setTimes(times: FileTimes, name?: string): void {
    const writable = this.#writable();
    if (name === undefined) return writable.setTimes?.(times);
    const stat = this.#found(name);
    if (stat.type === "directory") {
      const inside = this.#enter(name);
      try {
        inside.setTimes(times);
      } finally {
        inside.close();
      }
      return;
    }
    this.#copyUp(name, stat, true);
    writable.setTimes?.(times, name);
  }

  sync(what: "data" | "file"): void {
    this.#upper()?.sync?.(what);
  }

  close(): void {
    if (--this.#uses > 0) return;
    this.#above?.close?.();
    this.#below?.close?.();
    this.#parent?.close();
  }

  // The two sides.

  /** The upper directory, where there is one by now: it may have been made through another descriptor. */
  #upper(): Directory | undefined {
    if (this.#above === undefined) {
      const parent = this.#parent!.#upper();
      if (parent?.stat(this.#name)?.type === "directory") this.#above = directoryIn(parent, this.#name);
    }
    return this.#above;
  }

  /** The upper directory, which is made where it is not there. @throws {FileError} `read-only` */
  #writable(): Directory {
    let upper = this.#upper();
    if (upper === undefined) {
      const parent = this.#parent!;
      const to = parent.#writable();
      if (parent.#isHidden(this.#name)) throw new FileError("no-entry", "The directory has been removed");
      to.makeDirectory!(this.#name);
      upper = this.#above = directoryIn(to, this.#name);
    }
    if (upper.makeDirectory === undefined) throw new FileError("read-only");
    return upper;
  }

  #statUpper(name: string): FileStat | undefined {
    return name.startsWith(HIDES) ? undefined : this.#upper()?.stat(name);
  }

  #statLower(name: string): FileStat | undefined {
    return name.startsWith(HIDES) || this.#below === undefined || this.#isHidden(name)
      ? undefined
      : this.#below.stat(name);
  }

  #found(name: string): FileStat {
    const stat = this.stat(name);
    if (stat === undefined) throw new FileError("no-entry");
    return stat;
  }

  #enter(name: string): OverlayDirectory {
    const isDirectory = (side: Directory | undefined): boolean => side?.stat(name)?.type === "directory";
    const above = isDirectory(this.#upper()) ? directoryIn(this.#upper()!, name) : undefined;
    const seen = above === undefined || above.stat(OPAQUE) === undefined;
    const below =
      seen && !this.#isHidden(name) && isDirectory(this.#below) ? directoryIn(this.#below!, name) : undefined;
    return new OverlayDirectory(this.#volume, this, name, { above, below });
  }

  /** Whether this is a directory, or is somewhere in it. */
  #isBelow(other: FileStat): boolean {
    if (other.type !== "directory") return false;
    const { inode, device } = this.stat()!;
    if (inode === other.inode && device === other.device) return true;
    return this.#parent !== undefined && this.#parent.#isBelow(other);
  }

  #sameOverlay(to: Directory): OverlayDirectory {
    if (!(to instanceof OverlayDirectory) || to.#volume !== this.#volume) throw new FileError("cross-device");
    return to;
  }

  // Hiding.

  #isHidden(name: string): boolean {
    return this.#upper()?.stat(HIDES + name) !== undefined;
  }

  /** Hides what the lower directory has under a name. What the upper one has stays in sight. */
  #hide(name: string): void {
    if (this.#below?.stat(name) !== undefined && !this.#isHidden(name)) note(this.#writable(), HIDES + name);
  }

  /** Takes the note back that a name is hidden, after something has come to stand there in the upper directory. */
  #show(name: string): void {
    if (this.#isHidden(name)) this.#writable().removeFile!(HIDES + name);
  }

  #closeOff(name: string): void {
    const inside = directoryIn(this.#writable(), name);
    try {
      if (inside.stat(OPAQUE) === undefined) note(inside, OPAQUE);
    } finally {
      inside.close?.();
    }
  }

  #keepName(name: string): void {
    if (name.startsWith(HIDES)) throw new FileError("not-permitted", `Names with ${HIDES} are kept for the overlay`);
  }

  /** Makes something under a name that nothing has. */
  #make<T>(name: string, make: (to: Directory) => T): T {
    this.#keepName(name);
    const made = make(this.#writable());
    this.#show(name);
    return made;
  }

  /** Runs what finishes something that was made under a name, and removes that where it fails. */
  #orUndo(name: string, finish: () => void): void {
    try {
      finish();
    } catch (error) {
      remove(this.#writable(), name);
      throw error;
    }
  }

  // Copying.

  /** Copies what only the lower directory has to the upper one: all of a directory, which then hides the lower one. */
  #copyUp(name: string, stat: FileStat, content: boolean): void {
    const isThere = this.#statUpper(name) !== undefined;
    if (isThere && stat.type !== "directory") return;
    const to = this.#writable();
    if (stat.type === "directory") {
      if (!isThere) to.makeDirectory!(name);
      const finish = (): void => this.#copyAllUp(name);
      if (isThere) finish();
      else this.#orUndo(name, finish);
    } else if (stat.type === "symbolic-link") {
      (to.makeLink ?? unsupported).call(to, name, this.#below!.readLink!(name));
    } else if (stat.type === "regular-file") {
      const made = fileIn(to, name, MAKE);
      try {
        this.#orUndo(name, () => {
          if (content) this.#copyContent(name, made);
          made.setTimes?.({ accessed: stat.accessed, modified: stat.modified });
        });
      } finally {
        made.close?.();
      }
    } else throw new FileError("not-permitted", `A ${stat.type} is not copied`);
  }

  #copyAllUp(name: string): void {
    const inside = this.#enter(name);
    try {
      for (const entry of inside.list()) inside.#copyUp(entry.name, inside.stat(entry.name)!, true);
    } finally {
      inside.close();
    }
    this.#closeOff(name);
  }

  #copyContent(name: string, to: OpenFile): void {
    const from = fileIn(this.#below!, name, READ);
    try {
      for (let offset = 0; ;) {
        const bytes = from.read(offset, CHUNK);
        if (bytes.length === 0) return;
        for (let done = 0; done < bytes.length;) done += to.write!(bytes.subarray(done), offset + done);
        offset += bytes.length;
      }
    } finally {
      from.close?.();
    }
  }
}

function directoryIn(parent: Directory, name: string): Directory {
  return parent.open(name, { ...READ, directory: true }) as Directory;
}

function fileIn(parent: Directory, name: string, options: OpenOptions): OpenFile {
  return parent.open(name, options) as OpenFile;
}

/** Makes an empty file. */
function note(parent: Directory, name: string): void {
  fileIn(parent, name, MAKE).close?.();
}

/** Removes something with all that is in it. */
function remove(parent: Directory, name: string): void {
  if (parent.stat(name)?.type !== "directory") return parent.removeFile!(name);
  const inside = directoryIn(parent, name);
  try {
    for (const entry of [...inside.list()]) remove(inside, entry.name);
  } finally {
    inside.close?.();
  }
  parent.removeDirectory!(name);
}

function unsupported(): never {
  throw new FileError("unsupported");
}
