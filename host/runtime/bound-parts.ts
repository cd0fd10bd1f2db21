/**
 * What only some modules that were bound ahead of time need: limits of time, steps and memory, calls that wait, asynchronous
 * functions, the lines of traps, and the words for those that cannot be loaded.
 */
import type { LineTable } from "../debug/lines.ts";
import { IntegrityError, type TenonError, UsageError } from "../errors.ts";
import type { KeptPlan } from "../plan/plan.ts";
import type { BoundComponent, Platform } from "../platform.ts";
import type { CompilerTools } from "./compiler.ts";
import type { Prepared } from "./prepared.ts";

/** The parts that bindings ask for. */
export async function partsOf(
  { metered, asynchronous, lines: tables = [], modules: places, plan }: BoundComponent,
  modules: readonly (WebAssembly.Module | undefined)[],
  platform: Platform & CompilerTools,
): Promise<Pick<Prepared, "equip" | "lines">> {
  const lines = tables.length > 0 ? tables : undefined;
  const [limits, debug, tasks] = await Promise.all([
    metered && import("./metering.ts"),
    lines && import("./find-lines.ts"),
    asynchronous ? import("./tasks.ts") : undefined,
  ]);
  const kept = plan as KeptPlan;
  const meter = limits?.meterBound(modules, metered!);
  // A source map that is a file is beside the core modules.
  const place = places.find((module) => module !== undefined && "url" in module);
  const from = place && "url" in place ? String(place.url) : undefined;
  return {
    equip: platform.waiting?.equipment(kept, meter) ?? tasks?.equipment(kept, platform, meter) ?? meter,
    lines: debug?.linesOf(lines!.map(readTable), modules, (file) => platform.readBeside?.(from, file)),
  };
}

function readTable(written: object | null): LineTable | null {
  const table = written as Omit<LineTable, "code"> & { code: { start: number; functions: readonly number[] } };
  return table && { ...table, code: { ...table.code, functions: Uint32Array.from(table.code.functions) } };
}

/** @param own the format that this host reads */
export function otherFormat({ name, format }: BoundComponent, own: number): UsageError {
  if (format === -own) {
    return new UsageError(
      `The module "${name}" was written by \`tenon bind --jspi\` for calls that may wait: load it with jspi: true, or bind it again without`,
    );
  }
  return new UsageError(
    `The bindings of "${name}" have format ${format} and this host reads format ${own}: run \`tenon bind\` again`,
  );
}

export function withoutLimits({ name }: BoundComponent): UsageError {
  return new UsageError(`To set limits of time, steps or memory, bind "${name}" again with --limits`);
}

export function otherModule(name: string, url: URL | string, wanted: string, hash: string): TenonError {
  return new IntegrityError(
    `Expected the core module ${String(url)} of "${name}" to have SHA-256 ${wanted}, got ${hash}`,
    wanted,
    hash,
  );
}
