/**
 * The dev server: Vite with the page, the components' bytes, and news of builds over Vite's own web socket.
 *
 * Owns the wiring between Vite's watcher, the {@link Workshop} and open pages. It listens on loopback only.
 */
import type { ServerResponse } from "node:http";
import { type AddressInfo, createServer as createProbe } from "node:net";
import { join, resolve } from "node:path";
import { createServer, type Plugin, type ViteDevServer } from "vite";
import { HELLO, UPDATE, type Update } from "./protocol.ts";
import { Workshop, type WorkshopOptions } from "./workshop.ts";

export interface DevServerOptions extends WorkshopOptions {
  /** Default 5173, or the next one that is free; a port that is given must be free. 0 is any that is free. */
  readonly port?: number | undefined;
  /** Open pages are loaded again when the sources of the host or of the page itself are saved. Default `true`. */
  readonly followHost?: boolean | undefined;
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

const root = resolve(import.meta.dirname, "..", "..", "..");

/** Starts the server and the first builds. @throws {Error} when the port given is taken */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  let vite: ViteDevServer | undefined;
  const workshop = new Workshop(options, (update) => {
    options.onUpdate?.(update);
    vite?.ws.send(UPDATE, update);
  });
  try {
    const port = options.port === 0 ? await freePort() : options.port;
    vite = await createServer({
      configFile: false,
      envFile: false,
      root: join(import.meta.dirname, "page"),
      cacheDir: join(root, "node_modules", ".vite", "tenon-dev"),
      clearScreen: false,
      logLevel: "warn",
      // The page imports the host's own sources and nothing from packages.
      optimizeDeps: { noDiscovery: true },
      server: {
        host: "127.0.0.1",
        ...(port === undefined ? {} : { port, strictPort: true }),
        fs: { allow: [root] },
        // An isolated page gets a clock of microseconds to time calls with.
        headers: { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" },
      },
      plugins: [
        components(workshop),
        watch(workshop),
        greet(workshop),
        ...(options.followHost === false ? [stayPut] : []),
      ],
    });
    await vite.listen();
  } catch (error) {
    await workshop.close();
    await vite?.close();
    throw error;
  }
  const server = vite;
  const ready = workshop.start();
  return {
    url: server.resolvedUrls?.local[0] ?? `http://127.0.0.1:${server.config.server.port}/`,
    ready,
    close: async () => {
      await server.close();
      await workshop.close();
      await ready;
    },
  };
}

/** Vite takes 0 for "the usual one". */
function freePort(): Promise<number> {
  const probe = createProbe();
  return new Promise((settle, refuse) => {
    probe.once("error", refuse);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => settle(port));
    });
  });
}

/** Keeps Vite from loading pages again. */
const stayPut: Plugin = { name: "tenon:stay-put", hotUpdate: () => [] };

/** Serves `/components/<name>/<hash>.wasm`. */
function components(workshop: Workshop): Plugin {
  return {
    name: "tenon:components",
    configureServer(server) {
      server.middlewares.use("/components", (request, response) => {
        const match = /^\/([^/]+)\/([0-9a-f]{64})\.wasm$/.exec((request.url ?? "").replace(/\?.*$/, ""));
        const name = match === null ? "" : decoded(match[1]!);
        if (name === undefined) {
          response.writeHead(400, { "content-type": "text/plain" }).end("The address is not spelt as an address is");
          return;
        }
        sendComponent(response, match === null ? undefined : workshop.component(name, match[2]!));
      });
    },
  };
}

/** `undefined` when what follows a percent sign is no character. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function sendComponent(response: ServerResponse, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) {
    response
      .writeHead(404, { "content-type": "text/plain" })
      .end("There is no such component, or a newer one is served");
    return;
  }
  // The hash is in the URL: what is fetched once never changes.
  const headers = { "content-type": "application/wasm", "cache-control": "public, max-age=31536000, immutable" };
  response.writeHead(200, { ...headers, "content-length": bytes.byteLength }).end(bytes);
}

/** Hands what Vite's watcher sees to the workshop. */
function watch(workshop: Workshop): Plugin {
  return {
    name: "tenon:watch",
    configureServer(server) {
      server.watcher.add([...workshop.watched]);
      server.watcher.on("all", (_event, path) => workshop.changed(path));
    },
  };
}

/** Answers a page that opens with the state of every module. */
function greet(workshop: Workshop): Plugin {
  return {
    name: "tenon:greet",
    configureServer(server) {
      server.ws.on(HELLO, (_data, client) => {
        for (const update of workshop.updates()) client.send(UPDATE, update);
      });
    },
  };
}
