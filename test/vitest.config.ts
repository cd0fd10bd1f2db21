/**
 * Which tests run where: in Node, in Node with a collector to call, and in a real Chromium.
 *
 * `npm test` builds what the tests need and then runs this; `npx vitest --config test/vitest.config.ts` runs it as is.
 */
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type Plugin } from "vitest/config";
import { CHROMIUM_ARGUMENTS, findChromium } from "../scripts/house/chromium.ts";
import { browserCommands } from "./browser/commands.ts";
import { chooseSeed } from "./seed.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const root = here("..");
const executablePath = findChromium();

/** Tests of the host that need no file system: written for Node, and run in the page as they are. */
const SHARED = [
  "test/node/{names,subtype,binary-decode,binary-hostile,binary-validate}.test.ts",
  "test/node/runtime/{budget,engine,lines,lying,values,imports,linking,inspect,cache,parts,receive,resources-guest,resources-host,shell,stack-end,thrown,traps}.test.ts",
  "test/node/real/trap-lines.test.ts",
  "test/node/host/{console,endings,engine,hand-over,handles,import-list,jspi,jspi-async,jspi-between,jspi-pool,link,limits,load,manifest,model,reload,then,trap,trust,types,unload,world-link}.test.ts",
  "test/node/async/{calls,streams,threads,turns}.test.ts",
  "test/node/worker/{calls,streams}.test.ts",
  "test/node/wasi/{guest,streams,files/memory,files/programs-in-memory,net/corpus}.test.ts",
  "test/node/rights/{grants,review}.test.ts",
  "test/{differential/*,fuzz/handles,fuzz/hostile,fuzz/metering,fuzz/names,fuzz/values,reference/reference}.test.ts",
];

/** Seed and size of random tests: one seed for the whole run, in the page too. */
const budget = { seed: chooseSeed(process.env), scale: Number(process.env["TENON_FUZZ_SCALE"] ?? 1) };

/** In Node, workers start from a bundle: Node 20 reads no TypeScript. */
const forNode: Plugin = {
  name: "tenon-for-node",
  enforce: "pre",
  resolveId: (source, importer) =>
    source === "./thread.ts" && importer?.endsWith("/host/node/isolation.ts") === true
      ? here("node/stand-in-thread.ts")
      : undefined,
};

/** In the page, the host for Node gives way to the host for browsers, and tools that need Node are asked for over the wire. */
const forThePage: Plugin = {
  name: "tenon-for-the-page",
  enforce: "pre",
  async resolveId(source, importer) {
    if (source === "node:crypto") return here("browser/stand-ins/crypto.ts");
    if (importer === undefined || !source.endsWith(".ts")) return undefined;
    const target = await this.resolve(source, importer, { skipSelf: true });
    if (target?.id.endsWith("/host/node/index.ts")) return here("../host/browser/index.ts");
    if (target?.id.endsWith("/host/node/wasi.ts")) return here("../host/browser/wasi.ts");
    if (target?.id.endsWith("/host/node/rights.ts")) return here("../host/browser/rights.ts");
    if (target?.id.endsWith("/test/node/wasi/support.ts")) return here("browser/stand-ins/native-programs.ts");
    if (target?.id.endsWith("/host/node/platform.ts")) return here("browser/stand-ins/platform.ts");
    if (target?.id.endsWith("/test/node/real/faults.ts")) return here("browser/stand-ins/faults.ts");
    if (target?.id.endsWith("/scripts/toolchain/wasm-tools.ts")) return here("browser/stand-ins/wasm-tools.ts");
    return target;
  },
};

export default defineConfig({
  root,
  test: {
    reporters: ["default", [here("reporter.ts"), { seed: budget.seed }]],
    projects: [
      {
        root,
        plugins: [forNode],
        test: {
          name: "node",
          provide: budget,
          include: ["test/**/*.test.ts"],
          exclude: ["test/browser/**", "test/memory/**", "**/node_modules/**"],
          // Compiling a module with asc takes seconds on a slow machine.
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // What a poll waits for may be such a build; its own second is too short beside other work.
          expect: { poll: { timeout: 20_000 } },
        },
      },
      {
        root,
        plugins: [forNode],
        test: {
          name: "memory",
          include: ["test/memory/**/*.test.ts"],
          // What is measured belongs to the process, so each file has one to itself.
          pool: "forks",
          execArgv: ["--expose-gc"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        root,
        plugins: [forThePage],
        optimizeDeps: { include: ["binaryen", "fast-check"] },
        test: {
          name: "browser",
          provide: budget,
          include: ["test/browser/**/*.test.ts", ...SHARED],
          globalSetup: here("browser/setup.ts"),
          setupFiles: [here("browser/stand-ins/globals.ts")],
          testTimeout: 60_000,
          // Linear memories at once are counted for the page as a whole, so files take turns.
          fileParallelism: false,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                ...(executablePath === undefined ? {} : { executablePath }),
                args: [...CHROMIUM_ARGUMENTS, "--js-flags=--expose-gc"],
              },
            }),
            commands: browserCommands,
            instances: [{ browser: "chromium" }],
          },
        },
      },
    ],
  },
});
