/** The text of the exports object: functions, interfaces under their id and short name, and resource classes. */
import { Code, key, quote } from "../abi/emit/code.ts";
import type { ExportPlan } from "../plan/plan.ts";
import type { BindingsWriter } from "./emit.ts";
import { className, externName, funcName, shortName, staticName } from "../model/spelling.ts";

/** Declares `const exports`. */
export function emitExports(writer: BindingsWriter): string {
  const code = new Code();
  const members = exportMembers(writer, writer.plan.exports, code);
  const taken = new Set(members.map(([name]) => name));
  const shorts = new Map<string, string | undefined>();
  for (const [name, value] of members) {
    const short = shortName(name);
    // Two interfaces of one short name: neither gets it, or a reader could not tell which it is.
    if (short !== undefined && !taken.has(short)) shorts.set(short, shorts.has(short) ? undefined : value);
  }
  for (const [short, value] of shorts) if (value !== undefined) members.push([short, value]);
  code.line(`const exports = ${objectText(members)};`);
  return code.toString();
}

function objectText(members: readonly (readonly [string, string])[]): string {
  return members.length === 0 ? "{}" : `{ ${members.map(([name, value]) => `${key(name)}: ${value}`).join(", ")} }`;
}

function exportMembers(writer: BindingsWriter, exports: readonly ExportPlan[], code: Code): [string, string][] {
  const members: [string, string][] = [];
  for (const { name, item } of exports) {
    switch (item.kind) {
      case "func": {
        const js = funcName(name);
        if (js.kind === "function") members.push([js.js, writer.funcName(item.func)]);
        break;
      }
      case "instance": {
        const local = code.name(objectText(exportMembers(writer, item.exports, code)));
        members.push([externName(name), local]);
        break;
      }
      case "resource":
        members.push([className(name), emitClass(writer, name, item.resource, exports, code)]);
        break;
      case "module":
        members.push([externName(name), `modules[${item.module}]`]);
        break;
      case "type":
        break;
    }
  }
  return members;
}

/** A guest's resource as a class with its constructor, methods and statics. */
function emitClass(
  writer: BindingsWriter,
  name: string,
  resource: number,
  siblings: readonly ExportPlan[],
  code: Code,
): string {
  if (writer.plan.resources[resource]!.origin.kind === "host") return `rt.hostClass(${resource})`;
  const local = code.fresh();
  code.block(
    `const ${local} = rt.resourceClass(${resource}, class ${className(name)} extends rt.GuestResource`,
    () => {
      let constructible = false;
      for (const sibling of siblings) {
        if (sibling.item.kind !== "func") continue;
        const js = funcName(sibling.name);
        if (js.kind === "function" || js.resource !== name) continue;
        const func = writer.funcName(sibling.item.func);
        const count = sibling.item.type.params.length - (js.kind === "method" ? 1 : 0);
        const params = Array.from({ length: count }, (_, i) => `a${i}`);
        switch (js.kind) {
          case "constructor":
            constructible = true;
            code.line(`constructor(${params.join(", ")}) { return ${func}(${params.join(", ")}); }`);
            break;
          case "method":
            code.line(
              `${methodKey(js.js)}(${params.join(", ")}) { return ${func}(${["this", ...params].join(", ")}); }`,
            );
            break;
          case "static":
            code.line(`static ${staticKey(js.js)}(${params.join(", ")}) { return ${func}(${params.join(", ")}); }`);
            break;
        }
      }
      if (!constructible) code.line(`constructor() { throw rt.noConstructor(${quote(name)}); }`);
    },
    "});",
  );
  return local;
}

/** A WIT method may be called `constructor`; written plainly it would be the class's own. */
function methodKey(name: string): string {
  return name === "constructor" ? `["constructor"]` : key(name);
}

function staticKey(name: string): string {
  return key(staticName(name));
}
