/**
 * The compiler: decode, validate, plan, find the generated function, compile the core modules.
 *
 * The largest part of the host by far, and the only way into it (`lazy.ts`): applications load it when they first
 * compile, and pages whose modules are all bound ahead of time never do.
 */
import type { ComponentDefinition } from "../binary/definition.ts";
import { bindingsFor, type Instantiate } from "../bindings/evaluate.ts";
import { planKey } from "../bindings/key.ts";
import { Cache } from "../bindings/cache.ts";
import type { TextStyle } from "../bindings/names.ts";
import type { Places } from "../debug/range.ts";
import { UnsupportedError } from "../errors.ts";
import { analyze } from "../plan/analyze.ts";
import { isAsynchronous } from "../plan/asynchronous.ts";
import type { Plan } from "../plan/plan.ts";
import { bringsLines, compileCore, exposedModule, exposedPlan, rewritingsOf } from "./core.ts";
import type { Platform } from "../platform.ts";
import type { Recipe } from "./engine.ts";
import { meteringOf } from "./limits.ts";
import type { EarlyModules } from "./receive.ts";
import type { Prepared } from "./prepared.ts";
import { type Shell, shellOf } from "./shell.ts";
import type { WaitingTools } from "./waiting.ts";

export { readBody } from "./body.ts";
export { receive } from "./receive.ts";

/** What else the compiler may be given with the platform. */
export interface CompilerTools {
  /** For components whose calls may wait; those with asynchronous functions are {@link awaited} instead. */
  readonly waiting?: WaitingTools | undefined;
  /** For components with asynchronous functions: those that are not return promises too, and may be suspended. Default `false` */
  readonly awaited?: boolean | undefined;
}

export interface PrepareOptions {
  /** Core modules that were compiled while the component arrived. */
  readonly early?: EarlyModules | undefined;
  /** Where the component came from, for a source map that is a file beside it. */
  readonly from?: string | undefined;
  /** Default one that has a SHA-256, and no files. */
  readonly platform?: (Pick<Platform, "sha256" | "readBeside" | "macrotask"> & CompilerTools) | undefined;
  /** Default nothing that changes the code. */
  readonly recipe?: Recipe | undefined;
}

/**
 * @throws {DecodeError} when the bytes are not a valid component
 * @throws {UnsupportedError} when it needs a feature this host lacks
 */
export async function prepareBytes(bytes: Uint8Array<ArrayBuffer>, options: PrepareOptions = {}): Promise<Prepared> {
  const { early, platform, from, recipe } = options;
  const metering = recipe === undefined ? undefined : meteringOf(recipe);
  const stack = recipe?.limits.stackBytes !== undefined;
  const cores = metering === undefined ? undefined : { ...metering, stack, tools: await import("./metering.ts") };
  const metered = cores?.counts === true;
  const { waiting, awaited = false } = platform ?? {};
  const sha256 = platform?.sha256 ?? portableSha256;
  const shell = shellOf(bytes);
  // Text that tells a meter of calls is another, and so is that of calls which may wait.
  const mark = (metered ? " metered" : "") + (waiting ? " waiting" : "") + (awaited ? " awaited" : "");
  const shellHash = shell === undefined ? undefined : (await sha256(shell.key)) + mark;
  let plan = shellHash === undefined ? undefined : shells.get(shellHash);
  let places: Plan["modules"];
  if (plan !== undefined) {
    places = placesIn(plan, shell!);
  } else {
    const { definition, plan: planned, budget } = analyze(bytes);
    plan = exposedPlan(planned, bytes);
    places = plan.modules;
    const structure = planKey(plan) + mark;
    const tasks = isAsynchronous(plan) ? await tasksOf(planned, awaited || waiting !== undefined) : undefined;
    // Tasks wait by themselves, those of functions that are not asynchronous where they are awaited.
    const style = { metered, ...(tasks === undefined ? { waiting: waiting?.text } : { tasks: tasks.tasks }) };
    const key = await sha256(new TextEncoder().encode(structure));
    codes.set(plan, { instantiate: bindingsFor(plan, key, budget, style), equipment: tasks?.equipment });
    await checkUnusedModules(bytes, definition, plan, early);
    if (shellHash !== undefined && holdsAllModules(shell!, definition, plan)) {
      shells.set(shellHash, plan, shell!.key.length + structure.length);
    }
  }
  const modules = await Promise.all(
    places.map((module) => (module.kind === "imported" ? undefined : compileCore(bytes, module, early, cores))),
  );
  const found = bringsLines(bytes, places)
    ? (await import("./find-lines.ts")).findLines(
        bytes,
        places,
        modules,
        (module) => rewritingsOf(module, cores),
        (file) => platform?.readBeside?.(from, file),
      )
    : undefined;
  const rewritten = cores !== undefined || places.some((place) => place.kind === "embedded" && place.hidden);
  const lines = found ?? (rewritten ? noPlaces : undefined);
  const meter = cores?.tools.meters(stack);
  const { instantiate, equipment } = codes.get(plan)!;
  const equip = equipment?.(platform ?? portable, meter) ?? waiting?.equipment(plan, meter) ?? meter;
  return { plan, instantiate, modules, lines, equip };
}

/**
 * What writes asynchronous functions, and what gives instances what their text calls.
 * @param awaited see {@link CompilerTools}
 */
async function tasksOf(
  plan: Plan,
  awaited: boolean,
): Promise<Required<Pick<TextStyle, "tasks">> & Pick<Code, "equipment">> {
  const [{ taskText }, { equipment, suspends }] = await Promise.all([
    import("../bindings/tasks.ts"),
    import("./tasks.ts"),
  ]);
  return { tasks: taskText(suspends(), awaited), equipment: (machine, meter) => equipment(plan, machine, meter) };
}

/** Where code was rewritten and nothing leads back, the engine's offsets are those of nothing anybody has. */
const noPlaces: Places = { places: (frames) => frames.map(() => ({ offset: undefined })) };

/**
 * What was planned for components that differ in code and data only, by the hash of their shell. The bytes that count are
 * those of the shell and of the plan's structure. Components hold the plan itself.
 */
const shells = new Cache<Plan>(1024 * 1024);
const codes = new WeakMap<Plan, Code>();

/** What was made of a plan. */
interface Code {
  readonly instantiate: Instantiate;
  /** For instances of a plan that has asynchronous functions. */
  readonly equipment?:
    | ((machine: Pick<Platform, "macrotask">, meter: Prepared["equip"]) => Prepared["equip"])
    | undefined;
}

const portable: Pick<Platform, "macrotask"> = {
  macrotask: () => new Promise((resolve) => void setTimeout(resolve)),
};

async function portableSha256(bytes: Uint8Array): Promise<string> {
  return (await import("../binary/sha256.ts")).sha256(bytes);
}

/** Whether every core module is at the top and used: then their places are all that another build can move. */
function holdsAllModules({ modules }: Shell, definition: ComponentDefinition, plan: Plan): boolean {
  const count = (at: ComponentDefinition): number =>
    at.definitions.reduce(
      (sum, item) => sum + (item.kind === "core-module" ? 1 : item.kind === "component" ? count(item.component) : 0),
      0,
    );
  const used = new Set(plan.modules.flatMap((module) => (module.kind === "embedded" ? [module.start] : [])));
  return count(definition) === modules.length && modules.every(({ start }) => used.has(start));
}

/** The core modules of a plan where this build has them. */
function placesIn(plan: Plan, shell: Shell): Plan["modules"] {
  const starts = plan.modules.flatMap((module) => (module.kind === "embedded" ? [module.start] : []));
  // The order of the plan is that of instantiation; the order of the places is that of the binary.
  const order = new Map([...new Set(starts)].sort((a, b) => a - b).map((start, index) => [start, index]));
  return plan.modules.map((module) =>
    module.kind === "embedded" ? { ...module, ...shell.modules[order.get(module.start)!]! } : module,
  );
}

/** A component is valid only if all its core modules are, also those that no step instantiates. */
async function checkUnusedModules(
  bytes: Uint8Array<ArrayBuffer>,
  definition: ComponentDefinition,
  plan: Plan,
  early: EarlyModules | undefined,
): Promise<void> {
  const used = new Set(plan.modules.map((module) => (module.kind === "embedded" ? module.start : -1)));
  for (const item of definition.definitions) {
    if (item.kind === "component") await checkUnusedModules(bytes, item.component, plan, early);
    if (item.kind !== "core-module" || used.has(item.start)) continue;
    try {
      await compileCore(bytes, exposedModule(bytes, { ...item, kind: "embedded" }), early);
    } catch (error) {
      // A module that no step instantiates may need a feature that this engine lacks.
      if (!(error instanceof UnsupportedError)) throw error;
    }
  }
}
