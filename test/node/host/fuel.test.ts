/** Fuel is exact although the counter is not looked at wherever steps are taken off it. */
import { expect, onTestFinished, test } from "vitest";
import { createHost, LimitError, type Module } from "../../../host/node/index.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";

interface Exports {
  readonly exports: Readonly<Record<string, () => unknown>>;
  readonly imports: object;
}

test("fuel counts what a call took after it last looked: the end of an outer loop", async () => {
  const core = `
    (func $two (result i32) (i32.const 2))
    (func (export "f") (local $i i32) (local $j i32)
      (loop $i (local.set $j (i32.const 0))
        (loop $j (local.set $j (i32.add (local.get $j) (i32.const 1))) (br_if $j (i32.lt_u (local.get $j) (call $two))))
        (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $i (i32.lt_u (local.get $i) (i32.const 10)))
        (if (i32.eqz (local.get $i)) (then (loop $k (br_if $k (call $two)))))))`;
  const bytes = new Uint8Array(
    await parseWat(
      `(component (core module $m ${core}) (core instance $i (instantiate $m)) (func (export "f") (canon lift (core func $i "f"))))`,
    ),
  );
  const host = createHost();
  onTestFinished(async () => void (await host.close()));
  const load = (fuel: number): Promise<Module<Exports>> =>
    host.load<Exports>(bytes, { name: "guest", limits: { fuel } });
  const guest = await load(Infinity);
  guest.exports["f"]!();
  const once = guest.usage().fuel!;
  await guest.unload();
  const enough = await load(once);
  for (let i = 1; i < 4; i++) {
    enough.exports["f"]!();
    expect(enough.usage().fuel).toBe(i * once);
  }
  await enough.unload();
  for (const fuel of [1, once - 40, once - 2, once - 1]) {
    const short = await load(fuel);
    let error: unknown;
    try {
      short.exports["f"]!();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ limit: "fuel", allowed: fuel, export: "f" });
    expect(short.state).toBe("trapped");
    await short.unload();
  }
});
