/**
 * Which tests run where: in Node, in Node with a collector to call, and in a real Chromium.
 *
 * `npm test` builds what the tests need and then runs this; `npx vitest --config test/vitest.config.ts` runs it as is.
 */
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { CHROMIUM_ARGUMENTS, findChromium } from "../scripts/chromium.ts";
import { browserCommands } from "./browser-commands.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const executablePath = findChromium();

export default defineConfig({
  root,
  test: {
    reporters: ["default", fileURLToPath(new URL("reporter.ts", import.meta.url))],
    projects: [
      {
        root,
        test: {
          name: "node",
          include: ["test/**/*.test.ts"],
          exclude: ["test/browser/**", "test/memory/**", "**/node_modules/**"],
          // Compiling a module with asc takes seconds on a slow machine.
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        root,
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
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          globalSetup: fileURLToPath(new URL("browser-setup.ts", import.meta.url)),
          testTimeout: 60_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                ...(executablePath === undefined ? {} : { executablePath }),
                args: [...CHROMIUM_ARGUMENTS],
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
