/**
 * A component's bindings ahead of time: the text that the host would generate at run time, as an ES module, with its
 * declarations and core modules. Pure: bytes in, files out.
 */
import { createHash } from "node:crypto";
import { emitBoundModule } from "../../host/bindings/emit-bound.ts";
import { analyze } from "../../host/plan/analyze.ts";
import { coreBytes, exposedPlan } from "../../host/runtime/core.ts";
import { declarations } from "./types/dts.ts";

/** Options of {@link bind}. */
export interface BindOptions {
  /** What the files are called, and the default name of the module. Default `component`. */
  readonly name?: string | undefined;
}

/** What {@link bind} makes. */
export interface BoundFiles {
  /** The ES module's name, whose default export is a source for `load` and `compile`. */
  readonly entry: string;
  /** The files by name: the ES module, its declarations, and the core modules, which it looks for beside itself. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
}

/**
 * Makes a component's bindings ahead of time, for pages that forbid evaluation and for programs that start quicker without
 * it. Nothing is written.
 *
 * @throws {DecodeError} when the bytes are no valid component
 * @throws {UnsupportedError} when it needs what this host lacks, or its text would be out of all proportion to it
 */
export function bind(component: Uint8Array, { name = "component" }: BindOptions = {}): BoundFiles {
  const whole = new Uint8Array(component);
  const { plan: planned, budget } = analyze(whole);
  const plan = exposedPlan(planned, whole);
  const world = { name, imports: plan.imports, exports: plan.exportDecls };
  const entry = `${name}.js`;
  const files = new Map<string, string | Uint8Array>([
    [`${name}.d.ts`, declarations(world, new Map(), { bound: true, budget })],
  ]);
  const modules = plan.modules.map((module, index) => {
    if (module.kind !== "embedded") return undefined;
    const bytes = coreBytes(whole, module);
    const file = `${name}.core${index === 0 ? "" : index + 1}.wasm`;
    files.set(file, bytes);
    return { file, hash: createHash("sha256").update(bytes).digest("hex") };
  });
  const hash = createHash("sha256").update(whole).digest("hex");
  files.set(entry, emitBoundModule(name, hash, plan, modules, budget));
  return { entry, files };
}
