/** Tests that import modules, under vitest as a user of `tenon/plugin` runs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { greeterSource, makeApp, remove, root } from "./app.ts";

let folder: string;
let runner: ChildProcess | undefined;
let told = "";

beforeAll(async () => {
  folder = await makeApp({
    "vitest.config.mjs": `import tenon from "tenon/plugin";
      export default { plugins: [tenon.vite()], test: { watch: true, pool: "threads" } };`,
    "greeter.test.js": `import { expect, test } from "vitest";
      import { createHost } from "tenon";
      import greeter from "./greeter";
      test("greets", async () => {
        const host = createHost();
        const { exports } = await host.load(greeter, { imports: { log: () => {} } });
        expect(exports.greet("Ada")).toBe("Hello, Ada!");
      });`,
    "other.test.js": `import { test } from "vitest"; test("other", () => console.log("the other runs"));`,
  });
  await symlink(join(root, "node_modules", "vitest"), join(folder, "node_modules", "vitest"), "dir");
  await mkdir(join(folder, "node_modules", ".cache"));
});
afterAll(async () => {
  runner?.kill();
  if (runner?.exitCode === null && runner.signalCode === null)
    await new Promise((settle) => runner!.once("exit", settle));
  await remove(folder);
});

/** Errors and the rest come by two streams, in any order. */
async function said(...texts: readonly string[]): Promise<void> {
  for (const text of texts) await expect.poll(() => told, { timeout: 60_000 }).toContain(text);
}

test(
  "a test that imports a module builds it; a changed module runs that test again, and a trap has the guest's line",
  { timeout: 300_000 },
  async () => {
    const environment = { ...process.env, CI: "", NO_COLOR: "1" };
    for (const name of Object.keys(environment))
      if (name.startsWith("VITEST")) delete (environment as NodeJS.ProcessEnv)[name];
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
    runner = spawn(process.execPath, [vitest, "--watch", "--root", folder], { cwd: folder, env: environment });
    for (const stream of [runner.stdout!, runner.stderr!]) {
      stream.on("data", (chunk: Buffer) => (told += stripVTControlCharacters(chunk.toString())));
    }
    await said("2 passed", "for file changes");
    expect(told).toContain("the other runs");

    told = "";
    await writeFile(join(folder, "greeter", "index.ts"), greeterSource("Hej"));
    await said("Hej, Ada!", "1 failed", "for file changes");
    expect(told).not.toContain("the other runs");

    told = "";
    await writeFile(
      join(folder, "greeter", "index.ts"),
      greeterSource().replace("  log(", '  if (name == "Ada") throw new Error("not today");\n  log('),
    );
    await said("not today", "for file changes");
    expect(told).toMatch(/greeter\/index\.ts:5:\d+/);

    told = "";
    await writeFile(join(folder, "greeter", "index.ts"), greeterSource().replace("return ok", "retrun ok"));
    await said("1 failed", "for file changes");
    expect(told).toMatch(/greeter\/index\.ts:6:\d+/);

    told = "";
    await writeFile(join(folder, "greeter", "index.ts"), greeterSource());
    await said("1 passed", "for file changes");
  },
);
