/** The tour that the README promises: it ends by itself, and everything it says holds. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("npm start shows every step and ends with status 0", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "scripts/house/demo.ts"], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  expect(status, `${stdout}\n${stderr}`).toBe(0);
  for (const step of [
    "1. Compile",
    "2. Load and call",
    "3. Typed values",
    "4. Resources",
    "5. Imports",
    "6. Two languages, and WASI",
    "7. Calls that wait",
    "8. A stream",
    "9. A trap",
    "10. Reload",
    "11. Unload",
  ]) {
    expect(stdout).toContain(step);
  }
  expect(stdout).toContain("it asks calc, and prints: 42 m²");
  expect(stdout).toMatch(/a line of its stream +oak: 300\n/);
  expect(stdout).toMatch(/after the reload +LINE \d+ OF A TEXT/);
  expect(stdout).toMatch(/✓ Of this process's \d+ environment variables it sees none\n {3}✓ Granted one/);
  expect(stdout).not.toContain("NOT TRUE");
  expect(stdout).toContain("Everything held");
}, 120_000);
