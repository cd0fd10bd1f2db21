/**
 * `wasi:filesystem` 0.3 on the descriptors of 0.2: the same rights, paths and events; the error codes are a variant, and bytes and
 * directory entries come and go as streams.
 */
import type { Descriptor as Inner } from "../files/descriptor.ts";
import { preopened } from "../files/face.ts";
import { codeOf, FileError, type DirectoryEntry, type FileStat, type FileType } from "../files/file-system.ts";
import type { MetadataHash } from "../files/identities.ts";
import { fail } from "../io/error.ts";
import type { Sink } from "../io/streams.ts";
import type { Face } from "../state.ts";
import {
  drained,
  drop,
  err,
  type Flow,
  flowing,
  flowOf,
  type GuestStream,
  type Result,
  refusedFlow,
} from "./streams.ts";

/** Entries of a directory that a guest is given at once. */
const ENTRIES = 256;
const BILLION = 1_000_000_000n;

/** A case of the variants `error-code` and `descriptor-type`. */
interface Case {
  readonly tag: string;
  readonly val?: string | undefined;
}

interface Instant {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

interface Stat {
  readonly type: Case;
  readonly linkCount: bigint;
  readonly size: bigint;
  readonly dataAccessTimestamp: Instant | undefined;
  readonly dataModificationTimestamp: Instant | undefined;
  readonly statusChangeTimestamp: Instant | undefined;
}

type Outcome = Promise<Result<undefined, Case>>;

function caseOf(error: FileError): Case {
  // The one code that 0.3 has no case for.
  return error.payload === "would-block" ? { tag: "other", val: error.payload } : { tag: error.payload };
}

/** What ends a stream: a fault of the file system's own is an error of the medium to the guest. */
function streamCode(error: unknown): Case {
  return codeOf(error) === undefined ? { tag: "io" } : caseOf(error as FileError);
}

function typeOf(type: FileType): Case {
  return type === "unknown" ? { tag: "other", val: undefined } : { tag: type };
}

function instantOf(time: bigint | undefined): Instant | undefined {
  if (time === undefined) return undefined;
  const rest = ((time % BILLION) + BILLION) % BILLION;
  return { seconds: (time - rest) / BILLION, nanoseconds: Number(rest) };
}

function statOf(stat: FileStat): Stat {
  return {
    type: typeOf(stat.type),
    linkCount: stat.links ?? 1n,
    size: BigInt(stat.size),
    dataAccessTimestamp: instantOf(stat.accessed),
    dataModificationTimestamp: instantOf(stat.modified),
    statusChangeTimestamp: instantOf(stat.changed),
  };
}

/** Runs what 0.2 has for it, with the error codes of 0.3. */
function coded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (codeOf(error) !== undefined) fail(caseOf(error as FileError));
    throw error;
  }
}

type Of<Name extends keyof Inner> = Inner[Name] extends (...args: infer Args) => unknown ? Args : never;

/** The resource `descriptor`. What need not wait has its value at once, also where its type is asynchronous. */
export class Descriptor {
  readonly #inner: Inner;

  constructor(inner: Inner) {
    this.#inner = inner;
  }

  [Symbol.dispose](): void {
    this.#inner[Symbol.dispose]();
  }

  // Files.

  readViaStream(offset: bigint): [AsyncIterable<Uint8Array> | [], Outcome] {
    try {
      const bytes = flowOf(this.#inner.source(offset));
      // What a file system gives may be a buffer that it uses again.
      return flowing({ ...bytes, next: () => (bytes.next() as Uint8Array | undefined)?.slice() }, streamCode);
    } catch (error) {
      return refusedFlow(streamCode(error));
    }
  }

  writeViaStream(data: GuestStream, offset: bigint): Outcome {
    return this.#write(data, () => this.#inner.sink(offset));
  }

  appendViaStream(data: GuestStream): Outcome {
    return this.#write(data, () => this.#inner.sink(undefined));
  }

  advise(...args: Of<"advise">): void {
    coded(() => this.#inner.advise(...args));
  }

  syncData(): void {
    coded(() => this.#inner.syncData());
  }

  sync(): void {
    coded(() => this.#inner.sync());
  }

  getFlags(): ReturnType<Inner["getFlags"]> {
    return this.#inner.getFlags();
  }

  getType(): Case {
    return coded(() => typeOf(this.#inner.getType()));
  }

  setSize(size: bigint): void {
    coded(() => this.#inner.setSize(size));
  }

  setTimes(...args: Of<"setTimes">): void {
    coded(() => this.#inner.setTimes(...args));
  }

  // Directories.

  readDirectory(): [AsyncIterable<readonly object[]> | [], Outcome] {
    try {
      return flowing(entriesOf(this.#inner.entries()), streamCode);
    } catch (error) {
      return refusedFlow(streamCode(error));
    }
  }

  createDirectoryAt(path: string): void {
    coded(() => this.#inner.createDirectoryAt(path));
  }

  stat(): Stat {
    return coded(() => statOf(this.#inner.found()));
  }

  statAt(...args: Of<"foundAt">): Stat {
    return coded(() => statOf(this.#inner.foundAt(...args)));
  }

  setTimesAt(...args: Of<"setTimesAt">): void {
    coded(() => this.#inner.setTimesAt(...args));
  }

  linkAt(flags: Of<"linkAt">[0], path: string, to: Descriptor, toPath: string): void {
    coded(() => this.#inner.linkAt(flags, path, to.#inner, toPath));
  }

  openAt(...args: Of<"openAt">): Descriptor {
    return new Descriptor(coded(() => this.#inner.openAt(...args)));
  }

  readlinkAt(path: string): string {
    return coded(() => this.#inner.readlinkAt(path));
  }

  removeDirectoryAt(path: string): void {
    coded(() => this.#inner.removeDirectoryAt(path));
  }

  renameAt(path: string, to: Descriptor, toPath: string): void {
    coded(() => this.#inner.renameAt(path, to.#inner, toPath));
  }

  symlinkAt(target: string, path: string): void {
    coded(() => this.#inner.symlinkAt(target, path));
  }

  unlinkFileAt(path: string): void {
    coded(() => this.#inner.unlinkFileAt(path));
  }

  // Identity.

  isSameObject(other: Descriptor): boolean {
    return this.#inner.isSameObject(other.#inner);
  }

  metadataHash(): MetadataHash {
    return coded(() => this.#inner.metadataHash());
  }

  metadataHashAt(...args: Of<"metadataHashAt">): MetadataHash {
    return coded(() => this.#inner.metadataHashAt(...args));
  }

  async #write(data: GuestStream, open: () => Sink): Outcome {
    let sink: Sink;
    try {
      sink = open();
    } catch (error) {
      drop(data);
      return err(streamCode(error));
    }
    try {
      return await drained(data, (bytes) => sink.write(bytes), streamCode);
    } finally {
      sink.close?.();
    }
  }
}

/** The entries of a directory, as many at once as fit. */
function entriesOf(entries: Iterable<DirectoryEntry>): Flow<readonly object[]> {
  const iterator = entries[Symbol.iterator]();
  return {
    next() {
      const chunk: object[] = [];
      for (let next; chunk.length < ENTRIES && (next = iterator.next()).done !== true;)
        chunk.push({ type: typeOf(next.value.type), name: next.value.name });
      return chunk.length === 0 ? undefined : chunk;
    },
    close: () => void iterator.return?.(),
  };
}

export const preopens: Face = (state) => ({
  getDirectories: (): [Descriptor, string][] => preopened(state).map(([root, name]) => [new Descriptor(root), name]),
});

export const types: Face = () => ({ Descriptor });
