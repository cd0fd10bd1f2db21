/**
 * Imports as functions of `abi.ts`: they lower the parameters, call the core import and lift the result. With them the
 * built-ins of every resource.
 *
 * Follows design/mvp/CanonicalABI.md, "canon lower", and its legacy core names (`[resource-drop]…`).
 */
import { layoutOf, sequence } from "../../../host/model/layout.ts";
import { someType } from "../../../host/model/cases.ts";
import type { FuncType, ValueType } from "../../../host/model/types.ts";
import { giveHandle, newHandle, numbers, tableOf, takeBack } from "./abi-base.ts";
import { startFunction } from "./async-functions.ts";
import type { AbiEmitter } from "./abi.ts";
import { type Area, type AreaSizes, maxArea } from "./areas.ts";
import { dropName } from "./declarations.ts";
import { Namer } from "./assembly-names.ts";
import { signatureOf } from "./signature.ts";
import type { GuestFile, GuestFunction, GuestResource, GuestWorld } from "./world.ts";
import { AssemblyWriter } from "./writer.ts";

const ignore = "// @ts-ignore: decorator";

/** The core module an import comes from, and that of the built-ins of an exported resource. */
function importModule(file: GuestFile): string {
  return file.isWorld ? "$root" : file.id;
}

/** The name of an import's function in `abi.ts`. */
export class ImportNames {
  private readonly namer = new Namer();
  private readonly names = new Map<GuestFunction, string>();

  of(func: GuestFunction): string {
    let name = this.names.get(func);
    if (name === undefined) {
      const owner = func.resource === undefined ? "" : `${func.resource.name}_`;
      name = this.namer.unique(`${func.file.alias}_${owner}${func.name}`);
      this.names.set(func, name);
    }
    return name;
  }
}

/** Writes the imports of one world. */
export class ImportEmitter {
  private readonly world: GuestWorld;
  private readonly abi: AbiEmitter;
  private readonly names: ImportNames;
  private readonly areas: AreaSizes;

  constructor(world: GuestWorld, abi: AbiEmitter, names: ImportNames, areas: AreaSizes) {
    this.world = world;
    this.abi = abi;
    this.names = names;
    this.areas = areas;
  }

  /** Every import of the world as a function of `abi.ts`, and the built-ins of every resource. */
  imports(): string {
    const writer = new AssemblyWriter();
    for (const file of [this.world.worldFile, ...this.world.files]) {
      for (const resource of file.resources) this.builtins(writer, resource);
      if (file.direction !== "import") continue;
      for (const func of [...file.functions, ...file.resources.flatMap(({ members }) => members)]) {
        if (func.direction !== "import") continue;
        this.importFunction(writer, func);
        if (func.type.async) startFunction(writer, this.names.of(func), importModule(file), func, this.abi);
      }
    }
    return writer.toString();
  }

  private builtins(writer: AssemblyWriter, resource: GuestResource): void {
    const { file, witName } = resource;
    const imported = resource.origin === "imported";
    const module = imported ? importModule(file) : `[export]${file.id}`;
    const external = (name: string, text: string): void => {
      writer.write(ignore).write(`@external("${module}", "${name}")`).write(text);
    };
    writer.blank();
    external(`[resource-drop]${witName}`, `export declare function ${dropName(resource)}(handle: i32): void;`);
    if (imported) return;
    external(`[resource-new]${witName}`, `declare function ${newHandle(resource)}(rep: i32): i32;`);
    external(`[resource-rep]${witName}`, `declare function ${repOf(resource)}(handle: i32): i32;`);
    const text = this.abi.scope.name(resource, resource.name);
    writer
      .write(ignore)
      .write("@lazy")
      .write(`export const ${tableOf(resource)} = new Table<${text}>();`);
    writer.write(`function ${takeBack(resource)}(handle: i32): ${text} {`);
    writer.write(`const object = ${tableOf(resource)}.remove(${repOf(resource)}(handle))!;`);
    // The handle goes; its destructor finds that the object has left the table and lets it be.
    writer
      .write(`${dropName(resource)}(handle);`)
      .write("return object;")
      .write("}");
    if (!this.world.waits) return;
    const [give, back] = [giveHandle(resource), `${giveHandle(resource)}Back`];
    writer.write(`function ${give}(object: ${text}): i32 {`);
    writer.write(`const handle = ${newHandle(resource)}(${tableOf(resource)}.add(object));`);
    writer.write(`note(changetype<Object>(object), handle, ${back});`).write("return handle;").write("}");
    writer.write(`function ${back}(_: Object, handle: i32): void {`);
    writer.write(`${takeBack(resource)}(handle);`).write("}");
  }

  private importFunction(writer: AssemblyWriter, func: GuestFunction): void {
    const { type, file, witName } = func;
    const signature = signatureOf(type);
    const name = this.names.of(func);
    const flats = signature.paramsSpilled ? ["_0: usize"] : signature.params.map((core, i) => `_${i}: ${core}`);
    if (signature.resultSpilled) flats.push("_result: usize");
    const coreResult = signature.resultSpilled ? "void" : (signature.result ?? "void");
    writer
      .blank()
      .write(ignore)
      .write(`@external("${importModule(file)}", "${witName}")`);
    writer.write(`declare function ${name}_(${flats.join(", ")}): ${coreResult};`).blank();

    const result = this.isConstructor(func) ? "i32" : this.abi.types.text(type.result, this.abi.scope);
    const params = type.params.map((param, i) => `_${i}: ${this.abi.text(param.type)}`);
    writer.write(`export function ${name}(${params.join(", ")}): ${result} {`);
    const mark = this.needsMark(type);
    if (mark) writer.write("const mark = chain;");
    const args = signature.paramsSpilled ? [this.spill(writer, type)] : this.lowerParams(writer, type);
    let area = "";
    if (signature.resultSpilled) {
      area = this.area(writer, "results", type);
      args.push(area);
    }
    const call = `${name}_(${args.join(", ")})`;
    // While a call waits, others may begin and end: what it has taken is its own.
    if (mark && type.async) writer.write("const _blocks = detach(mark);");
    const end = (): void => {
      if (mark) writer.write(type.async ? "freeBlocks(_blocks);" : "release(mark);");
    };
    if (type.result === undefined) {
      writer.write(`${call};`);
      end();
    } else if (this.isConstructor(func)) {
      writer.write(`const _value = ${call};`);
      end();
      writer.write("return _value;");
    } else {
      if (signature.resultSpilled) writer.write(`${call};`);
      else writer.write(`const _core = ${call};`);
      const value = signature.resultSpilled ? this.abi.load(type.result, area) : this.abi.lift(type.result, ["_core"]);
      if (mark) {
        writer.write(`const _value = ${value};`);
        end();
        writer.write("return _value;");
      } else writer.write(`return ${value};`);
    }
    writer.write("}");
  }

  /** A constructor that cannot fail gives its handle to the object that is being made. */
  private isConstructor(func: GuestFunction): boolean {
    return func.kind === "constructor" && func.name === "constructor";
  }

  /** Whether lowering the parameters, or a large area, takes blocks that must be freed after the call. */
  private needsMark(type: FuncType): boolean {
    const signature = signatureOf(type);
    const blocks = type.params.some((param) => needsBlocks(param.type));
    const most = type.async ? 0 : maxArea;
    const spilled = signature.paramsSpilled && paramsSize(type) > most;
    return blocks || spilled || (signature.resultSpilled && layoutOf(type.result!).size > most);
  }

  /** The address of an area that the call may use: a fixed one when it is large enough and no other call comes between. */
  private area(writer: AssemblyWriter, area: Area, type: FuncType): string {
    const bytes = area === "params" ? paramsSize(type) : layoutOf(type.result!).size;
    if (!type.async && this.areas.reserve(area, bytes)) return area;
    const name = this.abi.temporary();
    writer.write(`const ${name} = block(${bytes});`);
    return name;
  }

  private spill(writer: AssemblyWriter, type: FuncType): string {
    const { offsets } = sequence(type.params.map((param) => param.type));
    const area = this.area(writer, "params", type);
    type.params.forEach((param, i) => this.abi.store(writer, param.type, `_${i}`, area, offsets[i]));
    return area;
  }

  private lowerParams(writer: AssemblyWriter, type: FuncType): string[] {
    return type.params.flatMap((param, i) => this.abi.lower(writer, param.type, `_${i}`));
  }
}

function repOf(resource: GuestResource): string {
  return `${resource.file.alias}_rep${resource.name}`;
}

function paramsSize(type: FuncType): number {
  return sequence(type.params.map((param) => param.type)).size;
}

/** Whether lowering takes blocks of its own: lists whose elements must be rewritten. */
function needsBlocks(type: ValueType): boolean {
  return someType(type, (part) => {
    return (
      part.kind === "map" ||
      (part.kind === "list" && part.length === undefined && numbers[part.element.kind] === undefined)
    );
  });
}
