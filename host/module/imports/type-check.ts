/**
 * Whether types fit: whether a component fits a demanded world, and whether a new version of a module still fits those that
 * use it. What does not fit is reported with the reason in words.
 */
import type { LinkIssue } from "../../errors.ts";
import { IdIndex } from "../../model/ids.ts";
import { Comparing, explainMismatch, type ResourceBindings } from "../../model/subtype.ts";
import { formatExtern } from "../../model/text.ts";
import type { ExternDecl } from "../../model/types.ts";
import { linkError } from "../../runtime/link-error.ts";
import type { EngineComponent } from "../../runtime/engine.ts";
import type { DependentImport, Exporter, ExportingRun } from "../contract.ts";
import type { WorldDemand } from "../types.ts";
import { isConsole } from "./resolve-imports.ts";
import { identifiedExports } from "./resource-identity.ts";

/** @throws {LinkError} when a component does not fit the world demanded of a module */
export function demandWorld(name: string, component: EngineComponent, demand: WorldDemand | undefined): void {
  const issues = demand === undefined ? [] : checkWorld(component, demand);
  if (issues.length === 0) return;
  throw linkError(`Module ${name} does not fit the world demanded`, issues);
}

/** Everything about a component that does not fit a demanded world. */
export function checkWorld(component: Pick<EngineComponent, "imports" | "exports">, demand: WorldDemand): LinkIssue[] {
  // Roles are reversed: the world provides, the component wants.
  const imported: ResourceBindings = new Map();
  const missing = unmet(
    // The console is the host's own affair, whatever the world says.
    component.imports.filter((wanted) => !isConsole(wanted)),
    demand.imports ?? component.imports,
    "the world does not import it",
    imported,
  );
  // Exports may take and give resources that were imported.
  const known = new Map([...imported].map(([wanted, found]) => [found, wanted]));
  const absent = unmet(demand.exports, component.exports, "the component does not export it", known);
  return [...absent.map(aboutExport), ...missing];
}

/** An issue that was found by asking who would meet an import is about an export, seen from the other side. */
function aboutExport({ import: name, ...issue }: LinkIssue): LinkIssue {
  return { export: name!, ...issue };
}

/** What is wanted and not among the offers, or does not fit; resources mean the same for all of them. */
function unmet(
  wanted: readonly ExternDecl[],
  offers: readonly ExternDecl[],
  absent: string,
  bindings: ResourceBindings,
): LinkIssue[] {
  const index = indexOf(offers);
  const comparing = new Comparing(wanted.length);
  return wanted.flatMap((decl) => misfits(decl, index, absent, bindings, comparing));
}

/** As {@link misfit}; of an interface that does not fit, every item that does not. */
function misfits(
  wanted: ExternDecl,
  offers: IdIndex<ExternDecl>,
  absent: string,
  bindings: ResourceBindings,
  comparing: Comparing,
): LinkIssue[] {
  const issue = misfit(wanted, offers, absent, bindings, comparing);
  if (issue === undefined) return [];
  const found = issue.problem === "missing" ? undefined : offers.fitting(wanted.name).next().value;
  if (wanted.type.kind !== "instance" || found?.type.kind !== "instance") return [issue];
  const items = indexOf(found.type.exports);
  const many = new Comparing(comparing.count * wanted.type.exports.length, comparing.spend);
  const each = wanted.type.exports.flatMap((decl): LinkIssue[] => {
    const one = misfit(decl, items, absent, bindings, many);
    return one === undefined ? [] : [{ ...one, import: `${wanted.name}#${decl.name}` }];
  });
  return each.length === 0 ? [issue] : each;
}

function indexOf(offers: readonly ExternDecl[]): IdIndex<ExternDecl> {
  return new IdIndex(offers.map((decl) => [decl.name, decl]));
}

/** Everything that the dependents of a module import and another version of it lacks or has with another type. */
export function checkDependents(
  exporter: Exporter,
  candidate: ExportingRun,
  dependents: readonly DependentImport[],
): LinkIssue[] {
  if (dependents.length === 0) return [];
  const offers = indexOf(identifiedExports(exporter, candidate));
  const comparing = new Comparing(dependents.length);
  const absent = "the new version does not export it";
  return dependents.flatMap(({ run, wanted }): LinkIssue[] => {
    const issue = misfit(wanted, offers, absent, new Map(run.resources), comparing);
    if (issue === undefined) return [];
    return [aboutExport({ ...issue, reason: `module ${run.module} uses it: ${issue.reason}` })];
  });
}

/** Why no offer of the name meets what is wanted, when none does. */
function misfit(
  wanted: ExternDecl,
  offers: IdIndex<ExternDecl>,
  absent: string,
  bindings: ResourceBindings,
  comparing: Comparing,
): LinkIssue | undefined {
  const found = offers.fitting(wanted.name).next().value;
  const expected = formatExtern(wanted.type, comparing.count);
  if (found === undefined) return { import: wanted.name, problem: "missing", expected, reason: absent };
  const reason = explainMismatch(found.type, wanted.type, bindings, comparing);
  if (reason === undefined) return undefined;
  return {
    import: wanted.name,
    problem: "mismatch",
    expected,
    found: formatExtern(found.type, comparing.count),
    nearest: found.name,
    reason,
  };
}
