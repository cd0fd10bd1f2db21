/**
 * Grants: what is granted as data, held against what a component needs.
 */
import { UsageError } from "../errors.ts";
import { compatibilityKey, isInterfaceId, withoutVersion } from "../model/ids.ts";
import { nearestName } from "../model/nearest.ts";
import type { ExternDecl } from "../model/types.ts";
import { describe } from "../words.ts";
import { everyAction } from "./known.ts";
import { type Need, needsOf } from "./needs.ts";
import type { Capability, Grants } from "./types.ts";

/**
 * Grants that were checked: names by capability, by `world` and by interface, versions that semver calls compatible in one.
 * `true` is among the names where all are granted.
 */
export type CheckedGrants = ReadonlyMap<string, ReadonlySet<string | true>>;

/**
 * @param name of the option, for messages
 * @throws {UsageError} for what is no grant, and for capabilities and actions that do not exist: one that is misspelt, or of a
 * later version of tenon, must not grant nothing in silence
 */
export function checkGrants(grants: unknown, name = "grants"): CheckedGrants {
  if (typeof grants !== "object" || grants === null || Array.isArray(grants)) {
    throw new UsageError(`Expected ${name} to be an object, got ${describe(grants)}`);
  }
  const capabilities = everyAction();
  const checked = new Map<string, Set<string | true>>();
  for (const [key, granted] of Object.entries(grants)) {
    if (granted === undefined) continue;
    const actions = capabilities.get(key as Capability);
    if (actions === undefined && key !== "world" && !isInterfaceId(key)) {
      throw new UsageError(`There is no capability ${key} to grant in ${name}${meant(key, capabilities.keys())}`);
    }
    const names: unknown = granted === true ? [true] : granted;
    if (!Array.isArray(names) || !names.every((one) => granted === true || typeof one === "string")) {
      throw new UsageError(`Expected ${name}.${key} to be true or a list of names, got ${describe(granted)}`);
    }
    const wrong: unknown = granted === true ? undefined : names.find((action) => actions?.has(action) === false);
    if (wrong !== undefined) {
      throw new UsageError(
        `There is no action ${wrong as string} of ${key} to grant${meant(wrong as string, actions!)}`,
      );
    }
    const place = compatibilityKey(key);
    checked.set(place, new Set([...(checked.get(place) ?? []), ...names]));
  }
  return checked;
}

function meant(name: string, names: Iterable<string>): string {
  const all = [...names];
  const near = nearestName(name, all);
  return near === undefined ? `; there are ${all.join(", ")}` : `; did you mean ${near}?`;
}

/** Whether a need is granted: its action, or its function by name. */
function isGranted({ known, place, item }: Need, grants: CheckedGrants): boolean {
  if (known?.action === "-") return true;
  const has = (key: string, name: string): boolean =>
    grants.get(key)?.has(true) === true || grants.get(key)?.has(name) === true;
  if (known?.action !== undefined && has(known.capability, known.action)) return true;
  // What the world imports as an interface of its own name is granted by that name too.
  if (place === "world") return has(place, item) || has(place, item.split("#", 1)[0]!);
  return has(compatibilityKey(place), item) || has(withoutVersion(place), item);
}

/** What imports need beyond what is granted. */
export function missingNeeds(imports: readonly ExternDecl[], grants: CheckedGrants): readonly Need[] {
  return needsOf(imports).filter((need) => !isGranted(need, grants));
}

/** Grants for exactly what is needed; one for all versions of an interface that semver calls compatible. */
export function grantsFor(needs: readonly Need[]): Grants {
  const found = new Map<string, Set<string>>();
  for (const { known, place, item } of needs) {
    if (known?.action === "-") continue;
    const [key, name] =
      known?.action === undefined ? [compatibilityKey(place), item] : [known.capability, known.action];
    const names = found.get(key) ?? new Set();
    found.set(key, names.add(name));
  }
  // Capabilities, the world, interfaces, each in the order of the alphabet: files of grants can be compared.
  const rank = (key: string): number => (isInterfaceId(key) ? 2 : key === "world" ? 1 : 0);
  const ordered = [...found].sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return Object.fromEntries(ordered.map(([key, names]) => [key, [...names].sort()]));
}
