/**
 * The words for failures: engine error → trap code, values that do not fit, the guest's own abort message.
 *
 * Nothing here runs while all goes well, so it is loaded with the first component and not with the page. Codes are never
 * guessed: a text that the tables do not know is `unknown`. Whatever was thrown, nothing here throws.
 */
import { explain, type ExplainHandle, type Mismatch } from "../abi/explain.ts";
import { returnRep } from "../abi/guest-resource.ts";
import type { HandleTable } from "../abi/handle-table.ts";
import type { HostObjects } from "../abi/host-objects.ts";
import { TRAPPED, UNLOADED } from "../abi/entered.ts";
import { LimitTrap } from "../abi/quota.ts";
import { AbiTrap } from "../abi/trap.ts";
import type { Places, WasmFrame } from "../debug/range.ts";
import {
  EngineLimitError,
  LimitError,
  LowerError,
  TenonError,
  TrapError,
  UnloadedError,
  UnsupportedError,
  UsageError,
} from "../errors.ts";
import type { GuestPosition, LimitName, TrapCode, TrapFrame } from "../errors.ts";
import { wordsOf } from "../words.ts";
import type { ValueType } from "../model/types.ts";
import type { ExportPlan, FuncItem, KeptPlan } from "../plan/plan.ts";
import { BETWEEN } from "../instrument/between.ts";
import { exitCodeOf } from "./exit.ts";
import {
  calledPart,
  engineLines,
  linesHere,
  linesOf,
  type NamedFrame,
  printableName,
  wasmFrame,
  withoutOwn,
} from "./stack.ts";
import { SourceFault } from "./source-fault.ts";
import { ImportFault, scrub, type GuestAbort } from "./trap.ts";

export { formatDecls } from "../model/text.ts";
export { linkError } from "./link-error.ts";
export { explainUnmet } from "./unmet-imports.ts";

/** What some versions of V8 say of an entry of another type only, and some of an empty one too. */
const SIGNATURE_MISMATCH = "function signature mismatch";

let nullEntryText: string | undefined;

/** What this engine says of a call through an empty table entry: asked once, when the answer decides. */
function textOfNullEntry(): string {
  if (nullEntryText !== undefined) return nullEntryText;
  // (module (type (func)) (func (export "") i32.const 0 call_indirect (type 0)) (table 1 funcref))
  const preamble = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const outside = [1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 4, 4, 1, 0x70, 0, 1, 7, 4, 1, 0, 0, 0];
  const code = [10, 9, 1, 7, 0, 0x41, 0, 0x11, 0, 0, 0x0b];
  try {
    const module = new WebAssembly.Module(Uint8Array.from([...preamble, ...outside, ...code]));
    (new WebAssembly.Instance(module).exports[""] as () => void)();
    return "";
  } catch (error) {
    scrub(error);
    return (nullEntryText = wordsOf(error));
  }
}

/** Texts of `WebAssembly.RuntimeError`, one table an engine; the first that the message contains decides. */
const v8Texts: readonly (readonly [string, TrapCode])[] = [
  ["unreachable", "unreachable"],
  ["memory access out of bounds", "memory-out-of-bounds"],
  ["data segment", "memory-out-of-bounds"],
  ["divide by zero", "integer-divide-by-zero"],
  ["remainder by zero", "integer-divide-by-zero"],
  ["divide result unrepresentable", "integer-overflow"],
  ["float unrepresentable in integer range", "invalid-conversion-to-integer"],
  // One text for two traps: which of them it was cannot be told.
  ["null function or function signature", "unknown"],
  [SIGNATURE_MISMATCH, "bad-signature"],
  ["null function", "indirect-call-to-null"],
  ["dereferencing a null pointer", "indirect-call-to-null"],
  ["table index", "table-out-of-bounds"],
  ["table access", "table-out-of-bounds"],
  ["element segment", "table-out-of-bounds"],
  ["unaligned", "unaligned-pointer"],
];
const spiderMonkeyTexts: readonly (readonly [string, TrapCode])[] = [
  ["unreachable executed", "unreachable"],
  ["index out of bounds", "memory-out-of-bounds"],
  ["integer divide by zero", "integer-divide-by-zero"],
  ["integer overflow", "integer-overflow"],
  ["indirect call to null", "indirect-call-to-null"],
  ["indirect call signature mismatch", "bad-signature"],
];
const javaScriptCoreTexts: readonly (readonly [string, TrapCode])[] = [
  ["Unreachable code should not be executed", "unreachable"],
  ["Out of bounds memory access", "memory-out-of-bounds"],
  ["Division by zero", "integer-divide-by-zero"],
  ["Integer overflow", "integer-overflow"],
  ["call_indirect to a null table entry", "indirect-call-to-null"],
  // Newer versions say this of a null entry too (Bun 1.4): which of the two it was cannot be told.
  ["call_indirect to a signature that does not match", "unknown"],
  ["Out of bounds call_indirect", "table-out-of-bounds"],
];
const tables = [v8Texts, spiderMonkeyTexts, javaScriptCoreTexts];

const overflowTexts = ["Maximum call stack size exceeded", "too much recursion"];

export interface FaultContext {
  readonly module: string;
  readonly starting: boolean;
  /** The export called; `undefined` in a start function or a destructor. */
  readonly export: string | undefined;
  /** Reads what the guest's `abort` recorded, where the guest has the hook. */
  readonly abort: (() => GuestAbort | undefined) | undefined;
  /** The stack where the error was about to enter the guest, when it came from the host. */
  readonly stack?: readonly string[] | undefined;
  /** What brings frames to lines, where the component has what it takes. */
  readonly lines?: Places;
}

/** The words for faults of a component that brings line numbers. */
export function withLines(faults: typeof import("./faults.ts"), lines: Places): typeof import("./faults.ts") {
  return {
    ...faults,
    toTrapError: (error, context) => toTrapError(error, { ...context, lines }),
    refusal: (state, path, instance) => refusal(state, path, instance, lines),
  };
}

export { closeResources, liveResources } from "./resources.ts";
export { linesHere } from "./stack.ts";

/** The fault when the stack ended before the first one could be described. */
function untold(): AbiTrap {
  return new AbiTrap("stack-overflow", "the stack ended before the fault could be described");
}

/** Makes the host's own error of whatever a call ended with, and lets the original go. */
export function toTrapError(raised: unknown, context: FaultContext): TrapError {
  const error = raised ?? untold();
  // What came from the host has no frames of the guest, or those of another one.
  const called = isEngines(error) ? engineLines(error) : (context.stack ?? []);
  const callers = engineLines(new Error());
  const { count, from } = calledPart(called, callers);
  const found = framesOf(called.slice(0, count), context.lines);
  const { code: told, detail } = classify(error);
  const abort = context.abort !== undefined && isEngineTrap(error) ? readAbort(context.abort) : undefined;
  const code = told === "unreachable" && isOutOfMemory(abort) ? "out-of-memory" : told;
  const where =
    context.export !== undefined
      ? `in "${context.module}", export "${context.export}"`
      : `${context.starting ? "while instantiating" : "in"} "${context.module}"`;
  const said = abort?.message;
  const frames = abort?.position === undefined ? found : withAbort(found, abort.position);
  const at = authorsPosition(frames) ?? abort?.position;
  const place = at === undefined ? "" : ` at ${at.file}:${at.line}:${at.column}`;
  // The guest's own message replaces the engine's text for the trap.
  const more = said !== undefined && said !== "" ? `: ${said}` : detail !== "" && detail !== code ? ` (${detail})` : "";
  const message = code === "exit" ? `Exit ${where}: ${detail}` : `Trap ${where}: ${code}${more}${place}`;
  // The user's own error, which is the same object with its stacks read.
  const cause = error instanceof ImportFault ? error.error : cannotSuspend(error) ? error : undefined;
  scrub(cause);
  const details = {
    trap: code,
    module: context.module,
    export: context.export,
    guestMessage: said,
    position: at,
    frames,
  };
  const trap =
    error instanceof LimitTrap
      ? new LimitError(message, details, error)
      : new TrapError(message, details, cause === undefined ? undefined : { cause });
  // The program may have its own way to write stacks, which has the same frames.
  const written = linesOf(trap);
  const tail = callers.length - from;
  // Some engines have the frames of constructors on top.
  const known = tail > 0 && written.length >= callers.length;
  writeStack(trap, frames, withoutOwn(known ? written.slice(-tail) : written));
  return trap;
}

/** A call of an instance that is running already: the guest's frames are those that led to it. */
export function cannotEnter(
  message: string,
  details: { readonly module: string; readonly export: string | undefined },
  lines: Places | undefined,
): TrapError {
  const frames = framesOf(linesHere(), lines);
  const position = authorsPosition(frames);
  return fromCaller(new TrapError(message, { ...details, trap: "cannot-enter-component", frames, position }));
}

/** A value that does not fit its type. */
export function misfit({ path, expected, found }: Mismatch): LowerError {
  return fromCaller(new LowerError(path, expected, found));
}

/** Arguments that were others when they were read again. */
export function changed(exportName: string, error: unknown): LowerError {
  const found = error instanceof AbiTrap ? error.message : wordsOf(error);
  return misfit({ path: exportName, expected: "values that stay the same while they are read", found });
}

/** What an import returned and its type does not have. */
export function badResult(type: ValueType, value: unknown, handle: ExplainHandle): LowerError {
  const found = mismatch([type], [value], ["result"], handle);
  return misfit(found ?? { path: "result", expected: "a value that fits", found: "another" });
}

/**
 * A call that the state of an instance does not allow.
 * @param path of the export; `undefined` for a destructor
 */
export function refusal(
  state: number,
  path: string | undefined,
  instance: { readonly name: string; readonly endReason: string; readonly trap: TrapError | undefined },
  lines?: Places,
): TrapError | UnloadedError {
  const { name, endReason, trap } = instance;
  const what = path === undefined ? "a destructor" : `export "${path}"`;
  const why =
    state >= UNLOADED ? endReason : state >= TRAPPED ? "it has trapped and is locked" : "a call is running already";
  const message = `Cannot call ${what} of "${name}": ${why}`;
  return state >= TRAPPED ? unloaded(message, trap) : cannotEnter(message, { module: name, export: path }, lines);
}

/** A call of an instance that has trapped or ended. */
export function unloaded(message: string, cause: TrapError | undefined): UnloadedError {
  return fromCaller(new UnloadedError(message, cause && { cause }));
}

export function noConstructor(resource: string, module: string): UsageError {
  return fromCaller(
    new UsageError(`Resource "${resource}" of "${module}" has no constructor; its functions return instances`),
  );
}

/** An error whose stack begins with the code that called the host. */
function fromCaller<E extends Error>(error: E): E {
  writeStack(error, [], withoutOwn(linesOf(error)));
  return error;
}

/** Frames that are passed on; the innermost are the ones that tell. */
const MOST_FRAMES = 32;

function framesOf(stack: readonly string[], lines: Places | undefined): TrapFrame[] {
  const found = stack.flatMap((line): NamedFrame[] => {
    const frame = wasmFrame(line);
    return frame === undefined ? [] : [frame];
  });
  const frames = found.slice(0, MOST_FRAMES);
  const places = lines?.places(frames satisfies WasmFrame[]) ?? [];
  return frames.flatMap(({ function: name, module, offset }, i) => {
    const { file, added, ...place } = places[i] ?? {};
    if (added === true || module === BETWEEN) return [];
    return { function: name, ...(file !== undefined && { file: printableName(file) }), module, offset, ...place };
  });
}

/** Sources that are not the author's: of AssemblyScript's library and bindings, of Rust's library and of its packages. */
const FOREIGN = /(?:^|\/)(?:~lib|bindings)\/|\/rustc[-/][^/]*\/|\/rustlib\/|\/\.cargo\/registry\//;

/** The guest's own `abort`, of the bindings. */
const ABORT = /^(.*?)bindings\/tenon\.ts$/;

/**
 * The frames with what the guest's `abort` was told: of the frame that called it the compiler's map knows nothing, or what
 * stands before. The bindings' place says from where the map names files.
 */
function withAbort(frames: readonly TrapFrame[], { file, line, column }: GuestPosition): readonly TrapFrame[] {
  const caller = frames.findIndex((frame) => !ABORT.test(frame.file ?? ""));
  const folder = ABORT.exec(frames[0]?.file ?? "")?.[1];
  const named = FOREIGN.test(file) ? file : `${folder}${file}`;
  // What was put into its caller by the optimiser has the caller's line in the map, which is the author's.
  const inlined = FOREIGN.test(file) && frames[caller]?.file !== undefined;
  if (folder === undefined || caller < 0 || inlined) return frames;
  return frames.map((frame, i) => (i === caller ? { ...frame, file: printableName(named), line, column } : frame));
}

function authorsPosition(frames: readonly TrapFrame[]): GuestPosition | undefined {
  for (const { file, line, column } of frames) {
    if (file !== undefined && line !== undefined && column !== undefined && !FOREIGN.test(file)) {
      return { file, line, column };
    }
  }
  return undefined;
}

/** Gives an error a stack in the form that the engine's own have: the guest's frames, then those of the callers. */
function writeStack(error: Error, frames: readonly TrapFrame[], callers: readonly string[]): void {
  const before = scrub(error) ?? "";
  const v8 = /^\s*at /m.test(before);
  const head = v8 ? [`${error.name}: ${error.message}`] : [];
  const guest = frames.map(({ function: name, file, line, column, offset }) => {
    const place =
      file === undefined
        ? `wasm${offset === undefined ? "" : `:0x${offset.toString(16)}`}`
        : `${file}:${line}:${column}`;
    return v8 ? `    at ${name} (${place})` : `${name}@${place}`;
  });
  const value = [...head, ...guest, ...callers].join("\n");
  try {
    Object.defineProperty(error, "stack", { value, writable: true, configurable: true });
  } catch {
    // Its stack has been read, and stays as the engine wrote it.
  }
}

/** Whether an error was made by the engine, where the guest was. */
function isEngines(error: unknown): boolean {
  try {
    return isEngineTrap(error) || isRangeError(error) || isWasmException(error);
  } catch {
    return false;
  }
}

function isEngineTrap(error: unknown): error is WebAssembly.RuntimeError {
  try {
    return error instanceof WebAssembly.RuntimeError;
  } catch {
    return false;
  }
}

function readAbort(hook: () => GuestAbort | undefined): GuestAbort | undefined {
  try {
    return hook();
  } catch {
    // The guest has trapped once; a hook that traps too leaves only the trap itself to report.
    return undefined;
  }
}

/** What the guest's hook points to: pointers and lengths of message and file, then line and column. */
export function abortRecord(pointer: number, memory: WebAssembly.Memory): GuestAbort | undefined {
  const at = pointer >>> 0;
  if (at === 0 || at % 4 !== 0 || at + 24 > memory.buffer.byteLength) return undefined;
  const words = new Uint32Array(memory.buffer, at, 6);
  const text = (start: number, codeUnits: number): string =>
    new TextDecoder("utf-16le").decode(new Uint8Array(memory.buffer, start, Math.min(codeUnits, 10_000) * 2));
  const [message, messageUnits, file, fileUnits, line, column] = words as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const position = file === 0 ? undefined : { file: text(file, fileUnits), line, column };
  return { message: message === 0 ? "" : text(message, messageUnits), position };
}

/** The allocator of modules built by tenon says so before it traps; unlike an author's `abort` it names no file. */
function isOutOfMemory(abort: GuestAbort | undefined): boolean {
  return abort?.message === "Out of memory" && abort.position === undefined;
}

/** A guest had to be suspended where that is not possible, or where too many are already. */
function cannotSuspend(error: unknown): error is TenonError {
  return error instanceof UnsupportedError || (error instanceof TenonError && error.code === "too-many-suspended");
}

function classify(error: unknown): { code: TrapCode; detail: string } {
  if (cannotSuspend(error)) return { code: "cannot-block", detail: error.message };
  try {
    return codeOf(error);
  } catch {
    return { code: "unknown", detail: wordsOf(error) };
  }
}

function codeOf(error: unknown): { code: TrapCode; detail: string } {
  if (error instanceof LimitTrap) {
    return { code: error.limit === "stack" ? "stack-overflow" : error.code, detail: limitText(error) };
  }
  if (error instanceof AbiTrap) return { code: error.code, detail: error.message };
  if (error instanceof ImportFault) {
    const exitCode = exitCodeOf(error.error);
    if (exitCode !== undefined) return { code: exitCode === 0 ? "exit" : "exit-failure", detail: wordsOf(error.error) };
    const hint = error.hasErr ? " (to give err, throw a ComponentError with its payload)" : "";
    const who = error instanceof SourceFault ? `a ${error.source} that it was given` : `import "${error.importName}"`;
    return { code: "import-threw", detail: `${who} threw: ${wordsOf(error.error)}${hint}` };
  }
  if (error instanceof WebAssembly.RuntimeError) {
    const { message } = error;
    for (const table of tables) {
      for (const [text, code] of table) {
        if (!message.includes(text)) continue;
        const ambiguous = text === SIGNATURE_MISMATCH && textOfNullEntry().includes(text);
        return { code: ambiguous ? "unknown" : code, detail: message };
      }
    }
    return { code: "unknown", detail: message };
  }
  if (isRangeError(error)) {
    const { message } = error;
    return {
      code: overflowTexts.some((text) => message.includes(text)) ? "stack-overflow" : "unknown",
      detail: message,
    };
  }
  if (isWasmException(error))
    return { code: "uncaught-exception", detail: "the guest threw an exception nobody caught" };
  return { code: "unknown", detail: error instanceof Error ? `${error.name}: ${wordsOf(error)}` : wordsOf(error) };
}

function limitText({ limit, allowed, used, owner }: LimitTrap): string {
  const whose = owner === undefined ? "" : ` that a call of "${owner}" has`;
  const texts: Readonly<Record<LimitName, string>> = {
    resources: `more than ${allowed} live handles or threads`,
    "host-call-bytes": `${used} bytes handed to the host at once, of at most ${allowed}`,
    timeout: `the ${allowed} ms${whose} are over`,
    cpu: `${allowed} ms of its own time are over`,
    fuel: `the ${allowed} steps are used up`,
    memory: `${used} bytes of memory, of at most ${allowed}`,
    stack: `${used} bytes of the stack, of at most ${allowed}`,
    "table-elements": `${used} elements of tables, of at most ${allowed}`,
    signal: `the signal${whose} was aborted`,
  };
  return texts[limit];
}

export function isStackOverflow(error: unknown): boolean {
  return classify(error).code === "stack-overflow";
}

/**
 * What the engine refused by itself; any other error as it is. Only for an error of an instantiation during which nothing was
 * stopped: what the engine throws there is either this or the end of the stack.
 */
export function engineRefusal(name: string, error: unknown): unknown {
  try {
    return isRangeError(error) && codeOf(error).code !== "stack-overflow" ? new EngineLimitError(name, error) : error;
  } catch {
    return error;
  }
}

/** Firefox has a class of its own, `InternalError`. */
function isRangeError(error: unknown): error is Error {
  return error instanceof RangeError || (error instanceof Error && error.name === "InternalError");
}

function isWasmException(error: unknown): boolean {
  const { Exception } = WebAssembly as unknown as { Exception?: new () => object };
  return Exception !== undefined && error instanceof Exception;
}

/** The first of several values that does not fit its type; values that cannot be read do not fit either. */
export function mismatch(
  types: readonly ValueType[],
  values: readonly unknown[],
  names: readonly string[],
  handle: ExplainHandle,
): Mismatch | undefined {
  for (const [i, type] of types.entries()) {
    try {
      const found = explain(type, values[i], names[i]!, handle);
      if (found !== undefined) return found;
    } catch (error) {
      return unreadable(names[i]!, error);
    }
  }
  return undefined;
}

/**
 * Takes back the handles that the arguments of a call have become, because the call is not made: the guest keeps none, and
 * what was given away is the host's again.
 */
export function takeBack(
  handles: HandleTable,
  taken: readonly { readonly resource: object; readonly rep: number }[],
  objects: readonly HostObjects[],
): void {
  // From the last to the first, so that the next handles have the numbers they would have had.
  for (const index of handles.added!.reverse()) {
    const entry = handles.remove(index) as ReturnType<HandleTable["remove"]> & { takenBack?(): void };
    objects[entry.type]?.remove(entry.rep);
    entry.takenBack?.();
  }
  for (const { resource, rep } of taken) returnRep(resource, rep);
}

/** A value with a getter or a proxy that throws. */
function unreadable(path: string, error: unknown): Mismatch {
  return { path, expected: "values that can be read", found: `one that threw: ${wordsOf(error)}` };
}

const names = new WeakMap<KeptPlan, Record<number, string>>();

/** The name under which a function is exported, for messages. */
export function exportName(plan: KeptPlan, lift: number): string {
  let found = names.get(plan);
  if (found === undefined) {
    found = {};
    collect(plan.exports, "", found);
    names.set(plan, found);
  }
  return found[lift] ?? `function ${lift}`;
}

function collect(exports: readonly ExportPlan[], prefix: string, found: Record<number, string>): void {
  for (const { name, item } of exports) {
    if (item.kind === "instance") collect(item.exports, `${prefix}${name}#`, found);
    else if (item.kind === "func") found[indexOf(item.func)] ??= `${prefix}${name}`;
  }
}

/** How generated text names a function that is called: the number of its lift, or below -1 the host's function. */
function indexOf(func: FuncItem): number {
  return func.kind === "lift" ? func.lift : -2 - func.func;
}
