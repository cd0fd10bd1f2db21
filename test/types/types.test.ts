/** The public types hold what they promise, on both platforms, and the test of it can fail. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..", "..");
// Inside the repository, where the compiler finds Node's types.
const folder = mkdtempSync(join(root, "node_modules", ".tenon-types-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the compiler says of a text that imports "tenon". */
function compile(platform: "node" | "browser", text: string): string {
  writeFileSync(join(folder, "surface.ts"), text);
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "test", "types", "tsconfig.json"),
      compilerOptions: {
        types: platform === "node" ? ["node"] : [],
        paths: { tenon: [join(root, "host", platform, "index.ts")] },
        typeRoots: [join(root, "node_modules", "@types")],
      },
      include: [join(folder, "surface.ts")],
    }),
  );
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  return spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], { encoding: "utf8" }).stdout;
}

const surface = readFileSync(join(import.meta.dirname, "surface.ts"), "utf8");

test.each(["node", "browser"] as const)("the surface of the host for %s", (platform) => {
  expect(compile(platform, surface)).toBe("");
});

test("an assertion that does not hold is refused", () => {
  const wrong = surface.replace("CallResult<number>>>()", "CallResult<string>>>()");
  expect(wrong).not.toBe(surface);
  expect(compile("node", wrong)).toContain("error TS");
});
