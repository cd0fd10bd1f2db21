/**
 * Components: what they import and export, and the instances made of them.
 *
 * A compiled component is a plan, the function generated from it, and core modules. Where they came from, bytes compiled
 * here or a module written by `tenon bind`, makes no difference from here on.
 */
import type { Instantiate } from "../bindings/evaluate.ts";
import type { LinkIssue } from "../errors.ts";
import type { ExternDecl } from "../model/types.ts";
import type { PlanSurface } from "../plan/plan.ts";
import { startInstance } from "./instance.ts";
import { findImports, type LinkedImports } from "./given-imports.ts";
import type { Faults } from "./lazy.ts";
import type { Component, Instance, InstantiateOptions, World } from "./types.ts";

/** A component whatever runs it: everything but how an instance is started. */
export abstract class PlannedComponent<P extends PlanSurface = PlanSurface> implements Component {
  readonly name: string;
  readonly hash: string;
  readonly plan: P;

  constructor(name: string, hash: string, plan: P) {
    this.name = name;
    this.hash = hash;
    this.plan = plan;
  }

  /** What is said of imports that are not met. */
  protected abstract readonly faults: Pick<Faults, "explainUnmet" | "linkError">;

  /** @param waits whether it may become a promise, where the engine makes an instance only asynchronously */
  protected abstract start(
    name: string,
    linked: LinkedImports,
    options: InstantiateOptions,
    waits: boolean,
  ): Instance | Promise<Instance>;

  get imports(): readonly ExternDecl[] {
    return this.plan.imports;
  }

  get exports(): readonly ExternDecl[] {
    return this.plan.exportDecls;
  }

  missing(imports: object): readonly LinkIssue[] {
    return this.faults.explainUnmet(this.plan, findImports(this.plan, imports).unmet);
  }

  // Not async itself, so that no suspended function holds the instance: the promise is made around the finished thing.
  instantiate(imports?: World["imports"], options?: InstantiateOptions): Promise<Instance> {
    try {
      return Promise.resolve(this.#start(imports, options, true));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  instantiateSync(imports?: World["imports"], options?: InstantiateOptions): Instance {
    return this.#start(imports, options, false) as Instance;
  }

  #start(
    imports: World["imports"] = {},
    options: InstantiateOptions = {},
    waits: boolean,
  ): Instance | Promise<Instance> {
    const { name = this.name } = options;
    const { linked, unmet } = findImports(this.plan, imports);
    if (unmet.length === 0) return this.start(name, linked, options, waits);
    throw this.faults.linkError(`Cannot link ${name}`, this.faults.explainUnmet(this.plan, unmet));
  }
}

export class CompiledComponent extends PlannedComponent {
  private readonly instantiateText: Instantiate;
  private readonly modules: readonly (WebAssembly.Module | undefined)[];
  protected override readonly faults: Faults;

  constructor(
    name: string,
    hash: string,
    plan: PlanSurface,
    instantiate: Instantiate,
    modules: readonly (WebAssembly.Module | undefined)[],
    faults: Faults,
  ) {
    super(name, hash, plan);
    this.instantiateText = instantiate;
    this.modules = modules;
    this.faults = faults;
  }

  protected override start(
    name: string,
    linked: LinkedImports,
    options: InstantiateOptions,
    waits: boolean,
  ): Instance | Promise<Instance> {
    const modules = this.modules.map((module, index) => module ?? linked.modules[index]!);
    return startInstance(name, this.plan, this.instantiateText, modules, linked, this.faults, options, waits);
  }
}
