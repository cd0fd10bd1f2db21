/**
 * A module's memory over the last minute, as a step line with marks where something happened.
 */
import { formatBytes, freshId, svg } from "./dom.ts";

/** How far back a plot reaches; a page that has just been opened shows less. */
const WINDOW_MS = 60_000;
const SHORTEST_MS = 10_000;

export interface Sample {
  /** `performance.now()`. */
  readonly at: number;
  readonly bytes: number;
}

export interface Mark {
  readonly at: number;
  readonly kind: "reload" | "trap" | "exit" | "unload";
}

/** What a module's memory was: only changes are kept. */
export class MemoryHistory {
  readonly marks: Mark[] = [];
  #samples: Sample[] = [];

  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** @returns whether it is another figure than before */
  add(bytes: number, at: number = performance.now()): boolean {
    const changed = this.#samples.at(-1)?.bytes !== bytes;
    if (changed) this.#samples.push({ at, bytes });
    // The last sample before the window says how the line enters it.
    while (this.#samples.length > 1 && this.#samples[1]!.at < at - WINDOW_MS) this.#samples.shift();
    while (this.marks.length > 0 && this.marks[0]!.at < at - WINDOW_MS) this.marks.shift();
    return changed;
  }

  mark(kind: Mark["kind"]): void {
    this.marks.push({ at: performance.now(), kind });
  }

  get now(): number {
    return this.#samples.at(-1)?.bytes ?? 0;
  }

  get most(): number {
    return this.#samples.reduce((most, { bytes }) => Math.max(most, bytes), 0);
  }
}

export interface PlotOptions {
  readonly width: number;
  readonly height: number;
  readonly label: string;
  /** With lines for the scale, and marks. */
  readonly detailed: boolean;
}

/** Draws a history as it is now. */
export function drawPlot(history: MemoryHistory, { width, height, label, detailed }: PlotOptions): SVGElement {
  const now = performance.now();
  const top = scale(history.most);
  const first = history.samples[0]?.at ?? now;
  const window = Math.min(WINDOW_MS, Math.max(SHORTEST_MS, now - first));
  const x = (at: number): number => round(Math.max(0, width * (1 - (now - at) / window)));
  const y = (bytes: number): number => round(height - 1 - (height - 4) * (bytes / top));
  const samples = history.samples;
  let line = "";
  samples.forEach(({ at, bytes }, index) => {
    line += index === 0 ? `M${x(at)} ${y(bytes)}` : `H${x(at)}V${y(bytes)}`;
  });
  const title = `${label}: ${formatBytes(history.now)} now, ${formatBytes(history.most)} at most in the last minute`;
  const id = freshId("plot");
  const drawing: SVGElement[] = [svg("title", { id }, title)];
  if (detailed) {
    for (const share of [1, 0.5]) {
      const level = y(top * share);
      drawing.push(svg("line", { class: "grid", x1: 0, x2: width, y1: level, y2: level }));
      drawing.push(svg("text", { class: "scale", x: 4, y: level + 11 }, formatBytes(top * share)));
    }
    for (const { at, kind } of history.marks) {
      drawing.push(svg("line", { class: `mark ${kind}`, x1: x(at), x2: x(at), y1: 2, y2: height }));
    }
  }
  if (samples.length > 0) {
    line += `H${width}`;
    drawing.push(svg("path", { class: "area", d: `${line}V${height}H${x(samples[0]!.at)}Z` }));
    drawing.push(svg("path", { class: "line", d: line }));
  }
  return svg(
    "svg",
    {
      class: "plot",
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-labelledby": id,
      preserveAspectRatio: "none",
    },
    drawing,
  );
}

/** The top of the scale: the next power of two, so that the line does not jump with every page of memory. */
function scale(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(bytes * 1.1, 65_536)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
