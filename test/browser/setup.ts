/** Fails the browser project at once, and in plain words, when there is no browser. */
import { CHROMIUM_HELP, findChromium } from "../../scripts/house/chromium.ts";

export default function setup(): void {
  if (findChromium() === undefined) throw new Error(CHROMIUM_HELP);
}
