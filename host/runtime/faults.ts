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
import { LimitTrap } from "../abi/quota.ts";
import { AbiTrap } from "../abi/trap.ts";
import { LimitError, TrapError, type TrapCode } from "../errors.ts";
import { wordsOf } from "../words.ts";
import type { ValueType } from "../model/types.ts";
import type { ExportPlan, FuncItem, KeptPlan } from "../plan/plan.ts";
import { ImportFault, scrub, type GuestAbort } from "./trap.ts";

export { linkError } from "./link-error.ts";
export { explainUnmet } from "./unmet-imports.ts";

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
  ["function signature mismatch", "bad-signature"],
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
}

/** Makes the host's own error of whatever a call ended with, and lets the original go. */
export function toTrapError(error: unknown, context: FaultContext): TrapError {
  const frames = wasmFrames(error);
  const { code: raised, detail } = classify(error);
  const abort = context.abort !== undefined && isEngineTrap(error) ? readAbort(context.abort) : undefined;
  const code = raised === "unreachable" && isOutOfMemory(abort) ? "out-of-memory" : raised;
  const where =
    context.export !== undefined
      ? `in "${context.module}", export "${context.export}"`
      : `${context.starting ? "while instantiating" : "in"} "${context.module}"`;
  const said = abort?.message;
  const at = abort?.position;
  const place = at === undefined ? "" : ` at ${at.file}:${at.line}:${at.column}`;
  // The guest's own message replaces the engine's text for the trap.
  const more = said !== undefined && said !== "" ? `: ${said}` : detail !== "" && detail !== code ? ` (${detail})` : "";
  const message = `Trap ${where}: ${code}${more}${place}`;
  // The user's own error, which is the same object with its stacks read.
  const cause = error instanceof ImportFault ? error.error : undefined;
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
    code === "limit-exceeded"
      ? new LimitError(message, details, error as LimitTrap)
      : new TrapError(message, details, cause === undefined ? undefined : { cause });
  scrub(trap);
  return trap;
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

function classify(error: unknown): { code: TrapCode; detail: string } {
  try {
    return codeOf(error);
  } catch {
    return { code: "unknown", detail: wordsOf(error) };
  }
}

function codeOf(error: unknown): { code: TrapCode; detail: string } {
  if (error instanceof LimitTrap) return { code: error.code, detail: limitText(error) };
  if (error instanceof AbiTrap) return { code: error.code, detail: error.message };
  if (error instanceof ImportFault) {
    const hint = error.hasErr ? " (to give err, throw a ComponentError with its payload)" : "";
    return { code: "import-threw", detail: `import "${error.importName}" threw: ${wordsOf(error.error)}${hint}` };
  }
  if (error instanceof WebAssembly.RuntimeError) {
    const { message } = error;
    for (const table of tables) {
      for (const [text, code] of table) if (message.includes(text)) return { code, detail: message };
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

function limitText({ limit, allowed, used }: LimitTrap): string {
  return limit === "resources"
    ? `more than ${allowed} live handles`
    : `${used} bytes handed to the host at once, of at most ${allowed}`;
}

export function isStackOverflow(error: unknown): boolean {
  return classify(error).code === "stack-overflow";
}

/**
 * Whether the engine refused an instantiation by itself. Only for an error of an instantiation during which nothing was
 * stopped: what the engine throws there is either this or the end of the stack.
 */
export function isEngineRefusal(error: unknown): boolean {
  try {
    return isRangeError(error) && codeOf(error).code !== "stack-overflow";
  } catch {
    return false;
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

/** Characters. An error's stack is whatever its owner made it. */
const LONGEST_STACK = 100_000;

/** The wasm frames of a stack, innermost first, as text. Reading the stack is what releases the instance. */
function wasmFrames(error: unknown): string[] {
  const stack = scrub(error);
  if (stack === undefined) return [];
  return stack
    .slice(0, LONGEST_STACK)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.includes("wasm"))
    .slice(0, 32);
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
    const { type, rep } = handles.remove(index);
    objects[type]?.remove(rep);
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
