/**
 * Stacks as the engines write them: the frames of WebAssembly in them, and which frames are the host's own.
 *
 * Owns the three formats, V8's, SpiderMonkey's and JavaScriptCore's. A line that none of them fits is passed over.
 */
import type { WasmFrame } from "../debug/range.ts";
import { printable } from "../model/printable.ts";
import { scrub } from "./trap.ts";

export interface NamedFrame extends WasmFrame {
  readonly function: string;
  /** The name that the core module gives itself. */
  readonly module: string | undefined;
}

/** Characters. An error's stack is whatever its owner made it. */
const LONGEST_STACK = 100_000;
/** Characters. A guest chooses the names of its functions. */
const LONGEST_NAME = 500;

/** What programs may put in the way of V8's own text, such as packages that map positions. */
interface Prepared {
  prepareStackTrace?: unknown;
  stackTraceLimit?: unknown;
}

/**
 * The frames of an error of the engine's as the engine itself writes them: what a program put in its way knows nothing of
 * WebAssembly. Whatever the program did, this does not throw.
 */
export function engineLines(error: unknown): string[] {
  const errors = Error as unknown as Prepared;
  const given = Object.getOwnPropertyDescriptor(errors, "prepareStackTrace");
  if (given?.value === undefined) return linesOf(error);
  try {
    errors.prepareStackTrace = undefined;
    return linesOf(error);
  } catch {
    return linesOf(error);
  } finally {
    try {
      Object.defineProperty(errors, "prepareStackTrace", given);
    } catch {
      // It could not be replaced either.
    }
  }
}

/** Frames of a stack that is taken here: those of the guest stand below the host's own and those of its imports. */
const MOST_FRAMES = 100;

/** The stack where this is called, as the engine itself writes it. Whatever the program did, this does not throw. */
export function linesHere(): string[] {
  const errors = Error as unknown as Prepared;
  const limit = Object.getOwnPropertyDescriptor(errors, "stackTraceLimit");
  try {
    // A program that wants no stacks gets none.
    if (Number(limit?.value) > 0) errors.stackTraceLimit = MOST_FRAMES;
    return engineLines(new Error());
  } catch {
    return [];
  } finally {
    try {
      if (limit !== undefined) Object.defineProperty(errors, "stackTraceLimit", limit);
    } catch {
      // It could not be replaced either.
    }
  }
}

/** The frames of an error's stack, one a line, without what is said above them. Whatever was thrown, this does not throw. */
export function linesOf(error: unknown): string[] {
  return (scrub(error) ?? "")
    .slice(0, LONGEST_STACK)
    .split("\n")
    .filter((line) => /^\s*at |@/.test(line));
}

/** `at name (script:wasm-function[7]:0x1f)`, or without name and brackets. */
const V8 = /^\s*at (?:(.*) \()?(.*):wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/;
/** `at name (script:1:32)`, where the column is one more than the offset: as packages write it that know of scripts only. */
const BY_COLUMN = /^\s*at (?:(.*) \()?(wasm:\/\/wasm\/.*):1:(\d+)\)?$/;
/** `name@script:wasm-function[7]:0x1f`. */
const SPIDERMONKEY = /^(.*?)@(.*):wasm-function\[(\d+)\]:0x([0-9a-f]+)$/;
/** `name@module:wasm-function[7]`. */
const JAVASCRIPTCORE = /^(.*?)@(.*):wasm-function\[(\d+)\]$/;
/** `module.wasm-function[name]@[wasm code]`, with a number where there is no name: JavaScriptCore before. */
const OLDER_JAVASCRIPTCORE = /^(.*)\.wasm-function\[(.*)\]@\[wasm code\]$/;

/** The frame of WebAssembly that a line of a stack is about. */
export function wasmFrame(line: string): NamedFrame | undefined {
  const [, name, script, index, offset] = V8.exec(line) ?? SPIDERMONKEY.exec(line) ?? [];
  if (script !== undefined) {
    const module = /^wasm:\/\/wasm\/(.+)-[0-9a-f]{8}$/.exec(script)?.[1];
    const bare = module !== undefined && name?.startsWith(`${module}.`) ? name.slice(module.length + 1) : name;
    const nameless = bare === undefined || bare === "" || bare === module;
    return {
      function: nameless ? `wasm-function[${index}]` : printableName(bare),
      module: module && printableName(module),
      script,
      index: Number(index),
      offset: Number.parseInt(offset!, 16),
    };
  }
  const [, called, place, column] = BY_COLUMN.exec(line) ?? [];
  if (place !== undefined) {
    const named = called !== undefined && !called.includes("<anonymous>");
    return {
      function: named ? printableName(called) : "wasm-function",
      module: undefined,
      script: place,
      index: undefined,
      offset: Number(column) - 1,
    };
  }
  const [, inner, module, number] = JAVASCRIPTCORE.exec(line) ?? olderFrame(line) ?? [];
  if (module === undefined) return undefined;
  return {
    function: inner === "" || inner === undefined ? `wasm-function[${number}]` : printableName(inner),
    module: module === "<?>" ? undefined : printableName(module),
    script: module,
    index: number === undefined ? undefined : Number(number),
    offset: undefined,
  };
}

/** As {@link JAVASCRIPTCORE} matches: the line, a name, the module, a number. */
function olderFrame(line: string): (string | undefined)[] | undefined {
  const [, module, inner] = OLDER_JAVASCRIPTCORE.exec(line) ?? [];
  if (inner === undefined) return undefined;
  return /^\d+$/.test(inner) ? [line, "", module, inner] : [line, inner, module, undefined];
}

/** What a guest calls its own, fit for a line of a terminal. */
export function printableName(name: string): string {
  return printable(name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name);
}

let ownFolder: string | undefined;

/** The folder of the host's own files as stacks write it; in a bundle they have none, and nothing lies in it. */
function findOwnFolder(): string {
  const [line = ""] = linesOf(new Error());
  return /(?:[(@]|at (?:async )?)([^()@]*\/)runtime\/stack\.[jt]s\b/.exec(line)?.[1] ?? "\n";
}

/** A function of generated text, as each engine writes what was evaluated. */
const GENERATED = /^\s*at (?:Object\.)?[fgw]\d+ \(eval at |^[fgw]\d+@(?:$|.* > Function:)/;

/** The lines of a stack from the first one on that is not about the host itself. */
export function withoutOwn(lines: readonly string[]): string[] {
  const generated = lines.slice(0, 8).findIndex((line) => GENERATED.test(line));
  let first = generated + 1;
  ownFolder ??= findOwnFolder();
  while (lines[first]?.includes(ownFolder) === true) first++;
  return lines.slice(first);
}

/** How much of a stack is of what was called, and not of the callers that another stack has too. */
export function calledPart(called: readonly string[], callers: readonly string[]): { count: number; from: number } {
  for (let count = 0; count < called.length; count++) {
    const from = callers.indexOf(called[count]!);
    if (from < 0) continue;
    // Engines cut stacks short: they agree as far as both go.
    const same = Math.min(called.length - count, callers.length - from);
    let i = 1;
    while (i < same && called[count + i] === callers[from + i]) i++;
    if (i === same) return { count, from };
  }
  return { count: called.length, from: callers.length };
}
