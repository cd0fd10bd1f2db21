/** Collections in a Node that was started without flags, and a host that lets its process end. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("unload({ collect: true }) proves the memory gone without start flags, and a closed host lets the process end", async () => {
  const child = fileURLToPath(new URL("collect-child.ts", import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--import", "tsx", child], {
    timeout: 30_000,
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  expect(stderr).toBe("");
  const { gc, state, memoryBytes, report } = JSON.parse(stdout);
  expect(gc).toBe("undefined");
  expect(state).toBe("unloaded");
  expect(memoryBytes).toBe(11 * 65536);
  expect(report).toMatchObject({ reclaimed: true, memories: 1, pending: 0, asked: true, holders: [] });
  if (process.platform === "linux") expect(report.reservations.after).toBe(report.reservations.before - 1);
});
