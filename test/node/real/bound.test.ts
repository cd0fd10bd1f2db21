/** Bindings written ahead of time: the same component, without decoding or evaluating anything. */
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { bindFile } from "../../../host/cli/bind.ts";
import { IntegrityError, UsageError } from "../../../host/errors.ts";
import { compile, createHost } from "../../../host/node/index.ts";
import type { BoundComponent } from "../../../host/platform.ts";
import { filesGuest, guestBytes, thingsGuest, type Guest } from "../runtime/guests.ts";
import { thrown, type Dynamic } from "../runtime/support.ts";

let folder: string;
let things: BoundComponent;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tenon-bound-"));
  things = await bind("things", thingsGuest);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function bind(name: string, guest: Guest): Promise<BoundComponent> {
  const file = join(folder, `${name}.wasm`);
  await writeFile(file, await guestBytes(guest));
  await bindFile(file, join(folder, name));
  const module = (await import(pathToFileURL(join(folder, name, `${name}.js`)).href)) as { default: BoundComponent };
  return module.default;
}

test("it is the same component", async () => {
  const [bound, compiled] = [await compile(things), await compile(await guestBytes(thingsGuest))];
  expect(bound.hash).toBe(compiled.hash);
  expect(bound.name).toBe("things");
  expect(bound.exports).toEqual(compiled.exports);
  expect(bound.imports).toEqual(compiled.imports);
});

test("it runs where evaluation is forbidden", async () => {
  const forbidden = vi.spyOn(globalThis, "Function").mockImplementation(() => {
    throw new EvalError("forbidden");
  });
  try {
    const { exports } = (await compile<Dynamic>(things)).instantiateSync();
    const thing = new exports.things.Thing(5);
    expect(thing.add(exports.things.Thing.make(6))).toBe(11);
    expect(exports.things.sum([thing, thing])).toBe(10);
    expect(thrown(() => exports.things.Thing.parse(101))).toMatchObject({
      name: "ComponentError",
      payload: "too large",
    });
    expect(thrown(() => exports.things.keep({}))).toMatchObject({ name: "LowerError", path: "it" });
    thing[Symbol.dispose]();
    expect(exports.things.alive()).toBe(1);
  } finally {
    forbidden.mockRestore();
  }
});

test("traps and imports are as ever", async () => {
  const instance = (await compile<Dynamic>(things)).instantiateSync();
  const thing = new instance.exports.things.Thing(1);
  instance.exports.things.failNextDrop();
  expect(thrown(() => thing[Symbol.dispose]())).toMatchObject({
    name: "TrapError",
    trap: "unreachable",
    module: "things",
  });
  const files = await compile(await bind("files", filesGuest));
  expect(files.missing({}).map((issue) => issue.import)).toEqual(["demo:res/files@1.0.0"]);
});

test("two instances of it do not share their types", async () => {
  const component = await compile<Dynamic>(things);
  const [one, other] = [component.instantiateSync().exports.things, component.instantiateSync().exports.things];
  expect(thrown(() => other.keep(new one.Thing(1)))).toMatchObject({
    message: expect.stringContaining("another instance"),
  });
});

test("a host loads it, and swaps it for the component itself", async () => {
  const host = createHost();
  const module = await host.load<Dynamic>(things);
  expect(module.name).toBe("things");
  expect(module.exports.things.alive()).toBe(0);
  await module.reload(await guestBytes(thingsGuest));
  expect(new module.exports.things.Thing(4).value()).toBe(4);
  await host[Symbol.asyncDispose]();
});

test("another format is refused", async () => {
  const stale = { ...things, format: things.format + 1 };
  const error = await compile(stale).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).toContain("run `tenon bind` again");
});

test("another component's core modules are refused, and missing ones are named", async () => {
  const altered = await bind("altered", thingsGuest);
  const core = join(folder, "altered/altered.core.wasm");
  // A custom section more: still a valid module, only not the one the text was made for.
  await appendFile(core, Uint8Array.of(0, 2, 1, 0x78));
  expect(WebAssembly.validate(await readFile(core))).toBe(true);
  expect(await compile(altered).catch((reason: unknown) => reason)).toBeInstanceOf(IntegrityError);
  await rm(core);
  expect(String(await compile(altered).catch((reason: unknown) => reason))).toContain("altered.core.wasm");
});

test("its core modules are compiled while a server sends them, and read whole where it calls them something else", async () => {
  const sent = { type: "application/wasm", status: 200 };
  const server = createServer((request, response) => {
    response.writeHead(sent.status, { "content-type": sent.type });
    void readFile(join(folder, "things", request.url!)).then((bytes) => response.end(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const modules = things.modules.map((core) => core && { ...core, url: new URL(basename(core.url.pathname), base) });
  const served = { ...things, modules };
  const count = modules.filter((core) => core !== undefined).length;
  // Node compiles its own parser of HTTP with the first request.
  await (await fetch(modules[0]!.url)).arrayBuffer();
  const compileStreaming = vi.spyOn(WebAssembly, "compileStreaming");
  const compileWhole = vi.spyOn(WebAssembly, "compile");
  try {
    expect((await compile<Dynamic>(served)).instantiateSync().exports.things.alive()).toBe(0);
    expect([compileStreaming.mock.calls.length, compileWhole.mock.calls.length]).toEqual([count, 0]);
    sent.type = "application/octet-stream";
    expect((await compile<Dynamic>(served)).instantiateSync().exports.things.alive()).toBe(0);
    expect(compileWhole).toHaveBeenCalledTimes(count);
    sent.status = 410;
    await expect(compile(served)).rejects.toThrow(/^Could not fetch http.*\.wasm: status 410$/);
  } finally {
    vi.restoreAllMocks();
    await new Promise((resolve) => server.close(resolve));
  }
});
