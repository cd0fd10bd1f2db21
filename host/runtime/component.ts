/**
 * bytes → component: decode, validate, plan, find the generated function, compile the core modules.
 */
import { decodeComponent } from "../binary/decode.ts";
import type { ComponentDefinition } from "../binary/definition.ts";
import { validateComponent } from "../binary/validate/index.ts";
import { bindingsFor, type Instantiate } from "../bindings/evaluate.ts";
import { FORMAT, planKey } from "../bindings/key.ts";
import { DecodeError, UnsupportedError, UsageError, type LinkIssue } from "../errors.ts";
import type { ExternDecl } from "../model/types.ts";
import type { Plan } from "../plan/plan.ts";
import { planComponent } from "../plan/planner.ts";
import { checkImports, linkImports } from "./linker.ts";
import { startInstance } from "./instance.ts";
import type { BoundBindings, CompileOptions, Component, Instance, InstantiateOptions, World } from "./types.ts";

/**
 * Compiles a component.
 *
 * @throws {DecodeError} when the bytes are not a valid component
 * @throws {UnsupportedError} when it needs a feature this host lacks
 */
export async function compileBytes(
  bytes: Uint8Array<ArrayBuffer>,
  hash: string,
  options: CompileOptions = {},
): Promise<Component> {
  const definition = decodeComponent(bytes);
  validateComponent(definition);
  const plan = planComponent(definition);
  const key = planKey(plan);
  const instantiate = options.bound === undefined ? bindingsFor(plan, key) : await boundFor(options.bound, key);
  const modules = await Promise.all(plan.modules.map((module) => compileModule(bytes, module)));
  await checkUnusedModules(bytes, definition, plan);
  return new CompiledComponent(options.name ?? hash.slice(0, 12), hash, definition, plan, instantiate, modules);
}

/** V8's words for what a newer V8 accepts: features behind a flag, several memories, exceptions and garbage collection. */
const needsNewerEngine = /enable with --experimental|At most one memory|memory count of \d+ exceeds|[Ii]nvalid opcode 0x(?:0a|1f|fb)/;

async function compileModule(bytes: Uint8Array<ArrayBuffer>, module: Plan["modules"][number]): Promise<WebAssembly.Module | undefined> {
  if (module.kind === "imported") return undefined;
  try {
    return await WebAssembly.compile(bytes.subarray(module.start, module.end));
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    if (needsNewerEngine.test(error.message)) {
      throw new UnsupportedError("core-wasm", `This engine lacks a WebAssembly feature the component needs: ${error.message}`);
    }
    throw new DecodeError(`Expected a valid core module: ${error.message}`, { offset: module.start, section: "core module" });
  }
}

/** A component is valid only if all its core modules are, also those that no step instantiates. */
async function checkUnusedModules(bytes: Uint8Array<ArrayBuffer>, definition: ComponentDefinition, plan: Plan): Promise<void> {
  const used = new Set(plan.modules.map((module) => (module.kind === "embedded" ? module.start : -1)));
  for (const item of definition.definitions) {
    if (item.kind === "component") await checkUnusedModules(bytes, item.component, plan);
    if (item.kind !== "core-module" || used.has(item.start)) continue;
    try {
      await compileModule(bytes, { ...item, kind: "embedded" });
    } catch (error) {
      // What this engine cannot run does no harm while nothing runs it.
      if (!(error instanceof UnsupportedError)) throw error;
    }
  }
}

/** Text written ahead of time, once it is known to be the text of this very structure. */
async function boundFor(bound: BoundBindings, key: string): Promise<Instantiate> {
  if (bound.format !== FORMAT) {
    throw new UsageError(`The bound bindings have format ${bound.format}, this host reads ${FORMAT}: run \`tenon bind\` again`);
  }
  if (bound.key !== (await keyDigest(key))) {
    throw new UsageError("The bound bindings were made for a component of another structure: run `tenon bind` again");
  }
  return bound.instantiate as unknown as Instantiate;
}

/** SHA-256 of a plan's structure, lower-case hex. */
export async function keyDigest(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

class CompiledComponent implements Component {
  readonly name: string;
  readonly hash: string;
  readonly definition: ComponentDefinition;
  readonly plan: Plan;
  private readonly instantiateText: Instantiate;
  private readonly modules: readonly (WebAssembly.Module | undefined)[];

  constructor(
    name: string,
    hash: string,
    definition: ComponentDefinition,
    plan: Plan,
    instantiate: Instantiate,
    modules: readonly (WebAssembly.Module | undefined)[],
  ) {
    this.name = name;
    this.hash = hash;
    this.definition = definition;
    this.plan = plan;
    this.instantiateText = instantiate;
    this.modules = modules;
  }

  get imports(): readonly ExternDecl[] {
    return this.plan.imports;
  }

  get exports(): readonly ExternDecl[] {
    return this.plan.exportDecls;
  }

  missing(imports: object): readonly LinkIssue[] {
    return checkImports(this.plan, imports);
  }

  // Not async itself, so that no suspended function holds the instance: the promise is made around the finished thing.
  instantiate(imports?: World["imports"], options?: InstantiateOptions): Promise<Instance> {
    try {
      return Promise.resolve(this.instantiateSync(imports, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  instantiateSync(imports: World["imports"] = {}, options: InstantiateOptions = {}): Instance {
    const name = options.name ?? this.name;
    const linked = linkImports(this.plan, imports, name);
    const modules = this.modules.map((module, index) => module ?? linked.modules[index]!);
    return startInstance(name, this.plan, this.instantiateText, modules, linked, options.onTrap);
  }
}
