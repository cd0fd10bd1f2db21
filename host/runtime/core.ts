/**
 * The core modules of a plan as the engine gets them: with every memory exported, and the compiled module's imports and
 * exports checked against the plan.
 */
import { DecodeError, UnsupportedError } from "../errors.ts";
import { CUSTOM_SECTION, eachSection, PREAMBLE_BYTES, readName } from "../binary/framing.ts";
import { exposeMemories, exposingShifts, hiddenMemories } from "../instrument/memories.ts";
import type { Shifts } from "../instrument/shifts.ts";
import type { Plan } from "../plan/plan.ts";
import type { EarlyModules } from "./receive.ts";

type Embedded = Extract<Plan["modules"][number], { kind: "embedded" }>;

/** The plan with the names of the memories that its core modules hide. */
export function exposedPlan(plan: Plan, bytes: Uint8Array): Plan {
  return {
    ...plan,
    modules: plan.modules.map((module) => (module.kind === "imported" ? module : exposedModule(bytes, module))),
  };
}

export function exposedModule(bytes: Uint8Array, module: Embedded): Embedded {
  const hidden = hiddenMemories(bytes.subarray(module.start, module.end));
  return hidden.length === 0 ? module : { ...module, hidden };
}

/** Whether core modules bring line numbers, or say where they are. */
export function bringsLines(bytes: Uint8Array, modules: Plan["modules"]): boolean {
  let found = false;
  for (const module of modules) {
    if (module.kind === "imported") continue;
    eachSection(bytes, module.start + PREAMBLE_BYTES, module.end, (id, start, end) => {
      const name = id === CUSTOM_SECTION ? readName(bytes, start, end)?.value : undefined;
      found ||= name === "sourceMappingURL" || name === ".debug_line";
      return !found;
    });
  }
  return found;
}

/** The bytes that are compiled for a core module of a component. */
export function coreBytes(bytes: Uint8Array<ArrayBuffer>, module: Embedded): Uint8Array<ArrayBuffer> {
  const own = bytes.subarray(module.start, module.end);
  return module.hidden === undefined ? own : exposeMemories(own);
}

/** What leads from positions in what is compiled for a core module back to those in the component. */
export function rewritingsOf(module: Uint8Array<ArrayBuffer>, metering?: MeterCores): readonly Shifts[] {
  const exposed = exposingShifts(module);
  return metering === undefined
    ? [exposed]
    : [exposed, metering.tools.meteringShifts(exposeMemories(module), metering)];
}

/**
 * @param early core modules that were compiled while the component arrived, with their memories exported
 * @throws {DecodeError} when the module is not valid
 * @throws {UnsupportedError} when it needs a feature this engine lacks
 */
export async function compileCore(
  bytes: Uint8Array<ArrayBuffer>,
  module: Embedded,
  early?: EarlyModules,
  metering?: MeterCores,
): Promise<WebAssembly.Module> {
  if (metering !== undefined) return compileMetered(bytes, module, metering);
  const arrived = early?.get(module.start);
  const compiled = (arrived?.end === module.end ? await arrived.module : undefined) ?? (await compile(bytes, module));
  checkSurface(compiled, module);
  return compiled;
}

/** How core modules are rewritten for limits. */
export interface MeterCores {
  readonly counts: boolean;
  readonly stack: boolean;
  readonly tools: typeof import("./metering.ts");
}

async function compileMetered(
  bytes: Uint8Array<ArrayBuffer>,
  module: Embedded,
  { counts, stack, tools }: MeterCores,
): Promise<WebAssembly.Module> {
  const metered = tools.meterCore(coreBytes(bytes, module), { counts, stack });
  if (!("bytes" in metered)) {
    // What is not valid is told so; what is, and cannot be told apart, must not run.
    await compile(bytes, module);
    throw tools.unmeterable(metered, module.start);
  }
  let compiled: WebAssembly.Module;
  try {
    compiled = await WebAssembly.compile(metered.bytes);
  } catch (error) {
    await compile(bytes, module);
    throw error;
  }
  checkSurface(compiled, module, metered.exports);
  tools.noteMetered(compiled, metered);
  return compiled;
}

async function compile(bytes: Uint8Array<ArrayBuffer>, module: Embedded): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(coreBytes(bytes, module));
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    const { missingFeature } = await import("./features.ts");
    const lacking = missingFeature(bytes.subarray(module.start, module.end), error.message);
    if (lacking !== undefined) throw new UnsupportedError("core-wasm", lacking);
    throw new DecodeError(`Expected a valid core module: ${error.message}`, {
      offset: module.start,
      section: "core module",
    });
  }
}

/** What the engine made of a module must be what everything else was derived from. @throws {DecodeError} */
function checkSurface(
  compiled: WebAssembly.Module,
  { start, type, hidden = [] }: Embedded,
  added: readonly Wanted[] = [],
): void {
  const exports = [
    ...type.exports,
    ...hidden.map((name) => ({ name, type: { kind: "core-memory" } as const })),
    ...added,
  ];
  compare("imports", WebAssembly.Module.imports(compiled), type.imports, start);
  compare("exports", WebAssembly.Module.exports(compiled), exports, start);
}

interface Found {
  readonly kind: string;
  readonly module?: string;
  readonly name: string;
}
interface Wanted {
  readonly type: { readonly kind: keyof typeof kinds };
  readonly module?: string;
  readonly name: string;
}

/** The engine's words for the kinds of imports and exports. */
const kinds = {
  "core-func": "function",
  "core-table": "table",
  "core-memory": "memory",
  "core-global": "global",
  "core-tag": "tag",
} as const;

function compare(what: string, found: readonly Found[], wanted: readonly Wanted[], offset: number): void {
  const same =
    found.length === wanted.length &&
    found.every(({ kind, module, name }, i) => {
      const other = wanted[i]!;
      return name === other.name && kind === kinds[other.type.kind] && module === other.module;
    });
  if (same) return;
  const list = (items: readonly string[]): string => (items.length === 0 ? "nothing" : items.slice(0, 10).join(", "));
  const words = `${list(wanted.map(({ type, name }) => `${kinds[type.kind]} ${JSON.stringify(name)}`))}, got ${list(
    found.map(({ kind, name }) => `${kind} ${JSON.stringify(name)}`),
  )}`;
  throw new DecodeError(`Expected the ${what} of a core module to be ${words}`, { offset, section: "core module" });
}
