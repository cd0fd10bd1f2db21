/**
 * The structure of a plan as text: everything generated text depends on, and nothing else.
 *
 * Two components with the same key share one generated function, however different their code.
 */
import { TypeNumbers } from "../abi/emit/context.ts";
import type { FuncType } from "../model/types.ts";
import type { CoreInstanceRef, CoreItem, ExportPlan, Options, Plan, TaskBuiltin } from "../plan/plan.ts";
import { hasAbortHook } from "./guest-hooks.ts";
import { FORMAT } from "./format.ts";

export function planKey(plan: Plan): string {
  const types = new TypeNumbers(new Map(plan.resources.map(({ type }, index) => [type, index])));
  const func = (type: FuncType): unknown[] => [
    ...type.params.map((param) => types.of(param.type)),
    type.result === undefined ? null : types.of(type.result),
    ...(type.async ? ["async"] : []),
  ];
  const exports = (list: readonly ExportPlan[]): unknown[] =>
    list.map(({ name, item }) => {
      switch (item.kind) {
        case "func":
          return [name, item.func, item.type.params.length];
        case "instance":
          return [name, exports(item.exports)];
        case "resource":
          return [name, "resource", item.resource];
        case "module":
          return [name, "module", item.module];
        case "component":
          return [name, "component"];
        case "type":
          return [name];
      }
    });
  // A core export may be used by any number of functions: its name is written once, and its number wherever it is used.
  const coreExports = new Map<CoreItem, number>();
  const core = (item: CoreItem | undefined): string | null => {
    if (item === undefined) return null;
    if (item.kind === "trampoline") return `g${item.trampoline}`;
    let number = coreExports.get(item);
    if (number === undefined) coreExports.set(item, (number = coreExports.size));
    return `c${number}`;
  };
  const options = ({ encoding, memory, realloc, postReturn, async, callback }: Options): unknown[] => [
    encoding,
    core(memory),
    core(realloc),
    core(postReturn),
    ...(async ? ["async", core(callback)] : []),
  ];
  const task = ({ type, result, options: given, memory, table, ...rest }: TaskBuiltin): unknown =>
    type === undefined && result === undefined && given === undefined && memory === undefined && table === undefined
      ? rest
      : {
          ...rest,
          types: [type, result].map((of) => of && types.of(of)),
          options: given && options(given),
          core: [core(memory), core(table)],
        };
  const source = (ref: CoreInstanceRef): unknown =>
    ref.kind === "instance" ? ref.instance : ref.items.map(({ name, item }) => [name, core(item)]);
  const structure = [
    FORMAT,
    plan.components.map((parent) => parent ?? null),
    plan.modules.map((module) => [hasAbortHook(module), memoryExports(module) ?? null]),
    plan.steps.map(({ module, args }) => [module, args.map((arg) => [arg.name, source(arg.source)])]),
    plan.lifts.map((lift) => [core(lift.core), func(lift.type), options(lift.options), lift.component]),
    plan.hostFuncs.map(({ path, type }) => [path.at(-1), func(type)]),
    plan.trampolines.map((item) =>
      item.kind === "lower"
        ? { ...item, type: func(item.type), options: options(item.options) }
        : item.kind === "task"
          ? task(item)
          : item,
    ),
    plan.resources.map(({ name, origin }) => [
      name,
      origin.kind === "host" ? "host" : { component: origin.component, dtor: core(origin.dtor) },
    ]),
    exports(plan.exports),
  ];
  const names = [...coreExports.keys()].map((item) => (item.kind === "export" ? [item.instance, item.name] : item));
  return JSON.stringify([structure, names, types.keys()]);
}

/**
 * The names under which a core module exports memories, its own or imported ones; `undefined` when the host's user supplies
 * it, because such a module may export more than its type says.
 */
export function memoryExports(module: Plan["modules"][number]): readonly string[] | undefined {
  if (module.kind === "imported") return undefined;
  const exported = module.type.exports.filter((item) => item.type.kind === "core-memory").map(({ name }) => name);
  return [...exported, ...(module.hidden ?? [])];
}
