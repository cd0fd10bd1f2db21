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
import { generate } from "../../scripts/toolchain/build/index.ts";
import { readWorld } from "../../scripts/toolchain/wit/world.ts";
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
    const names = await readdir(from);
    // A package by itself, or a folder of packages.
    if (names.some((name) => name.endsWith(".wit"))) await cp(from, join(dir, "wit/deps", folder), { recursive: true });
    else for (const name of names) await cp(join(from, name), join(dir, "wit/deps", name), { recursive: true });
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

const worlds: Record<string, { world: string; functions: number }> = {
  "wasi:http proxy": { world: "package test:a; world w { include wasi:http/proxy@0.2.12; }", functions: 90 },
  "wasi:cli command": { world: "package test:a; world w { include wasi:cli/command@0.2.12; }", functions: 100 },
  "jco:node, every interface": {
    world: `package test:a; world w { import jco:node/child-process@0.1.0; import jco:node/cluster@0.1.0; import
      jco:node/console@0.1.0; import jco:node/dgram@0.1.0; import jco:node/dns@0.1.0; import
      jco:node/ffi@0.1.0; import jco:node/fs@0.1.0; import jco:node/http@0.1.0; import
      jco:node/http2@0.1.0; import jco:node/inspector@0.1.0; import jco:node/os@0.1.0; import
      jco:node/process@0.1.0; import jco:node/sqlite@0.1.0; import jco:node/tls@0.1.0; import
      jco:node/trace-events@0.1.0; import jco:node/tty@0.1.0; import jco:node/v8@0.1.0; import
      jco:node/worker-threads@0.1.0; import jco:node/zlib@0.1.0; export jco:node/dgram-callbacks@0.1.0;
      export jco:node/http-callbacks@0.1.0; export jco:node/http2-callbacks@0.1.0; export
      jco:node/inspector-callbacks@0.1.0; export jco:node/tls-callbacks@0.1.0; export jco:node/worker-threads-callbacks@0.1.0; }`,
    functions: 100,
  },
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

/** The shape of wasi:keyvalue's draft, written from its specification: no npm package has its text. */
const keyvalue = `package wasi:keyvalue@0.2.0-draft;

interface store {
  variant error { no-such-store, access-denied, other(string) }
  record key-response { keys: list<string>, cursor: option<string> }
  open: func(identifier: string) -> result<bucket, error>;
  resource bucket {
    get: func(key: string) -> result<option<list<u8>>, error>;
    set: func(key: string, value: list<u8>) -> result<_, error>;
    delete: func(key: string) -> result<_, error>;
    exists: func(key: string) -> result<bool, error>;
    list-keys: func(cursor: option<string>) -> result<key-response, error>;
  }
}

interface atomics {
  use store.{bucket, error};
  variant cas-error { store-error(error), cas-failed(cas) }
  resource cas {
    new: static func(bucket: borrow<bucket>, key: string) -> result<cas, error>;
    current: func() -> result<option<list<u8>>, error>;
  }
  increment: func(bucket: borrow<bucket>, key: string, delta: s64) -> result<s64, error>;
  swap: func(cas: cas, value: list<u8>) -> result<_, cas-error>;
}

interface batch {
  use store.{bucket, error};
  get-many: func(bucket: borrow<bucket>, keys: list<string>) -> result<list<option<tuple<string, list<u8>>>>, error>;
  set-many: func(bucket: borrow<bucket>, key-values: list<tuple<string, list<u8>>>) -> result<_, error>;
  delete-many: func(bucket: borrow<bucket>, keys: list<string>) -> result<_, error>;
}

interface watcher {
  use store.{bucket};
  on-set: func(bucket: bucket, key: string, value: list<u8>);
  on-delete: func(bucket: bucket, key: string);
}

world w {
  import store;
  import atomics;
  import batch;
  export watcher;
}
`;

describe("published worlds", () => {
  test.each([...Object.entries(worlds), ["wasi:keyvalue watch-service", { world: keyvalue, functions: 14 }] as const])(
    "%s: its skeleton builds",
    async (_, { world, functions }) => {
      const module = await newModule(world, ["0.2.12", "wasi-tls-0.2.0-draft", "jco-node-0.1.0"]);
      expect(module.functions).toBeGreaterThan(functions);
      const { component, warnings } = await workshop.build(module.dir);
      expect(warnings).toEqual([]);
      const { imports, exports } = await compile(component);
      expect(imports.length).toBeGreaterThan(0);
      expect(exports.length).toBeGreaterThan(0);
      expect(await typeErrors(module.dir)).toEqual([]);
    },
  );
});
