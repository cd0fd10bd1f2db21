/**
 * The files a module author reads: one an interface, with its types as classes and enums, its imported functions as
 * plain functions and its imported resources as classes. No pointer is seen in them; the work is done in `abi.ts`.
 */
import { withoutVersion } from "../../../host/model/ids.ts";
import type { FuncType, ValueType } from "../../../host/model/types.ts";
import { camel, local, Namer, pascalPart, staticNames } from "./assembly-names.ts";
import { FileScope, type TypeText } from "./assembly-types.ts";
import {
  type Declaration,
  type GuestFile,
  type GuestFunction,
  type GuestResource,
  type NamedType,
  tagMembers,
} from "./world.ts";
import { AssemblyWriter, generatedMark, tidy } from "./writer.ts";

/** Doc comments by path, such as `demo:calc/api@1.0.0#shape.circle`, with or without the version. */
export type Docs = ReadonlyMap<string, string>;

export function docOf(docs: Docs, file: GuestFile, item?: string): string | undefined {
  const end = item === undefined ? "" : `#${item}`;
  return docs.get(`${file.id}${end}`) ?? docs.get(`${withoutVersion(file.id)}${end}`);
}

/** How the classes of a variant's payloads are reached: members of its class, by case. */
export interface VariantMembers {
  /** The static function that makes the case. */
  readonly make: string;
  /** The getter that says whether it is the case. */
  readonly is: string;
  /** The getter of the payload. */
  readonly as: string;
}

export function variantMembers(type: Extract<ValueType, { kind: "variant" }>): VariantMembers[] {
  const statics = new Namer(staticNames);
  const members = new Namer(["tag"]);
  return type.cases.map(({ name }) => ({
    make: statics.unique(camel(name)),
    is: members.unique(`is${pascalPart(name)}`),
    as: members.unique(`as${pascalPart(name)}`),
  }));
}

export function fieldNames(type: Extract<ValueType, { kind: "record" }>): string[] {
  const namer = new Namer(["constructor"]);
  return type.fields.map(({ name }) => namer.unique(local(name)));
}

/** The names of parameters in AssemblyScript. */
export function paramNames(params: FuncType["params"]): string[] {
  const namer = new Namer();
  return params.map(({ name }) => namer.unique(local(name)));
}

/** Flags with their bits; `None` comes first unless a flag is called so. */
function flagMembers(names: readonly string[]): string[] {
  const namer = new Namer();
  return names.map((name) => namer.unique(pascalPart(name)));
}

/** The result of a constructor is the object itself, so only a fallible one is written out. */
export function resultText(func: GuestFunction, types: TypeText, scope: FileScope): string {
  return types.text(func.type.result, scope);
}

/** The task that an async function may return in place of its result. */
export function taskText({ type }: GuestFunction, types: TypeText, scope: FileScope): string | undefined {
  if (!type.async) return undefined;
  return `Task<${type.result === undefined ? "Unit" : types.text(type.result, scope)}>`;
}

export function paramsText(func: GuestFunction, types: TypeText, scope: FileScope): string {
  const params = func.kind === "method" ? func.type.params.slice(1) : func.type.params;
  const names = paramNames(params);
  return params.map(({ type }, i) => `${names[i]}: ${types.text(type, scope)}`).join(", ");
}

/** Writes the files of interfaces and of the world. */
export class DeclarationWriter {
  private readonly types: TypeText;
  private readonly docs: Docs;
  /** The function of `abi.ts` that calls an import. */
  private readonly importName: (func: GuestFunction) => string;

  constructor(types: TypeText, docs: Docs, importName: (func: GuestFunction) => string) {
    this.types = types;
    this.docs = docs;
    this.importName = importName;
  }

  /** @param reexports lines that the world's file adds at its end */
  file(file: GuestFile, reexports: readonly string[] = []): string {
    const scope = new FileScope(file);
    const body = new AssemblyWriter();
    for (const declaration of file.declarations) this.declaration(body, declaration, file, scope);
    for (const func of file.functions) {
      if (func.direction === "import") this.importedFunction(body, func, scope);
    }
    const writer = new AssemblyWriter();
    writer.raw(this.headline(file));
    for (const line of scope.lines()) writer.write(line);
    for (const line of reexports) writer.write(line);
    return tidy(`${writer}\n${body}`);
  }

  private headline(file: GuestFile): string {
    const about = file.isWorld
      ? `The world \`${file.id}\``
      : `The interface \`${file.id}\`, which the module ${file.direction}s`;
    const text = docOf(this.docs, file);
    const lines = [`${about}. ${generatedMark}`, ...(text === undefined ? [] : ["", ...text.split("\n")])];
    return `/**\n${lines.map((line) => ` * ${line.replaceAll("*/", "*\\/")}`.trimEnd()).join("\n")}\n */`;
  }

  private declaration(writer: AssemblyWriter, declaration: Declaration, file: GuestFile, scope: FileScope): void {
    writer.blank();
    const doc = docOf(this.docs, file, declaration.witName);
    switch (declaration.kind) {
      case "alias": {
        const { of, name } = declaration;
        writer.doc(doc);
        this.alias(writer, of, name, file);
        return;
      }
      case "type":
        writer.doc(doc).write(`export type ${declaration.name} = ${this.types.text(declaration.type, scope)};`);
        return;
      case "resource":
        if (declaration.resource.origin === "imported") this.resource(writer, declaration.resource, scope, doc);
        else writer.write(authorsClass(declaration.resource));
        return;
      case "nominal":
        this.nominal(writer, declaration.type, scope, doc);
    }
  }

  private alias(writer: AssemblyWriter, of: NamedType | GuestResource, name: string, file: GuestFile): void {
    const line = (from: string, to: string): string => {
      const names = from === to ? from : `${from} as ${to}`;
      return of.file === file
        ? from === to
          ? ""
          : `export { ${names} };`
        : `export { ${names} } from "./${of.file.path}";`;
    };
    if ("origin" in of && of.origin === "exported") {
      writer.write(authorsClass(of, name));
      return;
    }
    const text = line(of.name, name);
    if (text !== "") writer.write(text);
    if ("tagName" in of && of.tagName !== "") {
      const tag = line(of.tagName, file.types.unique(`${name}Tag`));
      if (tag !== "") writer.write(tag);
    }
  }

  private nominal(writer: AssemblyWriter, named: NamedType, scope: FileScope, doc: string | undefined): void {
    const { type, file } = named;
    const witName = file.declarations.find((one) => one.kind === "nominal" && one.type === named)!.witName;
    const memberDoc = (name: string): string | undefined => docOf(this.docs, file, `${witName}.${name}`);
    switch (type.kind) {
      case "record": {
        const names = fieldNames(type);
        writer.doc(doc).write(`export class ${named.name} {`).write("constructor(");
        type.fields.forEach((field, i) => {
          writer.doc(memberDoc(field.name)).write(`public ${names[i]}: ${this.types.text(field.type, scope)},`);
        });
        writer.write(") {}").write("}");
        return;
      }
      case "enum":
        writer.doc(doc).write(`export enum ${named.name} {`);
        tagMembers(type).forEach((member, i) => writer.doc(memberDoc(type.names[i]!)).write(`${member},`));
        writer.write("}");
        return;
      case "flags": {
        const members = flagMembers(type.names);
        writer.doc(doc).write(`export enum ${named.name} {`);
        if (!members.includes("None")) writer.write("None = 0,");
        members.forEach((member, i) => writer.doc(memberDoc(type.names[i]!)).write(`${member} = 1 << ${i},`));
        writer.write("}");
        return;
      }
      case "variant":
        this.variant(writer, { ...named, type }, scope, { type: doc, member: memberDoc });
    }
  }

  /** One class with a tag; cases whose payloads have one type share a slot. */
  private variant(
    writer: AssemblyWriter,
    named: NamedType & { readonly type: Extract<ValueType, { kind: "variant" }> },
    scope: FileScope,
    docs: { readonly type: string | undefined; readonly member: (name: string) => string | undefined },
  ): void {
    const { type } = named;
    const members = variantMembers(type);
    const tags = tagMembers(type);
    const tag = named.tagName;
    writer.write(`export enum ${tag} {`);
    tags.forEach((name, i) => writer.doc(docs.member(type.cases[i]!.name)).write(`${name},`));
    writer.write("}").blank();
    const slots = new Map<string, { name: string; holding: string }>();
    for (const { type: payload } of type.cases) {
      if (payload === undefined) continue;
      const text = this.types.text(payload, scope);
      if (!slots.has(text)) slots.set(text, { name: `_${slots.size}`, holding: this.types.holding(payload) });
    }
    writer.doc(docs.type).write(`export class ${named.name} {`);
    writer.write(`private constructor(readonly tag: ${tag}) {}`).blank();
    for (const [text, { name, holding }] of slots) {
      const initial = holding === "number" ? (text === "bool" ? "false" : `0`) : "null";
      const slotType = holding === "object" ? `${text} | null` : text;
      writer.write(`private ${name}: ${slotType} = ${initial};`);
    }
    writer.blank();
    type.cases.forEach(({ name, type: payload }, i) => {
      const { make } = members[i]!;
      writer.blank().doc(docs.member(name));
      if (payload === undefined) {
        writer
          .write(`static ${make}(): ${named.name} {`)
          .write(`return new ${named.name}(${tag}.${tags[i]});`)
          .write("}");
      } else {
        const text = this.types.text(payload, scope);
        writer.write(`static ${make}(value: ${text}): ${named.name} {`);
        writer.write(`const made = new ${named.name}(${tag}.${tags[i]});`);
        writer
          .write(`made.${slots.get(text)!.name} = value;`)
          .write("return made;")
          .write("}");
      }
    });
    type.cases.forEach(({ name, type: payload }, i) => {
      const { is, as } = members[i]!;
      writer.blank().write(`get ${is}(): bool {`).write(`return this.tag == ${tag}.${tags[i]};`).write("}");
      if (payload === undefined) return;
      const text = this.types.text(payload, scope);
      const slot = slots.get(text)!;
      writer.blank().doc(`The payload of \`${name}\`; traps when it is another case.`);
      writer.write(`get ${as}(): ${text} {`);
      // Not `assert`, which a function of the interface may be called.
      writer.write(
        `${scope.runtime("_check")}(this.tag == ${tag}.${tags[i]}, "The ${named.name} is not \`${name}\`");`,
      );
      writer.write(slot.holding === "object" ? `return this.${slot.name}!;` : `return this.${slot.name};`).write("}");
    });
    writer.write("}");
  }

  private importedFunction(writer: AssemblyWriter, func: GuestFunction, scope: FileScope): void {
    writer.blank().doc(docOf(this.docs, func.file, func.witName));
    const result = resultText(func, this.types, scope);
    writer.write(`export function ${func.name}(${paramsText(func, this.types, scope)}): ${result} {`);
    writer.write(this.call(func, paramNames(func.type.params), scope)).write("}");
    this.start(writer, func, scope);
  }

  /** Of an async function: what begins a call and goes on. */
  private start(writer: AssemblyWriter, func: GuestFunction, scope: FileScope): void {
    if (func.startName === undefined) return;
    const head = func.resource === undefined ? "export function " : func.kind === "method" ? "" : "static ";
    const result = func.type.result === undefined ? scope.runtime("Unit") : resultText(func, this.types, scope);
    writer.blank().doc(`Begins a call of \`${func.name}\`: the task is told when it has ended.`);
    writer.write(
      `${head}${func.startName}(${paramsText(func, this.types, scope)}): ${scope.runtime("Subtask")}<${result}> {`,
    );
    const args = this.arguments(func).join(", ");
    writer.write(`return ${scope.use("./abi", "_abi")}.${this.importName(func)}_start(${args});`).write("}");
  }

  private arguments(func: GuestFunction): string[] {
    const params = func.kind === "method" ? func.type.params.slice(1) : func.type.params;
    return [...(func.kind === "method" ? ["this"] : []), ...paramNames(params)];
  }

  private call(func: GuestFunction, args: readonly string[], scope: FileScope): string {
    const call = `${scope.use("./abi", "_abi")}.${this.importName(func)}(${args.join(", ")})`;
    return func.type.result === undefined ? `${call};` : `return ${call};`;
  }

  private resource(writer: AssemblyWriter, resource: GuestResource, scope: FileScope, doc: string | undefined): void {
    const abi = scope.use("./abi", "_abi");
    scope.runtime("Resource");
    writer.doc(doc).write(`export class ${resource.name} extends Resource {`);
    const constructor = resource.members.find(({ name }) => name === "constructor");
    if (constructor === undefined) {
      writer.write("private constructor() {").write("super();").write("}");
    } else {
      writer.doc(docOf(this.docs, resource.file, `${resource.witName}.constructor`));
      writer.write(`constructor(${paramsText(constructor, this.types, scope)}) {`).write("super();");
      const args = paramNames(constructor.type.params).join(", ");
      writer.write(`this._handle = ${abi}.${this.importName(constructor)}(${args});`).write("}");
    }
    for (const func of resource.members) {
      if (func === constructor) continue;
      writer.blank().doc(docOf(this.docs, resource.file, `${resource.witName}.${func.label}`));
      const head = func.kind === "method" ? "" : "static ";
      const result = resultText(func, this.types, scope);
      writer.write(`${head}${func.name}(${paramsText(func, this.types, scope)}): ${result} {`);
      writer.write(this.call(func, this.arguments(func), scope)).write("}");
      this.start(writer, func, scope);
    }
    writer.blank().write("protected _drop(handle: i32): void {");
    writer
      .write(`${abi}.${dropName(resource)}(handle);`)
      .write("}")
      .write("}");
  }
}

/** The function of `abi.ts` that drops a handle of a resource. */
export function dropName(resource: GuestResource): string {
  return `${resource.file.alias}_drop${resource.name}`;
}

/** An exported resource is the author's own class; the interface's file only passes it on. */
function authorsClass(resource: GuestResource, name: string = resource.name): string {
  const said = `// The resource \`${resource.witName}\` is the class \`${resource.name}\` of the module itself.`;
  if (resource.file.namespace !== undefined || name !== resource.name) return said;
  return `${said}\nexport { ${resource.name} } from "../index";`;
}
