import { expect } from "vitest";
import type { Check } from "../../check.ts";

/** The world can take a line of text, so `console` and `trace` go there. */
export const check: Check = {
  async run({ instantiate }) {
    const lines: string[] = [];
    const exports = await instantiate({ log: (line: string) => void lines.push(line) });
    exports.run();
    expect(lines).toEqual(["direct", "hello", "bad", "trace: plain", "trace: numbers 1.0, 2.5"]);
  },
};
