/**
 * What the host and the toolchain leave alone: every property of the engine's own objects is the same after modules have
 * been loaded, called, linked, reloaded and unloaded, after a trap, and after a build.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TrapError } from "../../../host/errors.ts";
import { createHost } from "../../../host/node/index.ts";
import { createBuilder } from "../../../scripts/toolchain/build/index.ts";
import { math, twice } from "../host/fixtures.ts";
import type { Any } from "../host/support.ts";

type Snapshot = ReadonlyMap<string, PropertyDescriptor | boolean>;

/** Everything that can be reached by name from the global object in three steps: constructors, prototypes, namespaces. */
function snapshot(): Snapshot {
  const seen = new Set<object>();
  const found = new Map<string, PropertyDescriptor | boolean>();
  const visit = (object: object, path: string, depth: number): void => {
    if (seen.has(object)) return;
    seen.add(object);
    found.set(`${path} is extensible`, Object.isExtensible(object));
    for (const key of Reflect.ownKeys(object)) {
      const at = `${path}.${String(key)}`;
      const descriptor = Object.getOwnPropertyDescriptor(object, key)!;
      found.set(at, descriptor);
      const { value } = descriptor;
      if (depth > 0 && (typeof value === "function" || (typeof value === "object" && value !== null))) {
        visit(value as object, at, depth - 1);
      }
    }
  };
  // Only what belongs to the language and to WebAssembly: Node's own objects are its to change.
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!/^[A-Z]/.test(name) && name !== "parseInt" && name !== "eval") continue;
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, name)!;
    // Node makes some on first use; asking for them would be the change.
    if (descriptor.get !== undefined) continue;
    const value: unknown = descriptor.value;
    found.set(name, descriptor);
    if (typeof value === "function" || (typeof value === "object" && value !== null)) visit(value, name, 2);
  }
  return found;
}

/** Paths that are new, gone or different. */
function changes(before: Snapshot, after: Snapshot): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => {
    const [a, b] = [before.get(path), after.get(path)];
    if (typeof a !== "object" || typeof b !== "object") return a !== b;
    return (["value", "get", "set", "writable", "enumerable", "configurable"] as const).some(
      (part) => !Object.is(a[part], b[part]),
    );
  });
}

test("load, call, trap, link, reload and unload leave the globals as they were", async () => {
  const [provider, user] = [await math(), await twice()];
  const before = snapshot();
  const names = Object.getOwnPropertyNames(globalThis);
  expect(before.size).toBeGreaterThan(1000);
  expect(before.has("WebAssembly.Memory.prototype.grow")).toBe(true);
  const host = createHost();
  const module: Any = await host.load(provider, { name: "math" });
  const linked: Any = await host.load(user, { name: "user", link: { "demo:math/api": "math" } });
  expect(linked.exports.api.twice(4)).toBe(8);
  await module.reload(await math({ bias: 1 }));
  expect(() => module.exports.api.boom()).toThrow(TrapError);
  await module.unload({ cascade: true, force: true, collect: true });
  await host.close();
  expect(changes(before, snapshot())).toEqual([]);
  expect(Object.getOwnPropertyNames(globalThis)).toEqual(names);
});

test("a build leaves the globals of the process that asks for it as they were", async () => {
  const dir = await mkdtemp(join(tmpdir(), "tenon-globals-"));
  try {
    await writeFile(join(dir, "world.wit"), "package test:globals; world w { export f: func() -> u32; }");
    await writeFile(join(dir, "index.ts"), "export function f(): u32 { return 7; }");
    const before = snapshot();
    const builder = createBuilder({ cache: false, threads: 1 });
    await builder.build({ dir, out: join(dir, "w.wasm") });
    await builder.close();
    expect(changes(before, snapshot())).toEqual([]);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test("control: a method that is replaced and a property that is added are seen", () => {
  const before = snapshot();
  const original = Object.getOwnPropertyDescriptor(Array.prototype, "at")!;
  Object.defineProperty(Array.prototype, "at", { ...original, value: () => undefined });
  Object.defineProperty(Error.prototype, "added", { value: 1, configurable: true });
  try {
    expect(changes(before, snapshot())).toEqual(
      expect.arrayContaining(["Array.prototype.at", "Error.prototype.added"]),
    );
  } finally {
    Object.defineProperty(Array.prototype, "at", original);
    Reflect.deleteProperty(Error.prototype, "added");
  }
  expect(changes(before, snapshot())).toEqual([]);
});
