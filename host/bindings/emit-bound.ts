/**
 * The ahead-of-time form of a component: its plan and its generated function in an ES module, for pages that forbid
 * evaluation or want to start without the compiler.
 */
import { key, quote } from "../abi/emit/code.ts";
import type { Plan, PlanSurface } from "../plan/plan.ts";
import { emitBindings } from "./emit.ts";
import { FORMAT } from "./format.ts";

/** A core module beside the bound module: its file name and the SHA-256 of its bytes, hex. */
export interface BoundModule {
  readonly file: string;
  readonly hash: string;
}

/**
 * The source of an ES module whose default export is a source for `compile` and `load`.
 * @param hash SHA-256 of the component, hex
 * @param modules one for each module of the plan; `undefined` for those that are imported
 */
export function emitBoundModule(
  name: string,
  hash: string,
  plan: Plan,
  modules: readonly (BoundModule | undefined)[],
): string {
  const text = emitBindings(plan)
    .replace(/^"use strict";\nreturn /, "")
    .replace(/;\n$/, "\n");
  const { statements, expression } = toSource(surfaceOf(plan));
  const files = modules.map((module) =>
    module === undefined
      ? "undefined"
      : `{ url: new URL(${quote(`./${module.file}`)}, import.meta.url), hash: ${quote(module.hash)} }`,
  );
  return [
    "// Written by `tenon bind`; do not edit. The default export is a source for `compile` and `load`.",
    ...statements,
    `const plan = ${expression};`,
    text,
    `export default {`,
    `  format: ${FORMAT},`,
    `  name: ${quote(name)},`,
    `  hash: ${quote(hash)},`,
    "  plan,",
    `  modules: [${files.join(", ")}],`,
    "  instantiate,",
    "};",
    "",
  ].join("\n");
}

function surfaceOf({ imports, exportDecls, hostFuncs, resources, exports, lifts, modules }: Plan): PlanSurface {
  return {
    imports,
    exportDecls,
    hostFuncs,
    resources,
    exports,
    lifts: lifts.map(({ type }) => ({ type })),
    modules: modules.map((module) =>
      module.kind === "embedded" ? { kind: module.kind } : { kind: module.kind, path: module.path },
    ),
  };
}

/** Plain data as JavaScript source. An object met twice becomes a constant, because types are equal by identity. */
function toSource(value: unknown): { statements: string[]; expression: string } {
  const uses = new Map<object, number>();
  const count = (at: unknown): void => {
    if (typeof at !== "object" || at === null) return;
    const seen = uses.get(at) ?? 0;
    uses.set(at, seen + 1);
    if (seen === 0) Object.values(at).forEach(count);
  };
  count(value);
  const names = new Map<object, string>();
  const statements: string[] = [];
  const write = (at: unknown): string => {
    if (typeof at === "bigint") return `${at}n`;
    if (typeof at === "string") return quote(at);
    if (typeof at !== "object" || at === null) return String(at);
    const known = names.get(at);
    if (known !== undefined) return known;
    const text = Array.isArray(at)
      ? `[${at.map(write).join(", ")}]`
      : `{ ${Object.entries(at)
          .filter(([, member]) => member !== undefined)
          .map(([name, member]) => `${key(name)}: ${write(member)}`)
          .join(", ")} }`;
    if (uses.get(at) === 1) return text;
    const name = `s${names.size}`;
    names.set(at, name);
    statements.push(`const ${name} = ${text};`);
    return name;
  };
  const expression = write(value);
  return { statements, expression };
}
