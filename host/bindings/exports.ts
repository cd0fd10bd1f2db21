/** The text of the exports object: functions, interfaces under their id and short name, and resource classes. */
import { bare, Code, key, quote } from "../abi/emit/code.ts";
import type { ExportPlan } from "../plan/plan.ts";
import {
  className,
  externName,
  funcName,
  type FuncName,
  shortNames,
  staticName,
  toPascalCase,
} from "../model/spelling.ts";
import type { Names } from "./names.ts";

/** Declares `const exports`. */
export function emitExports(names: Names): Code {
  const code = new Code(names.budget);
  const members = exportMembers(names.plan.exports, new Classes(names, code));
  const values = new Map(members);
  for (const [short, name] of shortNames(values.keys())) {
    if (!values.has(short)) members.push([short, values.get(name)!]);
  }
  code.line(`const exports = ${objectText(members)};`);
  return code;
}

function objectText(members: readonly (readonly [string, string])[]): string {
  return members.length === 0 ? "{}" : `{ ${members.map(([name, value]) => `${key(name)}: ${value}`).join(", ")} }`;
}

function exportMembers(exports: readonly ExportPlan[], classes: Classes): [string, string][] {
  const { names, code } = classes;
  const members: [string, string][] = [];
  for (const { name, item } of exports) {
    switch (item.kind) {
      case "func": {
        const js = funcName(name);
        if (js.kind === "function") members.push([js.js, names.func(item.func)]);
        break;
      }
      case "instance": {
        const local = code.name(objectText(exportMembers(item.exports, classes)));
        members.push([externName(name), local]);
        break;
      }
      case "resource":
        members.push([className(name), classes.nameOf(item.resource)]);
        break;
      case "module":
        members.push([externName(name), `modules[${item.module}]`]);
        break;
      case "component":
        // Instances are made of components by other components only, so all there is to give is what it is.
        members.push([externName(name), `Object.freeze({ kind: "component" })`]);
        break;
      case "type":
        break;
    }
  }
  return members;
}

/** A place where a resource is exported: its name there, and the functions beside it that may be its members. */
interface ResourceExport {
  readonly name: string;
  readonly siblings: readonly ExportPlan[];
}

/** Members of resources, by the resource's name, then by their own names without it. */
type MembersByResource = ReadonlyMap<string, ReadonlyMap<string, Member>>;

interface Member {
  readonly js: Exclude<FuncName, { kind: "function" }>;
  readonly item: Extract<ExportPlan["item"], { kind: "func" }>;
}

/** The classes of resources: one each, whatever number of interfaces export it, with the members of all of them. */
class Classes {
  readonly names: Names;
  readonly code: Code;
  private readonly places = new Map<number, ResourceExport[]>();
  private readonly locals = new Map<number, string>();
  private readonly members = new Map<readonly ExportPlan[], MembersByResource>();

  constructor(names: Names, code: Code) {
    this.names = names;
    this.code = code;
    this.visit(names.plan.exports);
  }

  private visit(exports: readonly ExportPlan[]): void {
    for (const { name, item } of exports) {
      if (item.kind === "instance") this.visit(item.exports);
      if (item.kind !== "resource") continue;
      const places = this.places.get(item.resource) ?? [];
      this.places.set(item.resource, places);
      places.push({ name, siblings: exports });
    }
  }

  nameOf(resource: number): string {
    let local = this.locals.get(resource);
    if (local === undefined) this.locals.set(resource, (local = this.declare(resource)));
    return local;
  }

  private declare(resource: number): string {
    if (this.names.emitter.isHosts(resource)) return `rt.hostClass(${resource})`;
    const places = this.places.get(resource)!;
    const members = new Map<string, Member>();
    // Where two places name different functions alike, the first one counts.
    for (const place of places) {
      for (const [key, member] of this.membersAt(place) ?? []) if (!members.has(key)) members.set(key, member);
    }
    // An interface that only uses the resource may come before the one that declares it.
    const { name } = places.find((place) => this.membersAt(place) !== undefined) ?? places[0]!;
    const { code } = this;
    const local = code.fresh();
    code.block(
      `const ${local} = rt.resourceClass(${resource}, class ${bare(toPascalCase(ownPart(name)))} extends rt.GuestResource`,
      () => {
        for (const member of members.values()) code.line(this.memberText(member));
        if (![...members.values()].some(({ js }) => js.kind === "constructor"))
          code.line(`constructor() { ${this.failure(`rt.noConstructor(${quote(name)})`)} }`);
      },
      "});",
    );
    return local;
  }

  private failure(error: string): string {
    return this.names.waiting === undefined ? `throw ${error};` : `return Promise.reject(${error});`;
  }

  /** The members that a resource has in one place; `undefined` when it has none there. */
  private membersAt({ name, siblings }: ResourceExport): ReadonlyMap<string, Member> | undefined {
    let members = this.members.get(siblings);
    if (members === undefined) this.members.set(siblings, (members = membersByResource(siblings)));
    return members.get(name);
  }

  private memberText({ js, item }: Member): string {
    const func = this.names.func(item.func);
    const count = item.type.params.length - (js.kind === "method" ? 1 : 0);
    const params = Array.from({ length: count }, (_, i) => `a${i}`);
    const list = params.join(", ");
    switch (js.kind) {
      case "constructor":
        return `constructor(${list}) { return ${func}(${list}); }`;
      case "method":
        return `${methodKey(js.js)}(${list}) { return ${func}(${["this", ...params].join(", ")}); }`;
      case "static":
        return `static ${staticKey(js.js)}(${list}) { return ${func}(${list}); }`;
    }
  }
}

function membersByResource(exports: readonly ExportPlan[]): MembersByResource {
  const found = new Map<string, Map<string, Member>>();
  for (const { name, item } of exports) {
    const js = funcName(name);
    if (item.kind !== "func" || js.kind === "function") continue;
    let members = found.get(js.resource);
    if (members === undefined) found.set(js.resource, (members = new Map()));
    const key = js.kind === "constructor" ? js.kind : `${js.kind} ${js.js}`;
    if (!members.has(key)) members.set(key, { js, item });
  }
  return found;
}

/** A WIT method may be called `constructor`; written plainly it would be the class's own. */
function methodKey(name: string): string {
  return name === "constructor" ? `["constructor"]` : key(name);
}

function staticKey(name: string): string {
  return key(staticName(name));
}

/** The last part of an interface id, which a resource may have as its name; any other name as it is. */
function ownPart(name: string): string {
  return name.replaceAll(/^.*\/|@.*$/g, "");
}
