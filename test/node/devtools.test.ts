/** What a browser's developer tools have of a debug build: its source map, and breakpoints at the author's lines. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { build as bundle } from "esbuild";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CHROMIUM_ARGUMENTS, CHROMIUM_HELP, findChromium } from "../../scripts/house/chromium.ts";

import { bind, build } from "../../scripts/toolchain/index.ts";
import { root, serve } from "./package/support.ts";

const WIT = "package t:t; world sums { export twice: func(n: u32) -> u32; export boom: func(n: u32) -> u32; }";
const INDEX = `export function twice(n: u32): u32 {
  const doubled = n * 2;
  return doubled;
}

export function boom(n: u32): u32 {
  return n / (n - n);
}
`;

let folder: string;
let served: Awaited<ReturnType<typeof serve>>;
let browser: Browser;
let page: Page;
let session: CDPSession;
/** The author's file as the map names it. */
let file: string;

interface Script {
  readonly scriptId: string;
  readonly url: string;
  readonly sourceMapURL?: string;
  readonly scriptLanguage?: string;
}
const scripts: Script[] = [];

beforeAll(async () => {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_HELP);
  folder = mkdtempSync(join(tmpdir(), "tenon-devtools-"));
  writeFileSync(join(folder, "sums.wit"), WIT);
  writeFileSync(join(folder, "index.ts"), INDEX);
  file = relative(process.cwd(), join(folder, "index.ts"));
  const { component } = await build({ dir: folder, debug: true, cache: false });
  copyFileSync(component, join(folder, "sums.wasm"));
  mkdirSync(join(folder, "bound"));
  for (const [name, contents] of bind(readFileSync(component), { name: "sums" }).files) {
    writeFileSync(join(folder, "bound", name), contents);
  }
  await bundle({
    stdin: { contents: `export * from "./host/browser/index.ts";`, resolveDir: root, sourcefile: "entry.ts" },
    bundle: true,
    splitting: true,
    format: "esm",
    outdir: join(folder, "host"),
    absWorkingDir: root,
    logLevel: "silent",
  });
  writeFileSync(
    join(folder, "index.html"),
    `<!doctype html><link rel="icon" href="data:,"><script type="module">
      import { createHost } from "./host/stdin.js";
      globalThis.host = createHost();
      globalThis.bound = () => import("./bound/sums.js");
      globalThis.load = (source, name) => host.load(source, { name });
    </script>`,
  );
  served = await serve(folder);
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGUMENTS] });
  page = await browser.newPage();
  session = await page.context().newCDPSession(page);
  session.on("Debugger.scriptParsed", (script) => void scripts.push(script as Script));
  await session.send("Debugger.enable");
  await page.goto(served.url);
  await page.waitForFunction(() => "load" in globalThis);
}, 180_000);
afterAll(async () => {
  await browser?.close();
  await served?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a breakpoint at a line of the author's stops the module there, in the map that the browser is told of", async () => {
  await page.evaluate(async () => void (await (globalThis as any).load("./sums.wasm", "sums")));
  const script = scripts.find(({ scriptLanguage }) => scriptLanguage === "WebAssembly")!;
  expect(script.sourceMapURL).toMatch(/^data:application\/json;base64,/);
  const map = new SourceMap((await (await fetch(script.sourceMapURL!)).json()) as SourceMapPayload);
  // As developer tools do: the first offset that the map gives for the line.
  const lineAt = (offset: number): string | undefined => {
    const entry = map.findEntry(0, offset);
    return "originalSource" in entry ? `${entry.originalSource}:${entry.originalLine + 1}` : undefined;
  };
  const wanted = `${file}:2`;
  let offset = 0;
  while (lineAt(offset) !== wanted && offset < 1_000_000) offset++;
  const { locations } = (await session.send("Debugger.setBreakpointByUrl", {
    url: script.url,
    lineNumber: 0,
    columnNumber: offset,
  })) as { locations: { columnNumber: number }[] };
  expect(locations).toHaveLength(1);
  expect(lineAt(locations[0]!.columnNumber)).toBe(wanted);

  const paused = new Promise<{ callFrames: { functionName: string; location: { columnNumber: number } }[] }>((settle) =>
    session.once("Debugger.paused", (event) => settle(event as never)),
  );
  const answer = page.evaluate(() => (globalThis as any).host.require("sums").exports.twice(21) as number);
  const [top] = (await paused).callFrames;
  expect(top!.functionName).toContain("twice");
  expect(lineAt(top!.location.columnNumber)).toBe(wanted);
  await session.send("Debugger.resume");
  expect(await answer).toBe(42);
});

test("a trap of a module bound ahead of time, whose core module is compiled while it arrives, names the author's line", async () => {
  const position = await page.evaluate(async () => {
    const { default: source } = await (globalThis as any).bound();
    const { exports } = await (globalThis as any).load(source, "bound");
    try {
      exports.boom(1);
    } catch (error) {
      return (error as { position: object }).position;
    }
    return undefined;
  });
  expect(position).toEqual({ file, line: 7, column: 10 });
});
