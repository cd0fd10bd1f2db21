/** The fixed AssemblyScript of the bindings, as files: all of it compiles, and bindings hold it as it is there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as asc from "assemblyscript/asc";
import { expect, test } from "vitest";
import { generate } from "../../scripts/toolchain/build/index.ts";
import { region } from "../../scripts/toolchain/guest/support.ts";
import { isGenerated } from "../../scripts/toolchain/guest/writer.ts";
import { describeSources } from "../../scripts/toolchain/wit/world.ts";

const folder = fileURLToPath(new URL("../../scripts/toolchain/guest/assembly", import.meta.url));
const fileText = (name: string): string => readFileSync(`${folder}/${name}`, "utf8");

/** asc compiles only what is called, and `abi.ts` calls little of itself: that is what generated functions do. */
const calls = `
import { Task, Subtask, Waitable, resolved, _callback, _enter, _leave } from "./async";
import { Future, FutureWriter, Stream, StreamWriter } from "./channels";
class Job extends Task<i32> {
  resume(ended: Waitable | null): void {
    this.yield_();
  }
}
class Call extends Subtask<string> {
  _load(pointer: usize): string {
    return "";
  }
}
class Numbers<T> extends Stream<T> {
  _size(): i32 { return 1; }
  _read(handle: i32, pointer: usize, length: i32): i32 { return 0; }
  _cancel(handle: i32): i32 { return 0; }
  _drop(handle: i32): void {}
  _lift(pointer: usize, length: i32): T[] { return []; }
}
class NumbersWriter<T> extends StreamWriter<T> {
  _write(handle: i32, pointer: usize, length: i32): i32 { return 0; }
  _cancel(handle: i32): i32 { return 0; }
  _drop(handle: i32): void {}
  _lower(elements: T[]): usize { return elements.dataStart; }
}
class Later extends Future<i32> {
  _size(): i32 { return 4; }
  _read(handle: i32, pointer: usize): i32 { return 0; }
  _cancel(handle: i32): i32 { return 0; }
  _drop(handle: i32): void {}
  _load(pointer: usize): i32 { return 0; }
}
class LaterWriter extends FutureWriter<i32> {
  _write(handle: i32, pointer: usize): i32 { return 0; }
  _cancel(handle: i32): i32 { return 0; }
  _drop(handle: i32): void {}
  _store(value: i32, pointer: usize): void {}
}
export function callAsync(pointer: usize): i32 {
  _enter();
  let sum = _callback(1, 2, 3) + resolved<Unit>()._begin((value: Unit): void => {});
  sum += new Job()._begin((value: i32): void => {});
  const call = new Call();
  call._begin(<i32>pointer);
  if (call.done || call.cancelled || call.busy) sum += call.value.length;
  call.cancel();
  sum += call.wait().length;
  const all: Gift[] = [];
  gifts = all;
  haveBack(all, place);
  const mark = chain;
  freeBlocks(detach(mark));
  const bytes = new NumbersWriter<u8>(new Numbers<u8>(1), 2);
  bytes.writeText("");
  bytes.write([]);
  bytes.end();
  const units = new NumbersWriter<Unit>(new Numbers<Unit>(1), 2);
  units.writeUnits(3);
  if (units.wait() && bytes.stream.next()) sum += bytes.stream.count;
  if (bytes.closed || bytes.stream.ended) sum += bytes.stream.bytes.length;
  bytes.stream.read();
  bytes.cancel();
  const texts = new Numbers<string>(3);
  sum += texts.chunk.length + texts._give();
  const later = new LaterWriter(new Later(1), 2);
  later.write(3);
  later.future.read();
  if (later.closed || later.future.done) sum += later.future.value;
  if (later.wait()) sum += later.future.wait();
  later.close();
  return sum + _leave();
}
import { err, ErrorContext, Option, ok, Result, Unit, _check, lastAbort } from "./tenon";
class Held extends Resource {}
export function callAll(pointer: usize): i32 {
  _check(true, "never");
  let sum = ok<Unit, string>().isOk ? err<f64, string>("none").error.length : <i32>ok<f64, string>(1).value;
  if (new Result<i32, i32>(true, 1, 2).isErr) sum++;
  if (Option.some<u32>(1).isNone) sum += Option.none<u32>().value + Option.some<u32>(2).or(3);
  trace("all", 1, 2);
  console.assert(sum > 0, "all");
  console.log("a");
  console.debug("a");
  console.info("a");
  console.warn("a");
  console.error("a");
  console.time("a");
  console.timeLog("a");
  console.timeEnd("a");
  process.stdout.write("a");
  process.stderr.write("a");
  storeString(liftString(pointer, 4), params);
  keep(changetype<usize>(liftBytes(pointer, 4)));
  sum += liftNumbers<f64>(pointer, 4).length + liftNumbers<bool>(pointer, 4).length;
  free(realloc(block(8), 0, 8, 8));
  postReturn(<i32>results);
  const held = own<Held>(1);
  sum += handleOf(held) + take(held) + borrow<Held>(2)._handle;
  giveBack();
  const context = new ErrorContext("why");
  sum += context.debugMessage.length + lentSoFar() + lentFrom(0).length;
  giveBackFrom(0);
  const table = new Table<Held>();
  if (table.get(table.add(held)) == table.remove(1)) sum++;
  __tenon_out_of_memory();
  return sum + <i32>lastAbort() + <i32>__tenon_seed();
}
`;

/** Nodes of asc's syntax tree. */
interface Node {
  readonly name?: { readonly text: string };
  readonly members?: readonly Node[];
  readonly signature?: object;
  readonly flags?: number;
}
/** asc's flags of what has no body: `declare` and `abstract`. */
const BODILESS = 4 | 128;
interface Parser {
  readonly sources: readonly { readonly normalizedPath: string; readonly statements: readonly Node[] }[];
}

/** Compiles all of it. @returns what asc complains of, and the functions it has met and those it has compiled */
async function compileAll(
  change: (name: string, text: string) => string,
): Promise<{ errors: string; declared: string[]; compiled: Set<string> }> {
  const declared: string[] = [];
  const visit = (nodes: readonly Node[], path: string): void => {
    for (const { name, members, signature, flags } of nodes) {
      if (((flags ?? 0) & BODILESS) !== 0 && members === undefined) continue;
      if (members !== undefined) visit(members, `${path}${name!.text}.`);
      else if (signature !== undefined) declared.push(`${path}${name!.text}`);
    }
  };
  let wat = "";
  const { error, stderr } = await asc.main(
    ["abi.ts", "--textFile", "all.wat", "--exportStart", "_initialize", "--use", "abort=__tenon_abort"].concat(
      ["trace=__tenon_trace", "console=__tenon_console", "process=__tenon_process", "seed=__tenon_seed"].flatMap(
        (hook) => ["--use", hook],
      ),
    ),
    {
      readFile: (name: string) => {
        if (!["abi.ts", "async.ts", "channels.ts", "tenon.ts", "sink.ts"].includes(name)) return null;
        return change(name, fileText(name)) + (name === "abi.ts" ? calls : "");
      },
      writeFile: (_: string, contents: Uint8Array | string) => void (wat = String(contents)),
      listFiles: () => null,
      transforms: [
        class {
          afterParse({ sources }: Parser): void {
            for (const { normalizedPath, statements } of sources) {
              if (!normalizedPath.startsWith("~lib")) visit(statements, normalizedPath.replace(/ts$/, ""));
            }
          }
        },
      ],
    } as object,
  );
  const names = [...wat.matchAll(/^ \(func \$(?:"([^"]+)"|(\S+))/gm)].map((match) => plainName(match[1] ?? match[2]!));
  return { errors: error === null ? "" : `${stderr}`, declared, compiled: new Set(names) };
}

/** `tenon.Result.value` for `tenon/Result<f64,~lib/string/String>#get:value`. */
function plainName(name: string): string {
  let text = name;
  while (/<[^<>]*>/.test(text)) text = text.replaceAll(/<[^<>]*>/g, "");
  return text.replace("/", ".").replace("#", ".").replace(/get:/, "");
}

test("asc compiles every function of the support files", async () => {
  const { errors, declared, compiled } = await compileAll((_, text) => text);
  expect(errors).toBe("");
  expect(declared.length).toBeGreaterThan(50);
  expect(declared.filter((name) => !compiled.has(name))).toEqual([]);
});

test.each([
  ["tenon.ts", "return !this.isSome;", 'return "no";'],
  ["abi.ts", "return this.objects[place]!;", "return place;"],
  ["async.ts", "return this._state > RETURNED;", 'return "no";'],
  ["channels.ts", "return this._elements;", "return this._bytes;"],
])("a mistake planted in %s is found", async (file, right, wrong) => {
  const { errors } = await compileAll((name, text) => {
    if (name !== file) return text;
    expect(text).toContain(right);
    return text.replace(right, wrong);
  });
  expect(errors).toContain(`in ${file}`);
});

/** One world with all that a region is for. */
const everything = `package test:all;
interface shelf { resource thing; }
world w {
  import log: func(text: string);
  use shelf.{thing};
  export look: func(at: borrow<thing>, keep: thing);
  export wait: async func(%from: stream<u8>) -> future<result<string, error-context>>;
  export shop: interface { resource made { constructor(); } }
}`;

/** The names of the regions that are in no other. */
function outerRegions(text: string): string[] {
  const names: string[] = [];
  let depth = 0;
  for (const [, name] of text.matchAll(/^ *\/\/ #(?:region (\w+)|endregion)$/gm)) {
    if (name === undefined) depth--;
    else if (depth++ === 0) names.push(name);
  }
  return names;
}

test("bindings hold the regions as the files have them, but for sizes and the import that takes text", async () => {
  const file = { path: join(folder, "world.wit"), text: everything };
  const sources = { path: file.path, main: { name: "test:all", files: [file] }, dependencies: [] };
  const { files } = generate(await describeSources(sources));
  for (const name of ["abi", "async", "channels", "tenon"] as const) {
    const text = files.get(`${name}.ts`)!.replaceAll("_sink.log(", "_sink.(");
    const regions = outerRegions(fileText(`${name}.ts`));
    expect(regions.length).toBeGreaterThan(1);
    expect(isGenerated(text)).toBe(true);
    for (const one of regions) {
      const kept = region(name, one, ["line", "lent", "tasks", "gifts", "resources", "ends"]).replaceAll(
        /^ *_sink\.time\w*\(.*\n/gm,
        "",
      );
      // The host's own console is for worlds that import nothing of the kind.
      if (one === "console") expect(text).not.toContain(kept);
      else expect(text).toContain(kept.replaceAll(/_sink\.\w+\(/g, "_sink.("));
    }
  }
});

test("bindings of a world without an import that takes text write to the host's console, or nowhere when told so", async () => {
  const file = { path: join(folder, "world.wit"), text: "package test:none;\nworld w { export run: func(); }" };
  const world = await describeSources({
    path: file.path,
    main: { name: "test:none", files: [file] },
    dependencies: [],
  });
  expect(generate(world).files.get("tenon.ts")).toContain(region("tenon", "console"));
  expect(generate(world, false).files.get("tenon.ts")).not.toMatch(/_consoleWrite|_sink/);
});

test("region: refuses a name that no region has", () => {
  expect(() => region("abi", "nothing")).toThrow("assembly/abi.ts has no region nothing");
});
