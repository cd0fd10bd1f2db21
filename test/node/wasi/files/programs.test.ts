/** Programs that use files on those of the machine, with files of the machine that they only read. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createHost } from "../../../../host/node/index.ts";
import { directory, readOnly, runCommand, wasi, type FileSystem } from "../../../../host/node/wasi.ts";
import { clang, command, rustc, rustCommand } from "../support.ts";
import { MADE_BY_C, MADE_BY_RUST, run, SLOW, SAID_BY_C, SAID_BY_RUST, SORT_C, SORT_RUST } from "./programs.ts";

const folder = mkdtempSync(join(tmpdir(), "tenon-programs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function input(): FileSystem {
  const path = join(folder, "input");
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "text"), "from the host\n");
  return readOnly(directory(path));
}

function filesIn(path: string): string[] {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? entry.name : [])).sort();
}

test.skipIf(clang === undefined)(
  "a program of C sorts a large file and walks directories of the machine",
  SLOW,
  async () => {
    const data = mkdtempSync(join(folder, "data-"));
    const said = await run(await command(SORT_C), { "/data": directory(data), "/input": input() });
    expect(said).toBe(SAID_BY_C);
    expect(filesIn(data)).toEqual(MADE_BY_C);
  },
);

test.skipIf(rustc === undefined)("a program of Rust writes, sorts, copies and walks on the machine", SLOW, async () => {
  const data = mkdtempSync(join(folder, "data-"));
  const said = await run(await rustCommand(SORT_RUST), { "/data": directory(data), "/input": input() });
  expect(said).toBe(SAID_BY_RUST);
  expect(filesIn(data)).toEqual(MADE_BY_RUST);
});

test.skipIf(clang === undefined)("what a guest leaves open is closed at unload, and counted", SLOW, async () => {
  const leaves = `#include <stdio.h>\nint main(void) { fopen("/data/a", "w"); return fopen("/data/b", "w") == NULL; }`;
  const host = createHost();
  const module = await host.load(await command(leaves), {
    imports: wasi({ preopens: { "/data": directory(mkdtempSync(join(folder, "leaves-"))) } }),
  });
  expect(await runCommand(module)).toBe(0);
  // The two files, and the directory that was preopened.
  expect((await module.unload()).hostResourcesDisposed).toBeGreaterThanOrEqual(3);
});
