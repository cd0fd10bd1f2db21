/**
 * The compiler: decode, validate, plan, find the generated function, compile the core modules.
 *
 * The largest part of the host by far, and the only way into it (`parts.ts`): applications load it when they first
 * compile, and pages whose modules are all bound ahead of time never do.
 */
import { decodeComponent } from "../binary/decode.ts";
import type { ComponentDefinition } from "../binary/definition.ts";
import { validateComponent } from "../binary/validate/index.ts";
import { bindingsFor, type Instantiate } from "../bindings/evaluate.ts";
import { planKey } from "../bindings/key.ts";
import { Recent } from "../bindings/recent.ts";
import { DecodeError, UnsupportedError } from "../errors.ts";
import type { Plan } from "../plan/plan.ts";
import { planComponent } from "../plan/planner.ts";
import type { EarlyModules } from "./receive.ts";
import { type Shell, shellOf } from "./shell.ts";

export { readBody } from "./body.ts";
export { receive } from "./receive.ts";

/** What the bytes of a component become: all that its instances share. */
export interface Prepared extends Shared {
  /** By their place in the plan; `undefined` for those that are imported. */
  readonly modules: readonly (WebAssembly.Module | undefined)[];
}

/** What depends on the shell alone. */
interface Shared {
  readonly plan: Plan;
  readonly instantiate: Instantiate;
}

/**
 * @param early core modules that were compiled while the component arrived
 * @throws {DecodeError} when the bytes are not a valid component
 * @throws {UnsupportedError} when it needs a feature this host lacks
 */
export async function prepareBytes(bytes: Uint8Array<ArrayBuffer>, early?: EarlyModules): Promise<Prepared> {
  const shell = shellOf(bytes);
  const known = shell === undefined ? undefined : shells.get(shell.key);
  const { plan, instantiate } = known === undefined ? await prepareShell(bytes, shell, early) : inShell(known, shell!);
  const modules = await Promise.all(plan.modules.map((module) => compileModule(bytes, module, early)));
  return { plan, instantiate, modules };
}

/** What was prepared for components that differ in code and data only. */
const shells = new Recent<Shared>(64);

async function prepareShell(
  bytes: Uint8Array<ArrayBuffer>,
  shell: Shell | undefined,
  early: EarlyModules | undefined,
): Promise<Shared> {
  const definition = decodeComponent(bytes);
  validateComponent(definition);
  const plan = planComponent(definition);
  const prepared = { plan, instantiate: bindingsFor(plan, planKey(plan)) };
  await checkUnusedModules(bytes, definition, plan, early);
  if (shell !== undefined && holdsAllModules(shell, definition, plan)) shells.set(shell.key, prepared);
  return prepared;
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

/** A plan with the core modules where this build has them. */
function inShell({ plan, instantiate }: Shared, shell: Shell): Shared {
  const starts = plan.modules.flatMap((module) => (module.kind === "embedded" ? [module.start] : []));
  // The order of the plan is that of instantiation; the order of the places is that of the binary.
  const order = [...new Set(starts)].sort((a, b) => a - b);
  const modules = plan.modules.map((module) =>
    module.kind === "embedded" ? { ...module, ...shell.modules[order.indexOf(module.start)]! } : module,
  );
  return { plan: { ...plan, modules }, instantiate };
}

/** V8's words for what a newer V8 accepts: features behind a flag, several memories, exceptions and garbage collection. */
const needsNewerEngine =
  /enable with --experimental|At most one memory|memory count of \d+ exceeds|[Ii]nvalid opcode 0x(?:0a|1f|fb)/;

async function compileModule(
  bytes: Uint8Array<ArrayBuffer>,
  module: Plan["modules"][number],
  early?: EarlyModules,
): Promise<WebAssembly.Module | undefined> {
  if (module.kind === "imported") return undefined;
  const arrived = early?.get(module.start);
  const compiled = arrived?.end === module.end ? await arrived.module : undefined;
  if (compiled !== undefined) return compiled;
  try {
    return await WebAssembly.compile(bytes.subarray(module.start, module.end));
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    if (needsNewerEngine.test(error.message)) {
      throw new UnsupportedError(
        "core-wasm",
        `This engine lacks a WebAssembly feature the component needs: ${error.message}`,
      );
    }
    throw new DecodeError(`Expected a valid core module: ${error.message}`, {
      offset: module.start,
      section: "core module",
    });
  }
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
      await compileModule(bytes, { ...item, kind: "embedded" }, early);
    } catch (error) {
      // What this engine cannot run does no harm while nothing runs it.
      if (!(error instanceof UnsupportedError)) throw error;
    }
  }
}
