/**
 * Engine error → trap code, and the scrubbing that lets an instance go.
 *
 * An engine's error with a wasm frame pins the instance until its stack has been read, so every error that leaves wasm is
 * read, copied as strings into an error of the host's own, and let go. Codes are never guessed: a text that the table
 * does not know is `unknown`.
 */
import { AbiTrap } from "../abi/trap.ts";
import { TrapError, type GuestPosition, type TrapCode } from "../errors.ts";

/** Texts of `WebAssembly.RuntimeError`, one table an engine; the first that the message contains decides. */
const v8Texts: readonly (readonly [string, TrapCode])[] = [
  ["unreachable", "unreachable"],
  ["memory access out of bounds", "memory-out-of-bounds"],
  ["data segment", "memory-out-of-bounds"],
  ["divide by zero", "integer-divide-by-zero"],
  ["remainder by zero", "integer-divide-by-zero"],
  ["divide result unrepresentable", "integer-overflow"],
  ["float unrepresentable in integer range", "invalid-conversion-to-integer"],
  // Older versions say "null function or function signature mismatch".
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
  ["call_indirect to a signature that does not match", "bad-signature"],
  ["Out of bounds call_indirect", "table-out-of-bounds"],
];
const tables = [v8Texts, spiderMonkeyTexts, javaScriptCoreTexts];

const overflowTexts = ["Maximum call stack size exceeded", "too much recursion"];

/** What a guest's own hook says about its last abort. */
export interface GuestAbort {
  readonly message: string;
  readonly position: GuestPosition | undefined;
}

/** An import of the host's user that threw: the fault it makes, with the error itself as cause. */
export class ImportFault {
  readonly importName: string;
  readonly error: unknown;
  constructor(importName: string, error: unknown) {
    this.importName = importName;
    this.error = error;
  }
}

export interface FaultContext {
  readonly module: string;
  /** The export called, or `undefined` while instantiating. */
  readonly export: string | undefined;
  readonly abort: GuestAbort | undefined;
}

/** Makes the host's own error of whatever a call ended with, and lets the original go. */
export function toTrapError(error: unknown, context: FaultContext): TrapError {
  const frames = wasmFrames(error);
  const { code: raised, detail } = classify(error);
  const code = raised === "unreachable" && isOutOfMemory(context.abort) ? "out-of-memory" : raised;
  const where =
    context.export === undefined
      ? `while instantiating "${context.module}"`
      : `in "${context.module}", export "${context.export}"`;
  const said = context.abort?.message;
  const at = context.abort?.position;
  const place = at === undefined ? "" : ` at ${at.file}:${at.line}:${at.column}`;
  // What the guest says itself says more than the engine's words for a trap.
  const more = said !== undefined && said !== "" ? `: ${said}` : detail !== "" && detail !== code ? ` (${detail})` : "";
  const message = `Trap ${where}: ${code}${more}${place}`;
  // The user's own error, which is the same object with its stacks read.
  const cause = error instanceof ImportFault ? error.error : undefined;
  scrub(cause);
  const trap = new TrapError(
    message,
    { trap: code, module: context.module, export: context.export, guestMessage: said, position: at, frames },
    cause === undefined ? undefined : { cause },
  );
  scrub(trap);
  return trap;
}

/** The allocator of modules built by tenon says so before it traps; unlike an author's `abort` it names no file. */
function isOutOfMemory(abort: GuestAbort | undefined): boolean {
  return abort?.message === "Out of memory" && abort.position === undefined;
}

function classify(error: unknown): { code: TrapCode; detail: string } {
  if (error instanceof AbiTrap) return { code: error.code, detail: error.message };
  if (error instanceof ImportFault) {
    const text = error.error instanceof Error ? error.error.message : String(error.error);
    return { code: "import-threw", detail: `import "${error.importName}" threw: ${text}` };
  }
  if (error instanceof WebAssembly.RuntimeError) {
    const { message } = error;
    for (const table of tables) {
      for (const [text, code] of table) if (message.includes(text)) return { code, detail: message };
    }
    return { code: "unknown", detail: message };
  }
  if (error instanceof RangeError || isInternalError(error)) {
    const { message } = error as Error;
    if (overflowTexts.some((text) => message.includes(text))) return { code: "stack-overflow", detail: message };
    if (message.includes("WebAssembly.Memory") || message.includes("could not allocate memory")) {
      return { code: "out-of-memory", detail: message };
    }
    return { code: "unknown", detail: message };
  }
  if (isWasmException(error))
    return { code: "uncaught-exception", detail: "the guest threw an exception nobody caught" };
  return { code: "unknown", detail: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
}

/** Firefox reports stack overflow as its own `InternalError`. */
function isInternalError(error: unknown): boolean {
  return error instanceof Error && error.name === "InternalError";
}

function isWasmException(error: unknown): boolean {
  const { Exception } = WebAssembly as unknown as { Exception?: new () => object };
  return Exception !== undefined && error instanceof Exception;
}

/** The wasm frames of a stack, innermost first, as text. Reading the stack is what releases the instance. */
function wasmFrames(error: unknown): string[] {
  const stack = scrub(error);
  if (stack === undefined) return [];
  return stack
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.includes("wasm"))
    .slice(0, 32);
}

/**
 * Reads the stacks of an error and of its causes. V8 keeps the frames of an error, and through them whole instances, until
 * somebody reads its `stack`.
 * @returns the first stack there is
 */
export function scrub(error: unknown): string | undefined {
  let stack: string | undefined;
  const seen = new Set<unknown>();
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    seen.add(at);
    // Every stack must be read, not only the first that is wanted.
    const { stack: text } = at;
    stack ??= text;
  }
  return stack;
}
