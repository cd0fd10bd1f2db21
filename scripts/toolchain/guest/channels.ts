/**
 * Streams and futures of a world: a class for each end of each type, over the built-ins that the world gives for it.
 *
 * Follows design/mvp/CanonicalABI.md, "canon stream.new" and those after it. Their core names (`[stream-new-0]fetch`) tell a type
 * by the place it has among those of a function, the inner ones first.
 */
import { partsOf } from "../../../host/model/cases.ts";
import { layoutOf } from "../../../host/model/layout.ts";
import { isNominal } from "../../../host/model/nominal.ts";
import type { AsyncValueType, FuncType, ValueType } from "../../../host/model/types.ts";
import { numbers } from "./abi-base.ts";
import { type AbiEmitter, givesHandles } from "./abi.ts";
import { pascalPart } from "./assembly-names.ts";
import { exportModule } from "./async-functions.ts";
import type { Scope, TypeText } from "./assembly-types.ts";
import { allFunctions, channelFunctions, type GuestFunction, type GuestWorld } from "./world.ts";
import { AssemblyWriter } from "./writer.ts";

/** A type of streams or futures, and a function that has it. */
interface Channel {
  readonly type: AsyncValueType;
  /** Where the names of its functions and classes in `abi.ts` begin. */
  readonly name: string;
  /** The core module of its built-ins. */
  readonly module: string;
  /** What the names of the built-ins end with, such as `-0]fetch`. */
  readonly ending: string;
}

/**
 * Writes the ends of all streams and futures, and `newStream` and `newFuture`, which make both ends.
 *
 * @returns the text, and the names of what makes both ends
 */
export function channelTexts(world: GuestWorld, abi: AbiEmitter): { readonly text: string; readonly makers: string[] } {
  const writer = new AssemblyWriter();
  const channels = channelsOf(world, abi.types);
  const makers: string[] = [];
  for (const channel of channels) new ChannelWriter(writer, abi, channel).write();
  for (const kind of ["stream", "future"] as const) {
    const own = channels.filter(({ type }) => type.kind === kind);
    if (own.length > 0) makers.push(...factories(writer, kind, { channels: own, abi, world }));
  }
  return { text: writer.toString(), makers };
}

/** The channel types of a function, those inside of others first; as often as they are written. */
function channelTypes({ params, result }: FuncType): AsyncValueType[] {
  const found: AsyncValueType[] = [];
  const visit = (type: ValueType | undefined): void => {
    if (type === undefined) return;
    partsOf(type).forEach(visit);
    if (type.kind === "stream" || type.kind === "future") found.push(type);
  };
  for (const { type } of params) visit(type);
  visit(result);
  return found;
}

function channelsOf(world: GuestWorld, types: TypeText): Channel[] {
  const channels = new Map<string, Channel>();
  for (const func of allFunctions(world)) {
    channelTypes(func.type).forEach((type, place) => {
      const name = types.channelName(type);
      if (channels.has(name)) return;
      channels.set(name, { type, name, module: moduleOf(func), ending: `-${place}]${func.witName}` });
    });
  }
  return [...channels.values()];
}

function moduleOf(func: GuestFunction): string {
  if (func.direction === "export") return exportModule(func.file);
  return func.file.isWorld ? "$root" : func.file.id;
}

/** Types as the compiler tells them apart: to it, enums and flags are one number type. */
const compiledNames: Scope = {
  name: (of, own) =>
    "type" in of && (of.type.kind === "enum" || of.type.kind === "flags") ? "i32" : `${of.file.path}.${own}`,
  runtime: (name) => name,
};

interface Factories {
  /** Of one kind. */
  readonly channels: readonly Channel[];
  readonly abi: AbiEmitter;
  readonly world: GuestWorld;
}

/**
 * Writes `newStream<T>` or `newFuture<T>`. Types that are one to AssemblyScript, such as those of `u32` and `char`, get a function
 * each, such as `newStreamOfChar`.
 *
 * @returns the names of all
 */
function factories(writer: AssemblyWriter, kind: "stream" | "future", { channels, abi, world }: Factories): string[] {
  const word = kind === "stream" ? "Stream" : "Future";
  const make = channelFunctions[kind];
  const end = abi.scope.runtime(`${word}Writer`);
  const alike = new Map<string, Channel[]>();
  for (const channel of channels) {
    const compiled = abi.types.text(channel.type, compiledNames);
    alike.set(compiled, [...(alike.get(compiled) ?? []), channel]);
  }
  const names = [make];
  const text = (channel: Channel): string => elementText(channel.type, abi);
  writer.blank();
  const choices: string[] = [];
  for (const same of alike.values()) {
    const asked = `idof<${end}<T>>() == idof<${end}<${text(same[0]!)}>>()`;
    if (same.length === 1) {
      choices.push(`if (${asked}) return changetype<${end}<T>>(${same[0]!.name}_make());`);
      continue;
    }
    const own = same.map((channel) => {
      const name = world.worldFile.functionNames.unique(`${make}Of${wordOf(channel.type.type, abi.types)}`);
      writer.write(`export function ${name}(): ${end}<${text(channel)}> {`);
      writer.write(`return ${channel.name}_make();`).write("}");
      return name;
    });
    names.push(...own);
    const said = `The world has several types of ${kind}s that are one to AssemblyScript: call ${own.join(" or ")}`;
    choices.push(`if (${asked}) ERROR("${said}");`);
  }
  writer.write(`export function ${make}<T>(): ${end}<T> {`);
  for (const choice of choices) writer.write(choice);
  writer.write(`ERROR("No function of the world has a ${kind} of this type");`).write("}");
  return names;
}

/** A type as a part of a name, such as `Char` or `ListOfU8`. */
function wordOf(type: ValueType | undefined, types: TypeText): string {
  if (type === undefined) return "Unit";
  if (isNominal(type)) return types.named(type).name;
  if (type.kind === "own" || type.kind === "borrow") return types.resource(type).name;
  const parts = partsOf(type).map((part) => wordOf(part, types));
  const own = pascalPart(type.kind);
  return parts.length === 0 ? own : `${own}Of${parts.join("And")}`;
}

function elementText({ type }: AsyncValueType, abi: AbiEmitter): string {
  return type === undefined ? abi.scope.runtime("Unit") : abi.text(type);
}

/** The classes of one type. */
class ChannelWriter {
  private readonly writer: AssemblyWriter;
  private readonly abi: AbiEmitter;
  private readonly channel: Channel;
  /** The element's type in AssemblyScript. */
  private readonly text: string;

  constructor(writer: AssemblyWriter, abi: AbiEmitter, channel: Channel) {
    this.writer = writer;
    this.abi = abi;
    this.channel = channel;
    this.text = elementText(channel.type, abi);
  }

  write(): void {
    const { writer, abi, text } = this;
    const { name, type } = this.channel;
    const word = type.kind === "stream" ? "Stream" : "Future";
    const [readable, writable] = [
      `${abi.scope.runtime(word)}<${text}>`,
      `${abi.scope.runtime(`${word}Writer`)}<${text}>`,
    ];
    const length = type.kind === "stream" ? ", length: i32" : "";
    const passed = type.kind === "stream" ? ", length" : "";
    this.external("new", "", "(): i64");
    this.external("read", "[async-lower]", `(handle: i32, pointer: usize${length}): i32`);
    this.external("write", "[async-lower]", `(handle: i32, pointer: usize${length}): i32`);
    this.external("cancel-read", "", "(handle: i32): i32");
    this.external("cancel-write", "", "(handle: i32): i32");
    this.external("drop-readable", "", "(handle: i32): void");
    this.external("drop-writable", "", "(handle: i32): void");

    const method = (head: string, body: string): void => void writer.write(`${head} {`).write(body).write("}");
    writer.write(`class ${name}_reader extends ${readable} {`);
    method("_size(): i32", `return ${type.type === undefined ? 0 : layoutOf(type.type).size};`);
    method(`_read(handle: i32, pointer: usize${length}): i32`, `return ${name}_read(handle, pointer${passed});`);
    method("_cancel(handle: i32): i32", `return ${name}_cancel_read(handle);`);
    method("_drop(handle: i32): void", `${name}_drop_readable(handle);`);
    if (type.kind === "future") method(`_load(p: usize): ${text}`, `return ${this.loaded()};`);
    else method(`_lift(p: usize, length: i32): ${this.list()}`, `return ${this.lifted()};`);
    writer.write("}");

    writer.write(`class ${name}_writer extends ${writable} {`);
    method(`_write(handle: i32, pointer: usize${length}): i32`, `return ${name}_write(handle, pointer${passed});`);
    method("_cancel(handle: i32): i32", `return ${name}_cancel_write(handle);`);
    method("_drop(handle: i32): void", `${name}_drop_writable(handle);`);
    if (type.kind === "future") this.storing();
    else this.lowering();
    writer.write("}");

    method(`function ${name}_of(handle: i32): ${readable}`, `return new ${name}_reader(handle);`);
    method(
      `function ${name}_make(): ${writable}`,
      `const both = ${name}_new();\nreturn new ${name}_writer(${name}_of(<i32>both), <i32>(both >>> 32));`,
    );
  }

  private external(what: string, prefix: string, signature: string): void {
    const { name, module, ending, type } = this.channel;
    this.writer
      .write("// @ts-ignore: decorator")
      .write(`@external("${module}", "${prefix}[${type.kind}-${what}${ending}")`)
      .write(`declare function ${name}_${what.replace("-", "_")}${signature};`);
  }

  private get element(): ValueType {
    return this.channel.type.type!;
  }

  /** The list of elements: of bytes too an array, which is what generic code has. */
  private list(): string {
    return `Array<${this.text}>`;
  }

  private loaded(): string {
    return this.channel.type.type === undefined ? "new Unit()" : this.abi.load(this.element, "p");
  }

  private lifted(): string {
    if (this.channel.type.type === undefined) return "[]";
    const plain = numbers[this.element.kind];
    if (plain !== undefined) return `liftNumbers<${plain}>(p, length)`;
    return this.abi.lift({ kind: "list", element: this.element, length: undefined }, ["p", "length"]);
  }

  private lowering(): void {
    const { writer, text } = this;
    const { type } = this.channel.type;
    const gives = givesHandles(type);
    if (gives) writer.write("private gifts: Gift[] = [];");
    writer.write(`_lower(v: ${this.list()}): usize {`);
    if (type === undefined) writer.write("return 0;");
    else if (numbers[type.kind] !== undefined) writer.write("return v.dataStart;");
    else {
      const { size } = layoutOf(type);
      writer.write("const mark = chain;").write(`const pointer = block(<usize>v.length * ${size});`);
      if (gives) writer.write("gifts = this.gifts = [];");
      writer.write(`for (let i = 0, p = pointer; i < v.length; i++, p += ${size}) {`).write(`const e: ${text} = v[i];`);
      if (gives) writer.write("place = i;");
      this.abi.store(writer, type, "e", "p");
      writer.write("}");
      if (gives) writer.write("gifts = null;");
      writer.write("this._blocks = detach(mark);").write("return pointer;");
    }
    writer.write("}");
    if (gives) writer.write("_back(from: i32): void {").write("haveBack(this.gifts, from);").write("}");
  }

  private storing(): void {
    const { writer, text } = this;
    const { type } = this.channel.type;
    const gives = givesHandles(type);
    if (gives) writer.write("private gifts: Gift[] = [];");
    writer.write(`_store(v: ${text}, p: usize): void {`);
    if (type !== undefined) {
      writer.write("const mark = chain;");
      if (gives) writer.write("gifts = this.gifts = [];").write("place = 0;");
      this.abi.store(writer, type, "v", "p");
      if (gives) writer.write("gifts = null;");
      writer.write("this._blocks = detach(mark);");
    }
    writer.write("}");
    if (gives) writer.write("_back(): void {").write("haveBack(this.gifts, 0);").write("}");
  }
}
