/**
 * The runtimes of the matrix beside the Node that runs it: how each is had, and how it runs the program beside it.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type { Report } from "./report.ts";
import { findChromium, CHROMIUM_ARGUMENTS } from "../../scripts/house/chromium.ts";
import { installed, nodeOf } from "./install.ts";
import { page, programWithFiles, root, workFolder } from "./programs.ts";

/** Milliseconds after which a runtime that has not reported is ended. */
const PATIENCE_MS = 180_000;

export interface Runtime {
  readonly name: string;
  /** It has a column in the README's table of what differs. */
  readonly inTable: boolean;
  /** @throws {Error} when the runtime cannot be had here, saying what would bring it, or ends without a report */
  run(): Promise<Report>;
}

interface Ended {
  readonly output: string;
  readonly status: number | null;
}

/** Runs a command to its end. `stop` ends it and what it started before. */
function start(
  command: string,
  parameters: readonly string[],
  env: Record<string, string> = {},
): { readonly ended: Promise<Ended>; stop(): void } {
  // In a group of its own: browsers and display servers start others, which must go too.
  const child = spawn(command, parameters, { cwd: root, detached: true, env: { ...process.env, ...env } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const stop = (): void => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  const patience = setTimeout(stop, PATIENCE_MS);
  const ended = new Promise<Ended>((resolve) => {
    child.on("error", (error) => resolve({ output: String(error), status: null }));
    child.on("close", (status) => resolve({ output, status }));
  });
  void ended.then(() => clearTimeout(patience));
  return { ended, stop };
}

/** A runtime of files whose last line of output is the report. */
function withFiles(name: string, path: () => string, parameters: readonly string[], memories: number): Runtime {
  return {
    name,
    inTable: !name.startsWith("Node "),
    async run() {
      const command = path();
      const work = await workFolder();
      try {
        const { output, status } = await start(command, [...parameters, await programWithFiles(work, memories)]).ended;
        const line = output.trimEnd().split("\n").at(-1) ?? "";
        if (status !== 0 || !line.startsWith("{")) throw new Error(`${name} ended with status ${status}:\n${output}`);
        return JSON.parse(line) as Report;
      } finally {
        await rm(work.folder, { recursive: true, force: true });
      }
    },
  };
}

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** A browser that is only told an address: the page tells its server what came out. */
function browser(
  name: string,
  paths: readonly (string | undefined)[],
  packageName: string,
  command: (path: string, address: string, folder: string) => readonly [string, readonly string[]],
  memories: number,
): Runtime {
  return {
    name,
    inTable: true,
    async run() {
      const path = paths.find((candidate) => candidate !== undefined && existsSync(candidate));
      if (path === undefined) throw new Error(`${name} is not on this machine: Debian's package is ${packageName}`);
      const work = await workFolder();
      const { folder } = work;
      await page(work, memories);
      const served = await serve(folder);
      const browsing = start(...command(path, served.address, folder), { HOME: folder, MOZ_HEADLESS: "1" });
      try {
        return await Promise.race([
          served.report,
          browsing.ended.then(({ output }) => Promise.reject(new Error(`${name} ended without a report:\n${output}`))),
        ]);
      } finally {
        browsing.stop();
        await browsing.ended;
        served.close();
        await rm(folder, { recursive: true, force: true, maxRetries: 5 });
      }
    },
  };
}

/** Serves the package and the folder to a page that is cross-origin isolated, and waits for the page's word. */
async function serve(
  folder: string,
): Promise<{ readonly address: string; readonly report: Promise<Report>; close(): void }> {
  let answer!: (report: Report) => void;
  const report = new Promise<Report>((resolve) => (answer = resolve));
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url!, "http://localhost").pathname);
    // A worker that waits for the page's functions needs memory that both see.
    response.setHeader("cross-origin-opener-policy", "same-origin");
    response.setHeader("cross-origin-embedder-policy", "require-corp");
    if (request.method === "POST") {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        response.end();
        answer(JSON.parse(body) as Report);
      });
      return;
    }
    const file = path === "/" ? join(folder, "index.html") : path.replace(/^\/made\//, `${folder}/`);
    const place = file === path ? join(root, path) : file;
    void readFile(place).then(
      (bytes) => {
        response.setHeader("content-type", TYPES[extname(place)] ?? "application/octet-stream");
        response.end(bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `http://localhost:${port}/`, report, close: () => void server.close() };
}

const webkit = ["4.1", "4.0", "6.0"].map((version) => `/usr/lib/x86_64-linux-gnu/webkit2gtk-${version}/MiniBrowser`);

/** More than a page of Chromium has room for; the others are not asked for their limit, which is in the thousands. */
const MEMORIES = 300;

export const runtimes: readonly Runtime[] = [
  ...["22", "24", "26"].map((major) => withFiles(`Node ${major}`, () => nodeOf(major), [], MEMORIES)),
  withFiles("Deno", () => installed("deno", "2", ".bin/deno"), ["run", "--allow-all", "--no-config"], MEMORIES),
  withFiles("Bun", () => installed("bun", "1", ".bin/bun"), [], MEMORIES),
  browser(
    "Chromium",
    [findChromium()],
    "chromium",
    (path, address, folder) => [
      path,
      [...CHROMIUM_ARGUMENTS, "--headless", `--user-data-dir=${folder}/profile`, address],
    ],
    MEMORIES,
  ),
  browser(
    "Firefox",
    ["/usr/bin/firefox-esr", "/usr/bin/firefox"],
    "firefox-esr",
    (path, address, folder) => [path, ["--headless", "--no-remote", "--profile", folder, address]],
    MEMORIES,
  ),
  browser(
    "WebKitGTK",
    webkit,
    "webkit2gtk-driver with xvfb",
    (path, address) => ["xvfb-run", ["-a", path, address]],
    MEMORIES,
  ),
];
