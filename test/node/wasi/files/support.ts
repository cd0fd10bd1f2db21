/** `wasi:filesystem` as a guest has it, without one: descriptors of a file system, and what their functions end with. */
import { wasi } from "../../../../host/node/wasi.ts";
import type { AccessEvent, FileSystem, WasiOptions } from "../../../../host/node/wasi.ts";
import type { Descriptor, DirectoryEntryStream } from "../../../../host/wasi/files/descriptor.ts";

export type { Descriptor };

/** Flags as bindings hand them in. */
export const FOLLOW = { symlinkFollow: true };
export const NO_FOLLOW = { symlinkFollow: false };
export const READ = { read: true };
export const WRITE = { read: true, write: true };
export const CREATE = { create: true };
export const NO_CHANGE = { tag: "no-change" } as const;

interface Preopens {
  getDirectories(): [Descriptor, string][];
}

/** The descriptors that a module is given. */
export async function preopened(options: WasiOptions): Promise<[Descriptor, string][]> {
  const imports = await wasi(options)({ module: "guest" });
  const face = Object.entries(imports).find(([name]) => name.startsWith("wasi:filesystem/preopens"))![1];
  return (face as Preopens).getDirectories();
}

/** The descriptor of the only file system. */
export async function rootOf(fileSystem: FileSystem, onAccess?: (event: AccessEvent) => void): Promise<Descriptor> {
  const [first] = await preopened({ preopens: { "/": fileSystem }, onAccess });
  return first![0];
}

/** What a function gives, or its error code. @throws what is no error code */
export function codeOr<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    const { payload } = error as { payload?: unknown };
    if (typeof payload !== "string") throw error;
    return payload;
  }
}

/** The error code of something that has to fail. */
export function code(run: () => unknown): string {
  const outcome = codeOr(() => {
    run();
    return undefined;
  });
  return outcome ?? "succeeded";
}

export function namesIn(directory: Descriptor): string[] {
  return [...entriesOf(directory.readDirectory())].sort();
}

function* entriesOf(stream: DirectoryEntryStream): Iterable<string> {
  for (let entry; (entry = stream.readDirectoryEntry()) !== undefined;) yield entry.name;
}

const text = new TextDecoder();
const utf8 = new TextEncoder();

export function readText(directory: Descriptor, path: string): string {
  using file = directory.openAt(FOLLOW, path, {}, READ);
  return text.decode(file.read(1_000_000n, 0n)[0]);
}

export function writeText(directory: Descriptor, path: string, content: string): void {
  using file = directory.openAt(FOLLOW, path, { create: true, truncate: true }, WRITE);
  file.write(utf8.encode(content), 0n);
}
