/** The cap on suspended stacks, of which an engine has room for some ten thousand. */
import { describe, expect, test } from "vitest";
import { type Host, TrapError, UnloadedError } from "../../../host/node/index.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { providerGuest, suspendedGuest } from "../../memory/suspended.ts";
import { type Any, caught, host } from "../host/support.ts";

const CAP = 1_000;

const wait = (n: number): unknown => (n === 0 ? 7 : new Promise((resolve) => setTimeout(resolve, 1, 7)));

const load = async (here: Host, name: string, imports: object = { fetch: wait }, wat = suspendedGuest): Promise<Any> =>
  here.load(await parseWat(wat), { name, imports } as object) as Promise<Any>;

/** Calls that are suspended for ever. */
const sleepers = (module: Any, count: number): Promise<unknown>[] =>
  Array.from({ length: count }, () => caught(module.exports.sleeps()));

// Nothing is suspended without JavaScript Promise Integration, which Node 20 and 22 do not have.
describe.runIf("Suspending" in WebAssembly)("of suspended stacks there may be 1,000", () => {
  const tooMany = {
    code: "too-many-suspended",
    message: expect.stringContaining(": 1000 calls are suspended already"),
  };

  test("the next call is refused by that code, its module goes on, and what is freed can be used again", async () => {
    const here = host();
    const other = await load(here, "other");
    for (let round = 0; round < 3; round++) {
      const full = await load(here, "full");
      const calls = sleepers(full, CAP - 1);
      expect(await other.exports.fetches(1)).toBe(7);
      calls.push(...sleepers(full, 1));
      expect(await caught(other.exports.fetches(1))).toMatchObject(tooMany);
      expect(other.state).toBe("live");
      await full.unload({ force: true });
      expect(await Promise.all(calls)).toEqual(calls.map(() => expect.any(UnloadedError)));
      expect(await other.exports.fetches(1)).toBe(7);
    }
  });

  test("a guest that has begun and must be suspended traps, and the trap has that cause", async () => {
    const here = host();
    const calls = sleepers(await load(here, "full"), CAP - 1);
    // What it calls is suspended first.
    const provider = await load(here, "provider", { get: wait }, providerGuest);
    const consumer = await load(here, "consumer", {});
    const error = await caught(consumer.exports.fetches(1));
    expect(error).toBeInstanceOf(TrapError);
    expect(error).toMatchObject({ trap: "cannot-block", module: "consumer", cause: tooMany });
    expect([provider.state, consumer.state]).toEqual(["live", "trapped"]);
    expect(calls).toHaveLength(CAP - 1);
  });
});
