/** How Chromium is found, and what is said when it is not; a run of the browser's tests without one must fail. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CHROMIUM_HELP, findChromium } from "../../scripts/house/chromium.ts";

const folder = mkdtempSync(join(tmpdir(), "tenon-chromium-"));
afterAll(() => rmSync(folder, { recursive: true }));

function program(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, 0o755);
  return path;
}

test("an environment variable goes first, then the search path, then the usual places", () => {
  const named = program("named");
  const usual = program("usual");
  const onPath = program("chromium");
  expect(findChromium({ CHROMIUM_PATH: named, PATH: folder }, [usual])).toBe(named);
  expect(findChromium({ PLAYWRIGHT_CHROMIUM_EXECUTABLE_PATH: named, PATH: folder }, [usual])).toBe(named);
  expect(findChromium({ PATH: folder }, [usual])).toBe(onPath);
  expect(findChromium({ PATH: "" }, [join(folder, "missing"), usual])).toBe(usual);
  expect(findChromium({}, [])).toBeUndefined();
});

test("a variable that names no program is an error, not passed over", () => {
  expect(() => findChromium({ CHROMIUM_PATH: join(folder, "missing"), PATH: folder })).toThrow(
    /CHROMIUM_PATH names .*missing/,
  );
});

test("the help names every way out", () => {
  for (const way of ["apt-get install chromium", "playwright-core install chromium", "CHROMIUM_PATH"]) {
    expect(CHROMIUM_HELP).toContain(way);
  }
});

test("a run that wants the browser's tests fails when the browser cannot be had", () => {
  const script = resolve(import.meta.dirname, "..", "..", "scripts", "house", "test.ts");
  const run = spawnSync(process.execPath, ["--import", "tsx", script, "--project", "browser"], {
    encoding: "utf8",
    env: { ...process.env, CHROMIUM_PATH: join(folder, "missing") },
  });
  expect(run.status).not.toBe(0);
  expect(run.stdout + run.stderr).toContain("CHROMIUM_PATH names");
});
