import { expect } from "vitest";
import type { Check } from "../../check.ts";

export const check: Check = {
  build: { world: "w" },
  async run({ name, instantiate }) {
    const lines: unknown[] = [];
    class Canvas {
      readonly #size: { width: number; height: number };
      constructor(size: { width: number; height: number }) {
        this.#size = size;
      }
      area() {
        return BigInt(this.#size.width * this.#size.height);
      }
    }
    const count = (n: number) => n * 2;
    const draw = (card: { title: string; size: object }) => ({ ...card, title: `<${card.title}>` });
    const imports = {
      "test:worlds/types@2.1.0": { Canvas },
      helper: { grow: ({ width, height }: { width: number; height: number }) => ({ width: width + 1, height }) },
      "test:log/log@0.1.0": { write: (line: object) => void lines.push(line) },
      "test:log/log@0.2.0": { write: (line: object) => lines.push(line) },
      count,
      draw,
    };
    // jco tells imports by their name without a version, so it cannot be given two versions of one interface.
    const exports = await instantiate(imports);
    const shapes = exports.shapes;
    expect(exports.begin()).toBe("began");
    expect(shapes.frame({ width: 1, height: 2 }, "fancy")).toEqual({ inner: { width: 2, height: 2 }, sort: "fancy" });
    expect(
      shapes.biggest([
        { width: 1, height: 9 },
        { width: 4, height: 4 },
      ]),
    ).toEqual({ width: 4, height: 4 });
    expect(shapes.biggest([])).toBe(undefined);
    expect(shapes.cover(new Canvas({ width: 2, height: 3 }))).toBe(106n);
    expect(exports.gated.plain()).toBe(1);
    expect(exports.gated.since()).toBe(2);
    expect(exports.gated.later).toBe(undefined);
    expect(exports.inspect.getState()).toEqual(["busy", 7]);
    const card = { title: "t", size: { width: 1, height: 1 } };
    expect(exports.redraw(card)).toEqual({ ...card, title: "<t!>" });
    expect(exports.total(3, 4)).toBe(14);
    if (name === "tenon") {
      exports.logBoth("hi");
      expect(lines).toEqual([{ text: "hi" }, { text: "first", level: 1 }, { text: "hi", level: 2 }]);
    }
  },
};
