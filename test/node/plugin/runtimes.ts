/**
 * Deno and Bun, which run what was built for Node: in CI always, elsewhere where `npm run test:matrix` has left them, for they
 * are large.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { installed, kept } from "../../matrix/install.ts";

const execute = promisify(execFile);
const find = process.env["CI"] === "true" ? installed : kept;

export const bun: string | undefined = find("bun", "1", ".bin/bun");
const deno = find("deno", "2", ".bin/deno");

interface Runtime {
  readonly name: string;
  /** Absent where it is not on this machine. */
  readonly path: string | undefined;
  readonly parameters: readonly string[];
}

export const runtimes: readonly Runtime[] = [
  { name: "Deno", path: deno, parameters: ["run", "--allow-read", "--allow-env"] },
  { name: "Bun", path: bun, parameters: [] },
];

/** Runs a file from another folder than it was built in, and gives what it printed. */
export async function runIn(command: string, parameters: readonly string[]): Promise<unknown> {
  const { stdout } = await execute(command, [...parameters], { cwd: "/" });
  return JSON.parse(stdout);
}
