/** What `npm pack` would ship, made once, and a folder that serves files to a browser. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize, resolve } from "node:path";
import { promisify } from "node:util";

export const root = resolve(import.meta.dirname, "..", "..", "..");
const execute = promisify(execFile);

/** Runs a program; its output is in the error when it fails. */
export async function run(command: string, parameters: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await execute(command, [...parameters], { cwd, maxBuffer: 1 << 24 });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${parameters.join(" ")} failed\n${stdout}\n${stderr}`, { cause: error });
  }
}

export interface Packed {
  /** A folder of its own, removed by {@link Packed.remove}. */
  readonly folder: string;
  readonly tarball: string;
  /** Paths inside the package. */
  readonly files: readonly string[];
  /** Bytes of them all, unpacked. */
  readonly bytes: number;
  remove(): Promise<void>;
}

/** Packs the package into a new folder. */
export async function pack(): Promise<Packed> {
  const folder = await mkdtemp(join(tmpdir(), "tenon-package-"));
  // What is packed has been built before the tests began; built again, it would be gone for a moment under the other tests.
  const output = await run(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--loglevel", "error", "--pack-destination", folder],
    root,
  );
  const [report] = JSON.parse(output.slice(output.indexOf("[\n"))) as [
    { filename: string; unpackedSize: number; files: { path: string }[] },
  ];
  return {
    folder,
    tarball: join(folder, report.filename),
    files: report.files.map(({ path }) => path),
    bytes: report.unpackedSize,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
};

/** Serves a folder on loopback, every answer with the same headers. */
export async function serve(
  folder: string,
  headers: Record<string, string> = {},
): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
    readFile(join(folder, path === "/" ? "index.html" : path)).then(
      (bytes) => {
        response.writeHead(200, { "content-type": TYPES[extname(path)] ?? TYPES[".html"], ...headers });
        response.end(bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((settle) => server.close(settle));
    },
  };
}
