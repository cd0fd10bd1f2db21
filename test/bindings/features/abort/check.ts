import { expect } from "vitest";
import { type Check, trapOf } from "../../check.ts";

export const check: Check = {
  async run({ name, instantiate }) {
    const trap = async (call: string, ...args: unknown[]) => {
      const exports = await instantiate();
      return trapOf(() => exports[call](...args));
    };
    expect((await instantiate()).check(9)).toBe(9);
    // Other hosts see an ordinary trap; tenon reads the message too.
    if (name === "jco") {
      expect(await trap("fail", "no")).toBeInstanceOf(WebAssembly.RuntimeError);
      return;
    }
    expect(await trap("fail", "Nö 😀")).toMatchObject({
      trap: "unreachable",
      guestMessage: "Nö 😀",
      position: { file: "index.ts", line: 4, column: 3 },
    });
    expect(await trap("check", 10)).toMatchObject({
      guestMessage: "The value is too large",
      position: { file: "index.ts", line: 8 },
    });
    expect(await trap("wrongCase")).toMatchObject({ guestMessage: "The result is an error, so it has no value" });
    expect(await trap("noValue")).toMatchObject({ trap: "unreachable", position: { file: "index.ts", line: 18 } });
    expect(await trap("plain")).toMatchObject({ trap: "unreachable", guestMessage: undefined, position: undefined });
    expect((await instantiate())["random"](7n)).toBeLessThan(1);
    expect(await trap("random", 0n)).toMatchObject({ guestMessage: expect.stringMatching(/has no seed/) });
    expect(await trap("fillMemory")).toMatchObject({ trap: "out-of-memory" });
  },
};
