/**
 * The line tables of DWARF, versions 2 to 5, as compilers of Rust, C and C++ put them into core modules.
 *
 * Only `.debug_line` and the strings that it names are read. Whatever a guest wrote there, nothing here throws: a unit that
 * is not understood has no lines, and neither have those behind it when its length cannot be believed.
 */
import { Bytes, OutOfBytes } from "./bytes.ts";
import type { Range, SourceLine } from "./range.ts";

export interface DwarfSections {
  readonly line: Uint8Array;
  readonly lineStrings: Uint8Array;
  readonly strings: Uint8Array;
}

/** What a row of a line table says of an address. */
interface Row {
  readonly address: number;
  readonly file: number;
  readonly line: number;
  readonly column: number;
}

/** The best row so far, and how its unit calls a file. */
interface Found {
  readonly row: Row;
  readonly unit: Unit;
}

/** A unit's header: what its program and its numbers of files mean. */
interface Unit {
  readonly version: number;
  readonly end: number;
  readonly minimumLength: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** How many arguments each standard opcode has. */
  readonly lengths: readonly number[];
  /** The file of a number, as its unit counts. */
  fileOf(number: number): string | undefined;
}

/**
 * The source lines of addresses, in their order.
 * @param wanted in bytes from the contents of the code section
 */
export function dwarfLines(sections: DwarfSections, wanted: readonly Range[]): (SourceLine | undefined)[] {
  const best = wanted.map((): Found | undefined => undefined);
  const reader = new Bytes(sections.line);
  try {
    while (!reader.done) {
      const length = reader.u32();
      // Units of 64 bits do not occur where addresses have 32.
      if (length >= 0xffff_fff0) break;
      const end = reader.at + length;
      try {
        const unit = readUnit(sections, reader, end);
        if (unit !== undefined) new Program(unit, reader, wanted, best).run();
      } catch (error) {
        if (!(error instanceof OutOfBytes)) throw error;
      }
      reader.at = end;
    }
  } catch (error) {
    if (!(error instanceof OutOfBytes)) throw error;
  }
  return best.map((found) => found && named(found));
}

function named({ row: { file, line, column }, unit }: Found): SourceLine | undefined {
  let name: string | undefined;
  try {
    name = unit.fileOf(file);
  } catch (error) {
    if (!(error instanceof OutOfBytes)) throw error;
  }
  // Line 0 is code that the compiler made of no line in particular.
  return name === undefined || line === 0 ? undefined : { file: name, line, column: Math.max(column, 1) };
}

function readUnit(sections: DwarfSections, reader: Bytes, end: number): Unit | undefined {
  const version = reader.u16();
  if (version < 2 || version > 5) return undefined;
  if (version === 5 && (reader.u8() !== 4 || reader.u8() !== 0)) return undefined;
  const headerLength = reader.u32();
  const program = reader.at + headerLength;
  const minimumLength = reader.u8();
  if (version >= 4) reader.u8();
  reader.u8();
  const lineBase = (reader.u8() << 24) >> 24;
  const lineRange = reader.u8();
  const opcodeBase = reader.u8();
  if (lineRange === 0 || opcodeBase === 0) return undefined;
  const lengths = [0];
  for (let opcode = 1; opcode < opcodeBase; opcode++) lengths.push(reader.u8());
  const files = version === 5 ? filesOf5(sections, reader) : filesOf4(reader);
  reader.at = program;
  const fileOf = (number: number): string | undefined => files(number);
  return { version, end, minimumLength, lineBase, lineRange, opcodeBase, lengths, fileOf };
}

type Files = (number: number) => string | undefined;

function filesOf4(reader: Bytes): Files {
  const folders = [""];
  for (let name = reader.string(); name !== ""; name = reader.string()) folders.push(name);
  const files: { readonly name: string; readonly folder: number }[] = [];
  for (let name = reader.string(); name !== ""; name = reader.string()) {
    files.push({ name, folder: reader.uleb() });
    reader.uleb();
    reader.uleb();
  }
  return (number) => {
    const file = files[number - 1];
    return file && joinPath(folders[file.folder], file.name);
  };
}

const PATH = 1;
const DIRECTORY_INDEX = 2;

function filesOf5(sections: DwarfSections, reader: Bytes): Files {
  const folders = readEntries(sections, reader);
  const files = readEntries(sections, reader);
  return (number) => {
    const file = files[number];
    const [first, folder] = [folders[0], file && folders[file.folder]];
    if (file === undefined || first === undefined || folder === undefined) return undefined;
    const place = folder === first ? textOf(first.path) : joinPath(textOf(first.path), textOf(folder.path));
    return joinPath(place, textOf(file.path));
  };
}

interface Entry {
  readonly path: Text;
  readonly folder: number;
}

/** A string, or where one is: any number of entries may share it, so it is read only for the one that is wanted. */
type Text = string | { readonly section: Uint8Array; readonly at: number };

function textOf(text: Text): string {
  return typeof text === "string" ? text : new Bytes(text.section, text.at).string();
}

/** A table of version 5, which says itself what each entry has. */
function readEntries({ lineStrings, strings }: DwarfSections, reader: Bytes): Entry[] {
  const format: { readonly content: number; readonly form: number }[] = [];
  for (let left = reader.u8(); left > 0; left--) format.push({ content: reader.uleb(), form: reader.uleb() });
  const count = reader.uleb();
  const entries: Entry[] = [];
  // Entries of no bytes would make any number of them out of none.
  for (let left = format.length === 0 ? 0 : count; left > 0; left--) {
    const before = reader.at;
    let entry: Entry = { path: "", folder: 0 };
    for (const { content, form } of format) {
      const value = readForm(reader, form, lineStrings, strings);
      if (content === PATH && typeof value !== "number" && value !== undefined) entry = { ...entry, path: value };
      if (content === DIRECTORY_INDEX && typeof value === "number") entry = { ...entry, folder: value };
    }
    if (reader.at === before) throw new OutOfBytes();
    entries.push(entry);
  }
  return entries;
}

function readForm(
  reader: Bytes,
  form: number,
  lineStrings: Uint8Array,
  strings: Uint8Array,
): Text | number | undefined {
  switch (form) {
    case 0x08:
      return reader.string();
    case 0x0e:
      return { section: strings, at: reader.u32() };
    case 0x1f:
      return { section: lineStrings, at: reader.u32() };
    case 0x0b:
      return reader.u8();
    case 0x05:
      return reader.u16();
    case 0x06:
      return reader.u32();
    case 0x0f:
      return reader.uleb();
    case 0x07:
      return void reader.skip(8);
    case 0x1e:
      return void reader.skip(16);
    case 0x09:
      return void reader.skip(reader.uleb());
    default:
      // Of a form that is not known, neither is the length.
      throw new OutOfBytes();
  }
}

function joinPath(folder: string | undefined, name: string): string {
  return folder === undefined || folder === "" || /^(?:\/|[a-z]:[/\\])/i.test(name) ? name : `${folder}/${name}`;
}

/** Whether a row says more of an offset than another: the last one before it, else the first one behind it. */
function isCloser(address: number, before: number, offset: number): boolean {
  return address <= offset ? address > before || before > offset : address < before;
}

/** Runs the program of one unit, row by row; of a sequence of rows, those that count are kept when it has ended well. */
class Program {
  readonly #unit: Unit;
  readonly #reader: Bytes;
  readonly #wanted: readonly Range[];
  readonly #best: (Found | undefined)[];
  #address = 0;
  #file = 1;
  #line = 1;
  #column = 0;
  /** The first row of the sequence, and for each that is wanted the row that counts. */
  #first: Row | undefined;
  #rows: (Row | undefined)[] = [];

  constructor(unit: Unit, reader: Bytes, wanted: readonly Range[], best: (Found | undefined)[]) {
    this.#unit = unit;
    this.#reader = reader;
    this.#wanted = wanted;
    this.#best = best;
  }

  run(): void {
    const { end, opcodeBase, lineBase, lineRange, minimumLength } = this.#unit;
    while (this.#reader.at < end) {
      const opcode = this.#reader.u8();
      if (opcode >= opcodeBase) {
        const adjusted = opcode - opcodeBase;
        this.#address += Math.floor(adjusted / lineRange) * minimumLength;
        this.#line += lineBase + (adjusted % lineRange);
        this.#row();
      } else if (opcode === 0) this.#extended();
      else this.#standard(opcode);
    }
  }

  #standard(opcode: number): void {
    const { opcodeBase, lineRange, minimumLength, lengths } = this.#unit;
    const reader = this.#reader;
    switch (opcode) {
      case 1:
        this.#row();
        break;
      case 2:
        this.#address += reader.uleb() * minimumLength;
        break;
      case 3:
        this.#line += reader.sleb();
        break;
      case 4:
        this.#file = reader.uleb();
        break;
      case 5:
        this.#column = reader.uleb();
        break;
      case 8:
        this.#address += Math.floor((255 - opcodeBase) / lineRange) * minimumLength;
        break;
      case 9:
        this.#address += reader.u16();
        break;
      default:
        // The others have no part in lines, or are not known; the header says how many arguments they have.
        for (let left = lengths[opcode]!; left > 0; left--) reader.uleb();
    }
  }

  #extended(): void {
    const reader = this.#reader;
    const length = reader.uleb();
    const end = reader.at + length;
    const opcode = length === 0 ? 0 : reader.u8();
    if (opcode === 1) this.#end();
    else if (opcode === 2) this.#address = length === 5 ? reader.u32() : 0;
    reader.at = end;
  }

  #row(): void {
    const row = { address: this.#address, file: this.#file, line: this.#line, column: this.#column };
    this.#first ??= row;
    for (const [i, { start, offset, end }] of this.#wanted.entries()) {
      if (row.address < start || row.address >= end) continue;
      // What stands behind the offset counts only where nothing stands before it.
      if (row.address <= offset) this.#rows[i] = row;
      else this.#rows[i] ??= row;
    }
  }

  /** Sequences that begin at 0 are of functions that the linker dropped: code begins behind the number of functions. */
  #end(): void {
    const low = this.#first?.address ?? 0;
    for (const [i, row] of this.#rows.entries()) {
      const { offset } = this.#wanted[i]!;
      if (row === undefined || low === 0 || this.#address <= offset) continue;
      const before = this.#best[i]?.row;
      if (before === undefined || isCloser(row.address, before.address, offset)) {
        this.#best[i] = { row, unit: this.#unit };
      }
    }
    this.#first = undefined;
    this.#rows = [];
    this.#address = 0;
    this.#file = 1;
    this.#line = 1;
    this.#column = 0;
  }
}
