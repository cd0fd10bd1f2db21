/**
 * Finds the machine's Chromium for the browser tests, or installs it where that can be done, or says what to do.
 *
 * Owns where a browser is looked for and how it is started headless; does not own what is run in it.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

/** Environment variables that name a Chromium, in the order they are read. */
const VARIABLES = ["CHROMIUM_PATH", "PLAYWRIGHT_CHROMIUM_EXECUTABLE_PATH"] as const;

const COMMANDS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"] as const;

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/google-chrome",
  "/snap/bin/chromium",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
] as const;

/** What starts Chromium the same way everywhere: quiet, without services that reach for the network. */
export const CHROMIUM_ARGUMENTS: readonly string[] = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Chromium refuses to start its sandbox for root, which is who runs tests in a container.
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
];

/**
 * The path of a Chromium that can be run, or `undefined`.
 *
 * @throws {Error} when an environment variable names one that cannot be run: no other is taken in its place
 */
export function findChromium(
  environment: NodeJS.ProcessEnv = process.env,
  places: readonly string[] = [...PLACES, chromium.executablePath()],
): string | undefined {
  for (const variable of VARIABLES) {
    const path = environment[variable];
    if (path === undefined || path === "") continue;
    if (!isExecutable(path)) throw new Error(`${variable} names ${path}, which is not a program that can be run`);
    return path;
  }
  const onPath = (environment["PATH"] ?? "")
    .split(delimiter)
    .filter((directory) => directory !== "")
    .flatMap((directory) => COMMANDS.map((command) => join(directory, command)));
  return [...onPath, ...places].find((path) => existsSync(path) && isExecutable(path));
}

/** What to tell a person whose machine has no Chromium. */
export const CHROMIUM_HELP: string =
  "No Chromium was found, and the browser tests need one. Install the `chromium` package of your system " +
  "(`apt-get install chromium` on Debian), or run `npx playwright-core install chromium`, or set " +
  `${VARIABLES[0]} to the path of a Chromium or Chrome`;

/**
 * The path of Chromium, installed first where it is missing and this is root on a Debian machine.
 *
 * @throws {Error} that says what to do, when there is none and none can be installed
 */
export function ensureChromium(log: (line: string) => void = () => {}): string {
  const found = findChromium();
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && existsSync("/etc/debian_version")) {
    log("Chromium is missing: installing Debian's package `chromium`");
    const apt = (...parameters: string[]): string | undefined => {
      const run = spawnSync("apt-get", ["-q", "-y", ...parameters], {
        encoding: "utf8",
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      });
      return run.status === 0 ? undefined : run.stderr || String(run.error ?? `status ${run.status}`);
    };
    const failure = apt("update") ?? apt("install", "--no-install-recommends", "chromium");
    const installed = findChromium();
    if (installed !== undefined) return installed;
    throw new Error(
      `${CHROMIUM_HELP}\nInstalling it with apt-get failed: ${failure ?? "it is not where it should be"}`,
    );
  }
  throw new Error(CHROMIUM_HELP);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
