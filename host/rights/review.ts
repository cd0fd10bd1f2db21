/**
 * The rights of a component, told from its bytes alone: nothing of it is compiled or run.
 *
 * A component can call what it imports and nothing else, so its imports are the most that it can ever do. What is said here
 * of them is never more than the bytes and the table of known functions allow.
 */
import type { ComponentDefinition } from "../binary/definition.ts";
import { resourceOf } from "../model/cases.ts";
import { NamedSubstitution } from "../model/rename.ts";
import type { ExternDecl } from "../model/types.ts";
import { readComponent } from "../plan/analyze.ts";
import { checkGrants, grantsFor, missingNeeds } from "./grants.ts";
import { capabilitiesOfPackage, everyAction, isWasi } from "./known.ts";
import { type Need, needsOf } from "./needs.ts";
import { sentencesOf } from "./sentences.ts";
import type { Grants, OpenImport, Review, Right } from "./types.ts";
import { type Surface, updateOf } from "./update.ts";

/** Bytes with their SHA-256, hex. */
export interface Hashed {
  readonly bytes: Uint8Array;
  readonly hash: string;
}

/**
 * @param against the version before
 * @param granted what it is granted already
 * @throws {DecodeError} when the bytes are not a valid component
 * @throws {UnsupportedError} when they use what cannot even be described here
 */
export function reviewBytes({ bytes, hash }: Hashed, against?: Hashed, granted?: Grants): Review {
  const checked = granted === undefined ? undefined : checkGrants(granted, "granted");
  const next = surfaceOf(bytes);
  const needs = needsOf(next.imports);
  const rights = rightsOf(needs);
  const open = openImports(
    needs.filter(({ known }) => known === undefined || known.action === undefined),
    next.names,
  );
  const review = {
    hash,
    pure: needs.length === 0,
    rights,
    own: open.filter(({ name }) => !isWasi(name)),
    unknown: open.filter(({ name }) => isWasi(name)),
    never: neverOf(needs),
    needs: grantsFor(needs),
    ...(against === undefined ? {} : { update: updateOf(surfaceOf(against.bytes), next, against.hash) }),
    ...(checked === undefined ? {} : { missing: grantsFor(missingNeeds(next.imports, checked)) }),
  };
  return { ...review, ...sentencesOf(review) };
}

/** What a component imports and exports, also of one that this host could not run. */
function surfaceOf(bytes: Uint8Array): Surface & { readonly names: ReadonlyMap<string, string> } {
  const { type, definition } = readComponent(bytes);
  const names = new NamedSubstitution(resourceOf);
  return { imports: names.decls(type.imports), exports: names.decls(type.exports), names: implementedBy(definition) };
}

/** Import → the interface that it says it is, where it has a name of its own. */
function implementedBy({ definitions }: ComponentDefinition): ReadonlyMap<string, string> {
  return new Map(
    definitions.flatMap((item) =>
      item.kind === "import" && item.name.implements !== undefined ? [[item.name.name, item.name.implements]] : [],
    ),
  );
}

function rightsOf(needs: readonly Need[]): readonly Right[] {
  const found = new Map<string, { capability: Right["capability"]; action: string; functions: string[] }>();
  for (const { known, decl, item } of needs) {
    if (known === undefined || known.capability === "" || known.action === undefined || known.action === "-") continue;
    const { capability, action } = known;
    const key = `${capability} ${action}`;
    const right = found.get(key) ?? { capability, action, functions: [] };
    found.set(key, right);
    right.functions.push(`${decl.name}#${item}`);
  }
  const order = [...everyAction().keys()];
  return [...found.values()].sort(
    (a, b) => order.indexOf(a.capability) - order.indexOf(b.capability) || (a.action < b.action ? -1 : 1),
  );
}

function openImports(needs: readonly Need[], names: ReadonlyMap<string, string>): OpenImport[] {
  const found = new Map<ExternDecl, string[]>();
  for (const { decl, item } of needs) {
    const items = found.get(decl) ?? [];
    found.set(decl, items);
    const inside = decl.type.kind === "instance" && item.startsWith(`${decl.name}#`);
    items.push(inside ? item.slice(decl.name.length + 1) : item);
  }
  return [...found].map(([{ name, type }, items]): OpenImport => {
    const of = names.get(name);
    const linkable = type.kind === "instance" || type.kind === "func" || type.kind === "resource-type";
    return { name, kind: type.kind, items, ...(of === undefined ? {} : { implements: of }), linkable };
  });
}

/** The actions that nothing imported allows. Of a capability with something that is not known nothing can be excluded. */
function neverOf(needs: readonly Need[]): Review["never"] {
  const open = new Set(
    needs.flatMap(({ known, decl }): readonly string[] => {
      if (known === undefined) return isWasi(decl.name) ? [...capabilitiesOfPackage(decl.name)] : [];
      return known.action === undefined ? [known.capability] : [];
    }),
  );
  const allowed = new Set(needs.map(({ known }) => `${known?.capability} ${known?.action}`));
  const never = [...everyAction()].flatMap(([capability, actions]) => {
    const left = open.has(capability) ? [] : [...actions].filter((action) => !allowed.has(`${capability} ${action}`));
    return left.length === 0 ? [] : [[capability, left]];
  });
  return Object.fromEntries(never) as Review["never"];
}
