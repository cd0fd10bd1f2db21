/**
 * Which loaded module meets an import: of an interface, the best version that fits; of a function or resource of the world
 * itself, the one module that has it. Says why none will do, and which comes nearest.
 *
 * All names are looked up in one index, and comparing is charged to one account: neither the number of imports times that of
 * exports nor the unfolding of types makes a link slow.
 */
import type { LinkIssue } from "../../errors.ts";
import { compareIds, IdIndex, isCompatibleId, versionOf, withoutVersion } from "../../model/ids.ts";
import { newEffort, nearestName } from "../../model/nearest.ts";
import { isCompatible } from "../../model/semver.ts";
import { Comparing, explainMismatch, type ResourceBindings } from "../../model/subtype.ts";
import { formatExtern } from "../../model/text.ts";
import type { ExternDecl, ExternType } from "../../model/types.ts";
import { givenNames } from "../../runtime/given-imports.ts";
import type { GivenNames } from "../../runtime/given-names.ts";
import type { ExportingModule } from "../contract.ts";
import type { LoadOptions } from "../types.ts";
import { identifiedExports } from "./resource-identity.ts";
import { classKey } from "./resolve-imports.ts";

interface Offer {
  readonly module: ExportingModule;
  readonly decl: ExternDecl;
}

/** What is there, for the words about what is not. */
interface Known {
  /** The best version of each interface, by its id without version. */
  readonly paths: ReadonlyMap<string, Offer>;
  /** All names, by sort. */
  readonly names: ReadonlyMap<string, readonly string[]>;
}

type Choice = Offer | { readonly issue: LinkIssue };

/** Letters of a name in a message. */
const MOST_LETTERS = 200;

export class ModuleChoices {
  readonly #waits: boolean | undefined;
  readonly #offers: readonly Offer[];
  readonly #index: IdIndex<Offer>;
  readonly #link: GivenNames | undefined;
  readonly #bindings: ResourceBindings;
  readonly #comparing: Comparing;
  readonly #effort = newEffort();
  /** The imports of each class: one module must meet all of them. */
  readonly #classes = new Map<string, ExternDecl[]>();
  readonly #choices = new Map<string, Choice>();
  #known: Known | undefined;

  /**
   * @param link the module that may meet an import, by the rule by which imports are given
   * @param waits whether the imports may return promises
   * @param bindings the resources of the imports that are met; filled here
   */
  constructor(
    modules: readonly ExportingModule[],
    link: LoadOptions["link"],
    waits: boolean | undefined,
    bindings: ResourceBindings,
    open: readonly ExternDecl[],
  ) {
    this.#waits = waits;
    this.#offers = modules.flatMap((module) =>
      identifiedExports(module, module.run).map((decl): Offer => ({ module, decl })),
    );
    this.#index = new IdIndex(this.#offers.map((offer) => [offer.decl.name, offer]));
    this.#link = typeof link === "object" ? givenNames(link) : undefined;
    this.#bindings = bindings;
    this.#comparing = new Comparing(open.length);
    for (const decl of open) {
      const key = classKey(decl);
      if (key !== undefined) this.#classes.set(key, [...(this.#classes.get(key) ?? []), decl]);
    }
  }

  /** The offer that meets an import, or why there is none. */
  choose(wanted: ExternDecl): Choice {
    if (wanted.type.kind === "instance") return this.#interface(wanted);
    const key = classKey(wanted) ?? wanted.name;
    let choice = this.#choices.get(key);
    if (choice === undefined)
      this.#choices.set(key, (choice = this.#ofWorld(wanted, this.#classes.get(key) ?? [wanted])));
    return "issue" in choice
      ? { issue: { ...choice.issue, import: wanted.name, expected: this.#text(wanted) } }
      : choice;
  }

  /** The best version: the exact one, else the highest, else the first loaded. */
  #interface(wanted: ExternDecl): Choice {
    let refusal: LinkIssue | undefined;
    let unlent: Offer | undefined;
    for (const offer of this.#allowed(wanted)) {
      if (this.#withheld(offer) !== undefined) {
        unlent ??= offer;
        continue;
      }
      const reason = this.#compare(offer.decl.type, wanted.type);
      if (reason === undefined) return offer;
      refusal ??= this.#mismatch(wanted, offer, reason);
      if (this.#comparing.left < 0) break;
    }
    return { issue: refusal ?? this.#absence(wanted, unlent) };
  }

  /** The one module that has a function, or a resource with all that is imported of it. */
  #ofWorld(wanted: ExternDecl, members: readonly ExternDecl[]): Choice {
    const type = instanceOf(members);
    const fitting: Offer[] = [];
    let refusal: LinkIssue | undefined;
    let unlent: Offer | undefined;
    for (const offer of this.#allowed(wanted)) {
      const { module } = offer;
      if (this.#withheld(offer) !== undefined) {
        unlent ??= offer;
        continue;
      }
      const bound = this.#comparing.bound.length;
      const reason = this.#compare(instanceOf(identifiedExports(module, module.run)), type);
      this.#unbind(bound);
      if (reason !== undefined) refusal ??= this.#mismatch(wanted, offer, reason);
      else fitting.push(offer);
      if (fitting.length > 1 || this.#comparing.left < 0) break;
    }
    const [one, other] = fitting;
    if (one === undefined) return { issue: refusal ?? this.#absence(wanted, unlent) };
    if (other !== undefined) return { issue: this.#ambiguity(wanted, one.module.name, other.module.name) };
    this.#compare(instanceOf(identifiedExports(one.module, one.module.run)), type);
    return one;
  }

  /** Those of the same sort that may meet an import by their names and the option `link`, the best first. */
  *#allowed(wanted: ExternDecl): Generator<Offer> {
    const only = this.#link?.find(wanted.name)?.value;
    for (const offer of this.#index.fitting(wanted.name)) {
      if (offer.decl.type.kind !== wanted.type.kind) continue;
      if (only === undefined || offer.module.name === only) yield offer;
    }
  }

  /** Why a module does not lend what it exports. */
  #withheld({ module, decl }: Offer): string | undefined {
    if (!module.mayProvide(decl.name)) return `the option provides of ${module.name} does not lend it`;
    if (this.#waits === true || module.run.component.asynchronous !== true) return undefined;
    return `its calls return promises; load this one with isolation: "worker" or jspi: true too`;
  }

  /** Why a type does not fit; nothing is bound then. */
  #compare(found: ExternType, wanted: ExternType): string | undefined {
    const bound = this.#comparing.bound.length;
    const reason = explainMismatch(found, wanted, this.#bindings, this.#comparing);
    if (reason !== undefined) this.#unbind(bound);
    return reason;
  }

  #unbind(from: number): void {
    for (const resource of this.#comparing.bound.splice(from)) this.#bindings.delete(resource);
  }

  #text({ type }: ExternDecl): string {
    return formatExtern(type, this.#comparing.count);
  }

  #mismatch(wanted: ExternDecl, { module, decl }: Offer, reason: string): LinkIssue {
    const [expected, found] = [this.#text(wanted), this.#text(decl)];
    const nearest = `${short(decl.name)} of module ${module.name}`;
    return { import: wanted.name, problem: "mismatch", expected, found, nearest, reason };
  }

  #ambiguity({ name, ...wanted }: ExternDecl, one: string, other: string): LinkIssue {
    const reason = `modules ${one} and ${other} both export it; say which may meet it with the option link, such as { ${JSON.stringify(short(name))}: ${JSON.stringify(one)} }`;
    return { import: name, problem: "missing", expected: this.#text({ name, ...wanted }), reason };
  }

  /** Says that no module meets an import, and which comes nearest when one does. */
  #absence(wanted: ExternDecl, unlent: Offer | undefined): LinkIssue {
    const { name, type } = wanted;
    if (unlent !== undefined) return this.#missing(wanted, unlent, this.#withheld(unlent)!);
    const { paths, names } = (this.#known ??= this.#read());
    const samePath = type.kind === "instance" ? paths.get(withoutVersion(name)) : undefined;
    if (samePath !== undefined && !isCompatibleId(samePath.decl.name, name)) {
      return this.#missing(wanted, samePath, explainVersions(versionOf(samePath.decl.name), versionOf(name)));
    }
    const near = nearestName(name, names.get(type.kind) ?? [], this.#effort);
    const offer = near === undefined || near === name ? undefined : this.#index.get(near);
    if (offer !== undefined) return this.#missing(wanted, offer, "the names differ");
    const reason = "neither the imports given nor any loaded module provide it";
    return { import: name, problem: "missing", expected: this.#text(wanted), reason };
  }

  #read(): Known {
    const paths = new Map<string, Offer>();
    const names = new Map<string, string[]>();
    for (const offer of this.#offers) {
      const { name, type } = offer.decl;
      names.set(type.kind, names.get(type.kind) ?? []);
      names.get(type.kind)!.push(name);
      const path = withoutVersion(name);
      const best = paths.get(path);
      if (best === undefined || compareIds(name, best.decl.name) > 0) paths.set(path, offer);
    }
    return { paths, names };
  }

  #missing(wanted: ExternDecl, { module, decl }: Offer, why: string): LinkIssue {
    const nearest = `${short(decl.name)} of module ${module.name}`;
    const reason = `no module provides it; ${nearest} comes nearest, but ${why}`;
    return { import: wanted.name, problem: "missing", expected: this.#text(wanted), nearest, reason };
  }
}

function instanceOf(exports: readonly ExternDecl[]): ExternType {
  return { kind: "instance", exports };
}

function short(name: string): string {
  return name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS)}…` : name;
}

/** Why one version does not do for another. */
function explainVersions(provided: string | undefined, wanted: string | undefined): string {
  if (provided === undefined) return `it has no version and ${short(wanted!)} is wanted`;
  const have = short(provided);
  if (wanted === undefined) return `it has version ${have} and one without version is wanted`;
  const want = short(wanted);
  if (provided.includes("-") || wanted.includes("-")) return `the pre-release versions ${have} and ${want} differ`;
  const track = wanted.startsWith("0.0.")
    ? "0.0.x versions fit only themselves"
    : wanted.startsWith("0.")
      ? "0.x versions fit only within the same minor version"
      : "versions fit only within the same major version";
  return isCompatible(wanted, provided)
    ? `${have} is older than the ${want} wanted`
    : `${have} does not fit ${want}: ${track}`;
}
