/** What a guest may take of the host's heap, judged by how a process ends in which guests take all they are let. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

interface End {
  readonly code: number | string | null | undefined;
  readonly signal: string | null | undefined;
  readonly stdout: string;
}

/** Runs the child to its end, whatever that is. */
function end(): Promise<End> {
  const child = fileURLToPath(new URL("budget-child.ts", import.meta.url));
  const args = ["--max-old-space-size=512", "--import", "tsx", child];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: 55_000, env: { ...process.env, NODE_OPTIONS: "" } }, (error, stdout) =>
      resolve({ code: error === null ? 0 : error.code, signal: error === null ? null : error.signal, stdout }),
    );
  });
}

test("LimitError ends a guest that takes the host's heap: its process lives, other modules serve, the host closes", async () => {
  const { code, signal, stdout } = await end();
  const lines = stdout.trimEnd().split("\n");
  const survived = lines.filter((line) => !line.startsWith("begins "));
  const bytes = "LimitError host-call-bytes, trapped, another module serves";
  expect({ code, signal, last: lines.at(-1), survived }, "the process that greedy guests ran in").toEqual({
    code: 0,
    signal: null,
    last: "closed",
    survived: [
      `ended list<bool> of 2^28 - 1 elements: ${bytes}`,
      `ended list<option<bool>> of 2^27 - 1 elements: ${bytes}`,
      `ended list<tuple<bool>> of 10^8 elements: ${bytes}`,
      `ended 8,000 descriptors of the same 120 kB: ${bytes}`,
      "ended 2^28 handles: LimitError resources, trapped, another module serves",
      "closed",
    ],
  });
});
