/**
 * The functions that cross the boundary: imports in `abi.ts`, exports in `entry.ts`, and the table of the names the
 * exports get in the end.
 *
 * Follows design/mvp/CanonicalABI.md, "canon lift" and "canon lower", and its legacy core names
 * (`demo:calc/api@1.0.0#add`, `cabi_post_…`, `[resource-drop]…`).
 */
import { layoutOf, sequence } from "../../host/abi/layout.ts";
import type { FuncType, ValueType } from "../../host/model/types.ts";
import { newHandle, numbers, tableOf, takeBack } from "./abi-base.ts";
import { type AbiEmitter, hasPointer } from "./abi.ts";
import { dropName, paramsText, resultText } from "./declarations.ts";
import type { RequiredExport } from "./index.ts";
import { Namer } from "./names.ts";
import { anyPart } from "./parts.ts";
import { signatureOf } from "./signature.ts";
import type { ExportTypes } from "./transform.ts";
import { FileScope, type TypeText } from "./types.ts";
import type { GuestFile, GuestFunction, GuestResource, GuestWorld } from "./world.ts";
import { Writer } from "./writer.ts";

/** Bytes that the fixed areas for spilled parameters and results must have. */
export interface Cells {
  params: number;
  results: number;
}

/** Larger areas than this are taken from the heap for the time of the call. */
const maxCell = 4096;

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

export class FunctionEmitter {
  readonly cells: Cells = { params: 0, results: 0 };
  private readonly world: GuestWorld;
  private readonly abi: AbiEmitter;
  private readonly names: ImportNames;

  constructor(world: GuestWorld, abi: AbiEmitter, names: ImportNames) {
    this.world = world;
    this.abi = abi;
    this.names = names;
  }

  // Imports

  /** Every import of the world as a function of `abi.ts`, and the built-ins of every resource. */
  imports(): string {
    const writer = new Writer();
    for (const file of [this.world.worldFile, ...this.world.files]) {
      for (const resource of file.resources) this.builtins(writer, resource);
      if (file.direction !== "import") continue;
      for (const func of [...file.functions, ...file.resources.flatMap(({ members }) => members)]) {
        if (func.direction === "import") this.importFunction(writer, func);
      }
    }
    return writer.toString();
  }

  private builtins(writer: Writer, resource: GuestResource): void {
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
  }

  private importFunction(writer: Writer, func: GuestFunction): void {
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
      area = this.area(writer, "results", layoutOf(type.result!).size);
      args.push(area);
    }
    const call = `${name}_(${args.join(", ")})`;
    const end = (): void => {
      if (mark) writer.write("release(mark);");
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
    const spilled = signature.paramsSpilled && paramsSize(type) > maxCell;
    return blocks || spilled || (signature.resultSpilled && layoutOf(type.result!).size > maxCell);
  }

  private area(writer: Writer, cell: keyof Cells, size: number): string {
    if (size <= maxCell) {
      this.cells[cell] = Math.max(this.cells[cell], size);
      return cell;
    }
    const name = this.abi.temporary();
    writer.write(`const ${name} = block(${size});`);
    return name;
  }

  private spill(writer: Writer, type: FuncType): string {
    const { offsets } = sequence(type.params.map((param) => param.type));
    const area = this.area(writer, "params", paramsSize(type));
    type.params.forEach((param, i) => this.abi.store(writer, param.type, `_${i}`, area, offsets[i]));
    return area;
  }

  private lowerParams(writer: Writer, type: FuncType): string[] {
    return type.params.flatMap((param, i) => this.abi.lower(writer, param.type, `_${i}`));
  }

  // Exports

  /** `entry.ts` with everything that goes with it. */
  entry(): { text: string; renames: Map<string, string>; required: RequiredExport[]; exportTypes: ExportTypes[] } {
    const exportTypes: ExportTypes[] = [];
    const renames = new Map<string, string>();
    const required: RequiredExport[] = [];
    const writer = new Writer();
    const posts: string[] = [];
    writer.raw(entryHead);
    const add = (func: GuestFunction): void => {
      const name = `e${renames.size}`;
      const canonical = func.file.isWorld ? func.witName : `${func.file.id}#${func.witName}`;
      renames.set(name, canonical);
      required.push(this.exportFunction(writer, name, canonical, func));
      const params = func.kind === "method" ? func.type.params.slice(1) : func.type.params;
      exportTypes.push({
        name: this.requiredName(func),
        params: params.map(({ type }) => numberName(type)),
        // A constructor has no result of its own.
        result:
          func.name === "constructor" ? "*" : func.type.result === undefined ? "void" : numberName(func.type.result),
      });
      if (signatureOf(func.type).resultSpilled && hasPointer(func.type.result)) {
        posts.push(`p${posts.length}`);
        renames.set(posts.at(-1)!, `cabi_post_${canonical}`);
      }
    };
    for (const func of this.world.exports) add(func);
    for (const file of this.world.files) {
      if (file.direction !== "export") continue;
      for (const resource of file.resources) {
        required.push(this.requiredClass(resource, writer));
        for (const func of resource.members) add(func);
        const name = `d${renames.size}`;
        renames.set(name, `${file.id}#[dtor]${resource.witName}`);
        this.destructor(writer, name, resource);
      }
      for (const func of file.functions) add(func);
    }
    if (posts.length > 0) {
      const names = posts.map((name) => `postReturn as ${name}`);
      writer.blank().write(`export { ${names.join(", ")} } from "./abi";`);
    }
    renames.set("lastAbort", "tenon:abort");
    return { text: writer.toString(), renames, required, exportTypes };
  }

  private exportFunction(writer: Writer, name: string, canonical: string, func: GuestFunction): RequiredExport {
    const { type } = func;
    const signature = signatureOf(type);
    writer.blank().write(`// ${canonical}`);
    const first = writer.line + 1;
    const result = this.result(func);
    writer.write(
      `export function ${name}(${signature.params.map((core, i) => `_${i}: ${core}`).join(", ")}): ${result.core} {`,
    );
    // The work is in `abi.ts`, where nothing can hide AssemblyScript's own words; here is only the author's call.
    const args = this.exportArguments(writer, name, type, signature.paramsSpilled);
    const self = func.kind === "method" ? args.shift() : undefined;
    const borrows = this.borrows(type);
    const call = `${this.target(func, self)}(${args.join(", ")})`;
    if (type.result === undefined) {
      writer.write(`${call};`);
      if (borrows) writer.write("_abi.giveBack();");
    } else {
      writer.write(`const _value: ${this.entryText(type.result)} = ${call};`);
      if (borrows) writer.write("_abi.giveBack();");
      // A number of the core type goes as it is; `abi.ts` takes everything else apart.
      const plain = ["s32", "u32", "s64", "u64", "f32", "f64", "char"].includes(type.result.kind);
      writer.write(plain ? "return _value;" : `return _abi.${this.resultFunction(name, type.result)}(_value);`);
    }
    writer.write("}");
    return {
      name: this.requiredName(func),
      wit: canonical,
      signature: requiredSignature(func, this.abi.types),
      lines: { first, last: writer.line },
    };
  }

  private readonly entryScope = new FileScope(undefined);
  private readonly entryHelpers = new Writer();

  /** Functions of `abi.ts` that the exports of `entry.ts` use. */
  exportHelpers(): string {
    return this.entryHelpers.toString();
  }

  /** The import lines of `entry.ts`. */
  entryImports(): string[] {
    this.entryScope.use("./abi", "_abi");
    this.entryScope.use("../index", "_author");
    return this.entryScope.lines();
  }

  private entryText(type: ValueType): string {
    return this.abi.types.text(type, this.entryScope);
  }

  private result(func: GuestFunction): { core: string } {
    const signature = signatureOf(func.type);
    return { core: signature.result ?? "void" };
  }

  /** The author's arguments, each lifted by a function of `abi.ts`; spilled ones are loaded, then their block is freed. */
  private exportArguments(writer: Writer, name: string, type: FuncType, spilled: boolean): string[] {
    const helpers = this.entryHelpers;
    if (!spilled) {
      let at = 0;
      return type.params.map((param, i) => {
        const { flat } = layoutOf(param.type);
        const flats = flat.map((_, j) => `_${at + j}`);
        at += flat.length;
        const value = this.abi.lift(param.type, flats);
        if (/^(<\w+>)?_\d+$/.test(value) || value.endsWith(" != 0")) return value;
        const helper = `${name}_${i}`;
        helpers
          .blank()
          .write(
            `export function ${helper}(${flats.map((one, j) => `${one}: ${flat[j]}`).join(", ")}): ${this.abi.text(param.type)} {`,
          );
        helpers.write(`return ${value};`).write("}");
        const local = `_arg${i}`;
        writer.write(`const ${local} = _abi.${helper}(${flats.join(", ")});`);
        return local;
      });
    }
    const { offsets } = sequence(type.params.map((param) => param.type));
    const locals = type.params.map((param, i) => {
      const helper = `${name}_${i}`;
      helpers.blank().write(`export function ${helper}(p: usize): ${this.abi.text(param.type)} {`);
      helpers.write(`return ${this.abi.load(param.type, "p", offsets[i])};`).write("}");
      writer.write(`const _arg${i} = _abi.${helper}(_0);`);
      return `_arg${i}`;
    });
    writer.write("_abi.free(_0);");
    return locals;
  }

  /** The function of `abi.ts` that lowers a result. */
  private resultFunction(name: string, type: ValueType): string {
    const helpers = this.entryHelpers;
    const { flat, size } = layoutOf(type);
    const helper = `${name}_r`;
    helpers.blank();
    if (flat.length === 1) {
      helpers.write(`export function ${helper}(v: ${this.abi.text(type)}): ${flat[0]} {`);
      const inner = new Writer();
      const [value] = this.abi.lower(inner, type, "v");
      for (const line of inner.toString().trimEnd().split("\n")) if (line !== "") helpers.write(line);
      helpers.write(`return ${value};`).write("}");
      return helper;
    }
    helpers.write(`export function ${helper}(v: ${this.abi.text(type)}): i32 {`);
    if (hasPointer(type)) helpers.write("keep(changetype<usize>(v));");
    let area = "results";
    if (size <= maxCell) this.cells.results = Math.max(this.cells.results, size);
    else {
      // Nothing frees a result without pointers after the call, so a large one gets a place that stays.
      area = `${name}_area`;
      helpers.write(`const ${area}: usize = memory.data(${size}, 8);`);
    }
    const inner = new Writer();
    this.abi.store(inner, type, "v", area);
    for (const line of inner.toString().trimEnd().split("\n")) helpers.write(line);
    helpers.write(`return <i32>${area};`).write("}");
    return helper;
  }

  private borrows(type: FuncType): boolean {
    return type.params.some((param) =>
      anyPart(param.type, (part) => part.kind === "borrow" && this.abi.types.resource(part).origin === "imported"),
    );
  }

  private prefix(file: GuestFile): string {
    return file.namespace === undefined ? "_author" : `_author.${file.namespace}`;
  }

  private target(func: GuestFunction, self: string | undefined): string {
    const prefix = this.prefix(func.file);
    if (func.resource === undefined) return `${prefix}.${func.name}`;
    if (func.kind === "method") return `${self}.${func.name}`;
    const name = `${prefix}.${func.resource.name}`;
    return func.name === "constructor" ? `new ${name}` : `${name}.${func.name}`;
  }

  private requiredName(func: GuestFunction): string {
    const prefix = func.file.namespace === undefined ? "" : `${func.file.namespace}.`;
    if (func.resource === undefined) return `${prefix}${func.name}`;
    return `${prefix}${func.resource.name}#${func.name}`;
  }

  private requiredClass(resource: GuestResource, writer: Writer): RequiredExport {
    const { namespace, id } = resource.file;
    return {
      name: `${namespace === undefined ? "" : `${namespace}.`}${resource.name}`,
      wit: `${id}#${resource.witName}`,
      signature: `export class ${resource.name}`,
      // The class is named where its members are called; no line is about it alone.
      lines: { first: writer.line + 1, last: writer.line },
    };
  }

  private destructor(writer: Writer, name: string, resource: GuestResource): void {
    writer.blank().write(`// The last handle of a \`${resource.witName}\` is gone.`);
    writer.write(`export function ${name}(_0: i32): void {`);
    writer.write(`const _self = _abi.${tableOf(resource)}.remove(_0);`);
    writer.write("if (_self === null) return;");
    const optional = "// @ts-ignore: a class may do without it";
    writer.write(optional).write("if (isDefined(_self.dispose)) {");
    writer.write(optional).write("_self.dispose();").write("}").write("}");
  }
}

/** AssemblyScript's name of a number's type; `*` for everything that it does not convert by itself. */
function numberName(type: ValueType): string {
  if (type.kind === "enum" || type.kind === "flags") return "i32";
  return numbers[type.kind] ?? "*";
}

function repOf(resource: GuestResource): string {
  return `${resource.file.alias}_rep${resource.name}`;
}

function paramsSize(type: FuncType): number {
  return sequence(type.params.map((param) => param.type)).size;
}

/** Whether lowering takes blocks of its own: lists whose elements must be rewritten. */
function needsBlocks(type: ValueType): boolean {
  return anyPart(type, (part) => {
    return (
      part.kind === "map" ||
      (part.kind === "list" && part.length === undefined && numbers[part.element.kind] === undefined)
    );
  });
}

const entryHead = `
export { realloc as cabi_realloc } from "./abi";
export { lastAbort } from "./tenon";
`;

/** The declaration the author writes, on one line; types go by their bare names. */
function requiredSignature(func: GuestFunction, types: TypeText): string {
  const scope = new BareScope();
  const params = paramsText(func, types, scope);
  if (func.name === "constructor") return `constructor(${params})`;
  const result = resultText(func, types, scope);
  if (func.resource === undefined) return `export function ${func.name}(${params}): ${result}`;
  return `${func.kind === "method" ? "" : "static "}${func.name}(${params}): ${result}`;
}

/** Names as an author writes them, after importing what he needs. */
class BareScope extends FileScope {
  constructor() {
    super(undefined);
  }
  override name(_of: unknown, own: string): string {
    return own;
  }
}
