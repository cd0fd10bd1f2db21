import { expect } from "vitest";
import type { Check } from "../../check.ts";

/** The world has nothing that takes text, so `console` and `trace` vanish and leave no import behind. */
export const check: Check = {
  async run({ instantiate }) {
    expect((await instantiate({})).run()).toBe(3);
  },
};
