/**
 * What a new version of a component imports and exports beside the one before.
 */
import { compatibilityKey } from "../model/ids.ts";
import { Comparing, explainMismatch, type ResourceBindings } from "../model/subtype.ts";
import { formatExtern } from "../model/text.ts";
import type { ExternDecl, ExternType } from "../model/types.ts";
import { grantsFor } from "./grants.ts";
import { type Need, needsOf } from "./needs.ts";
import type { ChangedType, Update } from "./types.ts";

/** The imports and exports of a component. */
export interface Surface {
  readonly imports: readonly ExternDecl[];
  readonly exports: readonly ExternDecl[];
}

/** @param from SHA-256 of the version before */
export function updateOf(previous: Surface, next: Surface, from: string): Update {
  const before = needsOf(previous.imports);
  const after = needsOf(next.imports);
  // What is exported may take and give resources that are imported.
  const resources: ResourceBindings = new Map();
  const imports = differences(previous.imports, next.imports, resources);
  const { added, dropped, changed } = differences(previous.exports, next.exports, resources);
  return {
    from,
    added: grantsFor(without(after, before)),
    dropped: grantsFor(without(before, after)),
    changed: imports.changed,
    exports: { added, dropped, changed },
  };
}

/** The needs that are not among others; an action is one need, whichever function asks for it. */
function without(needs: readonly Need[], others: readonly Need[]): readonly Need[] {
  const key = ({ known, place, item }: Need): string =>
    known?.action === undefined
      ? JSON.stringify([compatibilityKey(place), item])
      : JSON.stringify([known.capability, known.action]);
  const there = new Set(others.map(key));
  return needs.filter((need) => !there.has(key(need)));
}

/** Something that is imported or exported, alone or in an interface. */
interface Item {
  readonly name: string;
  readonly type: ExternType;
}

/** Everything by a key that survives compatible versions, in order. Types show in the functions that are made of them. */
function itemsOf(decls: readonly ExternDecl[]): Map<string, Item> {
  const items = new Map<string, Item>();
  const add = (name: string, key: string, type: ExternType): void => {
    if (type.kind === "instance") {
      for (const inner of type.exports) add(`${name}#${inner.name}`, `${key}#${inner.name}`, inner.type);
    } else if (type.kind !== "type") items.set(key, { name, type });
  };
  for (const { name, type } of decls) add(name, compatibilityKey(name), type);
  return items;
}

function differences(
  previous: readonly ExternDecl[],
  next: readonly ExternDecl[],
  resources: ResourceBindings,
): { added: string[]; dropped: string[]; changed: ChangedType[] } {
  const before = itemsOf(previous);
  const after = itemsOf(next);
  const comparing = new Comparing(after.size);
  const changed = [...after].flatMap(([key, { name, type }]): ChangedType[] => {
    const old = before.get(key);
    if (old === undefined) return [];
    const reason = explainMismatch(type, old.type, resources, comparing);
    if (reason === undefined) return [];
    const text = (of: ExternType): string => formatExtern(of, comparing.count);
    return [{ name, from: text(old.type), to: text(type), reason }];
  });
  const missing = (from: Map<string, Item>, to: Map<string, Item>): string[] =>
    [...from].flatMap(([key, { name }]) => (to.has(key) ? [] : [name]));
  return { added: missing(after, before), dropped: missing(before, after), changed };
}
