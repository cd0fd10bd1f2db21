/**
 * The functions and resources of a component, numbered: the host and the worker count what they know of the same component,
 * and so agree.
 */
import { resourceOf, someType } from "../model/cases.ts";
import { holdsAsync } from "../model/facts.ts";
import type { CoreModuleType, ExternDecl, FuncType, ResourceType, ValueType } from "../model/types.ts";
import type { KeptPlan } from "../plan/plan.ts";
import { isChannel } from "../runtime/copies.ts";

export interface Func {
  /** Names of the instances it is in, then its own. */
  readonly path: readonly string[];
  readonly type: FuncType;
}

export interface Resource {
  readonly type: ResourceType;
  readonly name: string;
  /** Counts those of the guest and those of the host together. */
  readonly number: number;
  readonly origin:
    | { readonly kind: "host"; readonly path: readonly string[] }
    | { readonly kind: "guest"; readonly component: number; readonly dtor: undefined };
}

export interface Surface {
  readonly imports: readonly Func[];
  readonly exports: readonly Func[];
  readonly resources: readonly Resource[];
  readonly modules: readonly { readonly path: readonly string[]; readonly type: CoreModuleType }[];
  /** The first function that passes streams or futures, where one does. */
  readonly channels: Func | undefined;
  /** @throws nothing: every resource of the types has a declaration */
  resource(type: Extract<ValueType, { kind: "own" | "borrow" }>): Resource;
}

export function surfaceOf(imported: readonly ExternDecl[], exported: readonly ExternDecl[]): Surface {
  const imports: Func[] = [];
  const exports: Func[] = [];
  const modules: { path: readonly string[]; type: CoreModuleType }[] = [];
  const resources = new Map<ResourceType, Resource>();
  const walk = (decls: readonly ExternDecl[], above: readonly string[], host: boolean): void => {
    for (const { name, type } of decls) {
      const path = [...above, name];
      if (type.kind === "func") (host ? imports : exports).push({ path, type });
      else if (type.kind === "instance") walk(type.exports, path, host);
      else if (type.kind === "core-module" && host) modules.push({ path, type });
      else if (type.kind === "resource-type") {
        const resource = resourceOf(type.resource);
        // What is imported and exported again is the host's.
        if (resources.has(resource)) continue;
        const origin = host
          ? ({ kind: "host", path } as const)
          : ({ kind: "guest", component: 0, dtor: undefined } as const);
        resources.set(resource, { type: resource, name, number: resources.size, origin });
      }
    }
  };
  walk(imported, [], true);
  walk(exported, [], false);
  return {
    imports,
    exports,
    modules,
    resources: [...resources.values()],
    channels: [...imports, ...exports].find(({ type }) => passesChannels(type)),
    resource: (type) => resources.get(resourceOf(type.resource))!,
  };
}

/** The first import whose worker waits in place until the host has answered: asynchronous functions are answered later. */
export function waitedFor({ imports, resources }: Surface): readonly string[] | undefined {
  const called = imports.find(({ type }) => !type.async)?.path;
  // The end of one is told to the host, which may throw.
  const dropped = resources.find(({ origin }) => origin.kind === "host")?.origin as {
    readonly path: readonly string[];
  };
  return called ?? dropped?.path;
}

/** Whether any function passes streams, futures or error contexts. */
export function hasAsyncValues({ imports, exports }: Surface): boolean {
  return [...imports, ...exports].some(
    ({ type: { params, result } }) => holdsAsync(result) || params.some(({ type }) => holdsAsync(type)),
  );
}

/** Whether streams or futures are among the arguments of a function, or in its result. */
export function passesChannels({ params, result }: Omit<FuncType, "kind" | "async">): boolean {
  return [...params.map(({ type }) => type), result].some((type) => someType(type, isChannel));
}

/** The imports, as far as linking looks at them: each function under its number, each class under that of its resource. */
export function linkedPlan({ imports, resources, modules }: Surface): KeptPlan {
  return {
    imports: [],
    exportDecls: [],
    exports: [],
    lifts: [],
    hostFuncs: imports,
    resources,
    modules: modules.map(({ path }) => ({ kind: "imported", path })),
  };
}
