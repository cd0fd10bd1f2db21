/** Open files and directories, which are closed when their last user lets go of them. */
import { FileError } from "./file-system.ts";

/** What can be closed once. */
interface Closable {
  close?(): void;
}

/** Everything a module has open. */
export class OpenHandles {
  readonly #open = new Set<Handle<Closable>>();
  readonly #most: number;

  /** @param most how many may be open at once: the process has a limit of its own, which one module is not to exhaust */
  constructor(most: number) {
    this.#most = most;
  }

  /** @throws {FileError} `insufficient-memory` when too many are open, and what was opened is closed */
  add<T extends Closable>(it: T): Handle<T> {
    const handle = new Handle(it, this);
    if (this.#open.size >= this.#most) {
      it.close?.();
      throw new FileError("insufficient-memory", `More than ${this.#most} files and directories are open`);
    }
    this.#open.add(handle);
    return handle;
  }

  delete(handle: Handle<Closable>): void {
    this.#open.delete(handle);
  }

  /** Closes what is open. @returns how many that were */
  end(): number {
    const open = [...this.#open];
    for (const handle of open) handle.end();
    return open.length;
  }
}

/** One of them. It is closed when everyone who uses it has let go. */
export class Handle<T extends Closable> {
  readonly it: T;
  readonly #among: OpenHandles;
  #uses = 1;

  constructor(it: T, among: OpenHandles) {
    this.it = it;
    this.#among = among;
  }

  use(): this {
    this.#uses++;
    return this;
  }

  release(): void {
    if (--this.#uses === 0) this.end();
  }

  end(): void {
    this.#uses = 0;
    this.#among.delete(this);
    this.it.close?.();
  }
}
