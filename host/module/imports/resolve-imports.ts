/**
 * Meets the imports of a component: by what the user gave, else by what the host gives everybody, else by the exports
 * of loaded modules. Reports everything unmet at once, with the nearest provider and the reason in words.
 *
 * Whether a given object fits is the runtime's own check (`Component.missing`); this file decides who is asked.
 */
import type { LinkIssue } from "../../errors.ts";
import { withoutVersion } from "../../model/ids.ts";
import { className, funcName } from "../../model/spelling.ts";
import { newEffort } from "../../model/nearest.ts";
import type { ResourceBindings } from "../../model/subtype.ts";
import type { ExternDecl } from "../../model/types.ts";
import { givenImport, ownProperty } from "../../runtime/given-imports.ts";
import type { Component } from "../../runtime/types.ts";
import type { Exporter } from "./resource-identity.ts";
import { upkeep } from "../lazy.ts";
import type { ImportOrigin, LoadOptions } from "../types.ts";

/** A module that may meet the imports of others. */
export interface Provider extends Exporter {
  readonly name: string;
  /** The stable object of an exported interface. */
  interfaceObject(id: string): object | undefined;
  /** Whether it may lend an interface to others. */
  mayProvide(id: string): boolean;
}

export interface Resolution {
  /** What the component is instantiated with, keyed by its own import names. */
  readonly imports: Record<string, unknown>;
  readonly origins: readonly ImportOrigin[];
  /** Names of the modules that meet imports. */
  readonly uses: readonly string[];
  /** The component's imported resources → the identities of those that meet them. */
  readonly resources: ResourceBindings;
  /** The imports that nothing meets, or that what was found does not fit. */
  readonly issues: readonly LinkIssue[];
}

/** Whether an import needs anything at run time; an interface of types alone does not. */
function needsProvider({ type }: ExternDecl): boolean {
  if (type.kind === "instance") return type.exports.some(needsProvider);
  return type.kind !== "type";
}

/** Whether a module may meet an import: modules lend each other interfaces. */
function isLinkable(wanted: ExternDecl): boolean {
  return wanted.type.kind === "instance" && needsProvider(wanted);
}

/** The class that meets an import: a resource and its functions have one between them. */
function classKey({ name, type }: ExternDecl): string | undefined {
  if (type.kind === "resource-type") return className(name);
  const func = type.kind === "func" ? funcName(name) : undefined;
  return func === undefined || func.kind === "function" ? undefined : className(func.resource);
}

/** What an import object gives for an import, as the runtime's linker finds it. */
export function findGiven(imports: object, wanted: ExternDecl): unknown {
  const key = classKey(wanted);
  return key === undefined ? givenImport(imports, wanted.name) : ownProperty(imports, key);
}

/**
 * Takes what is given, and loads what chooses between modules when one must meet the rest.
 * @returns resolves the imports: synchronously, so that no provider goes between being chosen and being held
 */
export async function importResolver(
  component: Component,
  own: object,
  shared: object,
  link: LoadOptions["link"],
): Promise<(findProviders: () => readonly Provider[]) => Resolution> {
  const imports: Record<string, unknown> = {};
  const origins = new Map<string, ImportOrigin>();
  const open: ExternDecl[] = [];
  for (const wanted of component.imports) {
    const { name } = wanted;
    const mine = findGiven(own, wanted);
    const found = mine === undefined ? findGiven(shared, wanted) : mine;
    if (found !== undefined) {
      imports[classKey(wanted) ?? name] = found;
      origins.set(name, { name, from: mine === undefined ? "host" : "imports" });
    } else if (link !== false && isLinkable(wanted)) {
      open.push(wanted);
    }
  }
  const choose = open.length === 0 ? undefined : (await upkeep()).chooseProvider;
  return (findProviders) => {
    const uses = new Set<string>();
    const refused = new Map<string, LinkIssue>();
    // Shared by all imports: what one interface calls a resource, another must mean as well.
    const resources: ResourceBindings = new Map();
    const effort = newEffort();
    // Asked for only when an import needs one: there may be thousands.
    const providers = choose === undefined ? [] : findProviders();
    for (const wanted of open) {
      const { name } = wanted;
      const choice = choose!(wanted, allowedProviders(providers, link, name), resources, effort);
      if ("issue" in choice) {
        refused.set(name, choice.issue);
        continue;
      }
      imports[name] = choice.provider.interfaceObject(choice.id);
      origins.set(name, { name, from: "module", module: choice.provider.name });
      uses.add(choice.provider.name);
    }
    let missing = component.missing(imports);
    // What was given and met nothing may be a name misspelt.
    if (missing.length > 0) missing = component.missing({ ...shared, ...own, ...imports });
    const issues = missing.map((issue) => {
      const ours = refused.get(issue.import);
      // The runtime knows the keys of the object given, this file the modules; whoever found something near is heard.
      return ours === undefined || (ours.nearest === undefined && issue.nearest !== undefined) ? issue : ours;
    });
    const inOrder = component.imports.flatMap(({ name }) => origins.get(name) ?? []);
    return { imports, origins: inOrder, uses: [...uses], resources, issues };
  };
}

/** The one module that may meet an import, when the options name it: by the rule by which imports are given. */
export function linkedModule(link: Readonly<Record<string, string>>, name: string): string | undefined {
  return givenImport(link, name) as string | undefined;
}

function allowedProviders(
  providers: readonly Provider[],
  link: LoadOptions["link"],
  name: string,
): readonly Provider[] {
  if (typeof link !== "object") return providers;
  const only = linkedModule(link, name);
  return only === undefined ? providers : providers.filter((provider) => provider.name === only);
}

/** Whether a module loaded with this option may lend an interface to others. */
export function mayProvide(provides: LoadOptions["provides"], id: string): boolean {
  if (provides === undefined) return true;
  return provides !== false && (provides.includes(id) || provides.includes(withoutVersion(id)));
}
