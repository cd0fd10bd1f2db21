/**
 * `tenon/wasi` in Node: WASI with the program's own standard streams, sleeping in this thread and the channel `tenon:access`.
 */
import diagnostics from "node:diagnostics_channel";
import { readSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { CLOSED } from "../wasi/io/streams.ts";
import type { WasiOptions } from "../wasi/options.ts";
import { wasiOn, type WasiImports } from "../wasi/provider.ts";
import type { WasiPlatform } from "../wasi/state.ts";

export * from "../wasi/public.ts";
export { directory } from "./files/directory.ts";

/** Milliseconds between two looks at a descriptor that is not ready, which Node has no other way to wait for in this thread. */
const LOOK_MS = 1;
/** Bytes that are read at once. */
const MOST_READ = 65_536;

const cell = new Int32Array(new SharedArrayBuffer(4));
const sleep = (ms: number): void => void Atomics.wait(cell, 0, 0, ms);

/** The interfaces of `wasi:sockets`, whose faces are loaded when a component imports them. */
const SOCKETS = [
  "instance-network",
  "network",
  "ip-name-lookup",
  "tcp",
  "tcp-create-socket",
  "udp",
  "udp-create-socket",
].map((name) => `wasi:sockets/${name}`);

const platform: WasiPlatform = {
  sleep,
  monotonic: process.hrtime.bigint,
  inherit: {
    stdin: readStdin,
    stdout: (bytes) => writeAll(1, bytes),
    stderr: (bytes) => writeAll(2, bytes),
    isTerminal: isatty,
    stdinStream,
  },
  audit: diagnostics.channel("tenon:access"),
  faces: {
    ...Object.fromEntries(
      SOCKETS.map((name) => [name, { load: async () => (await import("./net/faces.ts")).socketFaces[name]! }]),
    ),
    "wasi:http/outgoing-handler": {
      load: async () => {
        const [{ outgoingHandler }, { carry }] = await Promise.all([
          import("../wasi/http/outgoing.ts"),
          import("./net/http.ts"),
        ]);
        return (state) => outgoingHandler(state, carry);
      },
    },
  },
  faces3: {
    "wasi:sockets/types": { load: async () => (await import("./net/p3/faces.ts")).types },
    "wasi:sockets/ip-name-lookup": { load: async () => (await import("./net/p3/faces.ts")).lookup },
    "wasi:http/client": {
      load: async () => {
        const [{ client }, { carry }] = await Promise.all([
          import("../wasi/p3/http/client.ts"),
          import("./net/http.ts"),
        ]);
        return (state) => client(state, carry);
      },
    },
  },
};

/** Standard input as it comes. It keeps the program running while somebody waits for it, and no longer. */
function stdinStream(): ReturnType<NonNullable<WasiPlatform["inherit"]["stdinStream"]>> {
  const { stdin } = process;
  // Told to who reads.
  stdin.on("error", () => undefined);
  const changed = (): Promise<void> =>
    new Promise((resolve) => {
      const events = ["readable", "end", "close", "error"];
      const done = (): void => {
        for (const event of events) stdin.off(event, done);
        stdin.unref?.();
        resolve();
      };
      stdin.ref?.();
      for (const event of events) stdin.on(event, done);
    });
  return {
    async read() {
      for (;;) {
        const bytes = stdin.read() as Uint8Array | null;
        if (bytes !== null) return new Uint8Array(bytes);
        if (stdin.errored) throw stdin.errored;
        if (stdin.readableEnded || stdin.destroyed) return undefined;
        await changed();
      }
    },
    close: () => stdin.unref?.(),
  };
}

function readStdin(most: number): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.min(most, MOST_READ));
  for (;;) {
    try {
      const length = readSync(0, bytes);
      return length === 0 ? undefined : bytes.subarray(0, length);
    } catch (error) {
      if (codeOf(error) === "EOF") return undefined;
      if (codeOf(error) !== "EAGAIN") throw error;
      sleep(LOOK_MS);
    }
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if (codeOf(error) === "EPIPE") throw CLOSED;
      if (codeOf(error) !== "EAGAIN") throw error;
      sleep(LOOK_MS);
    }
  }
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}

/**
 * Imports of WASI 0.2 and 0.3 for components, to stand in `imports` of `createHost` or `load`. Each module gets a state of its own, which
 * ends with it. What the options do not give is denied.
 * @throws {UsageError} for options that do not exist or do not fit
 */
export function wasi(options?: WasiOptions): WasiImports {
  return wasiOn(platform, options);
}
