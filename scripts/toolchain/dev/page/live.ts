/**
 * A card under a function from bytes to bytes, `func(stream<u8>) -> stream<u8>`: runs a stream through it and shows what comes out
 * while it does.
 */
import { toCamelCase } from "../../../../host/model/spelling.ts";
import type { ValueType } from "../../../../host/model/types.ts";
import type { Module } from "../../../../host/module/types.ts";
import type { Callable } from "./describe.ts";
import { formatBytes, freshId, h, plural } from "./dom.ts";
import { chunksOf, flow, type Flow } from "./flow.ts";
import type { Entry } from "./session.ts";

/** Characters of what comes out that are shown: its end. */
const MOST_TEXT = 1200;
/** Milliseconds between the lines of the slow source. */
const PACE_MS = 50;
/** Milliseconds over which the throughput is measured. */
const WINDOW_MS = 1000;

type Source = (signal: AbortSignal) => AsyncIterator<Uint8Array, void>;

const sources: Readonly<Record<string, Source>> = {
  "lines of text, twenty a second": lines,
  "text, as fast as it goes": text,
  "the code of this page, fetched": fetched,
};

async function* lines(signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const encoder = new TextEncoder();
  for (let n = 1; !signal.aborted; n++) {
    yield encoder.encode(`line ${n}: it holds without glue, and comes apart clean\n`);
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
  }
}

async function* text(signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const chunk = new TextEncoder().encode("it holds without glue, and comes apart clean\n".repeat(1456));
  while (!signal.aborted) yield chunk;
}

async function* fetched(signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const script = [...document.scripts].find(({ src }) => src !== "")?.src ?? location.href;
  const { body } = await fetch(script, { signal });
  if (body !== null) yield* chunksOf(body, signal);
}

function isBytes(type: ValueType | undefined): boolean {
  return type?.kind === "stream" && type.type?.kind === "u8";
}

/** The card; `undefined` for any other function. */
export function liveStream(entry: Entry, { kind, group, label, params, result }: Callable): HTMLElement | undefined {
  if (kind !== "function" || params.length !== 1 || !isBytes(params[0]!.type) || !isBytes(result)) return undefined;
  const callOf =
    (module: Module): Flow["call"] =>
    (bytes) => {
      const exports = module.exports as Record<string, unknown>;
      const owner = (group === "" ? exports : exports[group]) as Record<string, Flow["call"]>;
      return owner[toCamelCase(label)]!(bytes);
    };
  const id = freshId("source");
  const select = h(
    "select",
    { id },
    Object.keys(sources).map((name) => h("option", {}, name)),
  );
  const button = h("button", { type: "button", class: "small", onclick: () => void toggle() }, "Start");
  const status = h("p", { class: "hint live-status", role: "status", "aria-live": "off" }, "Nothing has run yet.");
  const out = h("pre", { class: "value live-text", tabindex: 0, "aria-label": "What comes out", hidden: true });
  let running: AbortController | undefined;

  async function toggle(): Promise<void> {
    if (running !== undefined) {
      running.abort();
      return;
    }
    const { module } = entry;
    if (module === undefined) {
      status.textContent = "The module is not loaded: nothing of it is left to call";
      return;
    }
    const { signal } = (running = new AbortController());
    button.textContent = "Stop";
    out.hidden = false;
    const meter = new Meter(out, status, module);
    let end = "Ended";
    try {
      const source = sources[select.value]!(signal);
      for await (const chunk of flow({ module, call: callOf(module), source, signal })) meter.add(chunk);
      if (signal.aborted) end = "Stopped";
    } catch (error) {
      end = `Cut: ${error instanceof Error ? error.message : String(error)}`;
    }
    running = undefined;
    button.textContent = "Start";
    meter.end(end);
  }

  return h(
    "div",
    { class: "live-stream" },
    h("h3", {}, "Live"),
    h(
      "p",
      { class: "doc" },
      "Bytes run through this function into a ",
      h("code", {}, "Response"),
      ", whose text is shown as it comes. A reload meanwhile swaps the module: the call under way ends with what it was given, and the rest goes through the new version.",
    ),
    h("div", { class: "live-row" }, h("label", { for: id }, "Give it"), select, button),
    status,
    out,
  );
}

/** What has come out: how much, how fast and its last lines, drawn with the page's frames. */
class Meter {
  readonly #out: HTMLElement;
  readonly #status: HTMLElement;
  readonly #module: Module;
  readonly #reloads: number;
  readonly #decoder = new TextDecoder();
  readonly #began = performance.now();
  #since = this.#began;
  #before = 0;
  #bytes = 0;
  #rate = 0;
  #tail = "";
  #frame: number | undefined;

  constructor(out: HTMLElement, status: HTMLElement, module: Module) {
    this.#out = out;
    this.#status = status;
    this.#module = module;
    this.#reloads = module.info().reloads;
    this.#draw();
  }

  add(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    // A character takes at most four bytes.
    this.#tail = (this.#tail + this.#decoder.decode(chunk.subarray(-4 * MOST_TEXT), { stream: true })).slice(
      -MOST_TEXT,
    );
    this.#frame ??= requestAnimationFrame(() => this.#draw());
  }

  end(how: string): void {
    this.#draw(how);
  }

  #draw(how = "Running"): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
    const now = performance.now();
    if (how !== "Running") this.#rate = (this.#bytes / (now - this.#began)) * 1000;
    else if (now - this.#since >= WINDOW_MS || this.#before === 0) {
      this.#rate = ((this.#bytes - this.#before) / Math.max(now - this.#since, 1)) * 1000;
      this.#before = this.#bytes;
      this.#since = now;
    }
    const reloads = this.#module.info().reloads - this.#reloads;
    const swapped = reloads === 0 ? "" : `, through ${plural(reloads + 1, "version")}`;
    this.#status.textContent = `${how}: ${formatBytes(this.#bytes)}, ${formatBytes(Math.round(this.#rate))} a second${swapped}`;
    this.#out.textContent = this.#tail;
    this.#out.scrollTop = this.#out.scrollHeight;
  }
}
