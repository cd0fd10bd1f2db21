/**
 * From frames of a stack to the author's lines: which core module a frame is of, and what that module's source map or line
 * table says of the place.
 *
 * Made with a component that brings lines, and asked only when something has trapped: of each core module it keeps where its
 * functions begin, and reads the custom sections again from the compiled module. What cannot be told is left out: a frame
 * that may be of two modules has no line.
 */
import { originalOffset, type Shifts } from "../instrument/shifts.ts";
import type { Code } from "./code.ts";
import { dwarfLines } from "./dwarf.ts";
import type { Place, Places, Range, SourceLine, WasmFrame } from "./range.ts";
import { mappedLines } from "./source-map.ts";

/** Where the code of a core module is. */
export interface LineTable {
  /** As the component has it. */
  readonly code: Code;
  /** What was done to it before it was compiled. */
  readonly rewritings: readonly Shifts[];
}

/** A core module of a component, as it is compiled. */
export interface CoreModule extends LineTable {
  readonly compiled: WebAssembly.Module;
}

interface KnownModule extends CoreModule {
  readonly importedFunctions: number;
}

/** Reads a file beside the component, by its name; `undefined` when it is not there. */
export type ReadBeside = (name: string) => Uint8Array | undefined;

/** The longest section or file that is read for a trap, bytes. */
const LONGEST = 64 * 1024 * 1024;

export class Lines implements Places {
  readonly #modules: readonly KnownModule[];
  readonly #readBeside: ReadBeside;

  constructor(modules: readonly CoreModule[], readBeside: ReadBeside) {
    this.#readBeside = readBeside;
    this.#modules = modules.map((module) => {
      const imports = WebAssembly.Module.imports(module.compiled);
      return { ...module, importedFunctions: imports.filter(({ kind }) => kind === "function").length };
    });
  }

  /** The places of frames, in their order. Never throws: where a guest's sections make no sense, there are no lines. */
  places(given: readonly WasmFrame[]): Place[] {
    const found = given.map((): Place => ({}));
    // An engine that numbers no functions, as Deno's stacks do not, calls all of them 0.
    const numbered = given.some(({ index }) => index !== 0);
    const frames = numbered ? given : given.map((frame) => ({ ...frame, index: undefined }));
    for (const script of new Set(frames.map((frame) => frame.script))) {
      const numbers = [...frames.keys()].filter((i) => frames[i]!.script === script);
      const module = this.#moduleOf(numbers.map((i) => frames[i]!));
      if (module === undefined) continue;
      const own = numbers.filter((i) => !isAdded(module, frames[i]!));
      for (const i of numbers) if (!own.includes(i)) found[i] = { added: true };
      const ranges = own.map((i) => rangeOf(module, frames[i]!)!);
      const lines = linesIn(module, ranges, this.#readBeside);
      own.forEach((number, i) => {
        found[number] = { offset: ranges[i]!.offset, ...lines[i] };
      });
    }
    return found;
  }

  /** The one module whose functions are where the frames say. */
  #moduleOf(frames: readonly WasmFrame[]): KnownModule | undefined {
    const fitting = this.#modules.filter((module) =>
      frames.every((frame) => isAdded(module, frame) || rangeOf(module, frame) !== undefined),
    );
    return fitting.length === 1 ? fitting[0] : undefined;
  }
}

/** Rewriting appends functions, and imports none. */
function isAdded({ code, rewritings, importedFunctions }: KnownModule, { index }: WasmFrame): boolean {
  return rewritings.length > 1 && index !== undefined && index - importedFunctions >= code.functions.length - 1;
}

/** The function of a frame and the place in it; `undefined` when the module has no such function there. */
function rangeOf({ code, rewritings, importedFunctions }: KnownModule, frame: WasmFrame): Range | undefined {
  if (frame.offset === undefined) return undefined;
  const offset = originalOffset(rewritings, frame.offset);
  const index =
    frame.index === undefined ? code.functions.findLastIndex((at) => at <= offset) : frame.index - importedFunctions;
  const [start, end] = [code.functions[index], code.functions[index + 1]];
  return start !== undefined && end !== undefined && start <= offset && offset < end
    ? { start, offset, end }
    : undefined;
}

function linesIn(
  { compiled, code }: KnownModule,
  ranges: readonly Range[],
  readBeside: ReadBeside,
): (SourceLine | undefined)[] {
  const [named] = sections(compiled, "sourceMappingURL");
  const map = named === undefined ? undefined : readMap(named, readBeside);
  if (map !== undefined) return mappedLines(map, ranges);
  const [line] = sections(compiled, ".debug_line");
  if (line === undefined) return [];
  const nothing = new Uint8Array();
  const [lineStrings = nothing] = sections(compiled, ".debug_line_str");
  const [strings = nothing] = sections(compiled, ".debug_str");
  // The addresses of DWARF count from the contents of the code section.
  const addresses = ranges.map(({ start, offset, end }) => ({
    start: start - code.start,
    offset: offset - code.start,
    end: end - code.start,
  }));
  return dwarfLines({ line, lineStrings, strings }, addresses);
}

function sections(compiled: WebAssembly.Module, name: string): Uint8Array[] {
  return WebAssembly.Module.customSections(compiled, name)
    .filter(({ byteLength }) => byteLength <= LONGEST)
    .map((buffer) => new Uint8Array(buffer));
}

const utf8 = new TextDecoder();
const INLINE = /^data:application\/json(?:;charset=utf-?8)?;base64,/i;

/** The map that a section holds, or that stands beside the component: the name of a file, and of nothing elsewhere. */
function readMap(section: Uint8Array, readBeside: ReadBeside): string | undefined {
  // The string has its length before it.
  let start = 0;
  while (start < section.length && section[start]! >= 0x80) start++;
  const url = utf8.decode(section.subarray(start + 1));
  try {
    const inline = INLINE.exec(url);
    if (inline !== null) return utf8.decode(bytesOf(atob(url.slice(inline[0].length))));
    if (!/^[\w][\w.@+ -]*\.map$/.test(url)) return undefined;
    const file = readBeside(url);
    return file === undefined || file.length > LONGEST ? undefined : utf8.decode(file);
  } catch {
    return undefined;
  }
}

function bytesOf(binary: string): Uint8Array {
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
