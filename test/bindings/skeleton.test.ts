/** `tenon new`: the skeleton of any world builds at once, is clean in an editor, and traps with "Not implemented". */
import { readdirSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../host/node/index.ts";
import { generate } from "../../scripts/toolchain/build/index.ts";
import { generateGuest } from "../../scripts/toolchain/guest/index.ts";
import { describeSources, readWorld } from "../../scripts/toolchain/wit/world.ts";
import { type Check, trapOf } from "./check.ts";
import { type Exports, Workshop } from "./harness.ts";
import { typeErrors } from "./typescript.ts";

const features = fileURLToPath(new URL("features", import.meta.url));
let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
});
afterAll(() => workshop.close());

describe("the skeleton of", () => {
  test.each(readdirSync(features))("%s builds at once", async (name) => {
    const { check } = (await import(join(features, name, "check.ts"))) as { check: Check };
    const dir = await workshop.folder({});
    await cp(join(features, name), dir, { recursive: true, filter: (path) => !/(\/module|check\.ts)$/.test(path) });
    const wit = readdirSync(dir).includes("wit") ? join(dir, "wit") : join(dir, "world.wit");
    for (const [file, text] of generate(await readWorld(wit, check.build)).skeleton)
      await writeFile(join(dir, file), text);
    const { warnings } = await workshop.build(dir, check.build);
    expect(warnings).toEqual([]);
    expect(await typeErrors(dir)).toEqual([]);
  });

  test("a module that writes numbers as text is right in an editor, as it is for the compiler", async () => {
    const dir = await workshop.folder({
      "world.wit": "package a:b; world w { export f: func(n: s32, m: u64) -> string; }",
    });
    for (const [file, text] of generate(await readWorld(join(dir, "world.wit"))).skeleton) {
      await writeFile(join(dir, file), text);
    }
    const index = "export function f(n: i32, m: u64): string {\n  return n.toString(16) + m.toString();\n}\n";
    await writeFile(join(dir, "index.ts"), index);
    const component = await compile((await workshop.build(dir)).component);
    expect(((await component.instantiate()).exports as Exports).f(255, 7n)).toBe("ff7");
    expect(await typeErrors(dir)).toEqual([]);
  });

  test("a world has what its open feature gates let through", async () => {
    const wit = join(features, "worlds/wit");
    const names = async (open: readonly string[]): Promise<readonly string[]> =>
      generate(await readWorld(wit, { world: "w", features: open })).required.map(({ name }) => name);
    expect(await names([])).not.toContain("later");
    expect(await names(["later"])).toContain("later");
  });

  test("a world traps with a message until it is written", async () => {
    const dir = await workshop.folder({
      "world.wit": `package a:b;
/// What it is for.
world w {
  /// Says how long it is.
  export measure: func(text: string) -> u32;
  export shelf: interface {
    /// A thing.
    resource thing {
      constructor(name: string);
      /// Its name.
      name: func() -> string;
    }
  }
}`,
    });
    const { skeleton } = generate(await readWorld(join(dir, "world.wit")));
    expect(skeleton.get("index.ts")).toBe(`/** What it is for. */

/** Says how long it is. */
export function measure(text: string): u32 {
  throw new Error("Not implemented");
}

// shelf

/** A thing. */
export class Thing {
  constructor(name: string) {
    throw new Error("Not implemented");
  }

  /** Its name. */
  name(): string {
    throw new Error("Not implemented");
  }
}
`);
    for (const [file, text] of skeleton) await writeFile(join(dir, file), text);
    const component = await compile((await workshop.build(dir)).component);
    const exports = (await component.instantiate()).exports as Exports;
    expect(trapOf(() => exports.measure("x"))).toMatchObject({
      guestMessage: "Not implemented",
      position: { file: "index.ts", line: 5 },
    });
  });
});

describe("what the bindings cannot express is refused by name", () => {
  test("a function of the world called memory, which every core module has already", async () => {
    const files = [{ path: "world.wit", text: "package test:a; world w { export memory: func(); }" }];
    const world = await describeSources({ main: { files }, dependencies: [] } as never);
    expect(() => generateGuest({ world: world.description })).toThrow(/`memory`/);
  });

  test("before any file is written", async () => {
    const wit = "package test:a;\nworld w {\n  export memory: func();\n}\n";
    const dir = await workshop.folder({ "world.wit": wit, "index.ts": "export function memory(): void {}\n" });
    await expect(workshop.build(dir)).rejects.toThrow(/world\.wit:3:\d+: .*`memory` has the name/s);
    expect(readdirSync(dir).sort()).toEqual(["index.ts", "world.wit"]);
    expect(await readFile(join(dir, "world.wit"), "utf8")).toBe(wit);
  });
});
