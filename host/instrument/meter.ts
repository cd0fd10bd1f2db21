/**
 * Core module bytes → the same module, metered: it counts its steps, asks before it grows, and can be stopped.
 *
 * What is added is appended to the module's index spaces, so that nothing of its own changes its number: a counter (a
 * global), a table of the host's hooks, and functions; each exported under a private name. The host fills the table before
 * anything runs, which is why a start function becomes an export, called next. Sections that are not named here are copied.
 * Follows "Binary Format: Modules" of the core specification.
 */
import { u32Bytes, unusedPrefix } from "../binary/framing.ts";
import { TABLE_COPY, TABLE_FILL, TABLE_GROW, TABLE_INIT } from "./instructions.ts";
import { BodyMeter } from "./meter-code.ts";
import {
  FUNCREF_TABLE,
  functionType,
  GROW_TYPE,
  type Helper,
  helperFor,
  HOOKS,
  type Hooks,
  askHelper,
  outHelper,
  outLocalHelper,
  TICK_TYPE,
} from "./meter-helpers.ts";
import { outlineOf, type Outline, SECTION, type Section, SECTION_ORDER } from "./outline.ts";
import { Output } from "./output.ts";
import type { Shifts } from "./shifts.ts";
import { InstructionReader, UnknownInstruction } from "./instructions.ts";

export { UnknownInstruction } from "./instructions.ts";

type AddedKind = "core-func" | "core-table" | "core-global";
const kindCodes: Readonly<Record<AddedKind, number>> = { "core-func": 0, "core-table": 1, "core-global": 3 };

/** A metered module, and how to reach what was added. */
export interface Metered {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What it exports behind the module's own, in this order. */
  readonly exports: readonly { readonly name: string; readonly type: { readonly kind: AddedKind } }[];
  /** Name of the exported counter, a mutable i32. Below zero the module asks `tick`. It begins with 0. */
  readonly counter: string;
  /** Name of the exported table of hooks; `HOOKS` says which is where. */
  readonly hooks: string;
  /**
   * Names of the exported globals, mutable i32, of what is in use of the stack and of what is granted, in bytes, where it is
   * measured. Where more would be in use the module asks `growStack`. Both begin with 0.
   */
  readonly stack: { readonly used: string; readonly granted: string } | undefined;
  /** Name of the exported start function, where the module has one: to be called once the hooks are in place. */
  readonly start: string | undefined;
  /** What the module's own tables and memories begin with: elements, and bytes. */
  readonly tableElements: number;
  readonly memoryBytes: number;
  /** Where the code of the module's own functions stands now, when that was asked for. */
  readonly shifts: Shifts | undefined;
}

export interface MeterOptions {
  /** Whether steps are counted; without that, only growing is asked for, and other code stays as it is. */
  readonly counts: boolean;
  /** Whether what calls take of the stack is measured. Default `false`. */
  readonly stack?: boolean | undefined;
  /** Whether {@link Metered.shifts} are to be known. Default `false`. */
  readonly traced?: boolean | undefined;
}

const PREFIX = "tenon:limits:";
const utf8 = new TextEncoder();

/**
 * @throws {DecodeError} where a section is not valid
 * @throws {UnknownInstruction} where code cannot be told apart, or has an instruction that is not known
 */
export function meterModule(module: Uint8Array, { counts, stack = false, traced = false }: MeterOptions): Metered {
  const outline = outlineOf(module);
  if (outline.wide) throw new UnknownInstruction("a memory or table of 64 bits", 0);
  const added = new Additions(outline);
  const code = meterCode(module, outline, added, { counts, stack, traced });
  const prefix = unusedPrefix(PREFIX, outline.exports);
  const names = { counter: `${prefix}counter`, hooks: `${prefix}hooks`, start: `${prefix}start` };
  const stackNames = { used: `${prefix}stack-used`, granted: `${prefix}stack-granted` };
  const { counter, table } = added.hooks;
  const exports: (readonly [name: string, kind: AddedKind, index: number])[] = [
    [names.counter, "core-global", counter],
    [names.hooks, "core-table", table],
  ];
  if (stack) {
    exports.push([stackNames.used, "core-global", counter + 1], [stackNames.granted, "core-global", counter + 2]);
  }
  if (outline.startFunction !== undefined) exports.push([names.start, "core-func", outline.startFunction]);

  const entries = new Map<number, readonly (readonly number[])[]>([
    [SECTION.type, added.types],
    [SECTION.function, added.helpers.map(({ type }) => u32Bytes(added.typeNumber(type)))],
    [SECTION.table, [FUNCREF_TABLE]],
    [SECTION.global, Array.from({ length: stack ? 3 : 1 }, () => [0x7f, 1, 0x41, 0, 0x0b])],
    [SECTION.export, exports.map(([name, kind, index]) => exportEntry(name, kindCodes[kind], index))],
  ]);
  const output = new Output(module.length * 1.5 + 1024);
  output.copy(module, 0, 8);
  const at = assemble(output, module, outline, entries, code.done());
  const bytes = output.done();
  return {
    bytes,
    exports: exports.map(([name, kind]) => ({ name, type: { kind } })),
    counter: names.counter,
    hooks: names.hooks,
    stack: stack ? stackNames : undefined,
    start: outline.startFunction === undefined ? undefined : names.start,
    tableElements: outline.tableMinimum,
    memoryBytes: outline.memoryMinimum,
    shifts: traced ? code.shifts(at) : undefined,
  };
}

/** What is appended: types, and functions with theirs. */
class Additions {
  readonly hooks: Hooks;
  readonly types: (readonly number[])[] = [TICK_TYPE, GROW_TYPE];
  readonly helpers: Helper[] = [];
  private readonly outline: Outline;
  private readonly known = new Map<string, number>();
  private readonly typeNumbers = new Map<string, number>();

  constructor(outline: Outline) {
    this.outline = outline;
    const first = outline.types.length;
    const base = { counter: outline.globals, table: outline.tables, tickType: first, growType: first + 1 };
    this.hooks = { ...base, out: outline.functions.length };
    this.helpers.push(outHelper(base), outLocalHelper(this.hooks), askHelper(this.hooks));
    this.helpers.push(outHelper(base, HOOKS.growStack));
  }

  helper(opcode: number, first: number, second: number): number {
    const key = `${opcode} ${first} ${second}`;
    let index = this.known.get(key);
    if (index === undefined) {
      const table = opcode === TABLE_INIT ? second : first;
      const isTable = opcode === TABLE_INIT || opcode === TABLE_COPY || opcode === TABLE_FILL || opcode === TABLE_GROW;
      const element = isTable ? this.outline.tableElements[table] : undefined;
      index = this.hooks.out + this.helpers.push(helperFor(opcode, first, second, this.hooks, element)) - 1;
      this.known.set(key, index);
    }
    return index;
  }

  /** The number of a function type, which is appended when it is new. */
  typeNumber(type: readonly number[]): number {
    const key = type.join(" ");
    let number = this.typeNumbers.get(key);
    if (number === undefined) {
      number = this.outline.types.length + this.types.push(type) - 1;
      this.typeNumbers.set(key, number);
    }
    return number;
  }
}

/** The contents of the code section. */
function meterCode(
  module: Uint8Array,
  outline: Outline,
  added: Additions,
  { counts, stack, traced }: { readonly [Option in keyof Required<MeterOptions>]: boolean },
): Output {
  const section = outline.sections.find(({ id }) => id === SECTION.code);
  const { out, counter } = added.hooks;
  const meter = new BodyMeter(outline, {
    ...{ counts, counter, out, outLocal: out + 1, ask: out + 2 },
    ...{ stack, stackUsed: counter + 1, stackGranted: counter + 2, outOfStack: out + 3 },
    helper: (...what) => added.helper(...what),
    blockType: (results) => added.typeNumber(functionType([], results)),
  });
  const { functions } = outline.imported;
  const defined = outline.functions.length - functions;
  const bodies: number[] = [];
  if (section !== undefined) {
    const reader = new InstructionReader(module, section.start, section.end);
    const count = reader.u32();
    if (count !== defined)
      throw new UnknownInstruction(`${count} function bodies where there are ${defined}`, section.start);
    for (let i = 0; i < count; i++) {
      const size = reader.u32();
      bodies.push(reader.at, reader.at + size);
      reader.at += size;
      if (reader.at > section.end) throw new UnknownInstruction("a function that does not end", section.end);
    }
    if (reader.at !== section.end) throw new UnknownInstruction("bytes after the last function", reader.at);
  } else if (defined > 0) throw new UnknownInstruction("functions without code", 0);

  for (let i = 0; (counts || stack) && i < bodies.length; i += 2)
    meter.survey(module, functions + i / 2, bodies[i]!, bodies[i + 1]!);
  const output = new Output(
    section === undefined ? 64 : (section.end - section.start) * 1.5 + 1024,
    traced ? module : undefined,
  );
  const count = output.slot();
  for (let i = 0; i < bodies.length; i += 2) {
    const size = output.slot();
    meter.write(output, module, functions + i / 2, bodies[i]!, bodies[i + 1]!);
    output.settle(size, output.length - size - 5);
  }
  for (const helper of added.helpers) {
    output.u32(helper.body.length);
    output.all(helper.body);
  }
  // Helpers are found necessary while the bodies are written.
  output.settle(count, defined + added.helpers.length);
  return output;
}

function exportEntry(name: string, kind: number, index: number): readonly number[] {
  const bytes = utf8.encode(name);
  return [...u32Bytes(bytes.length), ...bytes, kind, ...u32Bytes(index)];
}

/**
 * Writes all sections: those that are there in their places, those that are new where the specification has them.
 * @returns where the contents of the code section begin
 */
function assemble(
  output: Output,
  module: Uint8Array,
  outline: Outline,
  entries: ReadonlyMap<number, readonly (readonly number[])[]>,
  code: Uint8Array,
): number {
  let codeAt = 0;
  const there = new Set(outline.sections.map(({ id }) => id));
  const added = SECTION_ORDER.filter((id) => !there.has(id) && (entries.has(id) || id === SECTION.code));
  const write = (id: number, section?: Section): void => {
    const more = entries.get(id);
    if (id === SECTION.start) return;
    if (id === SECTION.code) {
      writeSection(output, id, code);
      codeAt = output.length - code.length;
    } else if (more !== undefined) writeSection(output, id, appended(module, section, more));
    else writeSection(output, id, module.subarray(section!.start, section!.end));
  };
  for (const section of outline.sections) {
    const place = SECTION_ORDER.indexOf(section.id);
    while (added.length > 0 && SECTION_ORDER.indexOf(added[0]!) < place) write(added.shift()!);
    write(section.id, section);
  }
  for (const id of added) write(id);
  return codeAt;
}

function writeSection(output: Output, id: number, contents: Uint8Array): void {
  output.byte(id);
  output.u32(contents.length);
  output.copy(contents, 0, contents.length);
}

/** The contents of a section that is a list, with more entries. */
function appended(module: Uint8Array, section: Section | undefined, more: readonly (readonly number[])[]): Uint8Array {
  const reader = new InstructionReader(module, section?.start ?? 0, section?.end ?? 0);
  const count = section === undefined ? 0 : reader.u32();
  const output = new Output((section === undefined ? 0 : section.end - section.start) + 64);
  output.u32(count + more.length);
  if (section !== undefined) output.copy(module, reader.at, section.end);
  for (const entry of more) output.all(entry);
  return output.done();
}
