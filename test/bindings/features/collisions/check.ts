import { expect } from "vitest";
import type { Check } from "../../check.ts";

export const check: Check = {
  async run({ instantiate }) {
    const exports = await instantiate();
    const { left, right, free } = exports;
    expect(left.make({ w: 3 })).toBe(3);
    expect(right.make({ h: "high" })).toBe("high");
    expect(left.onlyLeft()).toBe("left");
    const item = new left.Item(4);
    expect(item.get()).toBe(4);
    expect(new right.Item("r").get()).toBe("r");
    expect(free.weigh(item)).toBe(8);
    expect(exports["test:lib/api@1.0.0"].ask()).toEqual({ tag: "yes", val: 1 });
    expect(exports["test:lib/api@2.0.0"].ask()).toEqual({ tag: "yes", val: "two" });
    expect(exports.only()).toBe(1);
  },
};
