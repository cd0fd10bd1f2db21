/** The application of the other bundlers, built by Bun and run by it. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ANSWERS, filesOf, makeApp, remove } from "./app.ts";
import { bun, runIn } from "./runtimes.ts";

const execute = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await makeApp();
});
afterAll(() => remove(folder));

// Bun is large: where it is not on this machine it is not tested; in CI it always is.
test.skipIf(bun === undefined).each([{}, { bind: true }])(
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
    await execute(bun!, ["build.js"], { cwd: folder });
    expect(await runIn(bun!, [join(out, "main.js")])).toEqual(ANSWERS);
    expect((await filesOf(out)).filter((file) => file.endsWith(".wasm")).length).toBeGreaterThanOrEqual(2);
  },
);
