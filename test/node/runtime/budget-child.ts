/**
 * Run by budget-end.test.ts in a process of its own with a small heap: modules that would end it, and one that is to serve
 * after each of them. Prints a line for each as it goes, so that the last line tells which one the process did not survive.
 */
import { createHost, LimitError } from "../../../host/node/index.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { handles, lists } from "./greedy.ts";

type Exports = Record<string, (...args: number[]) => unknown>;

const attacks: readonly (readonly [string, string, (exports: Exports) => unknown])[] = [
  ["list<bool> of 2^28 - 1 elements", lists("bool", 4096), (it) => it["list"]!(0, 2 ** 28 - 1)],
  ["list<option<bool>> of 2^27 - 1 elements", lists("(option bool)", 4096), (it) => it["list"]!(0, 2 ** 27 - 1)],
  ["list<tuple<bool>> of 10^8 elements", lists("(tuple bool)", 4096), (it) => it["list"]!(0, 10 ** 8)],
  ["8,000 descriptors of the same 120 kB", lists("u8", 2), (it) => it["aliased"]!(8_000, 120_000)],
  ["2^28 handles", handles, (it) => it["make"]!(2 ** 28)],
];

async function main(): Promise<void> {
  const host = createHost();
  const witness = await host.load(await parseWat(lists("u8", 1)), { name: "witness" });
  for (const [name, text, attack] of attacks) {
    const module = await host.load(await parseWat(text), { name: "greedy" });
    console.log(`begins ${name}`);
    let ended = "returned";
    try {
      attack(module.exports as Exports);
    } catch (error) {
      ended = error instanceof LimitError ? `LimitError ${error.limit}` : String(error);
    }
    const serves = (witness.exports as Exports)["text"]!() === "a";
    console.log(`ended ${name}: ${ended}, ${module.state}, another module ${serves ? "serves" : "does not serve"}`);
    await module.unload({ force: true });
  }
  await host.close();
  console.log("closed");
}

await main();
