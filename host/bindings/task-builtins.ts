/** The built-ins of tasks, by their names in the specification: what each takes, and the statement that is its text. */
import type { CoreItem, TaskBuiltin } from "../plan/plan.ts";

interface BuiltinText {
  readonly params: string;
  readonly body: string;
}

/** Names a memory or a table in the text. */
type NameOf = (item: CoreItem | undefined) => string | undefined;

/** Parameters and result of the built-ins in which a guest may have to wait, in letters. */
export function builtinSignature({ name }: TaskBuiltin): readonly [params: string, result: string] {
  if (/^stream\.(read|write)$/.test(name)) return ["iii", "i"];
  if (/^future\.(read|write)$/.test(name) || name === "waitable-set.wait") return ["ii", "i"];
  return [name === "thread.yield" || name === "thread.suspend" ? "" : "i", "i"];
}

/** The text of a built-in, but for `task.return`, which lifts. */
export function builtinText(item: TaskBuiltin, nameOf: NameOf): BuiltinText {
  const { name, component, async = false, cancellable = false } = item;
  const a = `q${component}`;
  const method = name.replace(/[.-](.)/g, (_, letter: string) => letter.toUpperCase());
  const call = (...args: readonly (string | boolean)[]): string => `return tk.${method}(${[a, ...args].join(", ")});`;
  switch (name) {
    case "backpressure.inc":
    case "backpressure.dec":
    case "task.cancel":
    case "waitable-set.new":
    case "thread.index":
      return { params: "", body: call() };
    case "waitable-set.wait":
    case "waitable-set.poll":
      return { params: "set, pointer", body: call(cancellable, nameOf(item.memory)!, "set", "pointer") };
    case "waitable-set.drop":
    case "subtask.drop":
    case "thread.resume-later":
      return { params: "index", body: call("index") };
    case "waitable.join":
      return { params: "index, set", body: call("index", "set") };
    case "subtask.cancel":
      return { params: "index", body: call(async, "index") };
    case "thread.new-indirect":
      return { params: "index, context", body: call(nameOf(item.table)!, "index", "context") };
    case "thread.suspend":
    case "thread.yield":
      return { params: "", body: call(cancellable) };
    default:
      // What gives another thread the turn: suspend or yield, then resume or promote.
      return { params: "index", body: call(cancellable, "index") };
  }
}
