/** Sources that never begin, never end, are too large, or are no components: they hold up nothing, and are named. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import {
  AbortError,
  compile,
  createHost,
  DecodeError,
  ReloadError,
  UnloadedError,
  UsageError,
} from "../../../host/node/index.ts";
import { math } from "./fixtures.ts";
import { type Any, caught, host, sleep } from "./support.ts";

const never = <T>(): Promise<T> => new Promise(() => undefined);
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server whose answers stop after some bytes of the component; tells when a client has gone. */
async function stalling(bytes: Uint8Array): Promise<{ url: string; asked: Promise<void>; gone: Promise<void> }> {
  let came!: () => void;
  let left!: () => void;
  const asked = new Promise<void>((resolve) => (came = resolve));
  const gone = new Promise<void>((resolve) => (left = resolve));
  const server = createServer((_, answer) => {
    answer.writeHead(200, { "content-type": "application/wasm" });
    answer.write(bytes.subarray(0, 20));
    answer.on("close", left);
    came();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/part.wasm`, asked, gone };
}

test("a reload whose source never comes holds up neither unload nor a later reload", async () => {
  const here = host();
  const module: Any = await here.load(await math(), { name: "m" });
  const first = caught(module.reload(never()));
  await module.reload(await math({ bias: 7 }));
  expect(await first).toBeInstanceOf(ReloadError);
  expect(await first).toMatchObject({ superseded: true, stage: "open" });
  expect(module.exports.api.add(0, 0)).toBe(7);
  const second = caught(module.reload(never()));
  expect(module.state).toBe("live");
  await module.unload();
  expect(await second).toBeInstanceOf(UnloadedError);
});

test("a server that stops in the middle is hung up on when unload, a later reload or close comes", async () => {
  const bytes = await math({ bias: 1 });
  for (const end of ["unload", "reload", "close", "signal"] as const) {
    const here = createHost();
    const module: Any = await here.load(await math(), { name: "m" });
    const { url, asked, gone } = await stalling(bytes);
    const controller = new AbortController();
    const hanging = caught(module.reload(url, { signal: controller.signal }));
    await asked;
    await sleep(20);
    if (end === "unload") await module.unload();
    else if (end === "reload") await module.reload(bytes);
    else if (end === "signal") controller.abort(new Error("Enough"));
    else await here.close();
    const error = await hanging;
    expect(error, end).toBeInstanceOf(end === "reload" || end === "signal" ? ReloadError : UnloadedError);
    if (end === "signal") expect(error.cause).toMatchObject({ code: "aborted", cause: { message: "Enough" } });
    await gone;
    await here.close();
  }
});

test("close settles while sources hang, and tells their loads so", async () => {
  const here = createHost();
  const { url } = await stalling(await math());
  const loads = [
    here.load(never(), { name: "never" }),
    here.load(url),
    here.loadAll([{ source: never(), name: "all" }]),
    here.missing(never()),
    here.load(await math(), { name: "factory", imports: () => never<object>() }),
  ].map((load) => caught(load));
  await sleep(30);
  await here.close();
  for (const error of await Promise.all(loads)) expect(error).toMatchObject({ code: "host-closed" });
});

test("a signal ends load, loadAll, missing and compile, before and while they read, and while a factory keeps them", async () => {
  const here = host();
  const bytes = await math();
  const attempts = (signal: AbortSignal): Promise<unknown>[] => [
    here.load(never(), { signal }),
    here.loadAll([
      { source: bytes, name: "a" },
      { source: never(), signal },
    ]),
    here.missing(never(), { signal }),
    compile(never(), { signal }),
    here.load(bytes, { name: "factory", imports: () => never<object>(), signal }),
  ];
  const controller = new AbortController();
  const reason = new Error("Too late");
  const running = attempts(controller.signal).map((attempt) => caught(attempt));
  await sleep(20);
  controller.abort(reason);
  const begun = attempts(controller.signal).map((attempt) => caught(attempt));
  for (const error of await Promise.all([...running, ...begun])) {
    expect(error).toBeInstanceOf(AbortError);
    expect(error).toMatchObject({ code: "aborted", name: "AbortError", message: "Aborted: Too late", cause: reason });
  }
  expect(here.manifest()).toEqual([]);
  // Its name is free again.
  expect((await here.load(bytes, { name: "factory" })).state).toBe("live");
});

test("many loads with one signal at once make the engine warn of nothing", async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on("warning", note);
  try {
    const here = host();
    const bytes = await math();
    const { signal } = new AbortController();
    await here.loadAll(Array.from({ length: 40 }, (_, index) => ({ source: bytes, name: `m${index}`, signal })));
    await sleep(5);
  } finally {
    process.off("warning", note);
  }
  expect(warnings).toEqual([]);
});

test("maxSourceBytes bounds files, devices and bodies, also those that have no end", async () => {
  const bytes = await math();
  const directory = await mkdtemp(join(tmpdir(), "tenon-sources-"));
  try {
    const path = join(directory, "sums.wasm");
    await writeFile(path, bytes);
    const endless = (): Response =>
      new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1000)) }));
    const here = host({ maxSourceBytes: bytes.length - 1 });
    const sources = [path, new Response(bytes), endless()];
    if (process.platform === "linux") sources.push("/dev/zero");
    for (const source of sources) {
      const error = await caught(here.load(source));
      expect(error).toBeInstanceOf(UsageError);
      expect(error.message).toMatch(/^Expected .+ to have at most \d+ bytes, got more$/);
    }
    const whole = { maxSourceBytes: bytes.length };
    expect((await here.load(path, whole)).name).toBe("sums");
    const module = await here.load(new Response(bytes), { ...whole, name: "m" });
    expect((await caught(module.reload(endless(), whole))).cause).toBeInstanceOf(UsageError);
    expect((await caught(compile(endless(), { maxSourceBytes: 10_000 }))).message).toMatch(/at most 10000 bytes/);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("bytes are copied before load, reload and compile return", async () => {
  const here = host();
  const source = await math({ bias: 3 });
  const given = (): Uint8Array<ArrayBuffer> => source.slice();
  const [first, second, third] = [given(), given(), given()];
  const loading = here.load(first, { name: "m" });
  const compiling = compile(second);
  first.fill(0);
  second.fill(0);
  const module: Any = await loading;
  expect(module.exports.api.add(0, 0)).toBe(3);
  expect((await compiling).hash).toBe(module.hash);
  const reload = module.reload(third);
  third.fill(0);
  expect((await reload).to).toBe(module.hash);
});

test("what is refused says which source it was, and that a server answered a page", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tenon-sources-"));
  try {
    const path = join(directory, "cut.wasm");
    await writeFile(path, (await math()).subarray(0, 60));
    const cut = await caught(host().load(path));
    expect(cut).toBeInstanceOf(DecodeError);
    expect(cut.message).toContain(`Could not load ${path}: `);
    expect(typeof cut.offset).toBe("number");
    const file = join(directory, "index.html");
    await writeFile(file, "\n<!DOCTYPE html><title>Development</title>");
    expect((await caught(host().load(file))).message).toMatch(/; it holds HTML, a page and no component$/);
    expect(cut.message).not.toContain("HTML");
  } finally {
    await rm(directory, { recursive: true });
  }
  const server = createServer((_, answer) => {
    answer.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Development</title>");
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/wrong.wasm`;
  const page = await caught(host().load(url));
  expect(page).toBeInstanceOf(DecodeError);
  expect(page.message).toMatch(/^Could not load http:.*wrong\.wasm: .*; the server answered text\/html, a page/);
});

test("a data URL has no file name: the module is called by its hash", async () => {
  const bytes = await math();
  const module = await host().load(`data:application/wasm;base64,${Buffer.from(bytes).toString("base64")}`);
  expect(module.name).toBe(module.hash.slice(0, 12));
});
