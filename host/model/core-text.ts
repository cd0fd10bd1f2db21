/** Core types in words: what core modules import and export. */
import type { CoreExternType, CoreLimits, CoreModuleType } from "./types.ts";

/** The text of a core module's type. */
export function formatCoreModule(type: CoreModuleType): string {
  const items = [
    ...type.imports.map(({ module, name, type: item }) => `import ${module}.${name}: ${formatCoreExtern(item)}`),
    ...type.exports.map(({ name, type: item }) => `export ${name}: ${formatCoreExtern(item)}`),
  ];
  return items.length === 0 ? "core module {}" : `core module { ${items.join(", ")} }`;
}

/** The text of what a core module imports or exports: `func(i32) -> i32`, `memory 1..16`. */
export function formatCoreExtern(type: CoreExternType): string {
  switch (type.kind) {
    case "core-func": {
      const results = type.results.length === 0 ? "" : ` -> ${type.results.join(", ")}`;
      return `func(${type.params.join(", ")})${results}`;
    }
    case "core-memory":
      return `memory ${formatLimits(type.limits)}`;
    case "core-table":
      return `table ${formatLimits(type.limits)} of ${type.element}`;
    case "core-global":
      return `global ${type.mutable ? "mut " : ""}${type.type}`;
    case "core-tag":
      return `tag(${type.params.join(", ")})`;
  }
}

function formatLimits({ min, max, shared, index }: CoreLimits): string {
  const range = max === undefined ? `${min}..` : `${min}..${max}`;
  return [range, ...(index === "i64" ? ["i64"] : []), ...(shared ? ["shared"] : [])].join(" ");
}
