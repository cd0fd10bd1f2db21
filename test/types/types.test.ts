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

const read = (name: string): string => readFileSync(join(import.meta.dirname, name), "utf8");

test.each([
  ["node", "surface.ts"],
  ["node", "asynchronous.ts"],
  ["browser", "surface.ts"],
  ["browser", "asynchronous.ts"],
] as const)("the surface of the host for %s: %s", (platform, name) => {
  expect(compile(platform, read(name))).toBe("");
});

test.each([
  ["surface.ts", "CallResult<number>>>()", "CallResult<string>>>()"],
  ["asynchronous.ts", "GuestStream<number, Uint8Array>>>()", "GuestStream<number, number[]>>>()"],
])("an assertion that does not hold is refused: %s", (name, held, broken) => {
  const wrong = read(name).replace(held, broken);
  expect(wrong).not.toBe(read(name));
  expect(compile("node", wrong)).toContain("error TS");
});
