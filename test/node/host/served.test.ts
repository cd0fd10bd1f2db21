/** Sources with a name of their own, which a bundler serves: how they are read, and how those that change follow modules. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compile, type Follower, type ServedComponent } from "../../../host/node/index.ts";
import { math } from "./fixtures.ts";
import { type Any, caught, host } from "./support.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tenon-served-"));
  await writeFile(join(folder, "math-By8y0W2.wasm"), await math());
  await writeFile(join(folder, "other.wasm"), await math({ bias: 10 }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (file: string): URL => pathToFileURL(join(folder, file));

/** A source that notes who follows it. */
function served(file: string): ServedComponent & { readonly followers: Set<Follower> } {
  const followers = new Set<Follower>();
  return {
    name: "math",
    url: at(file),
    followers,
    attach: (module) => {
      followers.add(module);
      return () => followers.delete(module);
    },
  };
}

test("a served component is called what it says, whatever its file is called", async () => {
  const here = host();
  const module: Any = await here.load({ name: "math", url: at("math-By8y0W2.wasm") });
  expect(here.get("math")).toBe(module);
  expect(module.exports.api.add(1, 2)).toBe(3);
  expect((await host().load({ name: "math", url: join(folder, "other.wasm") }, { name: "mine" })).name).toBe("mine");
  expect((await compile({ name: "math", url: at("other.wasm") })).name).toBe("math");
});

test("a served component is read again by a reload without a source", async () => {
  const file = join(folder, "again.wasm");
  await writeFile(file, await math());
  const module: Any = await host().load({ name: "again", url: pathToFileURL(file) });
  await writeFile(file, await math({ bias: 5 }));
  await module.reload();
  expect(module.exports.api.add(1, 2)).toBe(8);
});

test("attach is told of a module that is loaded, that comes by a reload, and that goes", async () => {
  const [first, second] = [served("math-By8y0W2.wasm"), served("other.wasm")];
  const here = host();
  const module: Any = await here.load(first);
  expect([...first.followers]).toEqual([module]);
  // The same bytes under the same name are the same module.
  expect(await here.load(first)).toBe(module);
  expect(first.followers.size).toBe(1);
  await [...first.followers][0]!.reload(second);
  expect(module.exports.api.add(1, 2)).toBe(13);
  expect([first.followers.size, second.followers.size]).toEqual([0, 1]);
  await module.reload(second);
  expect(second.followers.size).toBe(1);
  await module.unload();
  expect(second.followers.size).toBe(0);
});

test("attach is not told of a module that could not be loaded, and a refused reload changes nothing", async () => {
  const [good, bad] = [served("math-By8y0W2.wasm"), served("absent.wasm")];
  const here = host();
  expect(await caught(here.load(bad))).toMatchObject({ code: "usage" });
  expect(bad.followers.size).toBe(0);
  const module: Any = await here.load(good);
  expect(await caught(module.reload(bad))).toMatchObject({ code: "reload", stage: "open" });
  expect([good.followers.size, bad.followers.size]).toEqual([1, 0]);
  expect(module.exports.api.add(1, 2)).toBe(3);
});
