/** Programs that use files, on files in memory: in this thread and in a worker, in Node and, as it is, in the page. */
import { expect, test } from "vitest";
import { memory, overlay, readOnly, type FileSystem } from "../../../../host/node/wasi.ts";
import { inPage } from "../../host/fixtures.ts";
import { clang, command, rustc, rustCommand } from "../support.ts";
import { MADE_BY_C, MADE_BY_RUST, once, run, SLOW, SAID_BY_C, SAID_BY_RUST, SORT_C, SORT_RUST } from "./programs.ts";

const sortC = once(() => command(SORT_C));
const sortRust = once(() => rustCommand(SORT_RUST));

const input = readOnly(memory({ files: { text: "from the host\n" } }));

const systems: Record<string, () => { data: FileSystem; files(): string[] }> = {
  memory: () => {
    const data = memory();
    return { data, files: () => Object.keys(data.files()) };
  },
  overlay: () => {
    const upper = memory();
    const data = overlay(upper, memory());
    return { data, files: () => Object.keys(upper.files()) };
  },
};

const names = (paths: readonly string[]): string[] =>
  paths
    .map((path) => path.split("/").at(-1)!)
    .filter((name) => !name.startsWith(".wh."))
    .sort();

const places = ["memory", "overlay"].flatMap((name) =>
  // The page of the tests is not cross-origin isolated, so that a worker cannot wait there for what it imports.
  (inPage ? (["thread"] as const) : (["thread", "worker"] as const)).map((isolation) => [name, isolation] as const),
);

test.skipIf(clang === undefined).each(places)(
  "a program of C sorts a large file and walks directories: %s, in a %s",
  SLOW,
  async (name, isolation) => {
    const { data, files } = systems[name]!();
    expect(await run(await sortC(), { "/data": data, "/input": input }, { isolation })).toBe(SAID_BY_C);
    expect(names(files())).toEqual(MADE_BY_C);
  },
);

test.skipIf(rustc === undefined).each(places)(
  "a program of Rust writes, sorts, copies and walks: %s, in a %s",
  SLOW,
  async (name, isolation) => {
    const { data, files } = systems[name]!();
    expect(await run(await sortRust(), { "/data": data, "/input": input }, { isolation })).toBe(SAID_BY_RUST);
    expect(names(files())).toEqual(MADE_BY_RUST);
  },
);
