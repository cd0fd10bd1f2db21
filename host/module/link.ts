/**
 * Meets the imports of a component: by what the user gave, else by what the host gives everybody, else by the exports
 * of loaded modules. Reports everything unmet at once, with the nearest provider and the reason in words.
 *
 * Whether a given object fits is the runtime's own check (`Component.missing`); this file decides who is asked.
 */
import type { LinkIssue } from "../errors.ts";
import { toCamelCase } from "../model/names.ts";
import { explainMismatch } from "../model/subtype.ts";
import { formatExtern } from "../model/text.ts";
import type { ExternDecl } from "../model/types.ts";
import type { Component } from "../runtime/types.ts";
import { compareVersions, meets, nearestName, parseInterfaceId } from "./ids.ts";
import type { ImportOrigin, LoadOptions, WorldDemand } from "./types.ts";

/** A module that may meet the imports of others. */
export interface Provider {
  readonly name: string;
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
  /** The imports that nothing meets, or that what was found does not fit. */
  readonly issues: readonly LinkIssue[];
}

/** Whether an import needs anything at run time; an interface of types alone does not. */
function needsProvider({ type }: ExternDecl): boolean {
  if (type.kind === "instance") return type.exports.some(needsProvider);
  return type.kind !== "type";
}

/** The import object's value for an import: its exact name, the id without version, then any compatible version. */
export function findGiven(imports: object, name: string): { readonly key: string; readonly value: unknown } | undefined {
  const given = imports as Record<string, unknown>;
  const path = parseInterfaceId(name)?.path;
  for (const key of [name, path ?? toCamelCase(name)]) {
    if (given[key] !== undefined) return { key, value: given[key] };
  }
  if (path === undefined) return undefined;
  const key = Object.keys(given).find((candidate) => meets(candidate, name) && given[candidate] !== undefined);
  return key === undefined ? undefined : { key, value: given[key] };
}

export function resolveImports(
  component: Component,
  own: object,
  shared: object,
  providers: readonly Provider[],
  link: LoadOptions["link"],
): Resolution {
  const imports: Record<string, unknown> = {};
  const origins: ImportOrigin[] = [];
  const uses = new Set<string>();
  const refused = new Map<string, LinkIssue>();
  for (const wanted of component.imports) {
    const { name } = wanted;
    const found = findGiven(own, name) ?? findGiven(shared, name);
    if (found !== undefined) {
      imports[name] = found.value;
      origins.push({ name, from: findGiven(own, name) === undefined ? "host" : "imports" });
      continue;
    }
    if (!needsProvider(wanted) || wanted.type.kind !== "instance" || link === false) continue;
    const choice = chooseProvider(wanted, allowedProviders(providers, link, name));
    if ("issue" in choice) {
      if (choice.issue !== undefined) refused.set(name, choice.issue);
      continue;
    }
    imports[name] = choice.provider.interfaceObject(choice.id);
    origins.push({ name, from: "module", module: choice.provider.name });
    uses.add(choice.provider.name);
  }
  const issues = component.missing(imports).map((issue) => refused.get(issue.import) ?? issue);
  return { imports, origins, uses: [...uses], issues };
}

function allowedProviders(providers: readonly Provider[], link: LoadOptions["link"], name: string): readonly Provider[] {
  if (typeof link !== "object") return providers;
  const only = link[name] ?? link[parseInterfaceId(name)?.path ?? name];
  return only === undefined ? providers : providers.filter((provider) => provider.name === only);
}

interface Offer {
  readonly provider: Provider;
  readonly id: string;
  readonly decl: ExternDecl;
}

type Choice = { readonly provider: Provider; readonly id: string } | { readonly issue: LinkIssue | undefined };

/** The best provider: the exact version, else the highest, else the first loaded; or why none will do. */
function chooseProvider(wanted: ExternDecl, providers: readonly Provider[]): Choice {
  const offers = providers.flatMap((provider) =>
    provider.exports.flatMap((decl): Offer[] =>
      decl.type.kind === "instance" ? [{ provider, id: decl.name, decl }] : [],
    ),
  );
  const fitting = offers.filter(({ id }) => meets(id, wanted.name)).sort((a, b) => rank(b, wanted) - rank(a, wanted));
  let mismatch: LinkIssue | undefined;
  for (const { provider, id, decl } of fitting) {
    const reason = explainMismatch(decl.type, wanted.type);
    if (reason === undefined) return { provider, id };
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

function rank({ id }: Offer, wanted: ExternDecl): number {
  if (id === wanted.name) return Number.MAX_SAFE_INTEGER;
  const [major = -1, minor = -1, patch = -1] = (parseInterfaceId(id)?.version ?? "").split(/[.+-]/, 3).map(Number);
  return major * 1e10 + minor * 1e5 + patch;
}

/** Says which module comes nearest to an import that none meets; `undefined` when none comes near. */
function explainAbsence(wanted: ExternDecl, offers: readonly Offer[]): LinkIssue | undefined {
  const asked = parseInterfaceId(wanted.name);
  const samePath = offers
    .filter(({ id }) => asked !== undefined && parseInterfaceId(id)?.path === asked.path)
    .sort((a, b) => compareVersions(parseInterfaceId(b.id)?.version, parseInterfaceId(a.id)?.version))[0];
  if (samePath !== undefined) {
    return missing(wanted, samePath, explainVersions(parseInterfaceId(samePath.id)?.version, asked?.version));
  }
  const near = nearestName(
    wanted.name,
    offers.map(({ id }) => id),
  );
  const offer = offers.find(({ id }) => id === near);
  return offer === undefined ? undefined : missing(wanted, offer, `the names differ`);
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
  if (provided.includes("-") || wanted.includes("-")) return `the pre-release versions ${provided} and ${wanted} differ`;
  const track = /^0\.0\./.test(wanted)
    ? "0.0.x versions fit only themselves"
    : /^0\./.test(wanted)
      ? "0.x versions fit only within the same minor version"
      : "versions fit only within the same major version";
  return compareVersions(provided, wanted) < 0 && provided.split(".")[0] === wanted.split(".")[0]
    ? `${provided} is older than the ${wanted} wanted`
    : `${provided} does not fit ${wanted}: ${track}`;
}

/** Everything about a component that does not fit a demanded world. */
export function checkWorld(component: Pick<Component, "imports" | "exports">, demand: WorldDemand): LinkIssue[] {
  const issues: LinkIssue[] = [];
  for (const wanted of demand.exports) {
    const found = component.exports.find(({ name }) => meets(name, wanted.name));
    const reason =
      found === undefined ? "the component does not export it" : explainMismatch(found.type, wanted.type);
    if (reason !== undefined) issues.push(worldIssue(wanted, found, reason));
  }
  if (demand.imports === undefined) return issues;
  for (const needed of component.imports) {
    const allowed = demand.imports.find(({ name }) => meets(name, needed.name));
    // Roles are reversed: the world provides, the component wants.
    const reason = allowed === undefined ? "the world does not import it" : explainMismatch(allowed.type, needed.type);
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
