/**
 * What the emitter knows while it writes one component's text: type numbers, the helper functions already written, and
 * the contexts in which values cross.
 */
import type { Budget } from "../../budget.ts";
import type { ResourceType, ValueType } from "../../model/types.ts";
import type { ResourcePlan, StringEncoding } from "../../plan/plan.ts";
import { casesOf } from "../../model/cases.ts";
import { holdsBorrow } from "../../model/facts.ts";
import { Code } from "./code.ts";

/** One guest's side of a crossing: names in the generated text of what its options refer to. */
export interface Context {
  /** The component instance whose handle table is used. */
  readonly component: number;
  readonly encoding: StringEncoding;
  /** The `Memory`, `m0`; absent when no memory is needed. */
  readonly memory: string | undefined;
  /** The checked `realloc`, `r0`. */
  readonly realloc: string | undefined;
  /** Who is at the other end: host values are JavaScript's, guest values carry resources as bare numbers. */
  readonly peer: "host" | "guest";
  /** The encoding the strings come from; `undefined` when they are the host's own. */
  readonly source: StringEncoding | undefined;
}

/** Values of one place in the text on their way to the other end: whose helpers they use, how they cross, where it is written. */
export interface Crossing {
  readonly emitter: Emitter;
  readonly context: Context;
  readonly code: Code;
}

/** The name of the helper for a type, whose body crosses as its user does. */
export function helper(
  { emitter, context }: Crossing,
  kind: "L" | "S",
  type: ValueType,
  params: string,
  body: (crossing: Crossing) => void,
): string {
  return emitter.helper(kind, type, context, params, (code) => body({ emitter, context, code }));
}

/** Numbers types by structure, so that equal types share helpers whoever declared them. */
export class TypeNumbers {
  private readonly byObject = new Map<ValueType, number>();
  private readonly byKey = new Map<string, number>();
  /** By the list of fields, cases or names, which all named copies of a type share. */
  private readonly byParts = new Map<object, number>();
  private readonly resources: ReadonlyMap<ResourceType, number>;

  constructor(resources: ReadonlyMap<ResourceType, number>) {
    this.resources = resources;
  }

  resource(type: ResourceType): number {
    const index = this.resources.get(type);
    if (index === undefined) throw new Error("tenon bug: a handle to a resource the plan does not know");
    return index;
  }

  of(type: ValueType): number {
    let number = this.byObject.get(type);
    if (number === undefined) this.byObject.set(type, (number = this.find(type)));
    return number;
  }

  private find(type: ValueType): number {
    const parts =
      type.kind === "record"
        ? type.fields
        : type.kind === "variant"
          ? type.cases
          : type.kind === "flags" || type.kind === "enum"
            ? type.names
            : undefined;
    let number = parts === undefined ? undefined : this.byParts.get(parts);
    if (number !== undefined) return number;
    const text = this.keyOf(type);
    number = this.byKey.get(text);
    if (number === undefined) this.byKey.set(text, (number = this.byKey.size));
    if (parts !== undefined) this.byParts.set(parts, number);
    return number;
  }

  /** The structure of every type met, in the order of their numbers. */
  keys(): readonly string[] {
    return [...this.byKey.keys()];
  }

  private keyOf(type: ValueType): string {
    const of = (inner: ValueType | undefined): number | null => (inner === undefined ? null : this.of(inner));
    switch (type.kind) {
      case "list":
        return JSON.stringify(["list", of(type.element), type.length]);
      case "map":
        return JSON.stringify(["map", of(type.key), of(type.value)]);
      case "record":
        return JSON.stringify(["record", ...type.fields.flatMap((field) => [field.name, of(field.type)])]);
      case "tuple":
        return JSON.stringify(["tuple", ...type.types.map(of)]);
      case "enum":
      case "flags":
        return JSON.stringify([type.kind, ...type.names]);
      case "variant":
      case "option":
      case "result":
        return JSON.stringify([type.kind, ...casesOf(type).flatMap((c) => [c.name, of(c.type)])]);
      case "own":
      case "borrow":
        return `["${type.kind}",${this.resource(type.resource)}]`;
      case "stream":
      case "future":
        return JSON.stringify([type.kind, of(type.type)]);
      default:
        return type.kind;
    }
  }
}

/** Writes helper functions once each. */
export class Emitter {
  readonly types: TypeNumbers;
  readonly resources: readonly ResourcePlan[];
  /** What the text may cost. */
  readonly budget: Budget;
  /** Whether long work of the host looks at the clock. */
  readonly metered: boolean;
  /** Types of streams, futures and error contexts, by the names of the objects that pass their values. */
  readonly passed: Map<string, ValueType> = new Map();
  private readonly contexts = new Map<string, number>();
  private readonly written = new Map<string, Code>();

  constructor(resources: readonly ResourcePlan[], budget: Budget, metered: boolean) {
    this.resources = resources;
    this.budget = budget;
    this.metered = metered;
    this.types = new TypeNumbers(new Map(resources.map(({ type }, index) => [type, index])));
  }

  /** Whether a resource is the host's own; otherwise a guest implements it. */
  isHosts(resource: number): boolean {
    return this.resources[resource]!.origin.kind === "host";
  }

  /** The name of the helper for a type in a context, written by `body` on first use. */
  helper(
    kind: "K" | "L" | "S",
    type: ValueType,
    context: Context | undefined,
    params: string,
    body: (code: Code) => void,
  ): string {
    const suffix = context === undefined ? "" : `_${this.contextNumber(context)}`;
    const name = `${kind}${this.types.of(type)}${suffix}`;
    if (!this.written.has(name)) {
      const code = new Code(this.budget);
      this.written.set(name, code);
      code.block(`function ${name}(${params})`, () => body(code));
    }
    return name;
  }

  private contextNumber(context: Context): number {
    const key = JSON.stringify([
      context.component,
      context.encoding,
      context.memory ?? null,
      context.realloc ?? null,
      context.peer,
      context.source ?? null,
    ]);
    let index = this.contexts.get(key);
    if (index === undefined) this.contexts.set(key, (index = this.contexts.size));
    return index;
  }

  /** The name of the object that passes the values of a stream, a future or an error context. */
  passing(type: ValueType): string {
    const name = `e${this.types.of(type)}`;
    this.passed.set(name, type);
    return name;
  }

  /** The helpers written so far. */
  helpers(): Iterable<Code> {
    return this.written.values();
  }
}

/** The name under which borrow scopes and lends travel through helpers; empty for types without borrows. */
export function borrowArgument(type: ValueType): string {
  return hasBorrow(type) ? ", b" : "";
}

export function hasBorrow(type: ValueType | undefined): boolean {
  return holdsBorrow(type);
}
