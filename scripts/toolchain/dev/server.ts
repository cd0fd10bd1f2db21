/**
 * The dev server: the page, the components' bytes, and a stream of news about builds.
 *
 * Owns the line between the {@link Workshop} and open pages. It listens on loopback only, and answers to no other name.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { TenonError } from "../../../host/errors.ts";
import { FolderWatch } from "../build/folder-watch.ts";
import { packageRoot } from "../build/root.ts";
import { EVENTS, type Message, type Update } from "./protocol.ts";
import { Workshop, type WorkshopOptions } from "./workshop.ts";

export interface DevServerOptions extends WorkshopOptions {
  /** Default 5173, or the next one that is free; a port that is given must be free. 0 is any that is free. */
  readonly port?: number | undefined;
  /** The folder of the page's files. Open pages are loaded again when its code changes. Default the one that is shipped. */
  readonly page?: string | undefined;
  /** Hears of every build, for a log. */
  readonly onUpdate?: ((update: Update) => void) | undefined;
}

export interface DevServer {
  /** Where the page is. */
  readonly url: string;
  /** Settles when the first build of every module has ended. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** A port that was asked for belongs to another program. */
export class PortInUseError extends TenonError {
  readonly port: number;
  constructor(port: number, options?: { cause?: unknown }) {
    super("port-in-use", `Port ${port} is already in use: end what uses it, or choose another with --port`, options);
    this.port = port;
  }
}

const FIRST_PORT = 5173;
/** Ports tried after the first, where none was asked for. */
const MORE_PORTS = 50;

/** In the package the page is beside this file; from the sources it is where `npm run build:package` and `npm run dev` put it. */
const shippedPage = import.meta.url.endsWith(".ts")
  ? join(packageRoot, "dist", "scripts", "toolchain", "dev", "page")
  : join(import.meta.dirname, "page");

/** Starts the server and the first builds. @throws {PortInUseError} when the port given is taken */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { page = shippedPage, port, onUpdate } = options;
  const pages = new Pages(page);
  await pages.read();
  const workshop = new Workshop(options, (update) => {
    onUpdate?.(update);
    pages.tell(update);
  });
  const server = createServer((request, response) => {
    answer(request, response, pages, workshop).catch(() => response.destroy());
  });
  await listen(server, port);
  const following = new FolderWatch(
    () => void pages.follow(workshop),
    () => {},
  );
  following.set(new Set([page]));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    ready: workshop.start(),
    close: async () => {
      following.close();
      pages.close();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await workshop.close();
    },
  };
}

async function listen(server: Server, asked: number | undefined): Promise<void> {
  const last = asked ?? FIRST_PORT + MORE_PORTS;
  for (let port = asked ?? FIRST_PORT; ; port++) {
    try {
      await new Promise<void>((settle, refuse) => {
        server.once("error", refuse);
        server.listen(port, "127.0.0.1", () => {
          server.off("error", refuse);
          settle();
        });
      });
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EADDRINUSE") throw error;
      if (port >= last) throw new PortInUseError(port, { cause: error });
    }
  }
}

/** The page's files, and the pages that are open. */
class Pages {
  private readonly folder: string;
  private readonly open = new Set<ServerResponse>();
  private version = "";

  constructor(folder: string) {
    this.folder = folder;
  }

  /** A file of the page; `undefined` when there is none of that name. */
  file(name: string): Promise<Buffer | undefined> {
    return readFile(join(this.folder, name)).catch(() => undefined);
  }

  /** @returns whether the page's code has changed */
  async read(): Promise<boolean> {
    const code = await this.file("main.js");
    // It is being written: it will change again.
    if (code === undefined || code.length === 0) return false;
    const before = this.version;
    this.version = createHash("sha256").update(code).digest("hex");
    return before !== this.version;
  }

  /** Tells open pages when the page's own code has changed. */
  async follow(workshop: Workshop): Promise<void> {
    if (await this.read()) for (const page of this.open) this.greet(page, workshop);
  }

  add(page: ServerResponse, workshop: Workshop): void {
    page.writeHead(200, { ...HEADERS, "content-type": "text/event-stream" });
    this.open.add(page);
    page.once("close", () => this.open.delete(page));
    this.greet(page, workshop);
  }

  tell(update: Update): void {
    for (const page of this.open) send(page, update);
  }

  close(): void {
    for (const page of this.open) page.end();
  }

  private greet(page: ServerResponse, workshop: Workshop): void {
    send(page, { kind: "hello", names: workshop.names(), page: this.version });
    for (const update of workshop.updates()) send(page, update);
  }
}

function send(page: ServerResponse, message: Message): void {
  page.write(`data: ${JSON.stringify(message)}\n\n`);
}

const HEADERS = {
  // An isolated page gets a clock of microseconds to time calls with.
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  pages: Pages,
  workshop: Workshop,
): Promise<void> {
  const refuse = (status: number, text: string): void => {
    response.writeHead(status, { ...HEADERS, "content-type": "text/plain; charset=utf-8" }).end(text);
  };
  // A page from elsewhere may have had its own name point here, and would read the sources.
  if (!/^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i.test(request.headers.host ?? "")) {
    return refuse(403, "The dev server answers to localhost only");
  }
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(405, "The dev server is only read");
  const path = (request.url ?? "/").replace(/\?.*$/, "");
  if (path === EVENTS) return pages.add(response, workshop);
  const component = /^\/components\/([^/]+)\/([0-9a-f]{64})\.wasm$/.exec(path);
  if (component !== null) {
    const name = decoded(component[1]!);
    if (name === undefined) return refuse(400, "The address is not spelt as an address is");
    const bytes = workshop.component(name, component[2]!);
    if (bytes === undefined) return refuse(404, "There is no such component, or a newer one is served");
    // The hash is in the URL: what is fetched once never changes.
    const headers = { "content-type": "application/wasm", "cache-control": "public, max-age=31536000, immutable" };
    response.writeHead(200, { ...HEADERS, ...headers, "content-length": bytes.byteLength }).end(bytes);
    return;
  }
  const name = path === "/" ? "index.html" : (/^\/([\w-]+\.(?:js|css|svg))$/.exec(path)?.[1] ?? "");
  const file = name === "" ? undefined : await pages.file(name);
  if (file === undefined) return refuse(404, "There is nothing here");
  response.writeHead(200, { ...HEADERS, "content-type": TYPES[extname(name)] }).end(file);
}

/** `undefined` when what follows a percent sign is no character. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
