/**
 * A component's bindings ahead of time: the text that the host would generate at run time, as an ES module, with its
 * declarations and core modules. Pure: bytes in, files out.
 */
import { createHash } from "node:crypto";
import { emitBoundModule } from "../../host/bindings/emit-bound.ts";
import { waitingText } from "../../host/bindings/waiting.ts";
import { analyze } from "../../host/plan/analyze.ts";
import type { Metered } from "../../host/instrument/meter.ts";
import type { LineTable } from "../../host/debug/lines.ts";
import { bringsLines, coreBytes, exposedPlan, rewritingsOf } from "../../host/runtime/core.ts";
import { lineTables } from "../../host/runtime/find-lines.ts";
import { meterCore, unmeterable } from "../../host/runtime/metering.ts";
import { declarations } from "./types/dts.ts";

/** Options of {@link bind}. */
export interface BindOptions {
  /** What the files are called, and the default name of the module. Default `component`. */
  readonly name?: string | undefined;
  /**
   * Rewrites core modules, so that limits of time, steps and memory can be set when they are loaded; with `"stack"` also
   * `stackBytes`, which costs calls some more. Default `false`.
   */
  readonly limits?: boolean | "stack" | undefined;
  /**
   * Writes calls that may wait: what is written is loaded with `jspi: true`, and only so. Default `false`, for calls that run to
   * their end.
   */
  readonly jspi?: boolean | undefined;
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
export function bind(component: Uint8Array, { name = "component", ...how }: BindOptions = {}): BoundFiles {
  const { text, declarations: types, cores } = bindAs(component, name, how);
  const entry = `${name}.js`;
  const files = new Map<string, string | Uint8Array>([[`${name}.d.ts`, types]]);
  for (const { file, bytes } of cores) files.set(file, bytes);
  files.set(entry, text);
  return { entry, files };
}

/** A core module of a component. */
export interface Core {
  /** What its file is called when it is beside the bindings. */
  readonly file: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256, hex. */
  readonly hash: string;
}

/** A core module rewritten for limits, and what was added to it. */
function meteredCore(
  component: Uint8Array<ArrayBuffer>,
  module: Parameters<typeof coreBytes>[1],
  stack: boolean,
): Pick<Metered, "bytes" | "counter" | "hooks" | "stack" | "start" | "tableElements" | "memoryBytes"> {
  const metered = meterCore(coreBytes(component, module), { counts: true, stack });
  if (!("bytes" in metered)) throw unmeterable(metered, module.start);
  const { bytes, counter, hooks, start, tableElements, memoryBytes } = metered;
  return { bytes, counter, hooks, stack: metered.stack, start, tableElements, memoryBytes };
}

/** As text has it. */
function written(table: LineTable | null): object | null {
  return table && { ...table, code: { ...table.code, functions: [...table.code.functions] } };
}

interface Parts extends Omit<BindOptions, "name"> {
  /** JavaScript for a core module, where it is not beside the bindings. */
  readonly expressionOf?: ((core: Core, index: number) => string) | undefined;
}

/**
 * As {@link bind}, in parts.
 * @throws {UnsupportedError} also when a core module cannot be rewritten for limits
 */
export function bindAs(
  component: Uint8Array,
  name: string,
  { limits = false, jspi = false, expressionOf }: Parts = {},
): { readonly text: string; readonly declarations: string; readonly cores: readonly Core[] } {
  const whole = new Uint8Array(component);
  const { plan: planned, budget } = analyze(whole);
  const plan = exposedPlan(planned, whole);
  const world = { name, imports: plan.imports, exports: plan.exportDecls };
  const cores: Core[] = [];
  // Rewritten for limits, code stands where only a second rewriting could tell.
  const brings = limits === false && bringsLines(whole, plan.modules);
  const tables = brings ? lineTables(whole, plan.modules, (module) => rewritingsOf(module)) : undefined;
  for (const table of tables ?? []) budget.spend(table?.code.functions.length ?? 0, "generate bindings for");
  const modules = plan.modules.map((module, index) => {
    if (module.kind !== "embedded") return undefined;
    const { bytes, ...metered } =
      limits !== false ? meteredCore(whole, module, limits === "stack") : { bytes: coreBytes(whole, module) };
    const file = `${name}.core${index === 0 ? "" : index + 1}.wasm`;
    const core: Core = { file, bytes, hash: createHash("sha256").update(bytes).digest("hex") };
    cores.push(core);
    const expression = expressionOf?.(core, cores.length - 1);
    return {
      ...core,
      expression,
      metered: limits !== false ? metered : undefined,
      lines: tables && written(tables[index]!),
    };
  });
  const hash = createHash("sha256").update(whole).digest("hex");
  const types = declarations(world, new Map(), { bound: true, budget });
  const text = emitBoundModule(name, hash, plan, modules, { budget, waiting: jspi ? waitingText : undefined });
  return { text, declarations: types, cores };
}
