/**
 * Files under `tenon/wasi` and under preview2-shim, for one guest: reading, asking what a file is, opening and closing.
 *
 * A program of its own, since the shim's worker keeps a process alive: prints medians in nanoseconds, by case and contender, as JSON.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";
import { createHost } from "../../host/node/index.ts";
import { directory, memory, wasi, type FileSystem } from "../../host/node/wasi.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { compare, type Medians } from "./measure.ts";

const text = fileURLToPath(new URL("files.wat", import.meta.url));

interface Guest {
  open(): void;
  read(length: number, times: number): number;
  hash(times: number): void;
  reopen(times: number): void;
}

const TIMES = 20;

const folder = await mkdtemp(join(tmpdir(), "tenon-bench-"));
const content = new Uint8Array(65_536).fill(7);
await writeFile(join(folder, "file"), content);
const bytes = new Uint8Array(await parseWat(await readFile(text, "utf8")));
const host = createHost();

async function guest(name: string, imports: object): Promise<Guest> {
  const module = await host.load(bytes, { name, imports: imports as never });
  const made = module.exports as unknown as Guest;
  made.open();
  return made;
}

function ours(name: string, fileSystem: FileSystem): Promise<Guest> {
  return guest(name, wasi({ preopens: { "/": fileSystem } }));
}

const shim = new WASIShim({ sandbox: { preopens: { "/": folder } } });
const guests: Record<string, Guest> = {
  directory: await ours("directory", directory(folder)),
  memory: await ours("memory", memory({ files: { file: content } })),
  "preview2-shim": await guest("preview2-shim", shim.getImportObject()),
};

const cases: Record<string, (guest: Guest) => unknown> = {
  "a guest reads 64 KiB of a file": (it) => it.read(65_536, TIMES),
  "a guest reads 100 bytes of a file": (it) => it.read(100, TIMES),
  "a guest asks for the metadata hash of a file": (it) => it.hash(TIMES),
  "a guest opens a file and closes it": (it) => it.reopen(TIMES),
};

const all: Record<string, Medians> = {};
for (const [name, run] of Object.entries(cases)) {
  const medians = await compare(Object.entries(guests).map(([each, it]) => ({ name: each, run: () => run(it) })));
  all[name] = Object.fromEntries(Object.entries(medians).map(([each, ns]) => [each, ns / TIMES]));
}
await rm(folder, { recursive: true });
process.stdout.write(JSON.stringify(all), () => process.exit(0));
