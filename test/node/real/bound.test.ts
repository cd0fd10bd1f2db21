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
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
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

test("it is its own word: no hash is checked, and what claims the hash of another is another", async () => {
  for (const load of [
    () => compile(things, { integrity: things.hash }),
    () => createHost().load(things, { integrity: things.hash }),
  ])
    await expect(load()).rejects.toThrow(/The option integrity checks bytes, and "things" was written by `tenon bind`/);
  const files = await bind("files-claiming", filesGuest);
  const claiming: BoundComponent = { ...files, hash: things.hash };
  const here = createHost();
  const [honest, other] = [await here.load(things, { name: "a" }), here.load(claiming, { name: "b" })];
  expect(honest.exports).toHaveProperty("things");
  // It is not given the code of the first: it asks for its own imports.
  await expect(other).rejects.toThrow(/Cannot link module b/);
  await here.close();
});

test.each(["worker", "worker-sync"] as const)(
  "it is refused with isolation %s, which is told what to load",
  async (isolation) => {
    await using here = createHost({ isolation });
    const error: unknown = await here.load(things).catch((refused: unknown) => refused);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toContain(
      'The module "things" was written by `tenon bind`, and cannot be sent to a worker: load it without isolation, or the component that it was made from',
    );
    expect(here.manifest()).toEqual([]);
    expect((await here.load(things, { isolation: "thread" })).state).toBe("live");
  },
);

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

test("integrity is refused for bindings, which are code and state their own hash", async () => {
  const refused = compile(things, { integrity: things.hash });
  await expect(refused).rejects.toBeInstanceOf(UsageError);
  await expect(createHost().load(things, { integrity: things.hash })).rejects.toBeInstanceOf(UsageError);
});

test("two bindings that state one hash are two components", async () => {
  const [files, host] = [await bind("claims", filesGuest), createHost()];
  // The hash is what the bindings say of themselves; nothing of the first may serve the second.
  const impostor = { ...files, hash: things.hash };
  await host.load<Dynamic>(things);
  await expect(host.load(impostor, { name: "impostor" })).rejects.toThrow("demo:res/files@1.0.0");
  await host.close();
});

test("a memory that no core module exports is exported in what is written, and counted", async () => {
  const file = join(folder, "hidden.wasm");
  await writeFile(file, await parseWat(hidden));
  await bindFile(file, join(folder, "hidden"));
  const { default: bound } = (await import(pathToFileURL(join(folder, "hidden/hidden.js")).href)) as {
    default: BoundComponent;
  };
  const instance = (await compile<Dynamic>(bound)).instantiateSync();
  expect(instance.memoryBytes).toBe(2 * 65536);
  expect(instance.exports.first()).toBe(97);
});

const hidden = `(component
  (core module $m (memory 2) (data (i32.const 0) "a") (func (export "first") (result i32) (i32.load8_u (i32.const 0))))
  (core instance $i (instantiate $m))
  (func (export "first") (result u32) (canon lift (core func $i "first"))))`;

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
  const modules = things.modules.map((core) =>
    core && "url" in core ? { ...core, url: new URL(basename(new URL(core.url).pathname), base) } : undefined,
  );
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
