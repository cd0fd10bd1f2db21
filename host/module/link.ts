/**
 * Meets the imports of a component: by what the user gave, else by what the host gives everybody, else by the exports
 * of loaded modules. Reports everything unmet at once, with the nearest provider and the reason in words.
 *
 * Whether a given object fits is the runtime's own check (`Component.missing`); this file decides who is asked.
 */
import { externName } from "../bindings/js-names.ts";
import type { LinkIssue } from "../errors.ts";
import { isCompatible, isCompatibleId, withoutVersion } from "../model/names.ts";
import { explainMismatch, type ResourceBindings } from "../model/subtype.ts";
import { formatExtern } from "../model/text.ts";
import type { ExternDecl } from "../model/types.ts";
import { compatibleKey } from "../runtime/names.ts";
import type { Component } from "../runtime/types.ts";
import { compareIds, versionOf } from "./ids.ts";
import { nearestName } from "../model/nearest.ts";
import type { ImportOrigin, LoadOptions, WorldDemand } from "./types.ts";

/** A module that may meet the imports of others. */
export interface Provider {
  readonly name: string;
  /** With the resource identities that other modules know. */
  readonly exports: readonly ExternDecl[];
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

/** What an import object gives for an import, by the same names that the runtime's linker accepts. */
export function findGiven(imports: object, name: string): { readonly value: unknown } | undefined {
  const given = imports as Record<string, unknown>;
  for (const key of [name, externName(name)]) if (given[key] !== undefined) return { value: given[key] };
  const keys = Object.keys(given).filter((key) => given[key] !== undefined);
  const key = compatibleKey(name, keys);
  return key === undefined ? undefined : { value: given[key] };
}

export function resolveImports(
  component: Component,
  own: object,
  shared: object,
  findProviders: () => readonly Provider[],
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
    if (!needsProvider(wanted) || wanted.type.kind !== "instance" || link === false) continue;
    providers ??= findProviders();
    const choice = chooseProvider(wanted, allowedProviders(providers, link, name), bindings);
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

interface Offer {
  readonly provider: Provider;
  readonly id: string;
  readonly decl: ExternDecl;
}

type Choice = { readonly provider: Provider; readonly id: string } | { readonly issue: LinkIssue };

/** The best provider: the exact version, else the highest, else the first loaded; or why none will do. */
function chooseProvider(wanted: ExternDecl, providers: readonly Provider[], bindings: ResourceBindings): Choice {
  const offers = providers.flatMap((provider) =>
    provider.exports.flatMap((decl): Offer[] =>
      decl.type.kind === "instance" ? [{ provider, id: decl.name, decl }] : [],
    ),
  );
  const exact = ({ id }: Offer): number => Number(id === wanted.name);
  const fitting = offers
    .filter(({ id }) => isCompatibleId(id, wanted.name))
    .sort((a, b) => exact(b) - exact(a) || compareIds(b.id, a.id));
  let mismatch: LinkIssue | undefined;
  for (const { provider, id, decl } of fitting) {
    const trial: ResourceBindings = new Map(bindings);
    const reason = explainMismatch(decl.type, wanted.type, trial);
    if (reason === undefined) {
      for (const [resource, found] of trial) bindings.set(resource, found);
      return { provider, id };
    }
    mismatch ??= {
      import: wanted.name,
      problem: "mismatch",
      expected: formatExtern(wanted.type),
      found: formatExtern(decl.type),
      nearest: `${id} of module ${provider.name}`,
      reason,
    };
  }
  return { issue: mismatch ?? explainAbsence(wanted, offers) };
}

/** Says that no module meets an import, and which comes nearest when one does. */
function explainAbsence(wanted: ExternDecl, offers: readonly Offer[]): LinkIssue {
  const path = withoutVersion(wanted.name);
  const samePath = offers.filter(({ id }) => withoutVersion(id) === path).sort((a, b) => compareIds(b.id, a.id))[0];
  if (samePath !== undefined) {
    return missing(wanted, samePath, explainVersions(versionOf(samePath.id), versionOf(wanted.name)));
  }
  const near = nearestName(
    wanted.name,
    offers.map(({ id }) => id),
  );
  const offer = offers.find(({ id }) => id === near);
  if (offer !== undefined) return missing(wanted, offer, "the names differ");
  const expected = formatExtern(wanted.type);
  const reason = "neither the imports given nor any loaded module provide it";
  return { import: wanted.name, problem: "missing", expected, reason };
}

function missing(wanted: ExternDecl, { provider, id }: Offer, reason: string): LinkIssue {
  return {
    import: wanted.name,
    problem: "missing",
    expected: formatExtern(wanted.type),
    nearest: `${id} of module ${provider.name}`,
    reason: `no module provides it; ${id} of module ${provider.name} comes nearest, but ${reason}`,
  };
}

/** Why one version does not do for another. */
function explainVersions(provided: string | undefined, wanted: string | undefined): string {
  if (provided === undefined) return `it has no version and ${wanted} is wanted`;
  if (wanted === undefined) return `it has version ${provided} and one without version is wanted`;
  if (provided.includes("-") || wanted.includes("-"))
    return `the pre-release versions ${provided} and ${wanted} differ`;
  const track = wanted.startsWith("0.0.")
    ? "0.0.x versions fit only themselves"
    : wanted.startsWith("0.")
      ? "0.x versions fit only within the same minor version"
      : "versions fit only within the same major version";
  return isCompatible(wanted, provided)
    ? `${provided} is older than the ${wanted} wanted`
    : `${provided} does not fit ${wanted}: ${track}`;
}

/** Everything about a component that does not fit a demanded world. */
export function checkWorld(component: Pick<Component, "imports" | "exports">, demand: WorldDemand): LinkIssue[] {
  const issues: LinkIssue[] = [];
  const exported: ResourceBindings = new Map();
  for (const wanted of demand.exports) {
    const found = component.exports.find(({ name }) => isCompatibleId(name, wanted.name));
    const reason =
      found === undefined ? "the component does not export it" : explainMismatch(found.type, wanted.type, exported);
    if (reason !== undefined) issues.push(worldIssue(wanted, found, reason));
  }
  if (demand.imports === undefined) return issues;
  const imported: ResourceBindings = new Map();
  for (const needed of component.imports) {
    const allowed = demand.imports.find(({ name }) => isCompatibleId(name, needed.name));
    // Roles are reversed: the world provides, the component wants.
    const reason =
      allowed === undefined ? "the world does not import it" : explainMismatch(allowed.type, needed.type, imported);
    if (reason !== undefined) issues.push(worldIssue(needed, allowed, reason));
  }
  return issues;
}

function worldIssue(wanted: ExternDecl, found: ExternDecl | undefined, reason: string): LinkIssue {
  const base = { import: wanted.name, expected: formatExtern(wanted.type), reason };
  return found === undefined
    ? { ...base, problem: "missing" }
    : { ...base, problem: "mismatch", found: formatExtern(found.type), nearest: found.name };
}

/** All the issues of a refused link in one message. */
export function describeIssues(issues: readonly LinkIssue[]): string {
  return issues
    .map((issue) => `${issue.import} ${issue.problem === "missing" ? "is missing" : "does not fit"}: ${issue.reason}`)
    .join("; ");
}
