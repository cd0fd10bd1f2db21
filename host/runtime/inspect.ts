/**
 * What is in a component, as plain data and as text: imports, exports, their WIT, core modules, memories, producers.
 *
 * Looks at bytes only: nothing is compiled or run, so a component that this host cannot run can still be inspected.
 */
import type { ComponentDefinition } from "../binary/definition.ts";
import { Reader } from "../binary/reader.ts";
import type { ValidatedComponent } from "../binary/validate/index.ts";
import { UnsupportedError } from "../errors.ts";
import { formatCoreModule } from "../model/core-text.ts";
import { printable } from "../model/printable.ts";
import { formatExtern } from "../model/text.ts";
import type { CoreLimits, CoreModuleType, ExternDecl } from "../model/types.ts";
import { formatWorld } from "../model/wit.ts";
import { readComponent } from "../plan/analyze.ts";
import { planComponent } from "../plan/planner.ts";

export interface InspectedExtern {
  readonly name: string;
  /** `func`, `instance`, `type`, `resource-type`, `core-module` or `component`. */
  readonly kind: string;
  /** WIT-like text of the type. */
  readonly type: string;
}

export interface InspectedModule {
  /** Bytes of the core module. */
  readonly byteLength: number;
  readonly imports: number;
  readonly exports: readonly string[];
  /** Linear memories the module exports; sizes in pages of 64 KiB, `maximum` absent when there is none. */
  readonly memories: readonly { readonly name: string; readonly minimum: number; readonly maximum?: number }[];
}

/** JSON-able. */
export interface Inspection {
  /** SHA-256 of the bytes, lower-case hex. */
  readonly hash: string;
  readonly byteLength: number;
  readonly imports: readonly InspectedExtern[];
  readonly exports: readonly InspectedExtern[];
  /** The world as WIT text. */
  readonly wit: string;
  readonly modules: readonly InspectedModule[];
  /** By field (`language`, `processed-by`, `sdk`): names with their versions, from every producers section. */
  readonly producers: Readonly<Record<string, readonly { readonly name: string; readonly version: string }[]>>;
  /** Custom sections of the component itself, by name and payload size in bytes. */
  readonly customSections: readonly { readonly name: string; readonly byteLength: number }[];
  /** Why this host cannot run the component, when it cannot. */
  readonly unsupported?: string;
}

/**
 * Inspects a component.
 * @param hash SHA-256 of the bytes, hex
 * @throws {DecodeError} when the bytes are not a valid component
 */
export function inspectBytes(bytes: Uint8Array, hash: string): Inspection {
  const component = readComponent(bytes);
  const { definition } = component;
  const { imports, exports, unsupported } = externs(component);
  return {
    hash,
    byteLength: bytes.byteLength,
    imports: inspectExterns(imports),
    exports: inspectExterns(exports),
    wit: formatWorld("root", imports, exports),
    modules: modulesOf(definition),
    producers: producersOf(definition, bytes),
    customSections: definition.customSections.map(({ name, start, end }) => ({ name, byteLength: end - start })),
    ...(unsupported === undefined ? {} : { unsupported }),
  };
}

function externs(component: ValidatedComponent): {
  imports: readonly ExternDecl[];
  exports: readonly ExternDecl[];
  unsupported?: string;
} {
  try {
    const { imports, exportDecls } = planComponent(component);
    return { imports, exports: exportDecls, ...whyUnsupported(component) };
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    return { imports: [], exports: [], unsupported: error.message };
  }
}

function whyUnsupported(component: ValidatedComponent): { unsupported?: string } {
  try {
    planComponent(component);
    return {};
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    return { unsupported: error.message };
  }
}

function inspectExterns(decls: readonly ExternDecl[]): InspectedExtern[] {
  return decls.map(({ name, type }) => ({
    name,
    kind: type.kind,
    type: type.kind === "core-module" ? formatCoreModule(type) : formatExtern(type, decls.length),
  }));
}

function modulesOf(definition: ComponentDefinition): InspectedModule[] {
  return definition.definitions.flatMap((item): InspectedModule[] => {
    if (item.kind === "component") return modulesOf(item.component);
    return item.kind === "core-module" ? [inspectModule(item.end - item.start, item.type)] : [];
  });
}

function inspectModule(byteLength: number, type: CoreModuleType): InspectedModule {
  return {
    byteLength,
    imports: type.imports.length,
    exports: type.exports.map(({ name }) => name),
    memories: type.exports.flatMap((item) =>
      item.type.kind === "core-memory" ? [{ name: item.name, ...pages(item.type.limits) }] : [],
    ),
  };
}

function pages({ min, max }: CoreLimits): { minimum: number; maximum?: number } {
  return { minimum: Number(min), ...(max === undefined ? {} : { maximum: Number(max) }) };
}

function producersOf(
  definition: ComponentDefinition,
  bytes: Uint8Array,
): Record<string, { name: string; version: string }[]> {
  const known = new Set<string>();
  // Without a prototype: a field may have any name, such as `constructor`.
  const found = Object.create(null) as Record<string, { name: string; version: string }[]>;
  collectProducers(definition, bytes, (field, name, version) => {
    const values = (found[field] ??= []);
    const key = JSON.stringify([field, name, version]);
    if (!known.has(key)) values.push({ name, version });
    known.add(key);
  });
  return found;
}

/** The producers section has the form that the tool conventions give it for core modules. */
function collectProducers(
  definition: ComponentDefinition,
  bytes: Uint8Array,
  report: (field: string, name: string, version: string) => void,
): void {
  for (const { name, start, end } of definition.customSections) {
    if (name === "producers") readProducers(bytes, start, end, report);
  }
  for (const item of definition.definitions) {
    if (item.kind === "component") collectProducers(item.component, bytes, report);
  }
}

function readProducers(
  bytes: Uint8Array,
  start: number,
  end: number,
  report: (field: string, name: string, version: string) => void,
): void {
  try {
    const reader = new Reader(bytes, start, end, "producers section");
    for (let fields = reader.u32("count"); fields > 0; fields--) {
      const field = reader.name("name");
      for (let count = reader.u32("count"); count > 0; count--) report(field, reader.name("name"), reader.name("name"));
    }
  } catch {
    // A custom section need not be well formed; what could be read is reported.
  }
}

/** An inspection as text for people. */
export function formatInspection(inspection: Inspection): string {
  const lines = [`component, ${inspection.byteLength} bytes, sha256 ${inspection.hash}`];
  if (inspection.unsupported !== undefined) lines.push(`not runnable here: ${printable(inspection.unsupported)}`);
  lines.push("", inspection.wit.trimEnd(), "", "core modules:");
  for (const [index, module] of inspection.modules.entries()) {
    const memories = module.memories.map(
      ({ name, minimum, maximum }) => `, memory "${printable(name)}" ${minimum}..${maximum ?? ""} pages`,
    );
    lines.push(
      `  ${index}: ${module.byteLength} bytes, ${module.imports} imports, ${module.exports.length} exports${memories.join("")}`,
    );
  }
  const producers = Object.entries(inspection.producers);
  if (producers.length > 0) lines.push("", "producers:");
  for (const [field, values] of producers) {
    const text = values.map(({ name, version }) => `${name} ${version}`.trim()).join(", ");
    lines.push(printable(`  ${field}: ${text}`));
  }
  return `${lines.join("\n")}\n`;
}
