/** Modules in a runtime that forbids compiling and evaluating at run time: workerd, which its own package brings. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build as esbuild } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { build as vite } from "vite";
import tenon, { type PluginOptions } from "../../../scripts/toolchain/plugin/index.ts";
import { filesOf, makeApp, remove } from "./app.ts";

const MAIN = `import { createHost } from "tenon";
import greeter from "./greeter";
import math from "./math.wasm";

const host = createHost();
let calls = 0;
export default {
  async fetch() {
    const logged = [];
    const own = await host.load(greeter, { name: \`greeter\${calls++}\`, imports: { log: (text) => void logged.push(text) } });
    const { greet } = own.exports;
    const answers = [greet("Ada"), ...logged];
    try { greet(""); } catch (error) { answers.push(error.code, error.payload); }
    await own.reload(greeter);
    answers.push(greet("Bob"));
    await using sums = await host.load(math, { name: "sums" });
    answers.push(sums.exports.api.add(2, 3));
    try { sums.exports.api.boom(); } catch (error) { answers.push(error.trap); }
    await sums.reload(math);
    answers.push(sums.exports.api.add(4, 5));
    const { name } = await own.unload();
    answers.push(name, own.state);
    return Response.json(answers);
  },
};
`;
const ANSWERS = ["Hello, Ada!", "greeting Ada", "component", "Who?", "Hello, Bob!", 5, "unreachable", 9];

let folder: string;
beforeAll(async () => {
  folder = await makeApp({ "main.js": MAIN });
});
afterAll(() => remove(folder));

const servers: ChildProcess[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    const ended = new Promise((settle) => server.once("exit", settle));
    if (server.kill()) await ended;
  }
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((settle) => probe.listen(0, "127.0.0.1", settle));
  const { port } = probe.address() as AddressInfo;
  await new Promise((settle) => probe.close(settle));
  return port;
}

/** Serves an output, and asks it. */
async function ask(out: string): Promise<Response> {
  const files = await filesOf(out);
  const modules = files
    .sort((a, b) => Number(b === "main.js") - Number(a === "main.js"))
    .map((name) => `(name = "${name}", ${name.endsWith(".wasm") ? "wasm" : "esModule"} = embed "${name}")`);
  const port = await freePort();
  await writeFile(
    join(out, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (modules = [${modules.join(", ")}], compatibilityDate = "2026-01-01");
`,
  );
  const bin = createRequire(import.meta.url).resolve("workerd/bin/workerd");
  const server = spawn(bin, ["serve", join(out, "config.capnp")], { stdio: ["ignore", "ignore", "pipe"] });
  servers.push(server);
  let told = "";
  server.stderr.on("data", (chunk: Buffer) => (told += chunk));
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (response !== undefined)
      return response.ok ? response : Promise.reject(new Error(`${await response.text()} ${told}`));
    if (server.exitCode !== null) throw new Error(told);
    await sleep(50);
  }
}

/** Builds with esbuild for the platform that workerd is. */
async function bundle(out: string, options: PluginOptions): Promise<string> {
  await esbuild({
    entryPoints: [join(folder, "main.js")],
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "browser"],
    outdir: join(folder, out),
    logLevel: "silent",
    plugins: [tenon.esbuild({ ...options, cache: join(folder, "cache") })],
  });
  return join(folder, out);
}

describe('target "workerd" gives modules that run where nothing may be compiled or evaluated', () => {
  test("built by esbuild", async () => {
    const answers = await ask(await bundle("esbuild", { target: "workerd" }));
    expect(await answers.json()).toEqual([...ANSWERS, "greeter0", "unloaded"]);
  });

  test("built by Vite", async () => {
    const out = join(folder, "vite");
    await vite({
      root: folder,
      configFile: false,
      logLevel: "silent",
      build: { ssr: join(folder, "main.js"), outDir: out, target: "es2022" },
      ssr: { target: "webworker", noExternal: true },
      plugins: [tenon.vite({ target: "workerd", cache: join(folder, "cache") })],
    });
    expect(await (await ask(out)).json()).toEqual([...ANSWERS, "greeter0", "unloaded"]);
  });
});

test("without that target nothing runs there", async () => {
  await expect((async () => ask(await bundle("unbound", {})))()).rejects.toThrow();
});
