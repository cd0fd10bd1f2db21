/**
 * What a test inside the page may ask of Node: tools that need files, and figures that only the browser's own protocol
 * gives. Runs in Node; `page-commands.d.ts` tells the page's tests what there is.
 */
import { readFile } from "node:fs/promises";
import type { BrowserCommand } from "vitest/node";
import * as tools from "../../scripts/toolchain/wasm-tools.ts";
import { buildFaults } from "../node/real/faults.ts";
import { clang, command, rustc, rustCommand } from "../node/wasi/support.ts";
import { componentize, type JavaScriptModule } from "../node/real/componentize.ts";

/** Runs one of the tools; bytes travel as base64, in both directions. */
const wasmTools: BrowserCommand<[tool: string, parameters: readonly unknown[]]> = async (_, tool, parameters) => {
  const bytes = (base64: unknown): Uint8Array => new Uint8Array(Buffer.from(String(base64), "base64"));
  const [first, second] = parameters;
  const run: Record<string, () => Promise<Uint8Array>> = {
    parseWat: () => tools.parseWat(String(first)),
    componentEmbed: () => tools.componentEmbed(bytes(first), second as tools.EmbedOptions),
    componentNew: () => tools.componentNew(bytes(first)),
    embedWorld: () => tools.embedWorld(first as tools.EmbedOptions),
  };
  const result = await run[tool]?.();
  if (result === undefined) throw new Error(`No such tool: ${tool}`);
  return Buffer.from(result).toString("base64");
};

/** What jco's transpiler writes for a component: files by name, as base64. */
const transpile: BrowserCommand<[component: string, options: object]> = async (_, component, options) => {
  const { files } = await tools.transpile(new Uint8Array(Buffer.from(component, "base64")), options);
  return Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")]),
  );
};

/** Bytes of memory that the page's renderer process holds, as the operating system counts them. Linux only. */
const rendererResident: BrowserCommand<[]> = async ({ page, context }) => {
  const session = await context.newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  await session.detach();
  const browser = await context.browser()!.newBrowserCDPSession();
  const { processInfo } = (await browser.send("SystemInfo.getProcessInfo")) as {
    processInfo: readonly { id: number; type: string }[];
  };
  await browser.detach();
  const renderers = processInfo.filter(({ type }) => type === "renderer");
  const sizes = await Promise.all(
    renderers.map(async ({ id }) => {
      const status = await readFile(`/proc/${id}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
};

/** A component made of JavaScript: 12 MB of an engine. */
const javaScriptComponent: BrowserCommand<[module: JavaScriptModule]> = async (_, module) =>
  Buffer.from(await componentize(module)).toString("base64");

/** The module that faults in every way, built for debugging. */
const faultsBuilt: BrowserCommand<[]> = async () => {
  const { bytes, ...rest } = await buildFaults();
  return { ...rest, bytes: Buffer.from(bytes).toString("base64") };
};

/** The compilers for programs of C and Rust that this machine has. */
const nativeCompilers: BrowserCommand<[]> = async () => ({ clang, rustc });

/** A program of C or Rust that exports `wasi:cli/run`. */
const nativeCommand: BrowserCommand<[language: "C" | "Rust", source: string]> = async (_, language, source) =>
  Buffer.from(await (language === "C" ? command : rustCommand)(source)).toString("base64");

export const browserCommands = {
  wasmTools,
  transpile,
  rendererResident,
  javaScriptComponent,
  buildFaults: faultsBuilt,
  nativeCompilers,
  nativeCommand,
};
