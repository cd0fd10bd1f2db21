/**
 * Exports as functions of `entry.ts`: they lift the parameters, call the author's function and lower the result; and the
 * table of the names the exports get in the end.
 *
 * Follows design/mvp/CanonicalABI.md, "canon lift", and its legacy core names (`demo:calc/api@1.0.0#add`,
 * `cabi_post_…`).
 */
import { layoutOf, sequence } from "../../../host/model/layout.ts";
import { someType } from "../../../host/model/cases.ts";
import type { FuncType, ValueType } from "../../../host/model/types.ts";
import { numbers, tableOf } from "./abi-base.ts";
import { type AbiEmitter, hasPointer } from "./abi.ts";
import type { AreaSizes } from "./areas.ts";
import { returnFunction } from "./async-functions.ts";
import type { RequiredExport } from "./contract.ts";
import { paramsText, resultText, taskText } from "./declarations.ts";
import { signatureOf } from "./signature.ts";
import { type ExportTypes, taskCall, voidCall } from "./transform.ts";
import { FileScope, type TypeText } from "./assembly-types.ts";
import type { GuestFile, GuestFunction, GuestResource, GuestWorld } from "./world.ts";
import { AssemblyWriter } from "./writer.ts";

/** Writes the exports of one world. */
export class ExportEmitter {
  private readonly world: GuestWorld;
  private readonly abi: AbiEmitter;
  private readonly areas: AreaSizes;

  constructor(world: GuestWorld, abi: AbiEmitter, areas: AreaSizes) {
    this.world = world;
    this.abi = abi;
    this.areas = areas;
  }

  /** `entry.ts` with everything that goes with it. */
  entry(): { text: string; renames: Map<string, string>; required: RequiredExport[]; exportTypes: ExportTypes[] } {
    const exportTypes: ExportTypes[] = [];
    const renames = new Map<string, string>();
    const required: RequiredExport[] = [];
    const writer = new AssemblyWriter();
    const posts: string[] = [];
    const callbacks: string[] = [];
    writer.raw(entryHead);
    const add = (func: GuestFunction): void => {
      const name = `e${renames.size}`;
      const canonical = func.file.isWorld ? func.witName : `${func.file.id}#${func.witName}`;
      required.push(this.exportFunction(writer, name, canonical, func));
      if (func.type.async) {
        callbacks.push(`c${callbacks.length}`);
        renames.set(name, `[async-lift]${canonical}`);
        renames.set(callbacks.at(-1)!, `[callback][async-lift]${canonical}`);
      } else renames.set(name, canonical);
      const params = func.kind === "method" ? func.type.params.slice(1) : func.type.params;
      exportTypes.push({
        name: this.requiredName(func),
        params: params.map(({ type }) => numberName(type)),
        // A constructor has no result of its own.
        result:
          func.name === "constructor" ? "*" : func.type.result === undefined ? "void" : numberName(func.type.result),
        async: func.type.async,
        entry: func.type.async && func.type.result === undefined && func.kind === "method" ? name : undefined,
      });
      if (!func.type.async && signatureOf(func.type).resultSpilled && hasPointer(func.type.result)) {
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
    if (callbacks.length > 0) {
      const names = callbacks.map((name) => `_callback as ${name}`);
      writer.blank().write(`export { ${names.join(", ")} } from "./async";`);
    }
    renames.set("lastAbort", "tenon:abort");
    return { text: writer.toString(), renames, required, exportTypes };
  }

  private exportFunction(writer: AssemblyWriter, name: string, canonical: string, func: GuestFunction): RequiredExport {
    const { type } = func;
    const signature = signatureOf(type);
    writer.blank().write(`// ${canonical}`);
    const first = writer.lineCount + 1;
    const result = this.result(func);
    writer.write(
      `export function ${name}(${signature.params.map((core, i) => `_${i}: ${core}`).join(", ")}): ${result.core} {`,
    );
    // The work is in `abi.ts`, where nothing can hide AssemblyScript's own words; here is only the author's call.
    const borrows = this.borrows(type);
    // While an asynchronous function blocks, others may be lent things too.
    if (borrows && this.world.waits) writer.write("const _lent = _abi.lentSoFar();");
    const giveBack = this.world.waits ? "_abi.giveBackFrom(_lent);" : "_abi.giveBack();";
    const args = this.exportArguments(writer, name, type, signature.paramsSpilled);
    const self = func.kind === "method" ? args.shift() : undefined;
    const call = `${this.target(func, self)}(${args.join(", ")})`;
    if (type.async) this.asyncCall(writer, name, func, { call, self, args });
    else if (type.result === undefined) {
      writer.write(`${call};`);
      if (borrows) writer.write(giveBack);
    } else {
      writer.write(`const _value: ${this.entryText(type.result)} = ${call};`);
      if (borrows) writer.write(giveBack);
      // A number of the core type goes as it is; `abi.ts` takes everything else apart.
      const plain = ["s32", "u32", "s64", "u64", "f32", "f64", "char"].includes(type.result.kind);
      writer.write(plain ? "return _value;" : `return _abi.${this.resultFunction(name, type.result)}(_value);`);
    }
    writer.write("}");
    return {
      name: this.requiredName(func),
      wit: canonical,
      signature: requiredSignature(func, this.abi.types),
      lines: { first, last: writer.lineCount },
    };
  }

  /** Of an async function: the author's function gives the value at once, or a task that gives it later. */
  private asyncCall(
    writer: AssemblyWriter,
    name: string,
    func: GuestFunction,
    {
      call,
      self,
      args,
    }: { readonly call: string; readonly self: string | undefined; readonly args: readonly string[] },
  ): void {
    const { type } = func;
    const enter = `${this.entryScope.use("./async", "_async")}._enter();`;
    returnFunction(this.entryHelpers, name, func, this.abi, this.areas);
    const borrows = this.borrows(type);
    const back = borrows ? "_abi.giveBackFrom(_lent);\n" : "";
    const ignore = "// @ts-ignore: AssemblyScript settles it while it compiles";
    /** A task gives back what its call was lent when it has its value. */
    const begin = (task: string, give: string): string => {
      const keep = borrows ? `${ignore}\n${task}._lent = _abi.lentFrom(_lent);\n` : "";
      return `${keep}${ignore}\nreturn ${task}._begin(_abi.${name}_${give});`;
    };
    const end = `${back}_abi.${name}_return();\nreturn _async._leave();`;
    if (type.result !== undefined) {
      const task = `${this.entryScope.runtime("Task")}<${this.entryText(type.result)}>`;
      writer.write(enter).write(`const _value = ${call};`).write(ignore);
      writer.write(`if (_value instanceof ${task}) {`).write(begin("_value", "return")).write("}");
      writer.write(`${back}_abi.${name}_return(_value);`).write("return _async._leave();");
      return;
    }
    const mark = borrows ? ["_lent: i32"] : [];
    const passed = borrows ? ["_lent", ...args] : args;
    const params = type.params.map((param, i) => `_${i}: ${this.entryText(param.type)}`);
    if (self !== undefined) {
      // What a method returns cannot be asked for here: the transform calls the second of these when it is a task.
      const again = this.target(func, "_0");
      const inner = `${again}(${args.map((_, i) => `_${i + 1}`).join(", ")})`;
      const signature = `(${[...mark, ...params].join(", ")}): i32 {`;
      writer.write(enter).write(`return ${voidCall(name)}(${[...mark.map(() => "_lent"), self, ...args].join(", ")});`);
      writer
        .write("}")
        .write(`function ${voidCall(name)}${signature}`)
        .write(`${inner};\n${end}`)
        .write("}");
      writer.write(`function ${taskCall(name)}${signature}`).write(`${ignore}\nconst _task = ${inner};`);
      writer.write(begin("_task", "resolve"));
      return;
    }
    // Whether there is a task is told by the function's type, which only a generic function can ask for.
    writer.write(`const _f = ${this.target(func, undefined)};`);
    writer.write(`return ${name}_run(${["_f", ...passed].join(", ")});`).write("}");
    const again = `${this.target(func, undefined)}(${type.params.map((_, i) => `_${i}`).join(", ")})`;
    writer.write(`function ${name}_run<_F>(${["_f: _F", ...mark, ...params].join(", ")}): i32 {`);
    writer.write(`${enter}\n${ignore}`).write("if (isVoid<ReturnType<_F>>()) {").write(`${again};\n${end}`);
    writer.write("} else {").write(`${ignore}\nconst _task = ${again};`).write(begin("_task", "resolve")).write("}");
  }

  private readonly entryScope = new FileScope(undefined);
  private readonly entryHelpers = new AssemblyWriter();

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
    return { core: func.type.async ? "i32" : (signature.result ?? "void") };
  }

  /** The author's arguments, each lifted by a function of `abi.ts`; spilled ones are loaded, then their block is freed. */
  private exportArguments(writer: AssemblyWriter, name: string, type: FuncType, spilled: boolean): string[] {
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
      const inner = new AssemblyWriter();
      const [value] = this.abi.lower(inner, type, "v");
      for (const line of inner.toString().trimEnd().split("\n")) if (line !== "") helpers.write(line);
      helpers.write(`return ${value};`).write("}");
      return helper;
    }
    helpers.write(`export function ${helper}(v: ${this.abi.text(type)}): i32 {`);
    if (hasPointer(type)) helpers.write("keep(changetype<usize>(v));");
    let area = "results";
    if (!this.areas.reserve("results", size)) {
      // Nothing frees a result without pointers after the call, so a large one gets a place that stays.
      area = `${name}_area`;
      helpers.write(`const ${area}: usize = memory.data(${size}, 8);`);
    }
    const inner = new AssemblyWriter();
    this.abi.store(inner, type, "v", area);
    for (const line of inner.toString().trimEnd().split("\n")) helpers.write(line);
    helpers.write(`return <i32>${area};`).write("}");
    return helper;
  }

  private borrows(type: FuncType): boolean {
    return type.params.some((param) =>
      someType(param.type, (part) => part.kind === "borrow" && this.abi.types.resource(part).origin === "imported"),
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

  private requiredClass(resource: GuestResource, writer: AssemblyWriter): RequiredExport {
    const { namespace, id } = resource.file;
    return {
      name: `${namespace === undefined ? "" : `${namespace}.`}${resource.name}`,
      wit: `${id}#${resource.witName}`,
      signature: `export class ${resource.name}`,
      // The class is named where its members are called; no line is about it alone.
      lines: { first: writer.lineCount + 1, last: writer.lineCount },
    };
  }

  private destructor(writer: AssemblyWriter, name: string, resource: GuestResource): void {
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
  const task = taskText(func, types, scope);
  const end = `${func.name}(${params}): ${result}${task === undefined ? "" : `, or a ${task}`}`;
  if (func.resource === undefined) return `export function ${end}`;
  return `${func.kind === "method" ? "" : "static "}${end}`;
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
