/**
 * Modules that are loaded together, in the order in which they meet each other's imports.
 */
import { LinkError, type LinkIssue } from "../../errors.ts";
import { IdIndex } from "../../model/ids.ts";
import { givenNames } from "../../runtime/given-imports.ts";
import type { EngineComponent } from "../../runtime/engine.ts";
import { givenProvider, importEntries, isConsole, isLinkable, mayProvide } from "./resolve-imports.ts";
import type { HostOptions, LoadOptions } from "../types.ts";

interface Candidate {
  readonly name: string;
  readonly component: EngineComponent;
  readonly options: LoadOptions;
}

interface Exported {
  readonly by: string;
  readonly kind: string;
}

/** Names, providers first. @throws {LinkError} with the path of a cycle */
export function loadOrder(candidates: readonly Candidate[], shared: HostOptions["imports"]): readonly string[] {
  const byName = new Map(candidates.map((candidate) => [candidate.name, candidate]));
  const exported = new IdIndex(
    candidates.flatMap(({ name, component, options: { provides } }) =>
      component.exports.flatMap(({ name: id, type }): [string, Exported][] =>
        mayProvide(provides, id) ? [[id, { by: name, kind: type.kind }]] : [],
      ),
    ),
  );
  /** Who among the candidates may meet each import. */
  const offersFor = ({ name, component, options: { imports, link } }: Candidate): Map<string, readonly string[]> => {
    const offers = new Map<string, readonly string[]>();
    if (link === false) return offers;
    // A factory runs after the modules that may be needed are loaded, so its imports are not known here.
    const given = [...importEntries(imports, "imports"), ...importEntries(shared, "host")].flatMap(
      ({ entry, where, origin }) => (typeof entry === "object" ? givenProvider(entry, where, origin) : []),
    );
    const named = typeof link === "object" ? givenNames(link) : undefined;
    for (const decl of component.imports) {
      if (!isLinkable(decl) || isConsole(decl) || given.some((provider) => provider.offer(decl) !== undefined))
        continue;
      const only = named?.find(decl.name)?.value;
      const found = [...exported.fitting(decl.name)].filter(
        ({ by, kind }) => by !== name && kind === decl.type.kind && (only === undefined || by === only),
      );
      if (found.length > 0)
        offers.set(
          decl.name,
          found.map(({ by }) => by),
        );
    }
    return offers;
  };
  const sorted = topologicalOrder([...byName.keys()], (name) => [
    ...new Set([...offersFor(byName.get(name)!).values()].flat()),
  ]);
  if ("order" in sorted) return sorted.order;
  const issues = sorted.cycle.slice(0, -1).flatMap((name, index): LinkIssue[] => {
    const next = sorted.cycle[index + 1]!;
    const [wanted] = [...offersFor(byName.get(name)!)].find(([, offers]) => offers.includes(next))!;
    const reason = `module ${name} needs it from module ${next}, which needs ${name}`;
    return [{ import: wanted, problem: "missing", expected: wanted, nearest: `module ${next}`, reason }];
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
