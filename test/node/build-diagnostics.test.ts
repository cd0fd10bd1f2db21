import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createModule } from "../../scripts/toolchain/build/create.ts";
import { BuildError, createBuilder } from "../../scripts/toolchain/build/index.ts";

const timeout = 60_000;
const builder = createBuilder({ cache: false, threads: 1 });
let root: string;
let dir: string;
let skeleton: string;

// Two interfaces with a function of one name, so that each has a namespace of its own in the module.
const wit = `package demo:blob;
interface things {
  resource blob {
    constructor(init: list<u8>);
    write: func(bytes: list<u8>);
    read: func(n: u32) -> list<u8>;
    merge: static func(lhs: borrow<blob>, rhs: borrow<blob>) -> blob;
  }
  total: func(all: list<blob>) -> u32;
}
interface more { total: func() -> u32; }
world blob { export things; export more; }
`;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tenon-diagnostics-"));
  dir = join(root, "blob");
  await mkdir(dir);
  await writeFile(join(root, "blob.wit"), wit);
  await createModule({ dir, wit: join(root, "blob.wit") });
  skeleton = await readFile(join(dir, "index.ts"), "utf8");
});
afterAll(async () => {
  await builder.close();
  await rm(root, { recursive: true, force: true });
});

test.each<[string, string, string, string, RegExp, RegExp]>([
  [
    "a missing method",
    "write(",
    "wrote(",
    "wrote(",
    /`things\.Blob#write` is missing/,
    /^Add to index\.ts: write\(bytes: Uint8Array\): void; or is it the one named `wrote` here\?$/,
  ],
  [
    "a missing class",
    "class Blob",
    "class Blub",
    "Blub",
    /`things\.Blob` is missing/,
    /^Add to index\.ts: export class Blob.*`Blub`/,
  ],
  [
    "a method that should be static",
    "static merge",
    "merge",
    "merge",
    /`things\.Blob#merge` does not have the type/,
    /^Declare it as: static merge/,
  ],
  [
    "a missing namespace",
    "export namespace more",
    "namespace more",
    "more {",
    /^The namespace `more` is missing, which the world wants for demo:blob\/more/,
    /export namespace more .* with total$/,
  ],
  [
    "a missing function of a namespace",
    "function total(): u32",
    "function totals(): u32",
    "totals",
    /`more\.total` is missing/,
    /^Add to index\.ts: export function total\(\): u32/,
  ],
  [
    "a constructor with another parameter",
    "init: Uint8Array",
    "init: string",
    "constructor(init",
    /`things\.Blob#constructor` does not have the type/,
    /^Declare it as: constructor\(init: Uint8Array\)$/,
  ],
  ["a method with another parameter", "read(n: u32)", "read(n: string)", "read(n", /'string'/, /./],
])("%s", { timeout }, async (...[, from, to, where, message, hint]) => {
  const text = skeleton.replace(from, to);
  expect(text).not.toBe(skeleton);
  await writeFile(join(dir, "index.ts"), text);
  const out = join(root, "out.wasm");
  const error = await builder.build({ dir, wit: join(root, "blob.wit"), out }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof BuildError)) throw error ?? new Error("Expected the build to fail");
  const [issue] = error.issues;
  expect(issue!.message).toMatch(message);
  expect(issue!.hint).toMatch(hint);
  const line = text.slice(0, text.indexOf(where)).split("\n").length;
  expect({ file: issue!.file, line: issue!.line }).toEqual({ file: join(dir, "index.ts"), line });
  // Nothing is told of places that the author did not write, or twice.
  expect(error.issues.filter((one) => one.file !== join(dir, "index.ts"))).toEqual([]);
  expect(new Set(error.issues.map((one) => `${one.line} ${one.message}`)).size).toBe(error.issues.length);
});
