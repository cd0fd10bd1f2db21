/** A real page that is cross-origin isolated and has tenon as it is built, for tests of guests that wait there. */
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { CHROMIUM_ARGUMENTS, CHROMIUM_HELP, findChromium } from "../../../scripts/house/chromium.ts";
import { serve } from "../package/support.ts";

const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const IMPORTS = { tenon: "/host/browser/index.js", "tenon/wasi": "/host/browser/wasi.js" };

export interface TestPage {
  readonly page: Page;
  close(): Promise<void>;
}

/** Opens a page beside which files are served, by name. `tenon` and `tenon/wasi` can be imported in it. */
export async function openPage(files: Readonly<Record<string, string | Uint8Array>>): Promise<TestPage> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_HELP);
  const folder = await mkdtemp(join(tmpdir(), "tenon-page-"));
  await symlink(resolve(import.meta.dirname, "../../../dist/host"), join(folder, "host"));
  const html = `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>`;
  for (const [name, contents] of Object.entries({ "index.html": html, ...files }))
    await writeFile(join(folder, name), contents);
  const server = await serve(folder, ISOLATED);
  let browser: Browser | undefined;
  const close = async (): Promise<void> => {
    await browser?.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGUMENTS] });
    const page = await browser.newPage();
    await page.goto(server.url);
    return { page, close };
  } catch (error) {
    await close();
    throw error;
  }
}
