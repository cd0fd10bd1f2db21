/** The text that module authors read is a contract: files that were looked at, and change only on purpose. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { generate } from "../../scripts/toolchain/build/index.ts";
import { readWorld } from "../../scripts/toolchain/wit/world.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const golden: readonly (readonly [wit: string, files: readonly string[]])[] = [
  ["../../wit/calc.wit", ["calc.ts", "demo-calc-api.ts", "entry.ts", "tenon.ts", "abi.ts"]],
  ["../../wit/logger-client.wit", ["demo-log-log.ts"]],
  ["../../wit/records.wit", ["demo-records-echo.ts"]],
  ["features/imported-resources/world.wit", ["test-resources-files.ts"]],
  ["features/exported-resources/world.wit", ["test-shop-shop.ts", "test-shop-clerk.ts", "entry.ts"]],
];

test.each(golden)("%s", async (wit, files) => {
  const guest = generate(await readWorld(path(wit)));
  const name = wit
    .replace("../../wit/", "")
    .replace(/\/world\.wit$/, "")
    .replace(/^features\//, "")
    .replace(".wit", "");
  for (const file of files) {
    await expect(guest.files.get(file)).toMatchFileSnapshot(path(`golden/${name}/${file}.txt`));
  }
});

test("every required export is named with its declaration and the lines that are about it", async () => {
  const guest = generate(await readWorld(path("features/exported-resources/world.wit")));
  const entry = guest.files.get("entry.ts")!.split("\n");
  const list = guest.required.map(({ name, wit, signature, lines }) => {
    const text = entry.slice(lines.first - 1, lines.last).join("\n");
    // A class is called through its members, so no line is about it alone.
    if (!name.includes("#") && signature.startsWith("export class")) expect(text).toBe("");
    else expect(text).toMatch(/^export function e\d+\([^]*\n\}$/);
    return `${name}  <-  ${wit}\n    ${signature}`;
  });
  await expect(`${list.join("\n")}\n`).toMatchFileSnapshot(path("golden/exported-resources/required.txt"));
});
