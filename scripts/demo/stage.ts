/** The tour's voice: headings, lines with their measured times, and checks that fail the tour when they do not hold. */
import { styleText } from "node:util";

let failures = 0;

export function heading(title: string, explanation: string): void {
  console.log(`\n${styleText("bold", title)}`);
  console.log(styleText("dim", wrap(explanation)));
}

/** One line of what happened, with its time when there is one. */
export function say(text: string, durationMs?: number): void {
  const time = durationMs === undefined ? "" : styleText("cyan", duration(durationMs).padStart(9));
  console.log(`${time.padStart(9)}  ${text}`);
}

/** Says that something holds, or that it does not, which fails the tour. */
export function expect(holds: boolean, text: string): void {
  if (!holds) failures++;
  console.log(`${" ".repeat(9)}  ${holds ? styleText("green", "✓") : styleText("red", "✗ did not hold:")} ${text}`);
}

export function failed(): boolean {
  return failures > 0;
}

/** Runs something and says how long it took. */
export async function timed<T>(run: () => T | Promise<T>): Promise<{ value: T; durationMs: number }> {
  const began = performance.now();
  const value = await run();
  return { value, durationMs: performance.now() - began };
}

export function duration(ms: number): string {
  if (ms < 0.001) return `${(ms * 1e6).toFixed(0)} ns`;
  if (ms < 1) return `${(ms * 1e3).toFixed(ms < 0.01 ? 1 : 0)} µs`;
  return ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function wrap(text: string): string {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1)!.length + word.length > 98) lines.push("");
    lines[lines.length - 1] += `${lines.at(-1) === "" ? "" : " "}${word}`;
  }
  return lines.join("\n");
}
