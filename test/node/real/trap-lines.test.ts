/** Every kind of trap of an AssemblyScript module built for debugging names the author's own file, line and column, in Node and in the page. */
import { beforeAll, expect, test } from "vitest";
import { createHost } from "../../../host/node/index.ts";
import { TrapError, type TrapCode } from "../../../host/errors.ts";
import type { BuiltFaults } from "./built-faults.ts";
import { buildFaults } from "./faults.ts";

let built: BuiltFaults;
beforeAll(async () => {
  built = await buildFaults();
});

/** Where the author's text goes on behind a mark. */
function placeOf(mark: string): { file: string; line: number; column: number } {
  const end = `/*${mark}*/ `;
  const before = built.text.slice(0, built.text.indexOf(end) + end.length).split("\n");
  return { file: built.file, line: before.length, column: before.at(-1)!.length + 1 };
}

async function trapOf(name: string, parameters: readonly unknown[], act: () => void): Promise<TrapError> {
  const host = createHost();
  try {
    const module = await host.load(built.bytes, { name: "faults", imports: { host: () => act() } });
    module.require(name)(...parameters);
    throw new Error("Nothing was thrown");
  } catch (error) {
    expect(error).toBeInstanceOf(TrapError);
    return error as TrapError;
  } finally {
    await host.close();
  }
}

const explode = (): never => {
  throw new Error("The host's own");
};

const kinds: readonly (readonly [mark: string, name: string, parameters: readonly unknown[], code: TrapCode])[] = [
  ["null-value", "nullValue", [], "unreachable"],
  ["assertion", "assertion", [], "unreachable"],
  ["assertion-with-message", "assertionWithMessage", [], "unreachable"],
  ["thrown", "thrown", [], "unreachable"],
  ["array-index", "arrayIndex", [5], "unreachable"],
  ["map-key", "mapKey", ["none"], "unreachable"],
  ["division", "division", [0], "integer-divide-by-zero"],
  ["overflow", "overflow", [-1], "integer-overflow"],
  ["out-of-bounds", "outOfBounds", [], "memory-out-of-bounds"],
  ["unreachable-code", "unreachableCode", [], "unreachable"],
  ["recursion", "recursion", [0], "stack-overflow"],
  ["out-of-memory", "outOfMemory", [], "out-of-memory"],
  ["seed", "seed", [], "unreachable"],
  ["import-call", "importCall", [], "import-threw"],
];

test.each(kinds)("%s: TrapError.position is the author's line", async (mark, name, parameters, code) => {
  const trap = await trapOf(name, parameters, explode);
  expect(trap.trap).toBe(code);
  const { file, line, column } = placeOf(mark);
  // At the end of the stack the engine stops before the function's first instruction.
  expect(trap.position).toEqual({ file, line, column: code === "stack-overflow" ? expect.any(Number) : column });
  expect(trap.message).toContain(` at ${file}:${line}:`);
  expect(trap.stack).toContain(`(${file}:${line}:`);
});

test("import-call: re-entering names the line that called the import, in the refusal and in the trap", async () => {
  const host = createHost();
  const imports = { host: (): void => module.require("division")(1) };
  const module = await host.load(built.bytes, { name: "faults", imports });
  let trap: unknown;
  try {
    module.require("importCall")();
  } catch (error) {
    trap = error;
  }
  const place = placeOf("import-call");
  expect(trap).toMatchObject({ trap: "import-threw", position: place });
  expect((trap as TrapError).cause).toMatchObject({ trap: "cannot-enter-component", position: place });
  await host.close();
});

test("frames of a debug build are the author's functions, from the innermost to the export", async () => {
  const { frames } = await trapOf("arrayIndex", [5], explode);
  const author = frames.filter(({ file }) => file === built.file).map(({ function: name }) => name);
  expect(author).toEqual(["index/element", "index/arrayIndex"]);
  expect(frames.find(({ file }) => file === "~lib/array.ts")?.function).toContain("__get");
});
