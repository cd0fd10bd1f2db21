/**
 * What an engine lacks: the features a core module uses, and the engine's answer to the smallest module that uses each.
 *
 * Asked only after the engine has refused a module. Features that show in the code alone are known by V8's words.
 */
import { readGlobalType, readMemoryType, readRecursionGroup, readTableType } from "../binary/core-types.ts";
import { eachSection, joined, PREAMBLE_BYTES } from "../binary/framing.ts";
import { limits } from "../binary/limits.ts";
import { Reader } from "../binary/reader.ts";

interface Feature {
  /** In words, for messages. */
  readonly title: string;
  /** The first version of Node with it, where one has it without a flag. */
  readonly since?: number;
  /** Sections of the smallest module that uses it. */
  readonly probe: readonly number[];
}

const features = {
  "extended-const": {
    title: "extended constant expressions",
    since: 22,
    probe: [6, 9, 1, 0x7f, 0, 0x41, 0, 0x41, 0, 0x6a, 0x0b],
  },
  memory64: { title: "memories and tables of 64-bit addresses (memory64)", since: 24, probe: [5, 3, 1, 4, 0] },
  "multi-memory": { title: "several memories in one module", since: 22, probe: [5, 5, 2, 0, 0, 0, 0] },
  gc: { title: "garbage collected objects", since: 22, probe: [1, 3, 1, 0x5f, 0] },
  "function-references": { title: "typed function references", since: 22, probe: [1, 6, 1, 0x60, 1, 0x64, 0x70, 0] },
  exnref: { title: "exceptions as references (exnref)", probe: [1, 5, 1, 0x60, 1, 0x69, 0] },
  "stack-switching": { title: "stack switching", probe: [1, 6, 2, 0x60, 0, 0, 0x5d, 0] },
  "custom-page-sizes": { title: "memories of custom page sizes", probe: [5, 4, 1, 8, 0, 0] },
  "shared-everything": { title: "shared types", probe: [1, 4, 1, 0x65, 0x5f, 0] },
} as const satisfies Record<string, Feature>;

type FeatureName = keyof typeof features;

/** V8's words for what a newer V8 accepts: features behind a flag, and instructions of later versions. */
const needsNewerEngine =
  /enable with --experimental|At most one memory|memory count of \d+ exceeds|[Ii]nvalid (?:prefixed |simd )?opcode 0x(?:0a|1f|fb|fd[12])/;

/**
 * For want of which feature the engine refused a core module, in words; `undefined` when the module is simply not valid.
 * @param said the engine's words
 */
export function missingFeature(module: Uint8Array, said: string): string | undefined {
  for (const name of featuresOf(module)) {
    const { title, since, probe }: Feature = features[name];
    if (WebAssembly.validate(joined([[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], probe]))) continue;
    const where = since === undefined ? "" : `; Node ${since} has it, and so do browsers of its age`;
    return `This engine lacks ${title}, which a core module of the component needs${where}`;
  }
  return needsNewerEngine.test(said)
    ? `This engine lacks a WebAssembly feature the component needs: ${said}`
    : undefined;
}

/** The features that the sections of a core module use, as far as it can be read. */
function featuresOf(module: Uint8Array): ReadonlySet<FeatureName> {
  const found = new Set<FeatureName>();
  const usage = new Usage(found);
  try {
    eachSection(module, PREAMBLE_BYTES, module.length, (id, start, end) => {
      usage.read(id, new Reader(module, start, end, "core section"));
      return true;
    });
  } catch {
    // The rest cannot be read; the features found before it count.
  }
  return found;
}

class Usage {
  private readonly found: Set<FeatureName>;
  private memories = 0;

  constructor(found: Set<FeatureName>) {
    this.found = found;
  }

  read(id: number, reader: Reader): void {
    const each = (read: () => void): void => void reader.vector("items", limits.types, read);
    if (id === 1) each(() => this.types(reader));
    else if (id === 2) each(() => this.import(reader));
    else if (id === 4) each(() => this.table(reader));
    else if (id === 5) each(() => this.memory(reader));
    else if (id === 6) each(() => this.global(reader));
    else if (id === 9) each(() => this.elements(reader));
    else if (id === 11) each(() => this.data(reader));
  }

  private types(reader: Reader): void {
    const opening = reader.peek("a type");
    if (opening === 0x4e || opening === 0x4f || opening === 0x50) this.found.add("gc");
    for (const { type, text } of readRecursionGroup(reader, typeName)) {
      if (text.includes("shared")) this.found.add("shared-everything");
      if (text.includes("(ref null exn)")) this.found.add("exnref");
      if (type.kind === "core-other") this.found.add(type.form === "cont" ? "stack-switching" : "gc");
      for (const value of type.kind === "core-func" ? [...type.params, ...type.results] : []) this.value(value);
    }
  }

  private value(type: string): void {
    if (/^\(ref (?:null )?(?:any|eq|i31|struct|array|none|noextern|nofunc)\)$/.test(type)) this.found.add("gc");
    else if (type === "(ref null exn)") this.found.add("exnref");
    else if (type.startsWith("(ref") && !/^\(ref null (?:func|extern)\)$/.test(type))
      this.found.add("function-references");
  }

  private import(reader: Reader): void {
    reader.name("a name");
    reader.name("a name");
    const kind = reader.byte("a kind");
    if (kind === 0) reader.u32("a type");
    else if (kind === 1) this.table(reader);
    else if (kind === 2) this.memory(reader);
    else if (kind === 3) this.value(readGlobalType(reader, typeName).type);
    else if (kind === 4) {
      reader.skip(1, "an attribute");
      reader.u32("a type");
    } else throw reader.unknown(kind, "a kind");
  }

  private table(reader: Reader): void {
    const initialised = reader.peek("a table") === 0x40;
    if (initialised) {
      this.found.add("function-references");
      reader.skip(2, "a table");
    }
    const { element, limits: range } = readTableType(reader, typeName);
    this.value(element);
    if (range.index === "i64") this.found.add("memory64");
    if (initialised) this.expression(reader);
  }

  private memory(reader: Reader): void {
    if (++this.memories > 1) this.found.add("multi-memory");
    if ((reader.peek("a memory") & 8) !== 0) this.found.add("custom-page-sizes");
    const { limits: range } = readMemoryType(reader);
    if (range.index === "i64") this.found.add("memory64");
  }

  private global(reader: Reader): void {
    this.value(readGlobalType(reader, typeName).type);
    this.expression(reader);
  }

  private elements(reader: Reader): void {
    const flags = reader.u32("flags");
    if ((flags & 1) === 0) {
      if ((flags & 2) !== 0) reader.u32("a table");
      this.expression(reader);
    }
    const expressions = (flags & 4) !== 0;
    // The kind of function, or a reference type of one byte; what is longer ends the reading.
    if ((flags & 3) !== 0) reader.byte("an element type");
    for (let left = reader.u32("elements"); left > 0; left--) {
      if (expressions) this.expression(reader);
      else reader.u32("a function");
    }
  }

  private data(reader: Reader): void {
    const flags = reader.u32("flags");
    if (flags === 2) reader.u32("a memory");
    if (flags !== 1) this.expression(reader);
    reader.skip(reader.u32("a size"), "data");
  }

  /** Steps over a constant expression. */
  private expression(reader: Reader): void {
    for (let opcode = reader.byte("an instruction"); opcode !== 0x0b; opcode = reader.byte("an instruction")) {
      if (opcode === 0x41 || opcode === 0x42) reader.signed(64, "a constant");
      else if (opcode === 0x43 || opcode === 0x44) reader.skip(opcode === 0x43 ? 4 : 8, "a constant");
      else if (opcode === 0x23 || opcode === 0xd2) reader.u32("an index");
      else if (opcode === 0xd0) reader.signed(33, "a heap type");
      else if ((opcode >= 0x6a && opcode <= 0x6c) || (opcode >= 0x7c && opcode <= 0x7e))
        this.found.add("extended-const");
      else if (opcode === 0xfd) reader.skip(17, "a vector");
      else if (opcode === 0xfb) return this.object(reader);
      else throw reader.unknown(opcode, "a constant instruction");
    }
  }

  /** Objects of the collector; what follows is not read. */
  private object(reader: Reader): never {
    this.found.add("gc");
    throw reader.unknown(0xfb, "read further");
  }
}

/** Types are looked at, not compared. */
function typeName(): string {
  return "defined";
}
