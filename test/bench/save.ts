/** From saving a module's source to its new code answering: in an open page and in Node, through Vite and `tenon/plugin`. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { createServer } from "vite";
import { CHROMIUM_ARGUMENTS, CHROMIUM_HELP, findChromium } from "../../scripts/house/chromium.ts";
import tenon from "../../scripts/toolchain/plugin/index.ts";
import { makeApp, remove, TALLY_WIT, tallySource } from "../node/plugin/app.ts";
import { compareSlow, type Medians } from "./measure.ts";

const MAIN = `import { createHost } from "tenon";
import tally from "./tally/world.wit";
const host = createHost();
const { exports } = await host.load(tally);
host.on("reloaded", () => globalThis.answered(exports.label()));
globalThis.answered(exports.label());
`;

const TURNS = 15;
/** Each save is answered once the code that was saved has answered. */
class Answers {
  #waiting: (() => void) | undefined;
  #wanted = "";

  answered(label: string): void {
    if (label === this.#wanted) this.#waiting?.();
  }

  wait(label: string): Promise<void> {
    this.#wanted = label;
    return new Promise((settle) => (this.#waiting = settle));
  }
}

export async function saves(): Promise<Medians> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_HELP);
  const folder = await makeApp({
    "index.html": `<!doctype html><script type="module" src="/main.js"></script>`,
    "main.js": MAIN,
    "tally/world.wit": TALLY_WIT,
    "tally/index.ts": tallySource("first"),
  });
  const server = await createServer({
    root: folder,
    configFile: false,
    logLevel: "silent",
    server: { host: "127.0.0.1", fs: { strict: false } },
    plugins: [tenon.vite({ cache: join(folder, "cache") })],
  });
  const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGUMENTS] });
  try {
    await server.listen(0);
    const [inPage, inNode] = [new Answers(), new Answers()];
    Object.assign(globalThis, { answered: (label: string) => inNode.answered(label) });
    let opened = inNode.wait("first");
    await server.ssrLoadModule("/main.js");
    await opened;
    const page = await browser.newPage();
    await page.exposeFunction("answered", (label: string) => inPage.answered(label));
    opened = inPage.wait("first");
    await page.goto(server.resolvedUrls!.local[0]!);
    await opened;
    let version = 0;
    const contender = (name: string, answers: Answers): { name: string; run: () => Promise<number> } => ({
      name,
      run: async () => {
        const label = `version ${++version}`;
        const answered = answers.wait(label);
        // The change before this one has been seen by everybody.
        await new Promise((settle) => setTimeout(settle, 300));
        const began = performance.now();
        await writeFile(join(folder, "tally", "index.ts"), tallySource(label));
        await answered;
        return performance.now() - began;
      },
    });
    const contenders = [contender("in a page", inPage), contender("in Node", inNode)];
    await compareSlow(contenders, 3);
    return await compareSlow(contenders, TURNS);
  } finally {
    await browser.close();
    await server.close();
    await remove(folder);
  }
}
