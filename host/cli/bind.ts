/**
 * `tenon bind`: the bindings of a component file, written to a folder.
 */
import { basename, join, resolve } from "node:path";
import { readBytes } from "./read.ts";

/**
 * Writes the bindings, their declarations and the core modules of a component.
 * @param how whether limits of time, steps and memory, and of the stack, can be set when it is loaded, and whether calls may wait
 * @returns the files, absolute
 */
export async function bindFile(
  path: string,
  folder: string,
  how: { readonly limits?: boolean | "stack"; readonly jspi?: boolean } = {},
): Promise<string[]> {
  const { bind } = await import("../../scripts/toolchain/bind.ts");
  const { writeAllOrNone } = await import("../../scripts/toolchain/build/files.ts");
  const { files } = await readBytes(path, (bytes) =>
    bind(bytes, { name: basename(path).replace(/\.wasm$/, ""), ...how }),
  );
  const placed = new Map([...files].map(([name, contents]) => [join(resolve(folder), name), contents]));
  await writeAllOrNone(placed);
  return [...placed.keys()];
}
