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
};

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
 * Imports of WASI 0.2 for components, to stand in `imports` of `createHost` or `load`. Each module gets a state of its own, which
 * ends with it. What the options do not give is denied.
 * @throws {UsageError} for options that do not exist or do not fit
 */
export function wasi(options?: WasiOptions): WasiImports {
  return wasiOn(platform, options);
}
