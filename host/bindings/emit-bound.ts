/**
 * The ahead-of-time form of a component: its plan and its generated function in an ES module, for pages that forbid
 * evaluation or want to start without the compiler.
 */
import { key, quote } from "../abi/emit/code.ts";
import { Budget } from "../budget.ts";
import { isAsynchronous } from "../plan/asynchronous.ts";
import type { Plan, KeptPlan } from "../plan/plan.ts";
import { emitBindings } from "./emit.ts";
import { FORMAT } from "./format.ts";
import type { TextStyle } from "./names.ts";
import { taskText } from "./tasks.ts";

/** A core module beside the bound module: its file name and the SHA-256 of its bytes, hex. */
export interface BoundModule {
  readonly file: string;
  readonly hash: string;
  /** JavaScript for it, where it is not looked for beside the text: an object with `url` and `hash`, or a compiled module. */
  readonly expression?: string | undefined;
  /** What was added to it for limits. All core modules have it, or none. */
  readonly metered?: object | undefined;
  /** Where its code is, where core modules bring source lines: plain data, for every core module or none. */
  readonly lines?: object | null | undefined;
}

/** What a reader of the text needs to know of its names. */
const legend: readonly string[] = [
  "//",
  "// In `instantiate`, numbers tell apart what there may be several of:",
  "//   i  a component instance: whether it is entered (0 idle, 1 running, 2 trapped, 6 unloaded) and may leave, its handles",
  "//   m  a linear memory    r  its realloc, checked    x  a core instance    c  a core function of one",
  "//   f  a lifted function: what an export calls    g  a lowered function or built-in: what a core module calls",
  "//   h  an import    w  an import that is exported again    o  the host's objects of a resource type    s  a type",
  "//   K, L, S  check, load and store the values of one type; a, p, v  arguments, core parameters and values of a call",
];

/** And where calls may wait. */
const waitingLegend: readonly string[] = [
  "//   j  the functions between guests and host, in which the engine can suspend    f  begins a call    d  takes what it returns",
  "//   t  what a guest calls, as far as the host's function    k  goes on with what that gave, at once or after a wait",
];

/** And where functions are asynchronous. */
const taskLegend: readonly string[] = [
  "//   tk  the tasks of the instance    q  a component instance's side of them    l  a lifted function    s  begins a call of it",
  "//   d  takes what it returns    k  goes on with the result of a call of another    y  such a call    u  copies elements",
  "//   e  a type of streams or futures    j  core functions in which a guest may be suspended    t  what they call",
];

/**
 * The source of an ES module whose default export is a source for `compile` and `load`.
 * @param hash SHA-256 of the component, hex
 * @param modules one for each module of the plan; `undefined` for those that are imported
 * @param how.budget the work allowed, by default for the text alone
 * @param how.waiting writes calls that may wait; a host tells such bindings by their format, which is negative
 * @throws {UnsupportedError} when the text would be out of all proportion to the component
 * @throws {UsageError} for calls that may wait where functions are asynchronous, and wait by themselves
 */
export function emitBoundModule(
  name: string,
  hash: string,
  plan: Plan,
  modules: readonly (BoundModule | undefined)[],
  { budget = new Budget(plan.byteLength), waiting }: Pick<TextStyle, "waiting"> & { readonly budget?: Budget } = {},
): string {
  const [metered, lines] = [
    modules.some((module) => module?.metered !== undefined),
    modules.some((module) => module?.lines !== undefined),
  ];
  const asynchronous = isAsynchronous(plan);
  // The text is for engines that suspend frames and for those that do not.
  const tasks = asynchronous ? taskText(true, false) : undefined;
  const text = emitBindings(plan, budget, { annotated: true, metered, waiting, tasks })
    .replace(/^"use strict";\nreturn /, "")
    .replace(/;\n$/, "\n");
  const { statements, expression } = toSource(keptPart(plan), budget);
  const files = modules.map((module) =>
    module === undefined
      ? "undefined"
      : (module.expression ??
        `{ url: new URL(${quote(`./${module.file}`)}, import.meta.url), hash: ${quote(module.hash)} }`),
  );
  return [
    "// Written by `tenon bind`; do not edit. The default export is a source for `compile` and `load`.",
    ...legend,
    ...(waiting === undefined ? [] : waitingLegend),
    ...(asynchronous ? taskLegend : []),
    ...statements,
    `const plan = ${expression};`,
    text,
    `export default {`,
    `  format: ${waiting === undefined ? FORMAT : -FORMAT},`,
    `  name: ${quote(name)},`,
    `  hash: ${quote(hash)},`,
    "  plan,",
    `  modules: [${files.join(", ")}],`,
    "  instantiate,",
    ...(asynchronous ? ["  asynchronous: true,"] : []),
    ...(metered ? [`  metered: ${JSON.stringify(modules.map((module) => module?.metered ?? null))},`] : []),
    ...(lines ? [`  lines: ${JSON.stringify(modules.map((module) => module?.lines ?? null))},`] : []),
    "};",
    "",
  ].join("\n");
}

function keptPart({ imports, exportDecls, hostFuncs, resources, exports, lifts, modules }: Plan): KeptPlan {
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

/** Plain data as JavaScript source: constants, and an expression that uses them. An object met twice becomes a constant, because types are equal by identity. */
export function toSource(value: unknown, budget: Budget): { statements: string[]; expression: string } {
  const uses = new Map<object, number>();
  const count = (at: unknown): void => {
    budget.spend(1 + (typeof at === "string" ? at.length >> 2 : 0), "generate bindings for");
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
