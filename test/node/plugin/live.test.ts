/** Vite's development server with `tenon/plugin`: what is saved replaces what was loaded, in a page and in the server itself. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, chromium, type Page } from "playwright-core";
import { createServer, createServerModuleRunner, type ViteDevServer } from "vite";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CHROMIUM_ARGUMENTS, CHROMIUM_HELP, findChromium } from "../../../scripts/house/chromium.ts";
import tenon from "../../../scripts/toolchain/plugin/index.ts";
import { math } from "../host/fixtures.ts";
import { makeApp, remove, TALLY_WIT, tallySource } from "./app.ts";

const MAIN = `import { createHost } from "tenon";
import tally from "./tally/world.wit";
import folder from "./tally";
import math from "./math.wasm";

const host = createHost();
export const module = await host.load(tally);
export const second = await host.load(folder, { name: "second" });
export const sums = await host.load(math);
Object.assign(globalThis, { tally: module, second, sums, opened: Math.random() });
`;

let folder: string;
let server: ViteDevServer;
let browser: Browser;
let page: Page;
const errors: string[] = [];

const source = (): string => join(folder, "tally", "index.ts");

beforeAll(async () => {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_HELP);
  folder = await makeApp({
    "index.html": `<!doctype html><title>app</title><script type="module" src="/main.js"></script>`,
    "main.js": MAIN,
    "tally/world.wit": TALLY_WIT,
    "tally/index.ts": tallySource("one"),
  });
  server = await createServer({
    root: folder,
    configFile: false,
    logLevel: "silent",
    server: { host: "127.0.0.1", fs: { strict: false } },
    plugins: [tenon.vite({ cache: join(folder, "cache") })],
  });
  await server.listen(0);
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGUMENTS] });
}, 180_000);

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await remove(folder);
});

/** Opens the application; the module says so when it serves. */
async function open(label: string): Promise<Page> {
  const opened = await browser.newPage();
  opened.on("pageerror", (error) => errors.push(error.message));
  await opened.goto(server.resolvedUrls!.local[0]!);
  await serves(label, opened).catch(async (error: unknown) => {
    const state = await opened.evaluate(() => String((globalThis as any).tally?.exports.label()));
    throw new Error(`The page serves ${state}: ${errors.join("; ")}`, { cause: error });
  });
  return opened;
}

const serves = (label: string, where: Page = page): Promise<unknown> =>
  where.waitForFunction((text) => (globalThis as any).tally?.exports.label() === text, label, { timeout: 20_000 });
const next = (): Promise<number> => page.evaluate(() => (globalThis as any).tally.exports.next() as number);
const opened = (): Promise<number> => page.evaluate(() => (globalThis as any).opened as number);
/** What the overlay says, when it says this. */
async function overlaid(text: string): Promise<string> {
  const shown = await page.waitForFunction(
    (wanted) => {
      const said = document.querySelector("vite-error-overlay")?.shadowRoot?.textContent;
      return said?.includes(wanted) ? said : undefined;
    },
    text,
    { timeout: 20_000 },
  );
  return (await shown.jsonValue())!;
}
const cleared = (): Promise<unknown> =>
  page.waitForFunction(() => document.querySelector("vite-error-overlay") === null);

test("a page that opens while what it imports is built for the first time is not loaded once more", async () => {
  page = await browser.newPage();
  let loads = 0;
  page.on("request", (request) => {
    if (request.url().endsWith("/main.js")) loads++;
    // The watcher tells of a source that was saved shortly before, while the page waits for what is made of it.
    if (request.url().includes("tally")) server.watcher.emit("change", source());
  });
  await page.goto(server.resolvedUrls!.local[0]!);
  await serves("one");
  await writeFile(source(), tallySource("two"));
  await serves("two");
  expect(loads).toBe(1);
});

describe("in a page", () => {
  beforeEach(async () => {
    await page?.close();
    await writeFile(source(), tallySource("one"));
    page = await open("one");
  }, 120_000);

  test("a saved source replaces the module, with its state and without loading the page again", async () => {
    const before = await opened();
    expect([await next(), await next()]).toEqual([1, 2]);
    await writeFile(source(), tallySource("two"));
    await serves("two");
    expect(await next()).toBe(3);
    // Imported by another name it is the same module.
    await page.waitForFunction(() => (globalThis as any).second.exports.label() === "two");
    expect(await opened()).toBe(before);
    expect(errors).toEqual([]);
  });

  test("a source that does not compile is shown with its line; the old version serves until it does", async () => {
    const page = await opened();
    await next();
    await writeFile(source(), tallySource("three").replace("++count", "++cuont"));
    const shown = await overlaid("Cannot find name 'cuont'");
    expect(shown).toContain(`${source()}:6:`);
    expect(shown).toContain("return ++cuont;");
    expect(await next()).toBe(2);
    // The first update that comes after an overlay must not load the page again.
    await writeFile(source(), tallySource("three"));
    await serves("three");
    await cleared();
    expect(await next()).toBe(3);
    // Back to what serves: there is nothing to replace, and nothing wrong any more.
    await writeFile(source(), "export function");
    await overlaid("tally/index.ts");
    await writeFile(source(), tallySource("three"));
    await cleared();
    expect(await next()).toBe(4);
    expect(await opened()).toBe(page);
  });

  test("a version that is refused says why, and the old one serves on", async () => {
    await next();
    await writeFile(source(), tallySource("four", true));
    expect(await overlaid("Not this state")).toMatch(
      /The new version of (?:tally|second) was refused, and the old one serves on/,
    );
    expect(await next()).toBe(2);
    await serves("one");
    await writeFile(source(), tallySource("five"));
    await serves("five");
    expect(await next()).toBe(3);
  });

  test("a saved WIT replaces the module, and its types", async () => {
    const page = await opened();
    await next();
    const wit = join(folder, "tally", "world.wit");
    try {
      await writeFile(wit, TALLY_WIT.replace("export label", "export more: func() -> u32;\n  export label"));
      await overlaid("The export `more` is missing");
      await writeFile(source(), `${tallySource("six")}\nexport function more(): u32 {\n  return count + 100;\n}\n`);
      await serves("six");
      expect(await next()).toBe(2);
      expect(await readFile(join(folder, "tally", "world.d.wit.ts"), "utf8")).toContain("more(): number");
      expect(await opened()).toBe(page);
      await writeFile(wit, "package my:tally;\n\nworld tally {\n  exprot next: func();\n}\n");
      expect(await overlaid("world.wit:4:")).toContain("exprot");
    } finally {
      await writeFile(wit, TALLY_WIT);
    }
  });

  test("a component that is written anew replaces what was loaded from it, once it is whole", async () => {
    const add = (): Promise<number> => page.evaluate(() => (globalThis as any).sums.exports.api.add(1, 2) as number);
    const before = await opened();
    const file = join(folder, "math.wasm");
    // A watcher may leave out what happens soon after what it has told: the rest comes at many distances.
    for (let after = 0; after < 12; after++) {
      const bytes = await math({ bias: 40 + after });
      await writeFile(file, bytes.subarray(0, 40));
      await sleep(after);
      await writeFile(file, bytes);
      await page.waitForFunction((sum) => (globalThis as any).sums.exports.api.add(1, 2) === sum, 43 + after);
    }
    expect([await add(), await opened()]).toEqual([54, before]);
  });

  test("a page that opened on a module that does not compile opens by itself when it does", async () => {
    await writeFile(source(), "export function");
    await overlaid("tally/index.ts");
    await page.goto("about:blank");
    // The server keeps an error for a page that comes, unless it takes the one that goes for it.
    await expect.poll(() => server.ws.clients.size, { timeout: 20_000 }).toBe(0);
    await page.goto(server.resolvedUrls!.local[0]!);
    await overlaid("tally/index.ts");
    await writeFile(source(), tallySource("seven"));
    await serves("seven");
  });
});

test("a saved source replaces what server-side code of the same process has loaded, which is not evaluated again", async () => {
  await writeFile(source(), tallySource("server"));
  const { module, second } = await server.ssrLoadModule("/main.js");
  expect([module.exports.next(), module.exports.label()]).toEqual([1, "server"]);
  await writeFile(source(), tallySource("changed"));
  await expect.poll(() => module.exports.label(), { timeout: 20_000 }).toBe("changed");
  expect([module.exports.next(), second.exports.label()]).toEqual([2, "changed"]);
  expect((await server.ssrLoadModule("/main.js"))["module"]).toBe(module);
  // Runners that replace modules themselves find nothing to do here either.
  const runner = createServerModuleRunner(server.environments.ssr);
  const { module: third } = await runner.import("/main.js");
  await writeFile(source(), "export function");
  await writeFile(source(), tallySource("again"));
  await expect.poll(() => third.exports.label(), { timeout: 20_000 }).toBe("again");
  await runner.close();
  await expect.poll(() => module.exports.label(), { timeout: 20_000 }).toBe("again");
  expect(module.exports.next()).toBe(3);
});

// The last test: nothing is watched from here on.
test("a page that opens before the watcher has told of what was saved gets it all the same", async () => {
  await writeFile(source(), tallySource("one"));
  await page.close();
  page = await open("one");
  await page.close();
  await server.watcher.close();
  await writeFile(source(), tallySource("unwatched"));
  page = await open("unwatched");
});
