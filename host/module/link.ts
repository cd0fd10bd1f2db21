/**
 * Meets the imports of a component: by what the user gave, else by what the host gives everybody, else by the exports
 * of loaded modules. Reports everything unmet at once, with the nearest provider and the reason in words.
 *
 * Whether a given object fits is the runtime's own check (`Component.missing`); this file decides who is asked.
 */
import { externName } from "../model/spelling.ts";
import type { LinkIssue } from "../errors.ts";
import { withoutVersion } from "../model/ids.ts";
import type { ResourceBindings } from "../model/subtype.ts";
import type { ExternDecl } from "../model/types.ts";
import { compatibleKey } from "../runtime/names.ts";
import type { Component } from "../runtime/types.ts";
import type { chooseProvider } from "./fit.ts";
import type { Exporter } from "./identity.ts";
import { linking } from "./parts.ts";
import type { ImportOrigin, LoadOptions } from "./types.ts";

/** A module that may meet the imports of others. */
export interface Provider extends Exporter {
  readonly name: string;
  /** The stable object of an exported interface. */
  interfaceObject(id: string): object | undefined;
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

/** What an import object gives for an import, by the same names that the runtime's linker accepts. */
export function findGiven(imports: object, name: string): { readonly value: unknown } | undefined {
  const given = imports as Record<string, unknown>;
  for (const key of [name, externName(name)]) if (given[key] !== undefined) return { value: given[key] };
  const keys = Object.keys(given).filter((key) => given[key] !== undefined);
  const key = compatibleKey(name, keys);
  return key === undefined ? undefined : { value: given[key] };
}

/** Loads what chooses between modules, when a module will have to meet an import; what is given needs no choice. */
export async function chooserFor(
  component: Component,
  own: object,
  shared: object,
  link: LoadOptions["link"],
): Promise<typeof chooseProvider | undefined> {
  const open = ({ name }: ExternDecl): boolean => (findGiven(own, name) ?? findGiven(shared, name)) === undefined;
  const asks = link !== false && component.imports.some((wanted) => isLinkable(wanted) && open(wanted));
  return asks ? (await linking()).chooseProvider : undefined;
}

/**
 * Synchronous, so that no provider goes between being chosen and being held.
 *
 * @param choose what {@link chooserFor} gave
 */
export function resolveImports(
  component: Component,
  own: object,
  shared: object,
  findProviders: () => readonly Provider[],
  choose: typeof chooseProvider | undefined,
  link: LoadOptions["link"],
): Resolution {
  const imports: Record<string, unknown> = {};
  const origins: ImportOrigin[] = [];
  const uses = new Set<string>();
  const refused = new Map<string, LinkIssue>();
  // Asked for only when an import needs one: there may be thousands.
  let providers: readonly Provider[] | undefined;
  // Shared by all imports: what one interface calls a resource, another must mean as well.
  const bindings: ResourceBindings = new Map();
  for (const wanted of component.imports) {
    const { name } = wanted;
    const found = findGiven(own, name) ?? findGiven(shared, name);
    if (found !== undefined) {
      imports[name] = found.value;
      origins.push({ name, from: findGiven(own, name) === undefined ? "host" : "imports" });
      continue;
    }
    if (choose === undefined || !isLinkable(wanted)) continue;
    providers ??= findProviders();
    const choice = choose(wanted, allowedProviders(providers, link, name), bindings);
    if ("issue" in choice) {
      refused.set(name, choice.issue);
      continue;
    }
    imports[name] = choice.provider.interfaceObject(choice.id);
    origins.push({ name, from: "module", module: choice.provider.name });
    uses.add(choice.provider.name);
  }
  const issues = component.missing(imports).map((issue) => {
    const ours = refused.get(issue.import);
    // The runtime knows the keys of the object given, this file the modules; whoever found something near is heard.
    return ours === undefined || (ours.nearest === undefined && issue.nearest !== undefined) ? issue : ours;
  });
  return { imports, origins, uses: [...uses], resources: bindings, issues };
}

/** The one module that may meet an import, when the options name it. */
export function linkedModule(link: Readonly<Record<string, string>>, name: string): string | undefined {
  return link[name] ?? link[withoutVersion(name)];
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

/** All the issues of a refused link in one message. */
export function describeIssues(issues: readonly LinkIssue[]): string {
  return issues
    .map((issue) => `${issue.import} ${issue.problem === "missing" ? "is missing" : "does not fit"}: ${issue.reason}`)
    .join("; ");
}
