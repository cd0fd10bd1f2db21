/**
 * What a page or a worker gives the host: fetch, hashes, macrotasks.
 */
import type { Platform, SourceLimits } from "../platform.ts";
import type { EnginePlatform } from "../runtime/engine.ts";
import { inThread } from "../runtime/in-thread.ts";
import { fetchError } from "../runtime/response.ts";

export const browserPlatform: EnginePlatform = {
  name: typeof document === "undefined" ? "worker" : "browser",
  engines: {
    thread: inThread,
    others: { open: async (...given) => (await import("./isolation.ts")).open(...given) },
  },
  open,
  sha256: digest,
  macrotask,
  // Present when the browser was started with it exposed, as tests do.
  get collect(): Platform["collect"] {
    const gc = (globalThis as { gc?: (options?: object) => unknown }).gc;
    if (gc === undefined) return undefined;
    return async () => {
      await gc({ type: "major", execution: "async" });
      await macrotask();
      await gc({ type: "major", execution: "async" });
    };
  },
};

async function open(source: string | URL, limits?: SourceLimits): Promise<Response> {
  try {
    return await fetch(new URL(source, globalThis.location?.href), { signal: limits?.signal ?? null });
  } catch (cause) {
    throw fetchError(source, cause);
  }
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  // Only secure contexts have it.
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) return (await import("../binary/sha256.ts")).sha256(bytes);
  const hash = new Uint8Array(await subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A message to oneself: unlike timers, browsers do not slow it down. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
