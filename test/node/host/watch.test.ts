/** `module.watch` and `host.watch`: files that change while a program runs, in every way in which files change. */
import { mkdir, mkdtemp, open, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createHost, type NodeHost, type NodeModule, UsageError } from "../../../host/node/index.ts";
import { math } from "./fixtures.ts";
import { sleep } from "./support.ts";

const soon = <T>(value: () => T): ReturnType<typeof expect.poll<T>> => expect.poll(value, { timeout: 20_000 });

type Any = NodeModule<{ imports: object; exports: any }>;

let folder: string;
let file: string;
let host: NodeHost;
/** Events of the host, in order: names of modules, by kind. */
let told: string[];
let errors: Error[];
const onError = (error: Error): unknown => errors.push(error);

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "tenon-watch-")), "modules");
  await mkdir(folder);
  file = join(folder, "math.wasm");
  await writeFile(file, await math());
  host = createHost();
  [told, errors] = [[], []];
  for (const event of ["loaded", "reloaded", "reload-failed"] as const) {
    host.on(event, ({ module }) => told.push(`${event} ${module}`));
  }
});
afterEach(async () => {
  await host.close();
  await rm(join(folder, ".."), { recursive: true, force: true });
});

const load = async (source: string | URL = file): Promise<Any> => (await host.load(source)) as Any;
const sum = (module: Any): number => module.exports.api.add(1, 2);
const answers = (module: Any, expected: number): Promise<unknown> => soon(() => sum(module)).toBe(expected);
/** Long enough for a change to have been seen, had there been one. */
const quiet = (): Promise<void> => sleep(250);

test("watch reloads a module when its file is written, renamed into place, or removed and made again", async () => {
  const module = await load();
  const watch = module.watch();
  expect(watch.directory).toBe(folder);
  await writeFile(file, await math({ bias: 10 }));
  await answers(module, 13);
  await writeFile(`${file}.tmp`, await math({ bias: 20 }));
  await rename(`${file}.tmp`, file);
  await answers(module, 23);
  await rm(file);
  await quiet();
  expect(sum(module)).toBe(23);
  await writeFile(file, await math({ bias: 30 }));
  await answers(module, 33);
  expect(told).toEqual(["loaded math", "reloaded math", "reloaded math", "reloaded math"]);
  // What it was loaded from is read again by a reload without a source, as ever.
  watch.close();
  await writeFile(file, await math({ bias: 40 }));
  await quiet();
  expect(sum(module)).toBe(33);
  await module.reload();
  expect(sum(module)).toBe(43);
});

test("watch takes file URLs, and refuses what came from no file", async () => {
  const module = await load(pathToFileURL(file));
  using _ = module.watch();
  await writeFile(file, await math({ bias: 1 }));
  await answers(module, 4);
  const bytes = await host.load(await math({ bias: 2 }), { name: "bytes" });
  expect(() => bytes.watch()).toThrow(UsageError);
  expect(() => bytes.watch()).toThrow("Could not watch module bytes: it was not loaded from a file");
});

test("the same bytes are no change, whatever happens to the file", async () => {
  const module = await load();
  using _ = module.watch();
  await writeFile(file, await math());
  await utimes(file, new Date(), new Date(0));
  await quiet();
  expect(told).toEqual(["loaded math"]);
});

test("a file that is written in parts is read when it is whole", async () => {
  const module = await load();
  using _ = module.watch({ quietMs: 100 });
  const bytes = await math({ bias: 5 });
  const handle = await open(file, "w");
  for (let at = 0; at < bytes.length; at += 64) {
    await handle.write(bytes.subarray(at, at + 64));
    await sleep(10);
  }
  await handle.close();
  await answers(module, 8);
  expect(told).toEqual(["loaded math", "reloaded math"]);
});

test("a version that is refused is told once, and the last good one serves on", async () => {
  const module = await load();
  using _ = module.watch();
  await writeFile(file, "no component");
  await soon(() => told).toContain("reload-failed math");
  await writeFile(file, "no component");
  await quiet();
  expect(told).toEqual(["loaded math", "reload-failed math"]);
  expect(sum(module)).toBe(3);
  await writeFile(file, await math({ bias: 6 }));
  await answers(module, 9);
});

test("a directory that goes is told as a typed error, and watched again when it is back", async () => {
  const module = await load();
  using _ = module.watch({ onError });
  await rm(folder, { recursive: true });
  await soon(() => errors).toHaveLength(1);
  expect(errors[0]).toBeInstanceOf(UsageError);
  expect(errors[0]!.message).toContain(`Could not watch ${folder}: it is gone`);
  expect(sum(module)).toBe(3);
  await mkdir(folder);
  await writeFile(file, await math({ bias: 7 }));
  await answers(module, 10);
  await writeFile(file, await math({ bias: 8 }));
  await answers(module, 11);
  // Renamed away, with another in its place.
  await rename(folder, `${folder}.old`);
  await mkdir(folder);
  await writeFile(file, await math({ bias: 9 }));
  await answers(module, 12);
});

test("a watch ends with its module and with the host, and keeps nothing alive", async () => {
  const module = await load();
  module.watch({ onError });
  await module.unload();
  await writeFile(file, await math({ bias: 1 }));
  await rm(folder, { recursive: true });
  await quiet();
  expect([told, errors]).toEqual([["loaded math"], []]);
  await expect(host.watch(folder)).rejects.toThrow(UsageError);
  await mkdir(folder);
  const watch = await host.watch(folder, { onError });
  expect(watch.directory).toBe(folder);
  await host.close();
  await writeFile(file, await math());
  await quiet();
  expect(errors).toEqual([]);
});

test("host.watch loads what is in a directory and what comes, and follows each", async () => {
  await writeFile(join(folder, "other.wasm"), await math({ bias: 100 }));
  using _ = await host.watch(folder, { onError });
  const [first, other] = [host.require("math") as Any, host.require("other") as Any];
  expect([sum(first), sum(other)]).toEqual([3, 103]);
  await writeFile(file, await math({ bias: 1 }));
  await answers(first, 4);
  expect(sum(other)).toBe(103);
  await writeFile(join(folder, "third.wasm"), await math({ bias: 200 }));
  await soon(() => host.get("third")).toBeDefined();
  await writeFile(join(folder, "third.wasm"), await math({ bias: 300 }));
  await answers(host.require("third") as Any, 303);
  await rm(join(folder, "other.wasm"));
  await writeFile(join(folder, "broken.wasm"), "no component");
  await soon(() => errors).toHaveLength(1);
  expect(errors[0]!.message).toContain("broken.wasm");
  expect(sum(other)).toBe(103);
  expect((await stat(folder)).isDirectory()).toBe(true);
});
