/**
 * Whether types fit: which module may meet an import, whether a component fits a demanded world, and whether a new version
 * of a module still fits those that use it. What does not fit is reported with what comes nearest and the reason in words.
 */
import { LinkError, type LinkIssue } from "../../errors.ts";
import { compareIds, isCompatibleId, versionOf, withoutVersion } from "../../model/ids.ts";
import { type Effort, nearestName } from "../../model/nearest.ts";
import { isCompatible } from "../../model/semver.ts";
import { externName } from "../../model/spelling.ts";
import { explainMismatch, type ResourceBindings } from "../../model/subtype.ts";
import { formatExtern } from "../../model/text.ts";
import type { ExternDecl } from "../../model/types.ts";
import type { Component } from "../../runtime/types.ts";
import { identifiedExports, type Exporter, type ExportingVersion } from "./resource-identity.ts";
import type { Provider } from "./resolve-imports.ts";
import type { DependentImport } from "../module.ts";
import type { WorldDemand } from "../types.ts";

interface Offer {
  readonly provider: Provider;
  readonly id: string;
  readonly decl: ExternDecl;
}

type Choice = { readonly provider: Provider; readonly id: string } | { readonly issue: LinkIssue };

/** The best provider: the exact version, else the highest, else the first loaded; or why none will do. */
export function chooseProvider(
  wanted: ExternDecl,
  providers: readonly Provider[],
  bindings: ResourceBindings,
  effort: Effort,
): Choice {
  const offers = providers.flatMap((provider) =>
    identifiedExports(provider, provider.version).flatMap((decl): Offer[] =>
      decl.type.kind === "instance" ? [{ provider, id: decl.name, decl }] : [],
    ),
  );
  const exact = ({ id }: Offer): number => Number(id === wanted.name);
  const fitting = offers
    .filter(({ id, provider }) => isCompatibleId(id, wanted.name) && provider.mayProvide(id))
    .sort((a, b) => exact(b) - exact(a) || compareIds(b.id, a.id));
  let refusal: LinkIssue | undefined;
  for (const { provider, id, decl } of fitting) {
    const trial: ResourceBindings = new Map(bindings);
    const reason = explainMismatch(decl.type, wanted.type, trial);
    if (reason === undefined) {
      for (const [resource, found] of trial) bindings.set(resource, found);
      return { provider, id };
    }
    refusal ??= mismatch(wanted, decl, `${id} of module ${provider.name}`, reason);
  }
  return { issue: refusal ?? explainAbsence(wanted, offers, effort) };
}

/** All the issues of a refused link in one message. */
export function describeIssues(issues: readonly LinkIssue[]): string {
  return issues
    .map((issue) => `${issue.import} ${issue.problem === "missing" ? "is missing" : "does not fit"}: ${issue.reason}`)
    .join("; ");
}

/** The error of a module whose imports are not met. */
export function linkError(
  name: string,
  component: Component,
  issues: readonly LinkIssue[],
  providers: readonly Provider[],
): LinkError {
  const found = explainWorldFunctions(issues, component, providers);
  return new LinkError(`Cannot link module ${name}: ${describeIssues(found)}`, found);
}

/** @throws {LinkError} when a component does not fit the world demanded of a module */
export function demandWorld(name: string, component: Component, demand: WorldDemand | undefined): void {
  const issues = demand === undefined ? [] : checkWorld(component, demand);
  if (issues.length === 0) return;
  throw new LinkError(`Module ${name} does not fit the world demanded: ${describeIssues(issues)}`, issues);
}

/** Says of functions of the world that loaded modules export them: modules lend each other interfaces only. */
export function explainWorldFunctions(
  issues: readonly LinkIssue[],
  { imports }: Pick<Component, "imports">,
  providers: readonly Provider[],
): readonly LinkIssue[] {
  return issues.map((issue) => {
    if (!imports.some(({ name, type }) => name === issue.import && type.kind === "func")) return issue;
    const exporter = providers.find(({ version }) =>
      version.component.exports.some(({ name, type }) => name === issue.import && type.kind === "func"),
    );
    if (exporter === undefined) return issue;
    const by = `module ${exporter.name} exports a function of this name, but modules lend each other interfaces only: give it by hand as an import, { ${externName(issue.import)}: (...args) => host.require("${exporter.name}").exports.${externName(issue.import)}(...args) }`;
    return { ...issue, nearest: `${issue.import} of module ${exporter.name}`, reason: `${issue.reason}; ${by}` };
  });
}

/** Says that no module meets an import, and which comes nearest when one does. */
function explainAbsence(wanted: ExternDecl, offers: readonly Offer[], effort: Effort): LinkIssue {
  const path = withoutVersion(wanted.name);
  const samePath = offers.filter(({ id }) => withoutVersion(id) === path).sort((a, b) => compareIds(b.id, a.id))[0];
  if (samePath !== undefined) {
    const { id, provider } = samePath;
    if (isCompatibleId(id, wanted.name)) {
      return missing(wanted, samePath, `the option provides of ${provider.name} does not lend it`);
    }
    return missing(wanted, samePath, explainVersions(versionOf(samePath.id), versionOf(wanted.name)));
  }
  const near = nearestName(
    wanted.name,
    offers.map(({ id }) => id),
    effort,
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
  // Roles are reversed: the world provides, the component wants.
  const imported: ResourceBindings = new Map();
  const missing = unmet(
    component.imports,
    demand.imports ?? component.imports,
    "the world does not import it",
    imported,
  );
  // Exports may take and give resources that were imported.
  const known = new Map([...imported].map(([wanted, found]) => [found, wanted]));
  return [...unmet(demand.exports, component.exports, "the component does not export it", known), ...missing];
}

/** What is wanted and not among the offers, or does not fit; resources mean the same for all of them. */
function unmet(
  wanted: readonly ExternDecl[],
  offers: readonly ExternDecl[],
  absent: string,
  bindings: ResourceBindings,
): LinkIssue[] {
  return wanted.flatMap((decl) => misfit(decl, offers, absent, bindings) ?? []);
}

/** Everything that those who import from a module would miss in another version of it. */
export function checkDependents(
  exporter: Exporter,
  candidate: ExportingVersion,
  dependents: readonly DependentImport[],
): LinkIssue[] {
  return dependents.flatMap(({ version, wanted }): LinkIssue[] => {
    const offers = identifiedExports(exporter, candidate);
    const issue = misfit(wanted, offers, "the new version does not export it", new Map(version.resources));
    return issue === undefined ? [] : [{ ...issue, reason: `module ${version.module} uses it: ${issue.reason}` }];
  });
}

/** Why no offer of the name meets what is wanted, when none does. */
function misfit(
  wanted: ExternDecl,
  offers: readonly ExternDecl[],
  absent: string,
  bindings: ResourceBindings,
): LinkIssue | undefined {
  const found = offers.find(({ name }) => isCompatibleId(name, wanted.name));
  if (found === undefined) {
    return { import: wanted.name, problem: "missing", expected: formatExtern(wanted.type), reason: absent };
  }
  const reason = explainMismatch(found.type, wanted.type, bindings);
  return reason === undefined ? undefined : mismatch(wanted, found, found.name, reason);
}

function mismatch(wanted: ExternDecl, found: ExternDecl, nearest: string, reason: string): LinkIssue {
  const [expected, got] = [formatExtern(wanted.type), formatExtern(found.type)];
  return { import: wanted.name, problem: "mismatch", expected, found: got, nearest, reason };
}
