/**
 * Core module bytes → the same module with its hidden memories exported: those it defines and exports under no name.
 *
 * The engine shows a program what a core instance exports and nothing else. A memory that nobody exports could neither be
 * measured nor be watched until it is freed, so it gets an export under a name of the host's own. Sections are rewritten,
 * code is not; a module without hidden memories stays as it is. Guests cannot see the name: what they may import is decided by
 * the module's type, which was read from the original bytes. Positions inside a rewritten module, which traps and
 * engines name, move by the bytes that the exports take: `shifts.ts` leads back.
 */
import { eachImport, readMemoryType } from "../binary/core-types.ts";
import { eachSection, joined, PREAMBLE_BYTES, readU32, u32Bytes, unusedPrefix } from "../binary/framing.ts";
import { Reader } from "../binary/reader.ts";
import type { Shifts } from "./shifts.ts";

const IMPORT_SECTION = 2;
const MEMORY_SECTION = 5;
const EXPORT_SECTION = 7;
const TAG_SECTION = 13;
const MEMORY_KIND = 2;
const PREFIX = "tenon:memory:";

const utf8 = new TextEncoder();

/** What a module says about its memories. */
interface Outside {
  /** Numbers of the memories it defines and does not export, in the index space of memories. */
  readonly hidden: readonly number[];
  /** What the private names begin with; no name of the module does. */
  readonly prefix: string;
  /** Where the export section is, or would be. */
  readonly at: { readonly offset: number; readonly end: number };
  /** How many exports there are, and where they are. */
  readonly exports: { readonly count: number; readonly start: number };
}

/** The private names under which {@link exposeMemories} exports the hidden memories of a core module. */
export function hiddenMemories(module: Uint8Array): readonly string[] {
  const { hidden, prefix } = outsideOf(module);
  return hidden.map((index) => `${prefix}${index}`);
}

/**
 * The core module with its hidden memories exported; the very same bytes when it has none, or is not a module.
 * @param module all its bytes, or at least those up to {@link isBehindExports}
 */
export function exposeMemories(module: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { hidden, prefix, at, exports } = outsideOf(module);
  if (hidden.length === 0) return module;
  const added = hidden.map((index) => {
    const name = utf8.encode(`${prefix}${index}`);
    return joined([u32Bytes(name.length), name, [MEMORY_KIND], u32Bytes(index)]);
  });
  const known = module.subarray(exports.start, at.end);
  const contents = joined([u32Bytes(exports.count + hidden.length), known, ...added]);
  return joined([
    module.subarray(0, at.offset),
    [EXPORT_SECTION, ...u32Bytes(contents.length)],
    contents,
    module.subarray(at.end),
  ]);
}

/** What is where in what {@link exposeMemories} gives: all but the exports, which hold no position of anybody's. */
export function exposingShifts(module: Uint8Array<ArrayBuffer>): Shifts {
  const by = exposeMemories(module).length - module.length;
  const { offset, end } = outsideOf(module).at;
  if (by === 0) return [{ from: 0, to: 0, length: module.length }];
  return [
    { from: 0, to: 0, length: offset },
    { from: end, to: end + by, length: module.length - end },
  ];
}

/** Whether a section of this id comes after the exports in a valid module. */
export function isBehindExports(id: number): boolean {
  return id > EXPORT_SECTION && id !== TAG_SECTION;
}

function outsideOf(module: Uint8Array): Outside {
  const nothing = { hidden: [], prefix: "", at: { offset: 0, end: 0 }, exports: { count: 0, start: 0 } };
  let imported = 0;
  let defined = 0;
  const exported = new Set<number>();
  const names: string[] = [];
  let at: Outside["at"] | undefined;
  let exports = { count: 0, start: 0 };
  try {
    const whole = eachSection(module, PREAMBLE_BYTES, module.length, (id, start, end, offset) => {
      if (id === IMPORT_SECTION) {
        eachImport(new Reader(module, start, end, "core import section"), {
          [MEMORY_KIND]: (reader) => {
            readMemoryType(reader);
            imported++;
          },
        });
      }
      if (id === MEMORY_SECTION) defined = readU32(module, start)?.value ?? 0;
      if (id === EXPORT_SECTION) {
        const reader = new Reader(module, start, end, "core export section");
        const count = reader.u32("the number of exports");
        exports = { count, start: reader.offset };
        readExports(reader, count, names, exported);
        at = { offset, end };
      }
      if (isBehindExports(id)) at ??= { offset, end: offset };
      return true;
    });
    if (!whole) return nothing;
  } catch {
    // Not a valid module: the decoder or the engine refuses it with a reason.
    return nothing;
  }
  // A memory takes at least a byte: with a larger count the engine refuses the module, and no list of that length is made.
  if (defined > module.length) return nothing;
  const hidden: number[] = [];
  for (let index = imported; index < imported + defined; index++) if (!exported.has(index)) hidden.push(index);
  if (hidden.length === 0) return nothing;
  at ??= { offset: module.length, end: module.length };
  if (at.offset === at.end) exports = { count: 0, start: at.end };
  return { hidden, prefix: unusedPrefix(PREFIX, names), at, exports };
}

function readExports(reader: Reader, count: number, names: string[], memories: Set<number>): void {
  for (let left = count; left > 0; left--) {
    names.push(reader.name("the name of a core export"));
    const kind = reader.byte("the kind of a core export");
    const index = reader.u32("the index of a core export");
    if (kind === MEMORY_KIND) memories.add(index);
  }
  reader.finish();
}
