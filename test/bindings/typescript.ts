/** What an editor says of a module's folder: TypeScript over AssemblyScript's own declarations. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
const compiler = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
const library = join(dirname(require.resolve("assemblyscript/package.json")), "std/assembly.json");

/** The lines of the compiler's complaints about the folder; empty when it has none. */
export async function typeErrors(dir: string): Promise<readonly string[]> {
  // As the skeleton's own, but the folder of the test is far from any node_modules.
  await writeFile(
    join(dir, "tsconfig.json"),
    JSON.stringify({
      extends: library,
      compilerOptions: { skipLibCheck: true },
      include: ["./**/*.ts"],
      exclude: ["out"],
    }),
  );
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [compiler, "-p", dir, "--noEmit", "--pretty", "false"],
      { maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        resolve(error === null ? [] : `${stdout}${stderr}`.trim().split("\n"));
      },
    );
  });
}
