/**
 * The text of the core functions that the host makes for core modules to import, resource built-ins among them.
 *
 * Follows design/mvp/CanonicalABI.md, `canon resource.*` and the task built-ins.
 */
import { Code, quote } from "../abi/emit/code.ts";
import { ENTERED } from "../abi/entered.ts";
import { beginTask, endTask, entryOf, guard, guarded, LOCK, unsuspended } from "./crossing.ts";
import { emitLower } from "./canon-lower.ts";
import type { Trampoline } from "../plan/plan.ts";
import type { Names } from "./names.ts";

/** A core function that the host makes for core modules to import. */
export function emitTrampoline(names: Names, index: number): Code {
  const trampoline = names.plan.trampolines[index]!;
  const code = new Code(names.budget);
  const name = `g${index}`;
  if (trampoline.kind !== "lower") names.annotate(code, `canon ${describe(names, trampoline)}`);
  switch (trampoline.kind) {
    case "lower":
      emitLower(names, name, trampoline, code);
      break;
    case "resource.new":
      code.block(`function ${name}(rep)`, () => {
        guard(trampoline.component, code);
        guarded(code, () =>
          code.line(`return i${trampoline.component}.handles.add(${trampoline.resource}, rep, true, undefined);`),
        );
      });
      break;
    case "resource.rep":
      code.block(`function ${name}(index)`, () => {
        guarded(code, () => code.line(`return i${trampoline.component}.handles.rep(index, ${trampoline.resource});`));
      });
      break;
    case "resource.drop":
      code.block(`function ${name}(index)`, () => {
        guard(trampoline.component, code);
        guarded(code, () => emitDrop(names, trampoline.component, trampoline.resource, code));
      });
      break;
    case "context.get":
      code.line(`function ${name}() { return ${slotOf(names, trampoline)}; }`);
      break;
    case "context.set":
      code.line(`function ${name}(value) { ${slotOf(names, trampoline)} = value; }`);
      break;
    case "task":
      emitTask(name, trampoline.name, trampoline.component, code);
      break;
  }
  return code;
}

/** A context slot: of the thread that runs, where there may be several. */
function slotOf({ tasks }: Names, { component, slot }: { readonly component: number; readonly slot: number }): string {
  return tasks === undefined ? `i${component}.context[${slot}]` : `tk.current.context${slot}`;
}

/** A built-in as the specification writes it. */
function describe({ plan }: Names, item: Exclude<Trampoline, { kind: "lower" }>): string {
  switch (item.kind) {
    case "task":
      return item.name;
    case "context.get":
    case "context.set":
      return `${item.kind} ${item.slot}`;
    default:
      return `${item.kind} ${plan.resources[item.resource]!.name}`;
  }
}

/** A built-in of tasks where every call runs to its end: of all that there are, these have nothing to do. */
function emitTask(name: string, builtin: string, component: number, code: Code): void {
  code.block(`function ${name}()`, () => {
    if (builtin !== "thread.yield") return;
    guard(component, code);
    code.line("return 0;");
  });
}

function emitDrop(names: Names, component: number, resource: number, code: Code): void {
  const { origin } = names.plan.resources[resource]!;
  code.line(`const handle = i${component}.handles.drop(index, ${resource});`);
  if (origin.kind === "host") {
    code.line(`if (handle.own) rt.dropHost(${resource}, handle.rep);`);
    return;
  }
  const { dtor } = origin;
  const { busy, enter, leave } = entryOf(names.plan, origin.component, component);
  if (dtor === undefined) {
    // The specification calls an empty destructor, which must be allowed to enter all the same.
    if (busy !== "") code.line(`if (handle.own && (${busy})) throw rt.enter();`);
    return;
  }
  code.block("if (handle.own)", () => {
    if (busy !== "") {
      code.line(`if (${busy}) throw rt.enter();`);
      code.line(enter);
    }
    const call = `${names.core(dtor)}(handle.rep);`;
    if (names.tasks !== undefined) beginTask(names, origin.component, code);
    unsuspended({ names, code }, "a destructor runs", () => code.line(call));
    endTask(names, code);
    if (busy !== "") code.line(leave);
  });
}

/** Registers a guest's resource with the function by which the host drops one. */
export function emitDestructor(names: Names, index: number): Code {
  const { origin, name } = names.plan.resources[index]!;
  const code = new Code(names.budget);
  if (origin.kind === "host") return code;
  const { busy, enter, leave } = entryOf(names.plan, origin.component, undefined);
  names.annotate(code, `the destructor of ${name}, for the host`);
  code.block(
    `rt.resource(${index}, ${quote(name)}, ${names.waiting === undefined ? "(rep) =>" : "function drop(rep)"}`,
    () => {
      // A locked instance has nothing left to drop, and a second error would hide the trap from `using`.
      code.line(`if (i0.entered > ${ENTERED}) return;`);
      const { waiting } = names;
      code.line(`if (${busy}) ${waiting === undefined ? "throw rt.refuse(-1)" : "return rt.waiter.after(drop, rep)"};`);
      if (origin.dtor === undefined) return;
      code.line(enter);
      const call = `${names.core(origin.dtor)}(rep);`;
      if (names.tasks !== undefined) beginTask(names, origin.component, code);
      code.block("try", () => code.line(names.metered ? `rt.meter.begin(); ${call}` : call), "} catch (error) {");
      code.line(`  ${LOCK} throw rt.fault(-1, error);`);
      code.line("}");
      if (names.metered) code.line("rt.meter.finish();");
      code.line(`if (i0.entered !== ${ENTERED}) throw rt.fault(-1);`);
      endTask(names, code);
      code.line(leave);
    },
    "});",
  );
  return code;
}
