/** A Vite project as somebody makes it who has the package from a registry: develop, edit, build, and preview under a strict policy. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { CHROMIUM_ARGUMENTS, CHROMIUM_HELP, findChromium } from "../../../scripts/house/chromium.ts";
import { TALLY_WIT, tallySource } from "../plugin/app.ts";
import { pack, type Packed, root, run } from "./support.ts";

/** What an author installs beside the package. */
const PEERS = ["assemblyscript", "@bytecodealliance/jco-transpile", "unplugin", "vite", "typescript"];

const FILES = {
  "vite.config.js": `import tenon from "tenon/plugin";
export default {
  plugins: [tenon.vite({ bind: true })],
  build: { target: "es2022" },
  preview: {
    headers: { "content-security-policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'" },
  },
};
`,
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      target: "es2022",
      lib: ["es2022", "dom"],
      module: "esnext",
      moduleResolution: "bundler",
      allowArbitraryExtensions: true,
      strict: true,
      noEmit: true,
      types: [],
    },
    include: ["src"],
  }),
  "index.html": `<!doctype html><title></title><script type="module" src="/src/main.ts"></script>`,
  "src/main.ts": `import { createHost } from "tenon";
import tally from "../tally/world.wit";

const host = createHost();
const { exports } = await host.load(tally);
const first: number = exports.next();
Object.assign(globalThis, { tally: exports });
document.title = \`\${exports.label()} \${first} \${host.require("tally").name}\`;
`,
  "tally/world.wit": TALLY_WIT,
  "tally/index.ts": tallySource("one"),
};

let packed: Packed;
let folder: string;
let browser: Browser;
const servers: ChildProcess[] = [];

beforeAll(async () => {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_HELP);
  packed = await pack();
  folder = join(packed.folder, "project");
  await mkdir(folder);
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--omit=peer", packed.tarball], folder);
  for (const name of PEERS) {
    const place = join(folder, "node_modules", name);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(root, "node_modules", name), place, "dir");
  }
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGUMENTS] });
}, 180_000);
afterEach(async () => {
  for (const server of servers.splice(0)) {
    const ended = new Promise((settle) => server.once("exit", settle));
    if (server.kill()) await ended;
  }
});
afterAll(async () => {
  await browser?.close();
  await packed?.remove();
});

const vite = (...parameters: string[]): [string, string[]] => [
  process.execPath,
  [join(folder, "node_modules", "vite", "bin", "vite.js"), ...parameters],
];

/** Starts Vite's own command and waits for its address. */
async function serve(command: string): Promise<string> {
  const probe = createServer();
  await new Promise<void>((settle) => probe.listen(0, "127.0.0.1", settle));
  const { port } = probe.address() as AddressInfo;
  await new Promise((settle) => probe.close(settle));
  const [program, parameters] = vite(command, "--host", "127.0.0.1", "--port", String(port), "--strictPort");
  const server = spawn(program, parameters, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  servers.push(server);
  let told = "";
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (chunk: Buffer) => (told += chunk));
  const url = `http://127.0.0.1:${port}/`;
  for (const end = Date.now() + 30_000; ; await sleep(50)) {
    if ((await fetch(url).catch(() => undefined))?.ok) return url;
    if (server.exitCode !== null || Date.now() > end) throw new Error(told);
  }
}

async function visit(url: string): Promise<Page> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(url);
  // Asked from here: a page that forbids evaluation would not let itself be watched from inside.
  for (const end = Date.now() + 30_000; (await page.title()) === ""; await sleep(50)) {
    if (Date.now() > end) throw new Error(`The page never finished: ${errors.join("; ")}`);
  }
  return page;
}

test(
  "develop: an edit answers in the open page, with its state and without loading it again; the types hold",
  { timeout: 120_000 },
  async () => {
    const page = await visit(await serve("dev"));
    const answer = (): Promise<string> =>
      page.evaluate(() => `${(globalThis as any).tally.label()} ${(globalThis as any).tally.next()}`);
    expect(await page.title()).toBe("one 1 tally");
    expect(await answer()).toBe("one 2");
    await page.evaluate(() => Object.assign(globalThis, { same: true }));
    await writeFile(join(folder, "tally", "index.ts"), tallySource("two"));
    await page.waitForFunction(() => (globalThis as any).tally.label() === "two");
    expect(await answer()).toBe("two 3");
    expect(await page.evaluate(() => (globalThis as any).same)).toBe(true);
    const tsc = join(folder, "node_modules", "typescript", "bin", "tsc");
    await run(process.execPath, [tsc, "-p", folder], folder);
    await page.close();
  },
);

test(
  "build and preview: the module is bound ahead of time, and runs where evaluation is forbidden",
  { timeout: 120_000 },
  async () => {
    await run(...vite("build"), folder);
    // A build leaves nothing out that another build would then miss.
    await run(...vite("build"), folder);
    const page = await visit(await serve("preview"));
    expect(await page.title()).toMatch(/^(?:one|two) 1 tally$/);
    await page.close();
  },
);
