import { expect } from "vitest";
import type { Check } from "../../check.ts";

/** The world has nothing that takes text, so `console` and `trace` go to the console that the component then imports. */
export const check: Check = {
  async run({ instantiate }) {
    const said: string[] = [];
    const note =
      (what: string) =>
      (...words: string[]): void =>
        void said.push([what, ...words].join(" "));
    const console = { write: note("write"), time: note("time"), timeEnd: note("end"), timeLog: note("log") };
    const { run } = await instantiate({ "tenon:module/console": console });
    expect(run()).toBe(3);
    expect(said).toEqual([
      ...["write log hello", "write error Assertion failed: no", "time t", "end t"],
      "write log trace: numbers 1.0, 2.5",
    ]);
  },
};
