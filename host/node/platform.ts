/**
 * What Node gives the host: files, hashes, macrotasks, and honest figures about memory.
 */
import crypto from "node:crypto";
import { createReadStream, readFileSync, statSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import v8 from "node:v8";
import vm from "node:vm";
import { UsageError } from "../errors.ts";
import type { SourceLimits } from "../platform.ts";
import { channels } from "./channels.ts";
import { tooLarge, UNLIMITED } from "../runtime/body.ts";
import type { EnginePlatform } from "../runtime/engine.ts";
import { inThread } from "../runtime/in-thread.ts";
import { fetchError } from "../runtime/response.ts";

export const nodePlatform: EnginePlatform = {
  name: "node",
  tracing: channels,
  open,
  readBeside,
  list,
  sha256: async (bytes) => sha256(bytes),
  macrotask: () => new Promise((resolve) => void setImmediate(resolve)),
  collect,
  countMemories: "queryObjects" in v8 ? countMemories : undefined,
  engines: {
    thread: inThread,
    others: { open: async (...given) => (await import("./isolation.ts")).open(...given) },
  },
  countReservations: process.platform === "linux" ? countReservations : undefined,
};

// Since Node 20.12 and 21.7, and a third of the time: no stream is made that could take more.
const sha256: (bytes: Uint8Array) => string =
  "hash" in crypto
    ? (bytes) => crypto.hash("sha256", bytes, "hex")
    : (bytes) => crypto.createHash("sha256").update(bytes).digest("hex");

async function open(
  source: string | URL,
  limits: SourceLimits = UNLIMITED,
): Promise<Uint8Array<ArrayBuffer> | Response> {
  try {
    const url = typeof source === "string" ? urlOf(source) : source;
    if (url !== undefined && url.protocol !== "file:") return await download(url, limits);
    const file = await readLimited(url === undefined ? String(source) : fileURLToPath(url), limits);
    return new Uint8Array(file.buffer as ArrayBuffer, file.byteOffset, file.byteLength);
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(`Could not read ${String(source)}: ${messageOf(cause)}`, { cause });
  }
}

async function readLimited(path: string, { maxBytes, signal }: SourceLimits): Promise<Buffer> {
  const entry = await stat(path);
  if (entry.size > maxBytes) throw tooLarge(path, maxBytes);
  if (entry.isFile() || entry.isDirectory()) return readFile(path, { signal });
  // A pipe or a device has no size, and may have no end.
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of createReadStream(path, { signal }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(path, maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function readBeside(file: string | undefined, name: string): Uint8Array | undefined {
  try {
    const url = file === undefined || file === "" ? undefined : (urlOf(file) ?? file);
    if (url === undefined || (url instanceof URL && url.protocol !== "file:")) return undefined;
    const path = join(dirname(url instanceof URL ? fileURLToPath(url) : url), name);
    // A pipe or a device may have no end.
    return statSync(path).isFile() ? readFileSync(path) : undefined;
  } catch {
    return undefined;
  }
}

/** A string with a scheme of two letters or more is a URL; one letter is a Windows drive. */
function urlOf(source: string): URL | undefined {
  return /^[a-z][a-z0-9+.-]+:/i.test(source) ? new URL(source) : undefined;
}

async function download(url: URL, { signal }: SourceLimits): Promise<Response> {
  try {
    return await fetch(url, { signal: signal ?? null });
  } catch (cause) {
    throw fetchError(url, cause);
  }
}

async function list(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .flatMap((entry) => (entry.name.endsWith(".wasm") && !entry.isDirectory() ? [entry.name] : []))
      .sort();
  } catch (cause) {
    throw new UsageError(`Could not list ${directory}: ${messageOf(cause)}`, { cause });
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

let forceCollection: (() => void) | undefined;

/** A full collection. Without `--expose-gc` the flag is set now and the function taken from a fresh context. */
async function collect(): Promise<void> {
  if (forceCollection === undefined) {
    const exposed = (globalThis as { gc?: () => void }).gc;
    if (exposed === undefined) v8.setFlagsFromString("--expose-gc");
    forceCollection = exposed ?? (vm.runInNewContext("gc") as () => void);
  }
  // What finalizers after the first collection let go is collected by the second.
  forceCollection();
  await nodePlatform.macrotask();
  forceCollection();
}

function countMemories(): number {
  return (v8 as unknown as { queryObjects: (type: unknown, options: { format: "count" }) => number }).queryObjects(
    WebAssembly.Memory,
    { format: "count" },
  );
}

const RESERVATION_BYTES = 4 * 2 ** 30;

/** Counts inaccessible regions of 4 GiB and more: the guard pages behind each linear memory take 8 GiB or a little less. */
async function countReservations(): Promise<number | undefined> {
  let maps: string;
  try {
    maps = await readFile("/proc/self/maps", "latin1");
  } catch {
    return undefined;
  }
  let count = 0;
  for (const [, start, end] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) ---p/gm)) {
    const bytes = Number.parseInt(end!, 16) - Number.parseInt(start!, 16);
    // Around a memory without pages the guards of neighbours are one region: of 8 GiB a memory, or of 10 in older V8.
    if (bytes >= RESERVATION_BYTES) count += Math.max(1, Math.round(bytes / (9 * 2 ** 30)));
  }
  return count;
}
