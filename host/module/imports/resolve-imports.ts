/**
 * Meets the imports of a component: by the first entry of the lists of imports that offers one, the module's own before the
 * host's, else by the exports of loaded modules. Reports everything unmet at once, with the nearest provider and the
 * reason in words.
 *
 * Whether a given object fits is the runtime's own check (`Component.missing`); this file decides who is asked.
 */
import type { LinkIssue } from "../../errors.ts";
import { withoutVersion } from "../../model/ids.ts";
import { className, funcName } from "../../model/spelling.ts";
import type { ResourceBindings } from "../../model/subtype.ts";
import type { ExternDecl } from "../../model/types.ts";
import { givenNames, ownProperty } from "../../runtime/given-imports.ts";
import type { EngineComponent } from "../../runtime/engine.ts";
import type { ExportingModule, Provider } from "../contract.ts";
import { upkeep } from "../lazy.ts";
import type { ImportEntry, ImportOrigin, Imports, LoadOptions } from "../types.ts";

export interface Resolution {
  /** What the component is instantiated with, keyed by its own import names. */
  readonly imports: Record<string, unknown>;
  readonly origins: readonly ImportOrigin[];
  /** Names of the modules that meet imports. */
  readonly uses: readonly string[];
  /** The component's imported resources → the identities of those that meet them. */
  readonly resources: ResourceBindings;
  /** The imports that nothing meets, or that what was found does not fit. */
  readonly issues: readonly LinkIssue[];
}

/** Whether an import needs anything at run time; an interface of types alone does not. */
function needsProvider({ type }: ExternDecl): boolean {
  if (type.kind === "instance") return type.exports.some(needsProvider);
  return type.kind !== "type";
}

/** Whether a module may meet an import: modules lend each other interfaces, functions and resources. */
export function isLinkable(wanted: ExternDecl): boolean {
  const { kind } = wanted.type;
  return kind === "func" || kind === "resource-type" || (kind === "instance" && needsProvider(wanted));
}

/** Whether an import is the console, which the host meets when nobody else does. */
export function isConsole({ name }: ExternDecl): boolean {
  return name.startsWith("tenon:module/console@");
}

/** The class that meets an import: a resource and its functions have one between them. */
export function classKey({ name, type }: ExternDecl): string | undefined {
  if (type.kind === "resource-type") return className(name);
  const func = type.kind === "func" ? funcName(name) : undefined;
  return func === undefined || func.kind === "function" ? undefined : className(func.resource);
}

interface GivenEntry {
  readonly entry: ImportEntry;
  readonly where: string;
  readonly origin: Provider["origin"];
}

/** The entries of one list of imports; imports that are no list are its one entry. */
export function importEntries(imports: Imports | undefined, from: "imports" | "host"): GivenEntry[] {
  const where = from === "host" ? "the host's imports" : "imports";
  if (!Array.isArray(imports))
    return imports === undefined ? [] : [{ entry: imports as ImportEntry, where, origin: { from } }];
  return (imports as readonly ImportEntry[]).map((entry, index) => ({
    entry,
    where: `${where}[${index}]`,
    origin: { from, entry: index },
  }));
}

/** An object that is given, as a provider. */
export function givenProvider(object: object, where: string, origin: Provider["origin"]): Provider {
  const names = givenNames(object);
  const offer = (wanted: ExternDecl): unknown => {
    const key = classKey(wanted);
    return key === undefined ? names.find(wanted.name)?.value : ownProperty(object, key);
  };
  return { object, where, origin, offer };
}

/**
 * Takes what is given, and loads what chooses between modules when one must meet the rest.
 * @returns resolves the imports: synchronously, so that no provider goes between being chosen and being held
 */
export async function importResolver(
  component: EngineComponent,
  given: readonly Provider[],
  link: LoadOptions["link"],
): Promise<(findModules: () => readonly ExportingModule[]) => Resolution> {
  const imports: Record<string, unknown> = {};
  const origins = new Map<string, ImportOrigin>();
  const wheres = new Map<string, string>();
  const open: ExternDecl[] = [];
  for (const wanted of component.imports) {
    const { name } = wanted;
    let found: unknown;
    const provider = given.find((it) => (found = it.offer(wanted)) !== undefined);
    if (provider !== undefined) {
      imports[classKey(wanted) ?? name] = found;
      origins.set(name, { name, ...provider.origin });
      if (provider.origin.entry !== undefined) wheres.set(name, provider.where);
    } else if (link !== false && isLinkable(wanted)) {
      open.push(wanted);
    }
  }
  const Choices = open.length === 0 ? undefined : (await upkeep()).ModuleChoices;
  return (findModules) => {
    const uses = new Set<string>();
    const refused = new Map<string, LinkIssue>();
    // What one interface calls a resource, another must mean as well.
    const resources: ResourceBindings = new Map();
    if (Choices !== undefined) {
      // Asked for only when an import needs one: there may be thousands.
      const choices = new Choices(findModules(), link, component.asynchronous, resources, open);
      for (const wanted of open) {
        const { name } = wanted;
        const choice = choices.choose(wanted);
        if ("issue" in choice) {
          refused.set(name, choice.issue);
          continue;
        }
        const { module, decl } = choice;
        imports[classKey(wanted) ?? name] = module.exported(decl);
        origins.set(name, { name, from: "module", module: module.name });
        uses.add(module.name);
      }
    }
    let missing = component.missing(imports);
    // Asked again with all that was given: a key that met no import may be a misspelt name, which the message suggests.
    if (missing.length > 0) {
      missing = component.missing(Object.assign({}, ...given.map(({ object }) => object).reverse(), imports) as object);
    }
    const issues = missing.map((issue) => {
      const name = issue.import!.split("#", 1)[0]!;
      const where = wheres.get(name);
      if (where !== undefined) return { ...issue, reason: `${issue.reason}, given by ${where}` };
      const ours = refused.get(issue.import!);
      // The runtime knows the keys of the objects given, `ModuleChoices` the modules: the one with a nearest name is told.
      return ours === undefined || (ours.nearest === undefined && issue.nearest !== undefined) ? issue : ours;
    });
    const inOrder = component.imports.flatMap(({ name }) => origins.get(name) ?? []);
    return { imports, origins: inOrder, uses: [...uses], resources, issues };
  };
}

/** Whether a module loaded with this option may lend an export to others. */
export function mayProvide(provides: LoadOptions["provides"], id: string): boolean {
  if (provides === undefined) return true;
  return provides !== false && (provides.includes(id) || provides.includes(withoutVersion(id)));
}
