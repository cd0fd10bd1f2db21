/**
 * `tenon bind`: the text that the host would generate at run time, written as an ES module.
 */
import { basename, join, resolve } from "node:path";
import { emitBoundModule } from "../bindings/bound.ts";
import { planKey } from "../bindings/key.ts";
import { keyDigest } from "../runtime/component.ts";
import { readPlan } from "./read.ts";

/** Writes the bindings, their declarations and the core modules of a component. @returns the files, absolute */
export async function bindFile(path: string, folder: string): Promise<string[]> {
  const { declarations } = await import("../../scripts/types/dts.ts");
  const { writeAllOrNone } = await import("../../scripts/build/files.ts");
  const plan = await readPlan(path);
  const name = basename(path).replace(/\.wasm$/, "");
  const place = (suffix: string): string => join(resolve(folder), `${name}${suffix}`);
  const world = { name, imports: plan.imports, exports: plan.exportDecls };
  const files = new Map<string, string | Uint8Array>([
    [place(".js"), emitBoundModule(plan, await keyDigest(planKey(plan)))],
    [place(".d.ts"), declarations(world, new Map(), { bound: true })],
  ]);
  for (const [index, module] of plan.modules.entries()) {
    if (module.kind !== "embedded") continue;
    files.set(place(`.core${index === 0 ? "" : index + 1}.wasm`), plan.bytes.subarray(module.start, module.end));
  }
  await writeAllOrNone(files);
  return [...files.keys()];
}
