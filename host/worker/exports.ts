/** What an instance in a worker exports: functions that call by number, and classes for the guest's resources. */
import { GuestResource } from "../abi/guest-resource.ts";
import type { ExternDecl } from "../model/types.ts";
import { className, externName, funcName, staticName } from "../model/spelling.ts";
import type { LinkedImports } from "../runtime/given-imports.ts";
import type { Surface } from "./surface.ts";

type Members = Record<string, unknown>;
/** Calls an exported function by number. */
export type CallExport = (index: number, args: readonly unknown[]) => unknown;

/** The classes of the guest's resources, by number. What a constructor returns is what the call does: a promise, or the object. */
export function classesOf(
  { resources }: Surface,
  construct: (resource: number, args: unknown[]) => unknown,
): Function[] {
  const classes: Function[] = [];
  for (const { number, name, origin } of resources) {
    if (origin.kind !== "guest") continue;
    const made = function (...args: unknown[]): unknown {
      return construct(number, args);
    };
    Object.setPrototypeOf(made, GuestResource);
    const prototype = Object.create(GuestResource.prototype) as object;
    Object.defineProperty(prototype, "constructor", { value: made, writable: true, configurable: true });
    made.prototype = prototype;
    Object.defineProperty(made, "name", { value: className(name), configurable: true });
    classes[number] = made;
  }
  return classes;
}

/** The number of a resource's constructor; `undefined` when it has none. */
export function constructorOf({ exports, resource }: Surface, number: number): number | undefined {
  const index = exports.findIndex(
    ({ path, type: { result } }) =>
      path.at(-1)!.startsWith("[constructor]") && result?.kind === "own" && resource(result).number === number,
  );
  return index < 0 ? undefined : index;
}

/** The exports by their names, as those of any instance. */
export function exportsOf(
  decls: readonly ExternDecl[],
  surface: Surface,
  {
    classes,
    linked,
  }: { readonly classes: readonly (Function | undefined)[]; readonly linked: Pick<LinkedImports, "classes"> },
  call: CallExport,
): object {
  const numbers = new Map(surface.exports.map(({ path }, index) => [path.join("#"), index]));
  const fill = (items: readonly ExternDecl[], above: string): Members => {
    const members: Members = {};
    for (const { name, type } of items) {
      if (type.kind === "instance") members[externName(name)] = fill(type.exports, `${above}${name}#`);
      else if (type.kind === "component") members[externName(name)] = { kind: "component" };
      else if (type.kind === "resource-type") {
        const { number } = surface.resource({ kind: "own", resource: type.resource });
        const found = classes[number] ?? linked.classes[number];
        if (found !== undefined) members[className(name)] = found;
      }
    }
    for (const { name, type } of items) {
      if (type.kind !== "func") continue;
      const index = numbers.get(above + name)!;
      const js = funcName(name);
      const plain = (...args: unknown[]): unknown => call(index, args);
      if (js.kind === "function") members[js.js] = plain;
      if (js.kind === "function" || js.kind === "constructor") continue;
      const owner = members[className(js.resource)] as Function;
      // The functions of a class of the host's are the host's own.
      if (!classes.includes(owner)) continue;
      if (js.kind === "static") define(owner, staticName(js.js), plain);
      else
        define(owner.prototype as object, js.js, function (this: unknown, ...args: unknown[]): unknown {
          return call(index, [this, ...args]);
        });
    }
    return members;
  };
  return fill(decls, "");
}

function define(holder: object, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, writable: true, configurable: true });
}
