/**
 * Paths: from an open directory to what a path of the guest means, one name at a time.
 *
 * Nothing above the directory can be reached, whatever the path or a link in it says: `..` goes back to a directory that this walk
 * came through, and at the first one it is `not-permitted`. Links are followed here, by the same rules, and never by a file system.
 */
import { codeOf, FileError, type Directory, type FileStat } from "./file-system.ts";
import type { Handle, OpenHandles } from "./handle.ts";

/** Links in one path, as Linux has it. */
const MOST_LINKS = 40;
/** Of a path, and of a name, in bytes of UTF-8, as Linux has it. */
const LONGEST_PATH = 4096;
const LONGEST_NAME = 255;

const DIRECTORY = {
  read: true,
  write: false,
  create: false,
  exclusive: false,
  truncate: false,
  directory: true,
} as const;

const utf8 = new TextEncoder();

/** A path that has been walked up to its last name. */
export class Walk {
  /** Where the walk began, then those it has come through. All but the first are its own. */
  readonly #through: Handle<Directory>[];
  readonly #open: OpenHandles;
  /** Names to come, the next one last. */
  readonly #names: string[] = [];
  #links = 0;
  /** The last name; `""` where the path means the directory itself. */
  name = "";
  /** The path ends with a slash, so that only a directory is meant. */
  slash = false;

  /** @throws {FileError} */
  constructor(from: Handle<Directory>, path: string, open: OpenHandles) {
    this.#through = [from];
    this.#open = open;
    if (path === "") throw new FileError("no-entry", "The path is empty");
    this.#push(path);
    try {
      this.#advance();
    } catch (error) {
      this.end();
      throw error;
    }
  }

  get handle(): Handle<Directory> {
    return this.#through.at(-1)!;
  }

  get directory(): Directory {
    return this.handle.it;
  }

  /** Lets go of the directories that the walk came through. */
  end(): void {
    for (let i = this.#through.length - 1; i > 0; i--) this.#through[i]!.release();
    this.#through.length = 1;
  }

  /**
   * Goes on to what is meant: through the last link where links are followed or the path ends with a slash.
   *
   * @returns what is there, `undefined` where nothing is
   */
  settle(follow: boolean): FileStat | undefined {
    for (;;) {
      if (this.name === "") return this.directory.stat();
      const stat = this.directory.stat(this.name);
      if (stat === undefined) return undefined;
      if (stat.type === "symbolic-link" && (follow || this.slash)) this.follow();
      else if (this.slash && stat.type !== "directory") throw new FileError("not-directory");
      else return stat;
    }
  }

  /** As {@link settle}, where something has to be. @throws {FileError} `no-entry` */
  found(follow: boolean): FileStat {
    const stat = this.settle(follow);
    if (stat === undefined) throw new FileError("no-entry");
    return stat;
  }

  /** Whether the last name is a link. */
  isLink(): boolean {
    return this.name !== "" && this.directory.stat(this.name)?.type === "symbolic-link";
  }

  /** Goes on from the last name, a link, to what it points to. */
  follow(): void {
    const { name } = this;
    this.name = "";
    this.#followed(name);
    this.#advance();
  }

  #followed(name: string): void {
    if (++this.#links > MOST_LINKS) throw new FileError("loop", `The path has more than ${MOST_LINKS} links`);
    const target = this.directory.readLink?.(name) ?? "";
    if (target === "") throw new FileError("no-entry", "The link is empty");
    this.#push(target);
  }

  /** Puts the names of a path before those to come. */
  #push(path: string): void {
    if (path.includes("\0")) throw new FileError("invalid", "The path holds NUL");
    if (bytesOf(path, LONGEST_PATH) > LONGEST_PATH) throw new FileError("name-too-long");
    if (path.startsWith("/")) throw new FileError("not-permitted", "The path is absolute");
    if (this.#names.length === 0) this.slash ||= path.endsWith("/");
    const names = path.split("/");
    for (let i = names.length - 1; i >= 0; i--) {
      const name = names[i]!;
      if (name === "") continue;
      if (bytesOf(name, LONGEST_NAME) > LONGEST_NAME) throw new FileError("name-too-long");
      this.#names.push(name);
    }
  }

  /** Walks until one name is left, or none. */
  #advance(): void {
    for (;;) {
      const name = this.#names.pop();
      if (name === undefined) return;
      // At the end of a path, too: `a/.` is the directory `a` and not an entry of that name.
      if (name === ".") continue;
      if (name === "..") {
        if (this.#through.length === 1) throw new FileError("not-permitted", "The path leaves its directory");
        this.#through.pop()!.release();
      } else if (this.#names.length === 0) {
        this.name = name;
        return;
      } else this.#enter(name);
    }
  }

  #enter(name: string): void {
    let directory: ReturnType<Directory["open"]>;
    try {
      directory = this.directory.open(name, DIRECTORY);
    } catch (error) {
      const code = codeOf(error);
      const isLink = (): boolean => this.directory.stat(name)?.type === "symbolic-link";
      if ((code === "not-directory" || code === "loop") && isLink()) return this.#followed(name);
      throw error;
    }
    if (directory.kind !== "directory") {
      directory.close?.();
      throw new FileError("not-directory");
    }
    this.#through.push(this.#open.add(directory));
  }
}

/** The length in UTF-8, measured only where it may be more than `most`. */
function bytesOf(text: string, most: number): number {
  return text.length * 3 <= most ? text.length : utf8.encode(text).length;
}
