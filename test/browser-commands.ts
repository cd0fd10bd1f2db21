/**
 * What a test inside the page may ask of Node: figures that only the browser's own protocol gives.
 */
import type { BrowserCommand } from "vitest/node";

/** Collects garbage in the page through the protocol; returns when the engine has finished. */
const collectGarbage: BrowserCommand<[]> = async ({ page }) => {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  await session.detach();
};

export const browserCommands = { collectGarbage };
