/**
 * Streams and futures of a world: a class for each end of each type, over the built-ins that the world gives for it.
 *
 * Follows design/mvp/CanonicalABI.md, "canon stream.new" and those after it. Their core names (`[stream-new-0]fetch`) tell a type
 * by the place it has among those of a function, the inner ones first.
 */
import { UnsupportedError } from "../../../host/errors.ts";
import { partsOf, someType } from "../../../host/model/cases.ts";
import { layoutOf } from "../../../host/model/layout.ts";
import type { AsyncValueType, FuncType, ValueType } from "../../../host/model/types.ts";
import { numbers } from "./abi-base.ts";
import type { AbiEmitter } from "./abi.ts";
import { exportModule } from "./async-functions.ts";
import type { Scope, TypeText } from "./assembly-types.ts";
import { allFunctions, type GuestFunction, type GuestWorld } from "./world.ts";
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
 * @throws {UnsupportedError} when two types cannot be told apart in AssemblyScript
 */
export function channelTexts(world: GuestWorld, abi: AbiEmitter): string {
  const writer = new AssemblyWriter();
  const channels = channelsOf(world, abi.types);
  for (const channel of channels) new ChannelWriter(writer, abi, channel).write();
  for (const kind of ["stream", "future"] as const) {
    const own = channels.filter(({ type }) => type.kind === kind);
    if (own.length > 0) factory(writer, kind, own, abi);
  }
  return writer.toString();
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
      const kind = type.kind;
      channels.set(name, { type, name, module: moduleOf(func), ending: `-${place}]${func.witName}` });
      refuseElements(type, `${func.file.isWorld ? "" : `${func.file.id}#`}${func.witName}`, kind);
    });
  }
  return [...channels.values()];
}

function moduleOf(func: GuestFunction): string {
  if (func.direction === "export") return exportModule(func.file);
  return func.file.isWorld ? "$root" : func.file.id;
}

function refuseElements({ kind, type }: AsyncValueType, path: string, feature: "stream" | "future"): void {
  const fail = (what: string): never => {
    throw new UnsupportedError(feature, `The world's item \`${path}\` has a ${kind} ${what}`);
  };
  if (type === undefined && kind === "stream") fail("without a type, which the bindings do not have yet");
  someType(type, (part) => {
    if (["own", "borrow", "stream", "future", "error-context"].includes(part.kind)) {
      fail(
        `of a type with a ${part.kind === "own" || part.kind === "borrow" ? "resource" : part.kind} in it, which the bindings do not have yet`,
      );
    }
    return false;
  });
}

/** Types as the compiler tells them apart: to it, enums and flags are one number type. */
const compiledNames: Scope = {
  name: (of, own) =>
    "type" in of && (of.type.kind === "enum" || of.type.kind === "flags") ? "i32" : `${of.file.path}.${own}`,
  runtime: (name) => name,
};

function factory(
  writer: AssemblyWriter,
  kind: "stream" | "future",
  channels: readonly Channel[],
  abi: AbiEmitter,
): void {
  const word = kind === "stream" ? "Stream" : "Future";
  const make = `new${word}`;
  const end = abi.scope.runtime(`${word}Writer`);
  writer.blank().write(`export function ${make}<T>(): ${end}<T> {`);
  const alike = new Set<string>();
  for (const channel of channels) {
    const { type } = channel.type;
    const text = type === undefined ? abi.scope.runtime("Unit") : abi.text(type);
    const compiled = type === undefined ? text : abi.types.text(type, compiledNames);
    if (alike.has(compiled)) {
      const item = channel.ending.replace(/^.*\]/, "");
      const second = `that are ${word}<${compiled}> to AssemblyScript: \`${item}\` has the second`;
      throw new UnsupportedError(kind, `The world has two types of ${kind}s ${second}`);
    }
    alike.add(compiled);
    const asked = `idof<${end}<T>>() == idof<${end}<${text}>>()`;
    writer.write(`if (${asked}) return changetype<${end}<T>>(${channel.name}_make());`);
  }
  writer.write(`ERROR("No function of the world has a ${kind} of this type");`).write("}");
}

/** The classes of one type. */
class ChannelWriter {
  private readonly writer: AssemblyWriter;
  private readonly abi: AbiEmitter;
  private readonly channel: Channel;
  /** The element's type in AssemblyScript. */
  private readonly text: string;

  constructor(writer: AssemblyWriter, abi: AbiEmitter, channel: Channel) {
    const { type } = channel.type;
    this.writer = writer;
    this.abi = abi;
    this.channel = channel;
    this.text = type === undefined ? abi.scope.runtime("Unit") : abi.text(type);
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
    const plain = numbers[this.element.kind];
    if (plain !== undefined) return `liftNumbers<${plain}>(p, length)`;
    return this.abi.lift({ kind: "list", element: this.element, length: undefined }, ["p", "length"]);
  }

  private lowering(): void {
    const { writer } = this;
    writer.write(`_lower(v: ${this.list()}): usize {`);
    if (numbers[this.element.kind] !== undefined) writer.write("return v.dataStart;");
    else {
      const list: ValueType = { kind: "list", element: this.element, length: undefined };
      writer.write("const mark = chain;");
      const [pointer] = this.abi.lower(writer, list, "v");
      writer.write(`const pointer = <usize>${pointer};`).write("this._blocks = detach(mark);").write("return pointer;");
    }
    writer.write("}");
  }

  private storing(): void {
    const { writer, text } = this;
    writer.write(`_store(v: ${text}, p: usize): void {`);
    if (this.channel.type.type !== undefined) {
      writer.write("const mark = chain;");
      this.abi.store(writer, this.element, "v", "p");
      writer.write("this._blocks = detach(mark);");
    }
    writer.write("}");
  }
}
