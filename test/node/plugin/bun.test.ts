/** The application of the other bundlers, built by Bun and run by it. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ANSWERS, filesOf, makeApp, remove, root } from "./app.ts";

// Bun is large, and comes with `npm run test:matrix`, which keeps it here.
const bun = join(root, "node_modules", ".cache", "tenon", "bun-1", "node_modules", ".bin", "bun");
const execute = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await makeApp();
});
afterAll(() => remove(folder));

test.skipIf(!existsSync(bun)).each([{}, { bind: true }])(
  "an application that Bun builds with %j runs in Bun",
  async (options) => {
    const out = join(folder, JSON.stringify(options).length.toString());
    await writeFile(
      join(folder, "build.js"),
      `import tenon from "tenon/plugin";
     const { success, logs } = await Bun.build({
       entrypoints: ["./main.js"],
       outdir: ${JSON.stringify(out)},
       target: "bun",
       external: ["tenon"],
       plugins: [tenon.bun(${JSON.stringify(options)})],
     });
     if (!success) throw new Error(logs.join("\\n"));
     process.exit(0);`,
    );
    await execute(bun, ["build.js"], { cwd: folder });
    const { stdout } = await execute(bun, [join(out, "main.js")], { cwd: "/" });
    expect(JSON.parse(stdout)).toEqual(ANSWERS);
    expect((await filesOf(out)).filter((file) => file.endsWith(".wasm")).length).toBeGreaterThanOrEqual(2);
  },
);
