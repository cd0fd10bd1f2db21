/**
 * `tenon bind`: the text that the host would generate at run time, written as an ES module.
 */
import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import { emitBoundModule } from "../bindings/emit-bound.ts";
import { coreBytes, exposedPlan } from "../runtime/core.ts";
import { readPlan } from "./read.ts";

/** Writes the bindings, their declarations and the core modules of a component. @returns the files, absolute */
export async function bindFile(path: string, folder: string): Promise<string[]> {
  const { declarations } = await import("../../scripts/toolchain/types/dts.ts");
  const { writeAllOrNone } = await import("../../scripts/toolchain/build/files.ts");
  const { bytes: component, ...planned } = await readPlan(path);
  const plan = exposedPlan(planned, component);
  const name = basename(path).replace(/\.wasm$/, "");
  const place = (suffix: string): string => join(resolve(folder), `${name}${suffix}`);
  const world = { name, imports: plan.imports, exports: plan.exportDecls };
  const files = new Map<string, string | Uint8Array>([
    [place(".d.ts"), declarations(world, new Map(), { bound: true })],
  ]);
  const modules = plan.modules.map((module, index) => {
    if (module.kind !== "embedded") return undefined;
    const bytes = coreBytes(component, module);
    const suffix = `.core${index === 0 ? "" : index + 1}.wasm`;
    files.set(place(suffix), bytes);
    return { file: `${name}${suffix}`, hash: createHash("sha256").update(bytes).digest("hex") };
  });
  const hash = createHash("sha256").update(component).digest("hex");
  files.set(place(".js"), emitBoundModule(name, hash, plan, modules));
  await writeAllOrNone(files);
  return [...files.keys()];
}
