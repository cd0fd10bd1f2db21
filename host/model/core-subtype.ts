/**
 * Whether core modules and their parts fit what is wanted, and if not, where and why in words. Follows the core
 * specification, "Import Matching".
 */
import { formatCoreExtern } from "./core-text.ts";
import type { CoreExternType, CoreLimits, CoreModuleType } from "./types.ts";

/** Why a core module does not fit: it may import less than is wanted, and export more. */
export function explainCoreModule(found: CoreModuleType, wanted: CoreModuleType): string | undefined {
  const key = (item: { module: string; name: string }): string => JSON.stringify([item.module, item.name]);
  const given = new Map(wanted.imports.map((item) => [key(item), item.type]));
  for (const item of found.imports) {
    const where = `core import \`${item.module}\` \`${item.name}\``;
    const offer = given.get(key(item));
    if (offer === undefined) return `${where}: found but not wanted`;
    const why = explainCoreMismatch(offer, item.type);
    if (why !== undefined) return `${where}: ${why}`;
  }
  const provided = new Map(found.exports.map((item) => [item.name, item.type]));
  for (const { name, type } of wanted.exports) {
    const other = provided.get(name);
    if (other === undefined) return `core export \`${name}\` is missing: expected ${formatCoreExtern(type)}`;
    const why = explainCoreMismatch(other, type);
    if (why !== undefined) return `core export \`${name}\`: ${why}`;
  }
  return undefined;
}

/** Why a core item does not fit: types must be equal, limits at least as narrow. Core specification, "Import Matching". */
export function explainCoreMismatch(found: CoreExternType, wanted: CoreExternType): string | undefined {
  return coreMatches(found, wanted)
    ? undefined
    : `expected ${formatCoreExtern(wanted)}, found ${formatCoreExtern(found)}`;
}

function coreMatches(found: CoreExternType, wanted: CoreExternType): boolean {
  if (found.kind !== wanted.kind) return false;
  switch (wanted.kind) {
    case "core-func": {
      const other = found as typeof wanted;
      return sameTypes(other.params, wanted.params) && sameTypes(other.results, wanted.results);
    }
    case "core-tag":
      return sameTypes((found as typeof wanted).params, wanted.params);
    case "core-global": {
      const other = found as typeof wanted;
      return other.type === wanted.type && other.mutable === wanted.mutable;
    }
    case "core-memory":
      return limitsMatch((found as typeof wanted).limits, wanted.limits);
    case "core-table": {
      const other = found as typeof wanted;
      return other.element === wanted.element && limitsMatch(other.limits, wanted.limits);
    }
  }
}

function sameTypes(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((type, place) => type === b[place]);
}

function limitsMatch(found: CoreLimits, wanted: CoreLimits): boolean {
  if (found.index !== wanted.index || found.shared !== wanted.shared || found.min < wanted.min) return false;
  return wanted.max === undefined || (found.max !== undefined && found.max <= wanted.max);
}
