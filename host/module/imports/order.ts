/**
 * Modules that are loaded together, in the order in which they meet each other's imports.
 */
import { LinkError, type LinkIssue } from "../../errors.ts";
import { isCompatibleId } from "../../model/ids.ts";
import type { Component } from "../../runtime/types.ts";
import { findGiven, linkedModule, mayProvide } from "./resolve-imports.ts";
import type { HostOptions, LoadOptions } from "../types.ts";

interface Candidate {
  readonly name: string;
  readonly component: Component;
  readonly options: LoadOptions;
}

/** Names, providers first. @throws {LinkError} with the path of a cycle */
export function loadOrder(candidates: readonly Candidate[], shared: HostOptions["imports"]): readonly string[] {
  const byName = new Map(candidates.map((candidate) => [candidate.name, candidate]));
  const needs = (name: string): readonly string[] => {
    const { component, options } = byName.get(name)!;
    // What a factory will give is known only when it runs, after those that may be needed have been loaded.
    const given = [options.imports, shared].filter((imports) => typeof imports === "object");
    return component.imports.flatMap((decl) => {
      const { name: wanted, type } = decl;
      if (type.kind !== "instance" || options.link === false) return [];
      if (given.some((imports) => findGiven(imports, decl) !== undefined)) return [];
      const only = typeof options.link === "object" ? linkedModule(options.link, wanted) : undefined;
      return candidates
        .filter((other) => other.name !== name && (only === undefined || other.name === only))
        .filter(({ options: { provides }, component: { exports } }) =>
          exports.some(({ name: id }) => isCompatibleId(id, wanted) && mayProvide(provides, id)),
        )
        .map((other) => other.name);
    });
  };
  const sorted = topologicalOrder(
    candidates.map(({ name }) => name),
    needs,
  );
  if ("order" in sorted) return sorted.order;
  const issues = sorted.cycle.slice(0, -1).flatMap((name, index): LinkIssue[] => {
    const next = byName.get(sorted.cycle[index + 1]!)!;
    const wanted = byName
      .get(name)!
      .component.imports.find((decl) => next.component.exports.some((other) => isCompatibleId(other.name, decl.name)))!;
    const reason = `module ${name} needs it from module ${next.name}, which needs ${name}`;
    return [{ import: wanted.name, problem: "missing", expected: wanted.name, nearest: `module ${next.name}`, reason }];
  });
  throw new LinkError(`Modules need each other in a cycle: ${sorted.cycle.join(" → ")}`, issues);
}

/**
 * Orders nodes so that each comes after those it needs; nodes that do not need each other keep their order.
 * @returns the order, or the path of a cycle, its first node repeated at the end
 */
function topologicalOrder(
  nodes: readonly string[],
  needs: (node: string) => readonly string[],
): { readonly order: readonly string[] } | { readonly cycle: readonly string[] } {
  const order: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): readonly string[] | undefined => {
    if (done.has(node)) return undefined;
    const at = path.indexOf(node);
    if (at >= 0) return [...path.slice(at), node];
    path.push(node);
    for (const need of needs(node)) {
      const cycle = visit(need);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(node);
    order.push(node);
    return undefined;
  };
  for (const node of nodes) {
    const cycle = visit(node);
    if (cycle !== undefined) return { cycle };
  }
  return { order };
}
