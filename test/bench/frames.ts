/** What a page's frames cost while a hundred streams run through guests as fast as they go, in a Chromium. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as bundle } from "esbuild";
import { chromium } from "playwright-core";
import { CHROMIUM_ARGUMENTS, CHROMIUM_HELP, findChromium } from "../../scripts/house/chromium.ts";
import { build } from "../../scripts/toolchain/index.ts";
import type { FramesPage } from "./frames-page.ts";
import type { Goal, Medians, Row } from "./measure.ts";

const MODULES = 10;
const STREAMS = 100;
const FRAMES = 120;
const TURNS = 3;
/** A thread that is busy in tasks of so many milliseconds, written by hand. */
const TASK_MS = 5;
const ADDRESS = "http://localhost/";

/** The page's own, in what is evaluated there. */
declare const page: FramesPage;

export async function frameRows(
  makeRow: (name: string, medians: Medians, goals: readonly Goal[]) => Row,
): Promise<Row[]> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_HELP);
  const folder = await mkdtemp(join(tmpdir(), "tenon-frames-"));
  const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGUMENTS] });
  try {
    const dir = fileURLToPath(new URL("../../modules/shout", import.meta.url));
    const { component } = await build({ dir, out: join(folder, "shout.wasm"), cache: false });
    const bytes = (await readFile(component)).toString("base64");
    const entryPoints = [fileURLToPath(new URL("frames-page.ts", import.meta.url))];
    const { outputFiles } = await bundle({ entryPoints, bundle: true, format: "esm", target: "es2022", write: false });
    const opened = await browser.newPage();
    await opened.route(`${ADDRESS}**`, (route) =>
      route.request().url() === ADDRESS
        ? route.fulfill({
            contentType: "text/html",
            body: "<!doctype html><p>0<script type=module src=page.js></script>",
          })
        : route.fulfill({ contentType: "text/javascript", body: outputFiles[0]!.text }),
    );
    await opened.goto(ADDRESS);
    await opened.waitForFunction(() => "page" in globalThis);
    const frames = (): Promise<number[]> => opened.evaluate((count) => page.frames(count), FRAMES);
    const all: Record<"without" | "by hand" | "with", number[]> = { without: [], "by hand": [], with: [] };
    const rates: number[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      all.without.push(...(await frames()));
      await opened.evaluate((ms) => page.spin(ms), TASK_MS);
      all["by hand"].push(...(await frames()));
      await opened.evaluate(() => page.rest());
      await opened.evaluate(([source, modules, streams]) => page.start(source, modules, streams), [
        bytes,
        MODULES,
        STREAMS,
      ] as const);
      all.with.push(...(await frames()));
      rates.push(await opened.evaluate(() => page.stop()));
    }
    const medians: Medians = {};
    for (const [name, intervals] of Object.entries(all)) {
      const sorted = intervals.sort((a, b) => a - b);
      const at = (part: number): number => sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)]! * 1e6;
      Object.assign(medians, {
        [`${name}, median`]: at(0.5),
        [`${name}, 95 %`]: at(0.95),
        [`${name}, longest`]: at(1),
      });
    }
    const rate = rates.sort((a, b) => a - b)[TURNS >> 1]!;
    medians["a MiB of a stream"] = (2 ** 20 / rate) * 1e9;
    return [
      makeRow(`a frame of a page while ${STREAMS} streams run as fast as they go`, medians, [
        ["with, median", "without, median", "at most", 1.2],
        ["with, 95 %", "by hand, 95 %", "at most", 1.5],
      ]),
    ];
  } finally {
    await browser.close();
    await rm(folder, { recursive: true });
  }
}
