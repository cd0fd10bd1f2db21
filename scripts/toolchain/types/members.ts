/**
 * Functions and resource classes of a declaration file.
 */
import { className as jsClassName, funcName, staticName } from "../../../host/model/spelling.ts";
import type { FuncType, ValueType } from "../../../host/model/types.ts";
import { asyncResult, lastParameter } from "./asynchronous.ts";
import { memberKey, paramName } from "./declaration-names.ts";
import type { Group, Spelling } from "./spelling.ts";
import type { Writer } from "./writer.ts";

/** One line of an interface, with where its doc is. */
export interface Member {
  /** The WIT path inside the interface, such as `area`. */
  readonly path: string;
  readonly text: string;
  readonly notes: readonly string[];
}

/** The functions and classes of an interface object; methods belong to their classes. */
export function interfaceMembers(group: Group, spelling: Spelling): Member[] {
  return group.items.flatMap(({ name, type }): Member[] => {
    if (type.kind === "resource-type") {
      // A host brings each class once: where it is defined, not where it is only used.
      if (!group.exported && !spelling.defines(group, name, type.resource)) return [];
      return [
        { path: name, text: `${memberKey(jsClassName(name))}: ${spelling.className(type.resource)};`, notes: [] },
      ];
    }
    if (type.kind !== "func") return [];
    const js = funcName(name);
    return js.kind === "function" ? [{ path: name, ...method(js.js, type, 0, spelling, group.exported) }] : [];
  });
}

/** @param exported whether the host calls it: what the host gives, it need not be able to write to */
function method(
  name: string,
  func: FuncType,
  skip: number,
  spelling: Spelling,
  exported: boolean,
): { text: string; notes: string[] } {
  const result = resultOf(func, (type) => spelling.spell(type, !exported));
  const { notes } = result;
  const returns = func.async ? asyncResult(func, result.returns, !exported, spelling) : result.returns;
  return { text: `${memberKey(name)}(${params(func, skip, spelling, exported)}): ${returns};`, notes };
}

function params(func: FuncType, skip: number, spelling: Spelling, exported: boolean): string {
  const listed = func.params.slice(skip);
  const names = listed.map(({ name }) => paramName(name));
  const last = func.async ? [lastParameter(names, exported, spelling)] : [];
  // Only what is followed by nothing that must be given can be left out.
  const lastNeeded =
    func.async && !exported
      ? listed.length
      : listed.findLastIndex(({ type }) => type.kind !== "option" || type.type.kind === "option");
  return [
    ...listed.map(
      ({ type }, index) => `${names[index]}${index > lastNeeded ? "?" : ""}: ${spelling.spell(type, exported)}`,
    ),
    ...last,
  ].join(", ");
}

export interface Resource {
  /** Its WIT name. */
  readonly name: string;
  /** The name of its instances' type. */
  readonly local: string;
  readonly className: string;
  readonly path: string;
  /** The interface it is in, its methods among the items. */
  readonly group: Group;
}

/** Declares a resource: its instances, and the class that the host gives or takes. */
export function resourceDeclarations(out: Writer, resource: Resource, spelling: Spelling): void {
  const { name, local, className, path, group } = resource;
  const methods: [string, FuncType, string][] = [];
  const statics: [string, FuncType, string][] = [];
  let constructor: FuncType | undefined;
  for (const { name: item, type } of group.items) {
    if (type.kind !== "func") continue;
    const js = funcName(item);
    if (js.kind === "function" || js.resource !== name) continue;
    if (js.kind === "constructor") constructor = type;
    else (js.kind === "method" ? methods : statics).push([js.js, type, item.slice(item.indexOf(".") + 1)]);
  }
  out.doc(spelling.doc(path));
  // The holder of a guest's resource must dispose of it; a host's own class need not be disposable.
  const base = group.exported ? spelling.guestResource(path) : `Partial<${spelling.global("Disposable")}>`;
  out.block(`export interface ${local} extends ${base}`, () => {
    for (const [js, func, label] of methods) {
      const { text, notes } = method(js, func, 1, spelling, group.exported);
      out.doc(spelling.doc(`${path}.${label}`), notes);
      out.line(text);
    }
  });
  out.line(`/** The class of {@link ${local}}. */`);
  // Without a constructor in WIT nobody may call `new`. A guest's class can be asked with `instanceof`; a host may bring a
  // class whose constructor is private, and of such a class the compiler knows the prototype only.
  const abstract = constructor === undefined && group.exported;
  const head = abstract
    ? `export type ${className} = (abstract new (...args: never) => ${local}) &`
    : `export interface ${className}`;
  out.block(
    head,
    () => {
      if (constructor === undefined && !abstract) out.line(`readonly prototype: ${local};`);
      if (constructor !== undefined) {
        out.doc(spelling.doc(`${path}.constructor`), resultOf(constructor, (type) => spelling.spell(type)).notes);
        out.line(`new (${params(constructor, 0, spelling, group.exported)}): ${local};`);
      }
      for (const [js, func, label] of statics) {
        const { text, notes } = method(staticName(js), func, 0, spelling, group.exported);
        out.doc(spelling.doc(`${path}.${label}`), notes);
        out.line(text);
      }
    },
    abstract ? ";" : "",
  );
}

/** What a function gives back, and what it throws instead. */
function resultOf(func: FuncType, spell: (type: ValueType) => string): { returns: string; notes: string[] } {
  const { result } = func;
  if (result?.kind !== "result") return { returns: result === undefined ? "void" : spell(result), notes: [] };
  const payload = result.err === undefined ? "no payload" : `\`payload\` ${spell(result.err)}`;
  return {
    returns: result.ok === undefined ? "void" : spell(result.ok),
    notes: [`@throws ComponentError with ${payload}`],
  };
}
