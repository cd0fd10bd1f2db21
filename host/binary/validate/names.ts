/**
 * The rules of names: well-formed, strongly unique in their scope, and what the annotated ones ask of a function.
 *
 * Follows design/mvp/Explainer.md, "Name Uniqueness", and the notes of design/mvp/Binary.md, "Import and Export
 * Definitions".
 */
import { explainExternName, isLabel, parseExternName, uniquenessKey } from "../../model/extern-names.ts";
import { parseVersion } from "../../model/semver.ts";
import { isCanonicalVersion } from "../../model/semver.ts";
import type { RawName } from "../definition.ts";
import type { Context } from "./context.ts";
import type { ExternType, FuncType, ResourceType, ValueType } from "../../model/types.ts";

/** The names of one namespace: the imports, or the exports, of one component, instance or type. */
export class NameScope {
  private readonly context: Context;
  private readonly what: string;
  private readonly keys: Map<string, string> = new Map();
  /** Resource types by name. */
  private readonly resources: Map<string, ResourceType> = new Map();

  private readonly registersResources: boolean;

  /** @param what `import` or `export`, for messages */
  constructor(context: Context, what: string, options: { registersResources: boolean } = { registersResources: true }) {
    this.context = context;
    this.what = what;
    this.registersResources = options.registersResources;
  }

  /** Adds an item under its name, checking both. */
  add(name: RawName, item: ExternType): void {
    const context: Context = this.context;
    const { what } = this;
    const parsed = parseExternName(name.name);
    if (parsed === undefined) {
      context.fail(`${quote(name.name)} is not a valid extern name: ${explainExternName(name.name)}`);
    }
    const key = uniquenessKey(name.name);
    const conflict = this.keys.get(key);
    if (conflict !== undefined) {
      context.fail(`The ${what} name ${quote(name.name)} conflicts with the previous name ${quote(conflict)}`);
    }
    this.keys.set(key, name.name);
    this.checkAttributes(name, item);
    if (parsed.kind === "constructor" || parsed.kind === "method" || parsed.kind === "static") {
      const func = item.kind === "func" ? item : context.fail(`${quote(name.name)} is not a function`);
      this.checkAnnotated(parsed.kind, parsed.resource, name.name, func);
    } else if (this.registersResources && parsed.kind === "label" && item.kind === "resource-type") {
      this.resources.set(parsed.label, item.resource);
    }
  }

  private checkAnnotated(
    kind: "constructor" | "method" | "static",
    resource: string,
    name: string,
    func: FuncType,
  ): void {
    const context: Context = this.context;
    const expect: (type: ResourceType) => void = (type) => {
      if (this.resources.get(resource) !== type) {
        context.fail(
          `The function ${quote(name)} does not use the resource ${quote(resource)}, or it has no such name in this context`,
        );
      }
    };
    if (kind === "constructor") {
      const owned = ownedBy(func.result);
      if (owned === undefined) {
        context.fail(`The function ${quote(name)} should return one value, \`(own $T)\` or \`(result (own $T) E?)\``);
      }
      expect(owned);
    } else if (kind === "method") {
      const self = func.params[0];
      if (self === undefined) context.fail(`The function ${quote(name)} should have at least one parameter`);
      if (self.name !== "self") context.fail(`The first parameter of ${quote(name)} should be called \`self\``);
      if (self.type.kind !== "borrow") {
        context.fail(`The first parameter of ${quote(name)} should be of the type \`(borrow $T)\``);
      }
      expect(self.type.resource);
    } else if (!this.resources.has(resource)) {
      context.fail(`The resource name ${quote(resource)} of ${quote(name)} is not known in this context`);
    }
  }

  private checkAttributes(name: RawName, item: ExternType): void {
    const context: Context = this.context;
    if (name.implements !== undefined) {
      const parsed = parseExternName(name.implements);
      if (parsed?.kind !== "interface") {
        context.fail(
          `The \`implements\` of ${quote(name.name)} must be an interface name, got ${quote(name.implements)}`,
        );
      }
      if (item.kind !== "instance")
        context.fail(`Only instances can have an \`implements\`; ${quote(name.name)} is none`);
      if (parseExternName(name.name)?.kind !== "label") {
        context.fail(`The name ${quote(name.name)} is not valid with \`implements\`: it must be a plain name`);
      }
    }
    if (name.versionSuffix !== undefined) {
      const parsed = parseExternName(name.name);
      const version = parsed?.kind === "interface" ? parsed.version : undefined;
      if (version === undefined || !isCanonicalVersion(version)) {
        context.fail(`A version suffix must follow a shortened version, which ${quote(name.name)} does not have`);
      }
      if (parseVersion(version + name.versionSuffix) === undefined) {
        context.fail(`${quote(version + name.versionSuffix)} is not a semantic version`);
      }
    }
  }
}

/** The resource of `own $R` or `result<own $R, E>`. */
function ownedBy(type: ValueType | undefined): ResourceType | undefined {
  if (type?.kind === "own") return type.resource;
  return type?.kind === "result" && type.ok?.kind === "own" ? type.ok.resource : undefined;
}

/** Checks the labels of a record, variant, flags or enum, or the parameter names of a function. */
export function checkLabels(context: Context, labels: readonly string[], what: string): void {
  const keys = new Map<string, string>();
  for (const label of labels) {
    if (label === "") context.fail(`The name of a ${what} cannot be empty`);
    if (!isLabel(label)) context.fail(`The ${what} name ${quote(label)} is not in kebab case`);
    const key = label.toLowerCase();
    const conflict = keys.get(key);
    if (conflict !== undefined) {
      context.fail(`The ${what} name ${quote(label)} conflicts with the previous name ${quote(conflict)}`);
    }
    keys.set(key, label);
  }
}

function quote(text: string): string {
  return JSON.stringify(text);
}
