/** `tenon dev`: the dev server until the process is interrupted, with a line for each build. */
import { formatIssue } from "../build/errors.ts";
import type { Update } from "./protocol.ts";
import { type DevServerOptions, startDevServer } from "./server.ts";

/** Where lines are written. */
interface Streams {
  out(text: string): void;
  err(text: string): void;
}

/**
 * @param shown module folders, and files that end in `.wasm`; without folders those of the project's package.json
 * @returns the exit status
 * @throws {PortInUseError} when the port given is taken
 */
export async function devUntilInterrupted(
  shown: readonly string[],
  options: DevServerOptions,
  { out, err }: Streams,
): Promise<number> {
  const interrupted = new Promise<void>((done) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, done);
  });
  const components = shown.filter((path) => path.endsWith(".wasm"));
  const folders = shown.filter((path) => !path.endsWith(".wasm"));
  // Components alone are shown alone.
  const dirs = shown.length === 0 ? undefined : folders;
  const onUpdate = (update: Update): void => (update.kind === "failed" ? err : out)(lineOf(update));
  const server = await startDevServer({ ...options, dirs, components, onUpdate });
  out(`tenon dev: ${server.url}\nSaving a module's source swaps it in the open page; Ctrl+C ends\n`);
  await interrupted;
  await server.close();
  return 0;
}

function lineOf(update: Update): string {
  switch (update.kind) {
    case "building":
      return "";
    case "built": {
      const stages = update.stages.map(([stage, ms]) => `${stage} ${ms.toFixed(0)} ms`).join(", ");
      return `${update.name}: ${update.hash.slice(0, 12)}, ${stages === "" ? "unchanged" : stages}\n`;
    }
    case "failed":
      return `${update.name}: not built\n${update.issues.map((issue) => `  ${formatIssue(issue).replaceAll("\n", "\n  ")}\n`).join("")}`;
    case "removed":
      return `${update.name}: removed\n`;
  }
}
