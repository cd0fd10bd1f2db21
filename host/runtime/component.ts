/**
 * Components whose instances live in this thread: what they import and export, and how imports are linked before an instance
 * is made. How it is made is the engine's; where the component came from, bytes compiled here or a module written by `tenon
 * bind`, makes no difference from here on.
 */
import type { MeteredLimits } from "../abi/quota.ts";
import { type LinkIssue, UsageError } from "../errors.ts";
import type { ExternDecl } from "../model/types.ts";
import type { KeptPlan } from "../plan/plan.ts";
import type { Platform } from "../platform.ts";
import type { InstanceEvents, Recipe } from "./engine.ts";
import { findImports, type LinkedImports } from "./given-imports.ts";
import type { Faults } from "./lazy.ts";
import { limitsOf, meteringOf } from "./limits.ts";
import { checkOptions, type Checks, expect, object, text } from "./options.ts";
import { startWatched, type Watchable } from "./lifetime.ts";
import type { Component, Instance, InstantiateOptions, World } from "./types.ts";

export type ThreadInstance = Instance & Watchable;

/** What an instance is made with beside the component's own. */
export interface Start {
  readonly name: string;
  readonly platform: Platform;
  readonly linked: LinkedImports;
  readonly limits: MeteredLimits;
  readonly onTrap: InstanceEvents["onTrap"];
  /** Whether it may become a promise, where the engine makes an instance only asynchronously. */
  readonly waits: boolean;
}

/** What an engine of this thread makes of a source. */
export interface Code {
  readonly hash: string;
  readonly plan: KeptPlan;
  readonly platform: Platform;
  /** What each instance may take. */
  readonly recipe: Recipe;
  /** What is said of faults, and of imports that are not met. */
  readonly faults: Pick<Faults, "explainUnmet" | "formatDecls" | "linkError">;
  make(start: Start): ThreadInstance | Promise<ThreadInstance>;
}

export const INSTANTIATE: Checks<InstantiateOptions> = {
  limits: object,
  name: text,
  onTrap: expect("a function", (value) => typeof value === "function"),
};

/** Whether code that was rewritten for some limits keeps others. */
function isCovered(wanted: { counts: boolean }, made: { counts: boolean } | undefined): boolean {
  return made !== undefined && (made.counts || !wanted.counts);
}

export class ThreadComponent implements Component {
  readonly name: string;
  private readonly code: Code;
  private readonly limits: MeteredLimits;

  constructor(name: string, code: Code) {
    this.name = name;
    this.code = code;
    this.limits = limitsOf(code.recipe.limits);
  }

  get hash(): string {
    return this.code.hash;
  }

  get imports(): readonly ExternDecl[] {
    return this.code.plan.imports;
  }

  get exports(): readonly ExternDecl[] {
    return this.code.plan.exportDecls;
  }

  describe(): { readonly imports: readonly string[]; readonly exports: readonly string[] } {
    const { formatDecls } = this.code.faults;
    return { imports: formatDecls(this.imports), exports: formatDecls(this.exports) };
  }

  missing(imports: object): readonly LinkIssue[] {
    const { plan, faults } = this.code;
    return faults.explainUnmet(plan, findImports(plan, imports).unmet);
  }

  /** What meets the imports of a plan that is the component's own, or counts as that does. */
  link(imports: object, plan: KeptPlan): LinkedImports {
    return findImports(plan, imports).linked;
  }

  start(imports: object, options?: InstantiateOptions): Promise<ThreadInstance> {
    return startWatched(this.code.platform, () => this.instantiate(imports, options));
  }

  // Not async itself, so that no suspended function holds the instance: the promise is made around the finished thing.
  instantiate(imports?: World["imports"], options?: InstantiateOptions): Promise<ThreadInstance> {
    try {
      return Promise.resolve(this.#make(imports, options, true));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  instantiateSync(imports?: World["imports"], options?: InstantiateOptions): ThreadInstance {
    return this.#make(imports, options, false) as ThreadInstance;
  }

  #make(
    imports: World["imports"] = {},
    options: InstantiateOptions = {},
    waits: boolean,
  ): ThreadInstance | Promise<ThreadInstance> {
    checkOptions("instantiate", options, INSTANTIATE);
    const { code, limits: own } = this;
    const { name = this.name, limits, onTrap } = options;
    const wanted = limits === undefined ? undefined : meteringOf({ limits });
    if (wanted !== undefined && !isCovered(wanted, meteringOf(code.recipe))) {
      throw new UsageError("To set limits of time, steps or memory, give compile some, which may be Infinity");
    }
    const { linked, unmet } = findImports(code.plan, imports);
    if (unmet.length > 0) {
      throw code.faults.linkError(`Cannot link ${name}`, code.faults.explainUnmet(code.plan, unmet));
    }
    return code.make({
      name,
      platform: code.platform,
      linked,
      limits: limits === undefined ? own : limitsOf(code.recipe.limits, limits),
      onTrap,
      waits,
    });
  }
}
