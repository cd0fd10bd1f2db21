/**
 * What users hold of a module: it reaches the record through its own functions, and nothing else of it.
 */
import type { Source } from "../platform.ts";
import { traced } from "./context.ts";
import { unloadModule } from "./life/unload.ts";
import type { CallLimits } from "../runtime/engine.ts";
import type { ModuleRecord } from "./module.ts";
import type { Module, ReloadOptions, UnloadOptions, UnloadReceipt } from "./types.ts";

/** The object that users hold for a module. */
export function publicModule(record: ModuleRecord): Module {
  const unload = (options: UnloadOptions = {}): Promise<UnloadReceipt> =>
    traced(record.context, "unload", { module: record.name, hash: record.hash }, () => unloadModule(record, options));
  return Object.freeze({
    get name() {
      return record.name;
    },
    get state() {
      return record.state;
    },
    get hash() {
      return record.hash;
    },
    get exports() {
      return record.tree.object;
    },
    get trap() {
      return record.trap;
    },
    get: (path: string) => record.tree.find(path),
    require: (path: string) => record.require(path),
    info: () => record.info(),
    usage: () => record.run.usage(),
    with: (limits: CallLimits) => record.with(limits),
    reload: (source?: Source, options: ReloadOptions = {}) => record.reload(source, options),
    unload,
    async [Symbol.asyncDispose]() {
      await unload({ force: true, cascade: true });
    },
    // What `console.log` shows in Node: facts instead of getters.
    [Symbol.for("nodejs.util.inspect.custom")]: () => record.info(),
  });
}
