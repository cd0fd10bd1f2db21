/**
 * The world as the bindings see it: which file each interface becomes, and what every type, function and resource in it
 * is called in AssemblyScript.
 *
 * Owns names and identity; the text of declarations and of the canonical ABI is made from this by the other files.
 * Follows design/mvp/WIT.md, "WIT Worlds" and "WIT Interfaces".
 */
import { someType } from "../../../host/model/cases.ts";
import { ownName } from "../../../host/model/ids.ts";
import { parseExternName } from "../../../host/model/extern-names.ts";
import { identityOf, isNominal, type NominalType } from "../../../host/model/nominal.ts";
import type { ExternDecl, FuncType, ResourceType, ValueType } from "../../../host/model/types.ts";
import type { WorldDescription } from "../../../host/plan/world.ts";
import { camel, fileName, Namer, pascal, pascalPart, privateName } from "./assembly-names.ts";
import { refuseInexpressible } from "./refuse.ts";

export type Direction = "import" | "export";

/** One file of bindings: an interface, or the world's own items. */
export interface GuestFile {
  /** Relative to `bindings/`, without `.ts`. */
  readonly path: string;
  /** What other generated files import it as. */
  readonly alias: string;
  /** The interface's extern name, such as `demo:log/log@0.1.0`; the world's id for the world's file. */
  readonly id: string;
  readonly direction: Direction;
  readonly isWorld: boolean;
  readonly types: Namer;
  readonly functionNames: Namer;
  readonly declarations: Declaration[];
  readonly functions: GuestFunction[];
  readonly resources: GuestResource[];
  /** Of an exported interface: the namespace of `index.ts` its items are in, when they are not at the top. */
  namespace: string | undefined;
}

export type Declaration =
  | { readonly kind: "nominal"; readonly witName: string; readonly type: NamedType }
  /** Another name of a class or enum declared elsewhere. */
  | { readonly kind: "alias"; readonly witName: string; readonly name: string; readonly of: NamedType | GuestResource }
  | { readonly kind: "type"; readonly witName: string; readonly name: string; readonly type: ValueType }
  | { readonly kind: "resource"; readonly witName: string; readonly resource: GuestResource };

/** A record, variant, enum or flags type with its class or enum. */
export interface NamedType {
  readonly file: GuestFile;
  readonly name: string;
  readonly type: NominalType;
  /** The enum of a variant's tags. */
  readonly tagName: string;
}

export interface GuestFunction {
  readonly file: GuestFile;
  /** The name in AssemblyScript: of the function, or of the method in its class. */
  readonly name: string;
  /** As the component names it, such as `[method]counter.increment`. */
  readonly witName: string;
  /** The label by itself, such as `increment`. */
  readonly label: string;
  readonly kind: "function" | "constructor" | "method" | "static";
  readonly resource: GuestResource | undefined;
  readonly type: FuncType;
  readonly direction: Direction;
  /** Of an imported async function: what begins a call without waiting for its end. */
  startName: string | undefined;
}

export interface GuestResource {
  readonly kind: "resource";
  readonly resource: ResourceType;
  readonly file: GuestFile;
  readonly name: string;
  readonly witName: string;
  readonly origin: "imported" | "exported";
  readonly members: GuestFunction[];
  /** Method and static names given out; `dispose` is the bindings' own. */
  readonly memberNames: Namer;
  readonly staticNames: Namer;
}

export interface GuestWorld {
  /** The world's id, such as `demo:calc/calc@1.0.0`. */
  readonly id: string;
  readonly worldFile: GuestFile;
  /** Every interface's file in the order of the world, imports first. */
  readonly files: readonly GuestFile[];
  readonly named: ReadonlyMap<object, NamedType>;
  readonly resources: ReadonlyMap<ResourceType, GuestResource>;
  /** Exported functions that are not in an interface. */
  readonly exports: readonly GuestFunction[];
  /** Something of the world can wait: an async function, a stream or a future. */
  readonly waits: boolean;
  readonly channels: { readonly stream: boolean; readonly future: boolean };
  /** Some function of the world has an error context. */
  readonly errorContexts: boolean;
}

/** Every function of the world: imports, then exports. */
export function allFunctions({ worldFile, files, exports }: GuestWorld): GuestFunction[] {
  const inFiles = [worldFile, ...files].flatMap((file) => [
    ...file.functions,
    ...file.resources.flatMap(({ members }) => members),
  ]);
  return [...inFiles, ...exports];
}

/** Files that every module has, so that no interface may take their names. */
const ownFiles = ["abi", "async", "channels", "entry", "globals", "tenon"];
/** What the world's file re-exports from `tenon.ts`, beside the classes that no WIT type can be named after. */
export const runtimeFunctions: readonly string[] = ["ok", "err"];
/** What it re-exports from `async.ts`, when the world has something that waits. */
export const asyncNames: readonly string[] = ["Subtask", "Task", "Waitable"];
export const asyncFunctions: readonly string[] = ["resolved"];
/** And from `channels.ts`, when it has streams or futures. */
export const channelNames: Readonly<Record<"stream" | "future", readonly string[]>> = {
  stream: ["Stream", "StreamWriter"],
  future: ["Future", "FutureWriter"],
};
/** Made in `abi.ts`: what gives both ends of a stream or future. */
export const channelFunctions: Readonly<Record<"stream" | "future", string>> = {
  stream: "newStream",
  future: "newFuture",
};

/** @throws {UnsupportedError} naming the first item that AssemblyScript cannot express */
export function analyseWorld(world: WorldDescription): GuestWorld {
  refuseInexpressible(world);
  return new Analysis(world).run();
}

class Analysis {
  private readonly world: WorldDescription;
  private readonly named = new Map<object, NamedType>();
  private readonly resources = new Map<ResourceType, GuestResource>();
  private readonly files: GuestFile[] = [];
  private readonly exports: GuestFunction[] = [];
  private readonly fileNames = new Namer(ownFiles);
  private readonly aliases = new Namer(["_abi", "_async", "_author", "_tenon"]);
  private readonly channels: GuestWorld["channels"];
  private readonly waits: boolean;
  private readonly errorContexts: boolean;

  constructor(world: WorldDescription) {
    this.world = world;
    const has = (kind: "stream" | "future" | "error-context"): boolean =>
      someFunction(world, ({ params, result }) =>
        [...params.map(({ type }) => type), result].some((type) => someType(type, (part) => part.kind === kind)),
      );
    this.channels = { stream: has("stream"), future: has("future") };
    this.errorContexts = has("error-context");
    this.waits = this.channels.stream || this.channels.future || someFunction(world, (type) => type.async);
  }

  run(): GuestWorld {
    const { name: id, imports, exports } = this.world;
    const worldFile = this.file(ownName(id), id, "import", true);
    for (const decl of imports) this.declare(decl, worldFile, "import");
    for (const decl of exports) this.declare(decl, worldFile, "export");
    this.settleNamespaces();
    for (const file of [worldFile, ...this.files]) nameStarts(file);
    const { files, named, resources } = this;
    return {
      id,
      worldFile,
      files,
      named,
      resources,
      exports: this.exports,
      waits: this.waits,
      channels: this.channels,
      errorContexts: this.errorContexts,
    };
  }

  private file(wantedPath: string, id: string, direction: Direction, isWorld: boolean): GuestFile {
    const path = this.uniquePath(wantedPath);
    return {
      path,
      alias: this.aliases.unique(privateName(path)),
      id,
      direction,
      isWorld,
      types: new Namer(this.waits ? waitingTypes : []),
      functionNames: new Namer(isWorld ? [...runtimeFunctions, ...(this.waits ? waitingFunctions : [])] : []),
      declarations: [],
      functions: [],
      resources: [],
      namespace: undefined,
    };
  }

  private uniquePath(wanted: string): string {
    return this.fileNames.unique(wanted);
  }

  private declare(decl: ExternDecl, worldFile: GuestFile, direction: Direction): void {
    const { name, type } = decl;
    if (type.kind === "instance") {
      const file = this.interfaceFile(name, direction);
      this.files.push(file);
      // Types first: functions may come before a resource's own declaration only in text, never in the binary.
      for (const item of type.exports) this.item(item, file, direction);
      return;
    }
    this.item(decl, worldFile, direction);
  }

  /** `demo-log-log`; with its version when the world has the interface in several; told apart when it is on both sides. */
  private interfaceFile(id: string, direction: Direction): GuestFile {
    const bare = fileName(id, false);
    const { imports, exports } = this.world;
    const versions = new Set(
      [...imports, ...exports].map(({ name }) => name).filter((name) => fileName(name, false) === bare),
    );
    const base = fileName(id, versions.size > 1);
    const both = direction === "export" && imports.some(({ name }) => name === id);
    return this.file(both ? `${base}-exports` : base, id, direction, false);
  }

  private item({ name, type }: ExternDecl, file: GuestFile, direction: Direction): void {
    switch (type.kind) {
      case "type":
        if ("kind" in type.type && !["func", "instance", "component"].includes(type.type.kind)) {
          this.type(name, type.type as ValueType, file);
        }
        return;
      case "resource-type":
        this.resource(name, type.resource, file, direction);
        return;
      case "func":
        this.func(name, type, file, direction);
        return;
      default:
        return;
    }
  }

  private type(witName: string, type: ValueType, file: GuestFile): void {
    if (!isNominal(type)) {
      file.declarations.push({ kind: "type", witName, name: file.types.unique(pascal(witName)), type });
      return;
    }
    const key = identityOf(type);
    const known = this.named.get(key) ?? this.imported(witName, type, file);
    const name = file.types.unique(pascal(witName));
    if (known !== undefined) {
      this.named.set(key, known);
      file.declarations.push({ kind: "alias", witName, name, of: known });
      return;
    }
    const tagName = type.kind === "variant" ? file.types.unique(`${name}Tag`) : "";
    const named: NamedType = { file, name, type, tagName };
    this.named.set(key, named);
    file.declarations.push({ kind: "nominal", witName, type: named });
  }

  /** Of an interface on both sides: the import's class, when the type holds no resource (those differ by side). */
  private imported(witName: string, type: NominalType, file: GuestFile): NamedType | undefined {
    if (file.direction !== "export") return undefined;
    const twin = this.files.find((other) => other.direction === "import" && other.id === file.id);
    const declaration = twin?.declarations.find((one) => one.witName === witName);
    if (declaration?.kind !== "nominal" || holdsHandle(type)) return undefined;
    return declaration.type;
  }

  private resource(witName: string, resource: ResourceType, file: GuestFile, direction: Direction): void {
    const known = this.resources.get(resource);
    const name = file.types.unique(pascal(witName));
    if (known !== undefined) {
      file.declarations.push({ kind: "alias", witName, name, of: known });
      return;
    }
    const own: GuestResource = {
      kind: "resource",
      resource,
      file,
      name,
      witName,
      origin: direction === "import" ? "imported" : "exported",
      members: [],
      memberNames: new Namer(["constructor", "dispose"]),
      staticNames: new Namer(["length", "name", "prototype", "caller", "arguments", "apply", "bind", "call"]),
    };
    this.resources.set(resource, own);
    file.resources.push(own);
    file.declarations.push({ kind: "resource", witName, resource: own });
  }

  private func(witName: string, type: FuncType, file: GuestFile, direction: Direction): void {
    const parsed = parseExternName(witName);
    const add = (name: string, label: string, kind: GuestFunction["kind"], resource?: GuestResource): void => {
      const func: GuestFunction = {
        ...{ file, name, witName, label, kind, resource, type, direction },
        startName: undefined,
      };
      if (resource !== undefined) resource.members.push(func);
      else if (file.isWorld && direction === "export") this.exports.push(func);
      else file.functions.push(func);
    };
    if (parsed?.kind === "constructor" || parsed?.kind === "method" || parsed?.kind === "static") {
      const resource = file.resources.find((one) => one.witName === parsed.resource)!;
      if (parsed.kind === "constructor") {
        const fallible = type.result?.kind !== "own";
        const name = fallible ? resource.staticNames.unique("create") : "constructor";
        add(name, "constructor", "constructor", resource);
        return;
      }
      const names = parsed.kind === "method" ? resource.memberNames : resource.staticNames;
      add(names.unique(camel(parsed.label)), parsed.label, parsed.kind, resource);
      return;
    }
    // What a module exports needs a name in its own `index.ts`; what it imports, in the bindings' file.
    const free = file.isWorld && direction === "export";
    add(free ? camel(witName) : file.functionNames.unique(camel(witName)), witName, "function");
  }

  /** Interfaces of which an item's name is wanted twice are looked for in namespaces of `index.ts`. */
  private settleNamespaces(): void {
    const exported = this.files.filter(({ direction }) => direction === "export");
    const names = (file: GuestFile): string[] => [...file.functions, ...file.resources].map(({ name }) => name);
    const count = new Map<string, number>();
    const own = new Namer();
    for (const func of this.exports) (func as { name: string }).name = own.unique(func.name);
    for (const { name } of this.exports) count.set(name, 1);
    for (const file of exported) for (const name of names(file)) count.set(name, (count.get(name) ?? 0) + 1);
    const taken = new Namer(count.keys());
    for (const file of exported) {
      if (!names(file).some((name) => count.get(name)! > 1)) continue;
      const last = ownName(file.id);
      const shared = exported.filter((other) => ownName(other.id) === last).length > 1;
      file.namespace = taken.unique(camel(shared ? file.path.replace(/-exports$/, "") : last));
    }
  }
}

const waitingTypes = [...asyncNames, ...Object.values(channelNames).flat()];
const waitingFunctions = [...asyncFunctions, ...Object.values(channelFunctions)];

function someFunction({ imports, exports }: WorldDescription, test: (type: FuncType) => boolean): boolean {
  return [...imports, ...exports].some(({ type }) => {
    const items = type.kind === "instance" ? type.exports : [{ type }];
    return items.some((item) => item.type.kind === "func" && test(item.type));
  });
}

/** Names for beginning calls of imported async functions, once every function of the WIT has its own. */
function nameStarts(file: GuestFile): void {
  if (file.direction !== "import") return;
  const name = (func: GuestFunction, namer: Namer): void => {
    if (func.type.async && func.direction === "import") func.startName = namer.unique(`${func.name}Async`);
  };
  for (const func of file.functions) name(func, file.functionNames);
  for (const { members, memberNames, staticNames } of file.resources) {
    for (const func of members) name(func, func.kind === "method" ? memberNames : staticNames);
  }
}

/** Whether a value of the type can hold a handle. */
function holdsHandle(type: ValueType): boolean {
  return someType(type, ({ kind }) => kind === "own" || kind === "borrow");
}

/** Tag names in the order of the cases. */
export function tagMembers(type: Extract<NominalType, { kind: "variant" | "enum" }>): string[] {
  const namer = new Namer();
  const names = type.kind === "variant" ? type.cases.map(({ name }) => name) : type.names;
  return names.map((name) => namer.unique(pascalPart(name)));
}
