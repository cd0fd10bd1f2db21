/** Watching: what a save, a rename, an error and a folder that goes and comes do. No test waits for a time to pass. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../host/node/index.ts";
import {
  BuildError,
  type Builder,
  createBuilder,
  type WatchEvent,
  type Watching,
  type WatchOptions,
} from "../../scripts/toolchain/index.ts";

let root: string;
let builder: Builder;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tenon-watch-"));
  builder = createBuilder({ cache: join(root, "cache"), threads: 1 });
});
afterAll(async () => {
  await builder.close();
  await rm(root, { recursive: true, force: true });
});
const open = new Set<Watching>();
afterEach(async () => {
  for (const watching of open) await watching.close();
  open.clear();
});

const wit = "package t:t;\nworld one { export value: func() -> u32; }\n";
const index = (value: number | string): string => `export function value(): u32 {\n  return ${value};\n}\n`;

let projects = 0;
async function project(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(root, `p${projects++}`);
  for (const [name, text] of Object.entries(files)) await write(join(folder, name), text);
  return folder;
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

/** Watches, and hands out events one by one. */
function watch(options: WatchOptions): { next(): Promise<WatchEvent>; ready: Promise<void>; waiting(): number } {
  const events: WatchEvent[] = [];
  let heard: (() => void) | undefined;
  const watching = builder.watch(options, (event) => {
    events.push(event);
    heard?.();
  });
  open.add(watching);
  return {
    ready: watching.ready,
    waiting: () => events.length,
    next: async () => {
      while (events.length === 0) await new Promise<void>((done) => (heard = done));
      return events.shift()!;
    },
  };
}

async function valueOf(event: WatchEvent): Promise<number> {
  if (event.kind !== "built") throw event.kind === "failed" ? event.error : new Error(event.kind);
  const component = await compile<{ imports: object; exports: { value(): number } }>(event.result.component);
  return (await component.instantiate()).exports.value();
}

function issueOf(event: WatchEvent): string {
  if (event.kind !== "failed" || !(event.error instanceof BuildError))
    throw new Error(`Expected a failure: ${event.kind}`);
  const { file, line } = event.error.issues[0]!;
  return `${file}:${line}`;
}

const manifest = JSON.stringify({ tenon: { modules: ["modules/*"] } });

describe("a module under watch", () => {
  test("is built at once, and again when a file of it is saved, in place or by rename; declarations follow", async () => {
    const dir = join(await project({ "one/one.wit": wit, "one/index.ts": index(1) }), "one");
    const { next, ready, waiting } = watch({ dirs: [dir] });
    await ready;
    expect(await valueOf(await next())).toBe(1);
    await writeFile(join(dir, "index.ts"), index(2));
    expect(await valueOf(await next())).toBe(2);
    await writeFile(join(dir, "index.ts.new"), index(3));
    await rename(join(dir, "index.ts.new"), join(dir, "index.ts"));
    expect(await valueOf(await next())).toBe(3);
    await writeFile(join(dir, "one.wit"), wit.replace("value:", "other: func();\n  export value:"));
    expect(issueOf(await next())).toBe(`${join(dir, "index.ts")}:1`);
    await writeFile(join(dir, "index.ts"), `${index(4)}export function other(): void {}\n`);
    const built = await next();
    expect(await valueOf(built)).toBe(4);
    expect(await readFile(join(dir, "build", "one.d.ts"), "utf8")).toContain("other(): void;");
    expect(waiting()).toBe(0);
  });

  test("that comes to be wrong is told once, with its place; the last good build stays until it is mended", async () => {
    const dir = join(await project({ "one/one.wit": wit, "one/index.ts": index(1) }), "one");
    const { next } = watch({ dirs: [dir] });
    const first = await next();
    await writeFile(join(dir, "index.ts"), index('"no"'));
    expect(issueOf(await next())).toBe(`${join(dir, "index.ts")}:2`);
    expect(await valueOf(first)).toBe(1);
    await writeFile(join(dir, "one.wit"), wit.replace("u32", "nope"));
    expect(issueOf(await next())).toBe(`${join(dir, "one.wit")}:2`);
    await writeFile(join(dir, "one.wit"), wit);
    expect(issueOf(await next())).toBe(`${join(dir, "index.ts")}:2`);
    // Taken back: the files are there already, and the program that waits hears of it.
    await writeFile(join(dir, "index.ts"), index(1));
    const mended = await next();
    expect(mended).toMatchObject({ kind: "built", result: { cached: true } });
    expect(await valueOf(mended)).toBe(1);
  });

  test("follows the files that it imports and the WIT that it shares, also those that were not there", async () => {
    const folder = await project({ "wit/one.wit": wit, "lib/n.ts": "export const n: u32 = 5;\n" });
    const dir = join(folder, "modules", "one");
    await write(join(dir, "index.ts"), `import { n } from "../../lib/n";\n${index("n")}`);
    const { next } = watch({ dirs: [dir] });
    expect(await valueOf(await next())).toBe(5);
    await writeFile(join(folder, "lib", "n.ts"), "export const n: u32 = 6;\n");
    expect(await valueOf(await next())).toBe(6);
    await writeFile(join(dir, "index.ts"), `import { n } from "./more/m";\n${index("n")}`);
    expect(issueOf(await next())).toBe(`${join(dir, "index.ts")}:1`);
    await write(join(dir, "more", "m.ts"), "export const n: u32 = 7;\n");
    expect(await valueOf(await next())).toBe(7);
    await rename(join(folder, "wit"), join(folder, "wit-2"));
    expect(await next()).toMatchObject({ kind: "failed" });
    await rename(join(folder, "wit-2"), join(folder, "wit"));
    expect(await valueOf(await next())).toBe(7);
  });

  test("may lose its folder and get it back", async () => {
    const folder = await project({ "one/one.wit": wit, "one/index.ts": index(1) });
    const dir = join(folder, "one");
    const { next } = watch({ dirs: [dir], from: folder });
    expect(await valueOf(await next())).toBe(1);
    await rename(dir, join(folder, "away"));
    expect(await next()).toMatchObject({ kind: "failed", dir });
    await rename(join(folder, "away"), dir);
    expect(await next()).toMatchObject({ kind: "built", dir });
    await writeFile(join(dir, "index.ts"), index(2));
    expect(await valueOf(await next())).toBe(2);
  });

  test("is optimised only when that is asked for", async () => {
    const dir = join(await project({ "one/one.wit": wit, "one/index.ts": index(1) }), "one");
    const sizes = [];
    for (const debug of [undefined, false]) {
      const event = await watch({ dirs: [dir], debug, outDir: join(dir, `out-${debug}`) }).next();
      sizes.push(event.kind === "built" ? event.result.bytes.component : 0);
    }
    expect(sizes[0]).toBeGreaterThan(sizes[1]! * 2);
  });

  test("is looked at again and again where the system tells nothing", async () => {
    const dir = join(await project({ "one/one.wit": wit, "one/index.ts": index(1) }), "one");
    const { next } = watch({ dirs: [dir], pollMs: 20 });
    expect(await valueOf(await next())).toBe(1);
    await writeFile(join(dir, "index.ts"), index(2));
    expect(await valueOf(await next())).toBe(2);
  });
});

describe("a project under watch", () => {
  test("finds modules that come, and tells of those that go", async () => {
    const folder = await project({ "package.json": manifest, "wit/one.wit": wit, "modules/a/index.ts": index(1) });
    const { next } = watch({ from: folder });
    expect(await next()).toMatchObject({ kind: "built", dir: join(folder, "modules", "a") });
    await write(join(folder, "modules", "b", "index.ts"), index(2));
    const second = await next();
    expect(second).toMatchObject({ kind: "built", dir: join(folder, "modules", "b") });
    expect(await valueOf(second)).toBe(2);
    await rm(join(folder, "modules", "b"), { recursive: true });
    expect(await next()).toEqual({ kind: "removed", dir: join(folder, "modules", "b") });
    await writeFile(join(folder, "package.json"), manifest.replace("modules/*", "modules/c"));
    expect(await next()).toEqual({ kind: "removed", dir: join(folder, "modules", "a") });
    expect(await next()).toMatchObject({ kind: "failed", dir: join(folder, "modules", "c") });
    // What is wrong with the project is told once, and the modules again when it is mended.
    await writeFile(join(folder, "package.json"), "{");
    expect(await next()).toMatchObject({ kind: "failed", dir: folder });
    await writeFile(join(folder, "package.json"), manifest);
    expect(await next()).toEqual({ kind: "removed", dir: join(folder, "modules", "c") });
    expect(await next()).toMatchObject({ kind: "built", dir: join(folder, "modules", "a") });
  });
});

/** The program, and what it has said so far. */
function program(
  cwd: string,
  ...args: string[]
): { until(words: RegExp): Promise<void>; end(): Promise<number | null> } {
  const loader = resolve("node_modules/tsx/dist/loader.mjs");
  const child = spawn(process.execPath, ["--import", loader, resolve("host/cli/index.ts"), ...args], {
    cwd,
    stdio: "pipe",
  });
  let said = "";
  let heard: (() => void) | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      heard?.();
    });
  }
  return {
    until: async (words) => {
      while (!words.test(said)) await new Promise<void>((done) => (heard = done));
      said = "";
    },
    end: () => {
      child.kill("SIGINT");
      return new Promise((done) => child.on("close", done));
    },
  };
}

test("tenon build --watch prints each build and each error, and ends when it is interrupted", async () => {
  const folder = await project({ "package.json": manifest, "wit/one.wit": wit, "modules/a/index.ts": index(1) });
  const { until, end } = program(folder, "build", "--watch");
  await until(/a: t:t\/one → modules\/a\/build\/a\.wasm.*\n[^]*Watching/);
  await writeFile(join(folder, "modules", "a", "index.ts"), index('"no"'));
  await until(/^modules\/a\/index\.ts:2:10: /m);
  expect(await end()).toBe(0);
});

test("tenon types --watch writes the types of each good WIT, and tells of a wrong one", async () => {
  const folder = await project({ "wit/one.wit": wit });
  const { until, end } = program(folder, "types", "--wit", "wit", "--out", "one.ts", "--watch");
  await until(/^one\.ts\n/m);
  expect(await readFile(join(folder, "one.ts"), "utf8")).toContain("value(): number;");
  await writeFile(join(folder, "wit", "one.wit"), wit.replace("u32", "nope"));
  await until(/^wit\/one\.wit:2:\d+: /m);
  expect(await readFile(join(folder, "one.ts"), "utf8")).toContain("value(): number;");
  await writeFile(join(folder, "wit", "one.wit"), wit.replace("u32", "string"));
  await until(/^one\.ts\n/m);
  expect(await readFile(join(folder, "one.ts"), "utf8")).toContain("value(): string;");
  expect(await end()).toBe(0);
});
