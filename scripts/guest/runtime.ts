/**
 * The fixed texts of the bindings: what module authors use (`tenon.ts`), and what `abi.ts` starts with.
 */
import { generatedMark } from "./writer.ts";

/** Classes that stand for WIT types AssemblyScript has no words for, and the hook that tells the host of an abort. */
export function runtimeText(tupleSizes: readonly number[], resources: boolean, sink: Sink | undefined): string {
  const imports = sink === undefined ? "" : `import * as _sink from "${sink.path}";\n`;
  return [imports + head, ...tupleSizes.map(tuple), ...(resources ? [resource] : []), hooks(sink)].join("\n");
}

/** The import that receives `trace` and `console.log`. */
export interface Sink {
  /** Path of the file with the function, such as `./wasi-logging-logging`. */
  readonly path: string;
  /** A call with `%level` and `%text` to be filled in. */
  readonly call: (level: "debug" | "info" | "warn" | "error", text: string) => string;
}

const head = `/**
 * Values that AssemblyScript has no words for: options, results and tuples. ${generatedMark}
 */

/** What is there when a result carries nothing. */
export class Unit {}

// @ts-ignore: decorator
@lazy
const unit = new Unit();

/** The value of \`T\` that stands for none; only \`Unit\` has one. */
function nothing<T>(): T {
  if (isReference<T>()) {
    if (idof<T>() == idof<Unit>()) return changetype<T>(unit);
  }
  ERROR("A value is needed here, because the type is not Unit");
}

/** For the bindings only: traps with the message when the condition does not hold. */
export function _check(condition: bool, message: string): void {
  if (!condition) throw new Error(message);
}

// The half of an option or result that is not there; nobody gets to read it.
function absent<T>(): T {
  if (isReference<T>()) return changetype<T>(0);
  return <T>0;
}

/** A value or an error, such as \`ok<f64, string>(1.5)\` or \`err<f64, string>("Out of range")\`. */
export class Result<T, E> {
  constructor(
    readonly isOk: bool,
    private readonly _value: T,
    private readonly _error: E,
  ) {}

  get isErr(): bool {
    return !this.isOk;
  }

  /** The value; traps when there is an error. */
  get value(): T {
    assert(this.isOk, "The result is an error, so it has no value");
    return this._value;
  }

  /** The error; traps when there is a value. */
  get error(): E {
    assert(!this.isOk, "The result is no error");
    return this._error;
  }
}

/** A result that is a value. For \`Unit\` the value may be left out: \`ok<Unit, string>()\`. */
export function ok<T, E>(value: T = nothing<T>()): Result<T, E> {
  return new Result<T, E>(true, value, absent<E>());
}

/** A result that is an error. */
export function err<T, E>(error: E = nothing<E>()): Result<T, E> {
  return new Result<T, E>(false, absent<T>(), error);
}

/** A value that may be missing, where \`null\` cannot say so: \`Option.some<u32>(1)\`, \`Option.none<u32>()\`. */
export class Option<T> {
  constructor(
    readonly isSome: bool,
    private readonly _value: T,
  ) {}

  static some<T>(value: T): Option<T> {
    return new Option<T>(true, value);
  }

  static none<T>(): Option<T> {
    return new Option<T>(false, absent<T>());
  }

  get isNone(): bool {
    return !this.isSome;
  }

  /** The value; traps when there is none. */
  get value(): T {
    assert(this.isSome, "The option has no value");
    return this._value;
  }

  /** The value, or \`other\` when there is none. */
  or(other: T): T {
    return this.isSome ? this._value : other;
  }
}
`;

function tuple(size: number): string {
  const types = Array.from({ length: size }, (_, i) => `T${i}`);
  return `/** ${size === 1 ? "One value" : `${size} values`} without names. */
export class Tuple${size}<${types.join(", ")}> {
  constructor(
${types.map((type, i) => `    public _${i}: ${type},`).join("\n")}
  ) {}
}
`;
}

const resource = `/** A resource that the module imports. Let go of it with \`dispose\`; the garbage collector does so in the end. */
export class Resource {
  /** For the bindings only. 0: given away, dropped, or lent for a call that is over. */
  _handle: i32 = 0;
  /** For the bindings only: lent to this call, not owned. */
  _borrowed: bool = false;

  /** Drops the resource, if the module still has it. */
  dispose(): void {
    const handle = this._handle;
    if (handle == 0) return;
    this._handle = 0;
    this._drop(handle);
  }

  protected _drop(handle: i32): void {}
}

// The collector calls this for every object it frees.
// @ts-ignore: decorator
@global
function __finalize(pointer: usize): void {
  const object = changetype<Object>(pointer);
  if (object instanceof Resource) {
    if (!(object as Resource)._borrowed) (object as Resource).dispose();
  }
}
`;

function hooks(sink: Sink | undefined): string {
  const log = (level: "debug" | "info" | "warn" | "error", text: string): string =>
    sink === undefined ? "" : sink.call(level, text);
  const traceBody =
    sink === undefined
      ? ""
      : `let text = "trace: " + message;
  if (count > 0) text += \` \${a0}\`;
  if (count > 1) text += \`, \${a1}\`;
  if (count > 2) text += \`, \${a2}\`;
  if (count > 3) text += \`, \${a3}\`;
  if (count > 4) text += \`, \${a4}\`;
  ${log("debug", "text")}`;
  return `// The last abort: address and code units of its message, of its file, line, column.
// @ts-ignore: decorator
@lazy
const aborted: usize = memory.data(24, 4);

// In place of AssemblyScript's abort, which is an import: notes what it was told and traps.
// @ts-ignore: decorator
@global
function __tenon_abort(message: string | null, file: string | null, line: u32, column: u32): void {
  if (message !== null) {
    store<usize>(aborted, changetype<usize>(message));
    store<i32>(aborted, message.length, 4);
  }
  if (file !== null) {
    store<usize>(aborted, changetype<usize>(file), 8);
    store<i32>(aborted, file.length, 12);
  }
  store<u32>(aborted, line, 16);
  store<u32>(aborted, column, 20);
  unreachable();
}

// Called where AssemblyScript's allocator would only trap: memory cannot grow. The host knows it by the missing file.
// @ts-ignore: decorator
@global
function __tenon_out_of_memory(): void {
  __tenon_abort("Out of memory", null, 0, 0);
}

/** Where the last abort is noted, for the host; 0 when there was none. */
export function lastAbort(): usize {
  return load<u32>(aborted) | load<u32>(aborted, 8) ? aborted : 0;
}

// In place of the import that Math.random takes its first seed from.
// @ts-ignore: decorator
@global
function __tenon_seed(): f64 {
  throw new Error("Math.random has no seed: call Math.seedRandom first, with a number from an import");
}

// In place of AssemblyScript's trace and console, which are imports too.
// @ts-ignore: decorator
@global
function __tenon_trace(
  message: string,
  count: i32 = 0,
  a0: f64 = 0,
  a1: f64 = 0,
  a2: f64 = 0,
  a3: f64 = 0,
  a4: f64 = 0,
): void {
  ${traceBody}
}

// @ts-ignore: decorator
@global
namespace __tenon_console {
  export function assert<T>(condition: T, message: string = ""): void {
    if (!condition) error("Assertion failed: " + message);
  }
  export function log(message: string = ""): void {
    ${log("info", "message")}
  }
  export function debug(message: string = ""): void {
    ${log("debug", "message")}
  }
  export function info(message: string = ""): void {
    ${log("info", "message")}
  }
  export function warn(message: string = ""): void {
    ${log("warn", "message")}
  }
  export function error(message: string = ""): void {
    ${log("error", "message")}
  }
  export function time(label: string = "default"): void {}
  export function timeLog(label: string = "default"): void {}
  export function timeEnd(label: string = "default"): void {}
}
`.replaceAll(/\n *\n( *\})/g, "\n$1");
}

/** What asc is told so that these stand in for the imports of the same use. */
export const hookFlags: readonly string[] = [
  ...["--use", "abort=__tenon_abort"],
  ...["--use", "trace=__tenon_trace"],
  ...["--use", "console=__tenon_console"],
  ...["--use", "seed=__tenon_seed"],
];

/** The fixed half of `abi.ts`. `cells` is the bytes of the fixed areas for spilled parameters and for results. */
export function abiText(cells: { readonly params: number; readonly results: number }, handles: Handles): string {
  const area = (bytes: number): string => `memory.data(${Math.max(8, Math.ceil(bytes / 8) * 8)}, 8)`;
  return `// Fixed places for parameters and results that travel through memory: no two calls use them at once.
// @ts-ignore: decorator
@lazy
const params: usize = ${area(cells.params)};
// @ts-ignore: decorator
@lazy
const results: usize = ${area(cells.results)};

/** Memory for what the host passes. Blocks of the plain heap: the collector neither moves nor frees them. */
export function realloc(pointer: usize, oldSize: usize, alignment: usize, newSize: usize): usize {
  if (newSize == 0) return alignment;
  return oldSize == 0 ? heap.alloc(newSize) : heap.realloc(pointer, newSize);
}

// Blocks of lists on their way to the host, as a chain: freed together once it has read them.
// @ts-ignore: decorator
@lazy
let chain: usize = 0;

function block(size: usize): usize {
  if (size == 0) return 8;
  const pointer = heap.alloc(size + 16);
  store<usize>(pointer, chain);
  chain = pointer;
  return pointer + 16;
}

export function free(pointer: usize): void {
  heap.free(pointer);
}

function release(mark: usize): void {
  while (chain != mark) {
    const pointer = chain;
    chain = load<usize>(pointer);
    heap.free(pointer);
  }
}

// The last result: the host reads strings and lists where they lie, so it must stay alive until then.
// @ts-ignore: decorator
@lazy
let kept: Object | null = null;

function keep(pointer: usize): void {
  kept = changetype<Object | null>(pointer);
}

export function postReturn(result: i32): void {
  kept = null;
  release(0);
}

// What comes in belongs to the module: each function copies it to the collector's heap and frees the block.

function liftString(pointer: usize, codeUnits: i32): string {
  if (codeUnits == 0) return "";
  const text = String.UTF16.decodeUnsafe(pointer, <usize>codeUnits << 1);
  heap.free(pointer);
  return text;
}

function liftBytes(pointer: usize, length: i32): Uint8Array {
  const bytes = new Uint8Array(length);
  if (length != 0) {
    memory.copy(bytes.dataStart, pointer, length);
    heap.free(pointer);
  }
  return bytes;
}

function liftNumbers<T>(pointer: usize, length: i32): Array<T> {
  const numbers = new Array<T>(length);
  if (length != 0) {
    memory.copy(numbers.dataStart, pointer, <usize>length << alignof<T>());
    heap.free(pointer);
  }
  return numbers;
}

function storeString(text: string, pointer: usize): void {
  store<usize>(pointer, changetype<usize>(text));
  store<i32>(pointer, text.length, 4);
}
${handles.borrows ? borrowText : ""}${handles.imported ? importedText : ""}${handles.exported ? exportedText : ""}`;
}

export interface Handles {
  /** Imported resources exist. */
  readonly imported: boolean;
  /** Functions of the module receive borrowed handles of imported resources. */
  readonly borrows: boolean;
  readonly exported: boolean;
}

const borrowText = `
// Handles lent to the call under way: they must be given back before it returns.
// @ts-ignore: decorator
@lazy
const lent = new Array<Resource>();

function borrow<T extends Resource>(handle: i32): T {
  const resource = own<T>(handle);
  resource._borrowed = true;
  lent.push(resource);
  return resource;
}

export function giveBack(): void {
  while (lent.length > 0) lent.pop().dispose();
}
`;

const importedText = `
function own<T extends Resource>(handle: i32): T {
  // @ts-ignore: a function of AssemblyScript's runtime
  const resource = changetype<T>(__new(offsetof<T>(), idof<T>()));
  resource._handle = handle;
  resource._borrowed = false;
  return resource;
}

function handleOf(resource: Resource): i32 {
  assert(resource._handle != 0, "The resource was given away or dropped, or was lent for a call that is over");
  return resource._handle;
}

function take(resource: Resource): i32 {
  const handle = handleOf(resource);
  assert(!resource._borrowed, "The resource was only lent, so it cannot be given away");
  resource._handle = 0;
  return handle;
}
`;

const exportedText = `
// The module's own objects that the host holds handles of; the place in the table is their representation.
class Table<T> {
  private objects: Array<T | null> = [null];
  private free: Array<i32> = [];

  add(object: T): i32 {
    if (this.free.length > 0) {
      const place = this.free.pop();
      this.objects[place] = object;
      return place;
    }
    return this.objects.push(object) - 1;
  }

  get(place: i32): T {
    return this.objects[place]!;
  }

  /** The object, taken out; null when that has happened before. */
  remove(place: i32): T | null {
    const object = this.objects[place];
    if (object === null) return null;
    this.objects[place] = null;
    this.free.push(place);
    return object;
  }
}
`;
