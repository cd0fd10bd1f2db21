/** The house rules refuse what they are there to refuse, each shown on a planted violation. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { lintViolations } from "../../scripts/house/check/lint.ts";
import {
  headerViolations,
  layerViolations,
  lengthViolations,
  mentionViolations,
  placeViolations,
  topLevelViolations,
} from "../../scripts/house/check/rules.ts";
import { importsOf } from "../../scripts/house/check/source-tree.ts";

const file = (path: string, text: string): { path: string; text: string } => ({ path, text });
const layers = (path: string, text: string): readonly string[] =>
  layerViolations([file(path, text)]).map(({ line, message }) => `${line}: ${message}`);

describe("layers", () => {
  test.each([
    ["host/model/types.ts", `import { TenonError } from "../errors.ts";`],
    ["host/abi/emit/lift.ts", `import { layout } from "../layout.ts";`],
    ["host/errors.ts", `import type { Platform } from "./platform.ts";`],
    ["host/node/index.ts", `import { readFile } from "node:fs/promises"; export * from "../module/host.ts";`],
    ["host/cli/build.ts", `const { build } = await import("../../scripts/house/build.ts");`],
    ["host/node/jco.ts", `await import("@bytecodealliance/jco-transpile");`],
    ["host/bindings/emit.ts", `const text = 'import x from "../runtime/component.ts"'; // import "../cli/index.ts"`],
  ])("%s may say %s", (path, text) => {
    expect(layers(path, text)).toEqual([]);
  });

  test.each([
    ["host/model/types.ts", `import "../binary/decode.ts";`, "host/model is layer 1 and may not import host/binary"],
    ["host/binary/a.ts", `\n\nexport { x } from "../plan/plan.ts";`, "3: host/binary is layer 2"],
    ["host/binary/a.ts", `export * from "../plan/plan.ts";`, "host/binary is layer 2"],
    ["host/plan/a.ts", `import type { X } from "../abi/layout.ts";`, "host/plan is layer 5"],
    ["host/plan/a.ts", `let x: import("../module/host.ts").Host;`, "host/plan is layer 5"],
    ["host/abi/a.ts", `const m = await import("../runtime/instance.ts");`, "host/abi is layer 6"],
    ["host/node/a.ts", `import "../browser/platform.ts";`, "host/node and host/browser never meet"],
    ["host/browser/a.ts", `import "../node/platform.ts";`, "host/browser and host/node never meet"],
    ["host/node/a.ts", `import "../cli/index.ts";`, "host/node is layer 12"],
    ["host/worker/a.ts", `import "../node/platform.ts";`, "host/worker is layer 11"],
    ["host/module/a.ts", `import "node:fs";`, "the host has no dependency"],
    ["host/browser/a.ts", `import "vite";`, "the host has no dependency"],
    ["host/node/a.ts", `import "binaryen";`, "the host has no dependency"],
    ["host/cli/a.ts", `import "../../scripts/house/build.ts";`, "the host stands alone"],
    ["host/module/a.ts", `await import("../../scripts/house/build.ts");`, "the host stands alone"],
    ["host/model/a.ts", `import "./types";`, "with its .ts extension"],
    ["host/helpers/a.ts", `import "../errors.ts";`, "in no layer"],
    ["scripts/house/build.ts", `import "../../test/node/fixtures.ts";`, "tests import scripts"],
  ])("%s may not say %s", (path, text, message) => {
    expect(layers(path, text)).toEqual([expect.stringContaining(message)]);
  });

  test("finds every form of import", () => {
    const text = `import a from "a"; import "b"; export * from "c"; export { d } from "d";
      type E = import("e").E; const f = import("f"); import type { G } from "g"; import(computed);`;
    expect(importsOf(file("x.ts", text)).map(({ specifier }) => specifier)).toEqual([
      "a",
      "b",
      "c",
      "d",
      "e",
      "f",
      "g",
    ]);
  });
});

test("a file of more than 600 lines is refused, one of 600 is not", () => {
  expect(lengthViolations([file("host/a.ts", "x;\n".repeat(600))])).toEqual([]);
  expect(lengthViolations([file("host/a.ts", "x;\n".repeat(601))])).toHaveLength(1);
  expect(lengthViolations([file("README.md", "x\n".repeat(601))])).toEqual([]);
});

test("a file of the host begins with a comment", () => {
  expect(headerViolations([file("host/a.ts", "/** Owns a. */\nexport {};"), file("test/a.ts", "export {};")])).toEqual(
    [],
  );
  expect(headerViolations([file("host/cli/a.ts", "#!/usr/bin/env node\n/** Owns a. */")])).toEqual([]);
  expect(headerViolations([file("host/a.ts", "export {};")])).toHaveLength(1);
});

test("a comment names files that are there", () => {
  const files = [
    file("host/a/b.ts", "/** See `c.ts` and `a/b.ts`. */\nconst text = `gone.ts`;"),
    file("host/c.ts", ""),
  ];
  expect(mentionViolations(files)).toEqual([]);
  expect(mentionViolations([...files, file("test/d.ts", "x;\n  // As in `gone.ts`, not `c.ts`.")])).toMatchObject([
    { path: "test/d.ts", line: 2, message: expect.stringContaining("gone.ts") },
  ]);
});

test("the top level holds what the design names and dot files", () => {
  expect(topLevelViolations(["host/", "test/", ".ci/", ".npmrc", "README.md", "LICENSE"])).toEqual([]);
  expect(topLevelViolations(["src/", "vitest.config.ts"]).map(({ path }) => path)).toEqual([
    "src/",
    "vitest.config.ts",
  ]);
});

test("a place that exists on one machine only is refused", () => {
  // Put together here, so that this file does not name one itself.
  for (const path of ["tmp/x", "home/me/x", "work/x", "Users/me/x"]) {
    expect(placeViolations([file("a.md", `first\nsee ${"/"}${path}`)])).toMatchObject([{ path: "a.md", line: 2 }]);
  }
  expect(placeViolations([file("package-lock.json", `"resolved": ${'"https'}://x/y.tgz"`)])).toHaveLength(1);
  expect(placeViolations([file("a.ts", "./tmp/x https://example.org/work/x /usr/bin/env /dev/null")])).toEqual([]);
});

test("a finding is allowed in the folders of its rule, and a folder without one leaves the list", () => {
  const found = (code: string | undefined, filename: string): object => ({
    ...(code === undefined ? {} : { code }),
    ...{ filename, message: "Bad.", labels: [{ span: { line: 3 } }] },
  });
  const output = JSON.stringify({
    diagnostics: [
      found("a(b)", "host/x/1.ts"),
      found("a(b)", "host/y/1.ts"),
      found("c(d)", "host/x/1.ts"),
      found(undefined, "e.ts"),
    ],
  });
  expect(lintViolations(output, { "a(b)": ["host/x/", "host/z/"] })).toEqual([
    { path: "host/y/1.ts", line: 3, message: "Bad. a(b)" },
    { path: "host/x/1.ts", line: 3, message: "Bad. c(d)" },
    { path: "e.ts", line: 3, message: "Bad. parse" },
    { path: "host/z/", message: expect.stringContaining("Nothing in it breaks a(b) any more") },
  ]);
});

describe("the command", () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  /** `npm run check` over a tree made of these files. */
  function check(
    files: Record<string, string>,
    names: readonly string[] = ["layers", "length", "headers", "places", "top-level"],
  ): { status: number | null; output: string } {
    const folder = mkdtempSync(join(tmpdir(), "tenon-check-test-"));
    folders.push(folder);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const script = join(import.meta.dirname, "..", "..", "scripts", "house", "check.ts");
    const only = names.flatMap((name) => ["--only", name]);
    const run = spawnSync(process.execPath, ["--import", "tsx", script, "--root", folder, ...only], {
      encoding: "utf8",
    });
    return { status: run.status, output: run.stdout + run.stderr };
  }

  test("passes a clean tree", () => {
    const { status, output } = check({ "host/model/a.ts": `/** Owns a. */\nimport "../errors.ts";\n` });
    expect(output).toContain("5 checks passed, 0 failed");
    expect(status).toBe(0);
  });

  test("fails on a planted violation and names file and line", () => {
    const { status, output } = check({ "host/model/a.ts": `/** Owns a. */\nimport "../module/host.ts";\n` });
    expect(output).toContain("host/model/a.ts:2: host/model is layer 1 and may not import host/module/host.ts");
    expect(status).toBe(1);
  });

  test("lint fails on a cycle, of types too, and on a sixth parameter", () => {
    const { status, output } = check(
      {
        "host/a.ts": `/** A. */\nimport { b } from "./b.ts";\nexport const a = (): unknown => b;\n`,
        "host/b.ts": `/** B. */\nimport { a } from "./a.ts";\nexport const b = (): unknown => a;\n`,
        "host/c.ts": `/** C. */\nimport type { D } from "./d.ts";\nexport type C = D;\n`,
        "host/d.ts": `/** D. */\nimport type { C } from "./c.ts";\nexport type D = C;\n`,
        "host/e.ts": `/** E. */\nexport const e = (...all: [1, 2, 3, 4, 5, 6]): unknown => all;\n`,
        "host/f.ts": `/** F. */\nexport const f = (a: 1, b: 2, c: 3, d: 4, e: 5): unknown => [a, b, c, d, e];\n`,
        "host/g.ts": `/** G. */\nexport const g = (a: 1, b: 2, c: 3, d: 4, e: 5, f: 6): unknown => [a, b, c, d, e, f];\n`,
      },
      ["lint"],
    );
    const told = output.split("\n").filter((line) => /^[a-z/]+[.]ts:/.test(line));
    expect(told.sort()).toEqual([
      expect.stringMatching(/^host\/a\.ts:2: .*no-cycle/),
      expect.stringMatching(/^host\/b\.ts:2: .*no-cycle/),
      expect.stringMatching(/^host\/c\.ts:2: .*no-cycle/),
      expect.stringMatching(/^host\/d\.ts:2: .*no-cycle/),
      expect.stringMatching(/^host\/g\.ts:2: .*max-params/),
    ]);
    expect(status).toBe(1);
  });

  test("refuses a check that does not exist", () => {
    const script = join(import.meta.dirname, "..", "..", "scripts", "house", "check.ts");
    const run = spawnSync(process.execPath, ["--import", "tsx", script, "--only", "luck"], { encoding: "utf8" });
    expect(run.stderr).toContain("No such check: luck");
    expect(run.status).toBe(2);
  });
});
