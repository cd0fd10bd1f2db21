/**
 * WIT that nobody here wrote: the packages of WASI and of jco's Node interfaces, as jco's npm package ships them.
 *
 * Each world gets a skeleton, which must build at once, together with a call of every function it imports.
 */
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../host/node/index.ts";
import { generate } from "../../scripts/build/index.ts";
import { readWorld } from "../../scripts/wit/world.ts";
import { Workshop } from "./harness.ts";
import { touchText } from "./touch.ts";
import { typeErrors } from "./typescript.ts";

const published = fileURLToPath(new URL("../../node_modules/@bytecodealliance/jco/lib/wit/builtin", import.meta.url));
let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
});
afterAll(() => workshop.close());

/** A module of a world over the packages of a folder, written by the skeleton. */
async function newModule(world: string, folders: readonly string[]): Promise<{ dir: string; functions: number }> {
  const dir = await workshop.folder({});
  await mkdir(join(dir, "wit/deps"), { recursive: true });
  await writeFile(join(dir, "wit/world.wit"), world);
  for (const folder of folders) {
    const from = join(published, folder);
    for (const name of await readdir(from))
      await cp(join(from, name), join(dir, "wit/deps", name), { recursive: true });
  }
  const read = await readWorld(join(dir, "wit"));
  const guest = generate(read);
  const touch = touchText(read.description);
  await writeFile(join(dir, "touch.ts"), touch.text);
  for (const [name, text] of guest.skeleton) await writeFile(join(dir, name), text);
  const index = join(dir, "index.ts");
  // Exported so that asc compiles it; the build leaves unknown exports of `index.ts` alone, so `touch` is called too.
  await writeFile(
    index,
    `import { touch } from "./touch";\n${await readFile(index, "utf8")}\nif (memory.size() > 60000) touch();\n`,
  );
  return { dir, functions: touch.count };
}

const worlds = {
  "wasi:http proxy": { world: "package test:a; world w { include wasi:http/proxy@0.2.12; }", functions: 90 },
  "wasi:cli command": { world: "package test:a; world w { include wasi:cli/command@0.2.12; }", functions: 100 },
  "wasi:filesystem on both sides": {
    world: `package test:a; world w { import wasi:filesystem/types@0.2.12; import wasi:filesystem/preopens@0.2.12;
      export wasi:filesystem/types@0.2.12; export wasi:filesystem/preopens@0.2.12; }`,
    functions: 30,
  },
  "wasi:http types on both sides": {
    world: `package test:a; world w { import wasi:http/types@0.2.12; import wasi:http/outgoing-handler@0.2.12;
      export wasi:http/types@0.2.12; export wasi:http/outgoing-handler@0.2.12; export wasi:io/streams@0.2.12; }`,
    functions: 50,
  },
};

describe("published worlds", () => {
  test.each(Object.entries(worlds))("%s: its skeleton builds", async (_, { world, functions }) => {
    const module = await newModule(world, ["0.2.12"]);
    expect(module.functions).toBeGreaterThan(functions);
    const { component, warnings } = await workshop.build(module.dir);
    expect(warnings).toEqual([]);
    const { imports, exports } = await compile(component);
    expect(imports.length).toBeGreaterThan(0);
    expect(exports.length).toBeGreaterThan(0);
    expect(await typeErrors(module.dir)).toEqual([]);
  });
});
