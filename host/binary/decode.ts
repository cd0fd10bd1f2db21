/**
 * Bytes to definition: the preamble, the sections, and the components nested in them.
 *
 * Checks the grammar and nothing more; `validate/` decides whether the component is valid. Follows design/mvp/Binary.md,
 * "Component Definitions" and the sections after it.
 */
import { lacks } from "../model/lacks.ts";
import { readCanon } from "./canon.ts";
import { readCoreModule } from "./core-module.ts";
import { CoreTypeInterner } from "./core-types.ts";
import type { ComponentDefinition, CustomSection, Definition } from "./definition.ts";
import { readAlias, readCoreSort, readExternName, readExternType, readSortIndex } from "./externs.ts";
import { limits } from "./limits.ts";
import { Reader } from "./reader.ts";
import { readCoreType, readType } from "./type-section.ts";

const sectionNames: readonly string[] = [
  "custom section",
  "core module section",
  "core instance section",
  "core type section",
  "component section",
  "instance section",
  "alias section",
  "type section",
  "canon section",
  "start section",
  "import section",
  "export section",
  "value section",
];

/** What all nested components share. */
interface Shared {
  readonly interner: CoreTypeInterner;
  depth: number;
  components: number;
  modules: number;
}

/**
 * Decodes a component; offsets in it, and in errors, count from the start of `bytes`.
 *
 * @throws {DecodeError} when the bytes do not follow the grammar
 * @throws {UnsupportedError} when they use a feature-gated construct the host lacks
 */
export function decodeComponent(bytes: Uint8Array): ComponentDefinition {
  const shared: Shared = { interner: new CoreTypeInterner(), depth: 0, components: 0, modules: 0 };
  return readComponent(new Reader(bytes, 0, bytes.length, "component"), shared);
}

function readComponent(reader: Reader, shared: Shared): ComponentDefinition {
  const start = reader.offset;
  readPreamble(reader, start);
  const definitions: Definition[] = [];
  const customSections: CustomSection[] = [];
  while (reader.remaining > 0) {
    const offset = reader.offset;
    const id = reader.byte("a section id");
    const name = sectionNames[id];
    if (name === undefined) throw reader.error(`${id} is not the id of a component section`, offset);
    const size = reader.u32(`the size of the ${name}`);
    const section = reader.sub(size, name);
    if (id === 0) {
      const customName = section.name("the name of a custom section");
      customSections.push({ name: customName, offset, start: section.offset, end: section.end });
      continue;
    }
    readSection(section, id, definitions, shared);
    section.finish();
  }
  return { offset: start, byteLength: reader.end - start, definitions, customSections };
}

function readPreamble(reader: Reader, start: number): void {
  const { bytes } = reader;
  const magic = [0x00, 0x61, 0x73, 0x6d];
  for (const [place, expected] of magic.entries()) {
    if (reader.byte("the preamble of a component") !== expected) {
      throw reader.error("A component starts with the bytes 00 61 73 6d", start + place);
    }
  }
  reader.skip(4, "the version and layer of a component");
  const [v0, v1, l0, l1] = bytes.subarray(start + 4, start + 8);
  if (v0 === 0x01 && v1 === 0 && l0 === 0 && l1 === 0) {
    throw reader.error(
      "This is a core module, not a component; make one of it with `wasm-tools component new`",
      start + 4,
    );
  }
  if (l0 !== 0x01 || l1 !== 0) throw reader.error("Expected the layer 01 00 of a component", start + 6);
  if (v0 !== 0x0d || v1 !== 0) throw reader.error("Expected the version 0d 00 of a component", start + 4);
}

function readSection(reader: Reader, id: number, definitions: Definition[], shared: Shared): void {
  const each = (what: string, limit: number, read: (offset: number) => void): void => {
    reader.vector(what, limit, () => read(reader.offset));
  };
  switch (id) {
    case 1:
      definitions.push(readModule(reader, shared));
      return;
    case 2:
      each("core instances", limits.instances, (offset) => definitions.push(readCoreInstance(reader, offset)));
      return;
    case 3:
      each("core types", limits.types, (offset) => {
        for (const type of readCoreType(reader)) definitions.push({ kind: "core-type", offset, type });
      });
      return;
    case 4:
      definitions.push(readNestedComponent(reader, shared));
      return;
    case 5:
      each("instances", limits.instances, (offset) => definitions.push(readInstance(reader, offset)));
      return;
    case 6:
      each("aliases", limits.aliases, () => definitions.push(readAlias(reader)));
      return;
    case 7:
      each("types", limits.types, (offset) => definitions.push({ kind: "type", offset, type: readType(reader) }));
      return;
    case 8:
      each("canonical definitions", limits.canons, () => definitions.push(readCanon(reader)));
      return;
    case 9:
      throw lacks("component-start");
    case 10:
      each("imports", limits.imports, (offset) => {
        const name = readExternName(reader);
        definitions.push({ kind: "import", offset, name, type: readExternType(reader) });
      });
      return;
    case 11:
      each("exports", limits.exports, (offset) => {
        const name = readExternName(reader);
        const item = readSortIndex(reader);
        const type = reader.optional("the type of an export", () => readExternType(reader));
        definitions.push({ kind: "export", offset, name, item, type });
      });
      return;
    default:
      throw lacks("component-values");
  }
}

function readModule(reader: Reader, shared: Shared): Definition {
  const start = reader.offset;
  if (++shared.modules > limits.modules) throw reader.error(`There are more than ${limits.modules} core modules`);
  const type = readCoreModule(reader, shared.interner);
  return { kind: "core-module", offset: start, start, end: reader.end, type };
}

function readNestedComponent(reader: Reader, shared: Shared): Definition {
  const offset = reader.offset;
  if (++shared.components > limits.components)
    throw reader.error(`There are more than ${limits.components} components`);
  if (++shared.depth > limits.nesting) throw reader.error(`Components are nested deeper than ${limits.nesting}`);
  const component = readComponent(reader, shared);
  shared.depth--;
  return { kind: "component", offset, component };
}

function readCoreInstance(reader: Reader, offset: number): Definition {
  const byte = reader.byte("a core instance");
  if (byte === 0x00) {
    const module = reader.u32("a core module index");
    const args = reader.vector("arguments", limits.instantiateArguments, () => {
      const name = reader.name("the name of an argument");
      reader.expect(0x12, "the sort of an argument");
      return { name, instance: reader.u32("a core instance index") };
    });
    return { kind: "core-instance", offset, expr: { kind: "instantiate", module, args } };
  }
  if (byte !== 0x01) throw reader.unknown(byte, "a core instance");
  const exports = reader.vector("exports", limits.inlineExports, () => {
    const name = reader.name("the name of an export");
    return { name, sort: readCoreSort(reader), index: reader.u32("an index") };
  });
  return { kind: "core-instance", offset, expr: { kind: "exports", exports } };
}

function readInstance(reader: Reader, offset: number): Definition {
  const byte = reader.byte("an instance");
  if (byte === 0x00) {
    const component = reader.u32("a component index");
    const args = reader.vector("arguments", limits.instantiateArguments, () => {
      const name = reader.name("the name of an argument");
      return { name, item: readSortIndex(reader) };
    });
    return { kind: "instance", offset, expr: { kind: "instantiate", component, args } };
  }
  if (byte !== 0x01) throw reader.unknown(byte, "an instance");
  const exports = reader.vector("exports", limits.inlineExports, () => {
    const name = readExternName(reader);
    return { name, item: readSortIndex(reader) };
  });
  return { kind: "instance", offset, expr: { kind: "exports", exports } };
}
