/** Loading from files: paths, file URLs, directories, and the names that modules get from them. Runs in Node only. */
import { readFileSync } from "node:fs";
import { type FileHandle, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import type { ImportScope } from "../../../host/node/index.ts";
import { math, poker, twice } from "./fixtures.ts";
import { host } from "./support.ts";

type Api = { exports: Record<string, any> };

async function inDirectory<T>(files: Record<string, Uint8Array>, use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "tenon-load-"));
  try {
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(directory, name), bytes);
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("load takes a path, a file URL and the text of one", async () => {
  await inDirectory({ "sums.wasm": await math() }, async (directory) => {
    const path = join(directory, "sums.wasm");
    const sources = { path, url: pathToFileURL(path), text: pathToFileURL(path).href };
    const here = host();
    for (const [name, source] of Object.entries(sources)) {
      const module: Api = await here.load(source, { name });
      expect(module.exports["api"].add(2, 3), name).toBe(5);
    }
    expect(here.manifest().map(({ name }) => name)).toEqual(Object.keys(sources));
  });
});

test("load takes a file's whole name: nothing in it is guessed to be a bundler's hash, and no name in the component counts", async () => {
  const bytes = await math();
  const said = [...new TextEncoder().encode("\x0ecomponent-name\0\x05\x04sums")];
  const named = new Uint8Array([...bytes, 0, said.length, ...said]);
  await inDirectory({ "greeter-a1b2c3d4.wasm": named, "greeter-e5f6a7b8.wasm": bytes }, async (directory) => {
    const here = host();
    const load = async (file: string, options = {}): Promise<string> =>
      (await here.load(join(directory, file), options)).name;
    expect(await load("greeter-a1b2c3d4.wasm")).toBe("greeter-a1b2c3d4");
    expect(await load("greeter-e5f6a7b8.wasm")).toBe("greeter-e5f6a7b8");
    expect(await load("greeter-a1b2c3d4.wasm", { name: "greeter" })).toBe("greeter");
  });
});

test("load names a module after its file", async () => {
  await inDirectory({ "sums.wasm": await math() }, async (directory) => {
    expect((await host().load(join(directory, "sums.wasm"))).name).toBe("sums");
  });
});

test("load says which file it could not read, and why", async () => {
  const here = host();
  await expect(here.load("/no/such/file.wasm")).rejects.toThrow(/^Could not read \/no\/such\/file\.wasm: ENOENT/);
  expect(here.manifest()).toEqual([]);
});

test("loadDirectory loads every component of a directory, dependents after their providers", async () => {
  const files = { "a-twice.wasm": await twice(), "z-math.wasm": await math(), "notes.txt": new Uint8Array([1]) };
  await inDirectory(files, async (directory) => {
    const here = host();
    const modules = await here.loadDirectory(directory);
    expect(modules.map(({ name }) => name)).toEqual(["a-twice", "z-math"]);
    expect((here.require("a-twice") as Api).exports["api"].twice(3)).toBe(6);
  });
  await expect(host().loadDirectory("/no/such/directory")).rejects.toThrow(/Could not list/);
  await expect(host().loadDirectory(".", { name: "x" } as never)).rejects.toThrow(
    /Unknown option name of loadDirectory/,
  );
});

test("an import's open file and socket are seen closed when the module is unloaded, a trap notwithstanding", async () => {
  await inDirectory({ "data.txt": new TextEncoder().encode("tenon") }, async (directory) => {
    const server = createServer((socket) => socket.on("error", () => undefined));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const hungUp = new Promise<void>((resolve) =>
      server.on("connection", (socket) => socket.on("close", () => resolve())),
    );
    let file: FileHandle | undefined;
    const imports = async (scope: ImportScope): Promise<object> => {
      const handle = await open(join(directory, "data.txt"));
      file = handle;
      scope.defer(() => handle.close(), "the file");
      const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
      socket.on("error", () => undefined);
      scope.signal.addEventListener("abort", () => socket.destroy());
      await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
      return {
        "demo:poke/host": {
          poke: () => {
            if (readFileSync(handle.fd, "utf8") !== "") throw new Error("Read");
          },
        },
      };
    };
    const here = host();
    const module: Api = await here.load(await poker(), { name: "poker", imports });
    expect(() => module.exports["run"](1)).toThrow(/Read/);
    expect(file!.fd).toBeGreaterThanOrEqual(0);
    const receipt = await here.require("poker").unload();
    expect(receipt).toMatchObject({ deferredRun: 1, errors: [] });
    await hungUp;
    expect(file!.fd).toBe(-1);
    server.close();
  });
});

test("a module that is logged shows what info tells", async () => {
  const module = await host().load(await math(), { name: "math" });
  const text = inspect(module);
  expect(text).toContain("name: 'math'");
  expect(text).toContain("state: 'live'");
  expect(text).not.toContain("[Getter]");
});
