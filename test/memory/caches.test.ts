/** What is cached of components goes with them: large ones leave nothing behind. */
import { expect, test } from "vitest";
import { joined, u32Bytes } from "../../host/binary/framing.ts";
import { compile, createHost } from "../../host/node/index.ts";
import { settle } from "./helpers.ts";

const utf8 = new TextEncoder();
const RESOURCES = 12_000;
const COMPONENTS = 20;

/** A component of some 100 kB whose imports are resources, each of a name that only this component has. */
function large(number: number): Uint8Array<ArrayBuffer> {
  const imports = Array.from({ length: RESOURCES }, (_, i) => {
    const name = utf8.encode(`r${number}x${i}`);
    // An import named plainly, of a type that is a resource.
    return joined([[0], u32Bytes(name.length), name, [3, 1]]);
  });
  const contents = joined([u32Bytes(RESOURCES), ...imports]);
  return joined([[0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0], [10], u32Bytes(contents.length), contents]);
}

async function heapMiB(): Promise<number> {
  await settle();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

async function loadAndUnload(numbers: readonly number[]): Promise<void> {
  const host = createHost();
  for (const number of numbers) await (await host.load(large(number), { name: `large-${number}` })).unload();
  await host.close();
}

test("large components that were loaded and unloaded leave the heap as it was", async () => {
  await loadAndUnload([-1, -2]);
  const before = await heapMiB();
  await loadAndUnload(Array.from({ length: COMPONENTS }, (_, i) => i));
  const after = await heapMiB();
  console.log(`heap: ${before.toFixed(1)} MiB before ${COMPONENTS} large components, ${after.toFixed(1)} MiB after`);
  expect(after - before).toBeLessThan(10);
});

test("negative control: while they are held, they take more than that", async () => {
  const before = await heapMiB();
  const held = await Promise.all([101, 102, 103].map((number) => compile(large(number))));
  expect(((await heapMiB()) - before) / held.length).toBeGreaterThan(10 / COMPONENTS);
  expect(held).toHaveLength(3);
});

test("small components stay known for a while without a user, within a bound", async () => {
  const before = await heapMiB();
  for (let number = 0; number < 3_000; number++) {
    const name = utf8.encode(`type-${number}`);
    const contents = joined([[1, 0], u32Bytes(name.length), name, [3, 1]]);
    await compile(joined([[0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0], [10], u32Bytes(contents.length), contents]));
  }
  expect((await heapMiB()) - before).toBeLessThan(30);
});
