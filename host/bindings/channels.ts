/**
 * The text of streams, futures and error contexts: their built-ins, and what `abi/async/` is told of their types and elements.
 *
 * e: what passes the values of one type · u: how a guest reads or writes elements of a type. Follows
 * design/mvp/CanonicalABI.md, `canon stream.*` and what follows.
 */
import { quote } from "../abi/emit/code.ts";
import type { Code } from "../abi/emit/code.ts";
import { partsOf } from "../model/cases.ts";
import { mayBeArray } from "../model/facts.ts";
import type { AsyncValueType, FuncType, ValueType } from "../model/types.ts";
import type { Options, TaskBuiltin } from "../plan/plan.ts";
import type { Names } from "./names.ts";
import type { TextTools } from "./text-tools.ts";

interface Builtin {
  readonly params: string;
  write(code: Code): void;
}

/** What a built-in does with elements, and how. */
interface Copying {
  readonly type: AsyncValueType;
  readonly options: Options;
  readonly component: number;
  readonly reads: boolean;
}

const STRING: ValueType = { kind: "string" };

export class Channels {
  readonly #tools: TextTools;
  /** The names of what copies elements, by what distinguishes them. */
  readonly #accesses = new Map<string, string>();
  readonly #written: Code[] = [];

  constructor(tools: TextTools) {
    this.#tools = tools;
  }

  /** A built-in of streams, futures or error contexts; `undefined` for any other. */
  builtin(names: Names, item: TaskBuiltin): Builtin | undefined {
    const { name, component, async = false } = item;
    const a = `q${component}`;
    const line = (params: string, text: string): Builtin => ({ params, write: (code) => code.line(text) });
    const [kind, action] = name.split(".") as [string, string];
    if (kind === "error-context") return this.#errorContext(names, item, action);
    if (kind !== "stream" && kind !== "future") return undefined;
    const type = item.type!;
    const e = names.emitter.passing(type);
    const method = action.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    switch (action) {
      case "new":
        return line("", `return ${e}.make(${a});`);
      case "read":
      case "write": {
        const options = item.options!;
        const u = this.#access(names, { type, options, component, reads: action === "read" });
        const length = kind === "stream" ? "length" : "1";
        const call = `return tk.${action}(${u}, index, pointer, ${length});`;
        return line(kind === "stream" ? "index, pointer, length" : "index, pointer", call);
      }
      case "cancel-read":
      case "cancel-write":
        return line("index", `return tk.${method}(${a}, ${e}, ${async}, index);`);
      default:
        return line("index", `tk.${method}(${a}, ${e}, index);`);
    }
  }

  #errorContext(names: Names, { options, component }: TaskBuiltin, action: string): Builtin {
    const tools = this.#tools;
    const a = `q${component}`;
    if (action === "drop") return { params: "index", write: (code) => code.line(`tk.errorContextDrop(${a}, index);`) };
    const crossing = (code: Code): ReturnType<TextTools["crossingOf"]> =>
      tools.crossingOf(names, code, { options: options!, component }, "host", undefined);
    if (action === "new") {
      return {
        params: "pointer, length",
        write: (code) => {
          const side = crossing(code);
          code.line(`${side.context.memory}.beginLift();`);
          code.line(`return tk.errorContextNew(${a}, ${tools.liftFlat(side, STRING, ["pointer", "length"])});`);
        },
      };
    }
    return {
      params: "index, pointer",
      write: (code) => {
        const side = crossing(code);
        code.line(`const words = tk.errorContextDebugMessage(${a}, index);`);
        code.line(`${side.context.memory}.sync();`);
        const at = code.name(`${side.context.memory}.check(pointer, 8, 4)`);
        tools.store(side, STRING, "words", at);
      },
    };
  }

  /** The name of what tells how a built-in copies elements. */
  #access(names: Names, copying: Copying): string {
    const { type, options, component, reads } = copying;
    const e = names.emitter.passing(type);
    const memory = names.memory(options);
    const plain = type.type === undefined || this.#tools.typedArrayOf(type.type) !== undefined;
    const own = [reads, options.encoding, names.realloc(options, component)];
    const key = JSON.stringify([e, component, options.async, memory, ...(plain ? [] : own)]);
    let name = this.#accesses.get(key);
    if (name === undefined) {
      this.#accesses.set(key, (name = `u${this.#accesses.size}`));
      const code = new this.#tools.Code(names.budget);
      this.#written.push(code);
      code.block(
        `const ${name} =`,
        () => {
          code.line(`type: ${e}, instance: q${component}, async: ${options.async === true},`);
          code.line(`memory: ${memory ?? "undefined"}, encoding: ${quote(options.encoding)},`);
          if (!plain) this.#writeAccess(names, code, copying, type.type!);
        },
        "};",
      );
    }
    return name;
  }

  #writeAccess(names: Names, code: Code, { type, reads, ...side }: Copying, element: ValueType): void {
    const tools = this.#tools;
    if (!reads) {
      for (const [name, peer] of [
        ["load", "guest"],
        ["give", "host"],
      ] as const) {
        const crossing = tools.crossingOf(names, code, side, peer, undefined);
        code.block(`${name}(p)`, () => code.line(`return ${tools.load(crossing, element, "p")};`), "},");
      }
      code.block(
        "given()",
        () => tools.settleGiven(tools.crossingOf(names, code, side, "host", undefined), [element]),
        "},",
      );
      return;
    }
    // A string is lowered as the encoding that it comes from has it.
    const e = names.emitter.passing(type);
    const encodings = new Set(
      names.plan.trampolines.flatMap((item) =>
        item.kind === "task" && item.name.endsWith(".write") && names.emitter.passing(item.type!) === e
          ? [item.options!.encoding]
          : [],
      ),
    );
    code.block(
      "store:",
      () => {
        for (const encoding of encodings) {
          const crossing = tools.crossingOf(names, code, side, "guest", encoding);
          code.block(`${quote(encoding)}(v, p)`, () => tools.store(crossing, element, "v", "p"), "},");
        }
      },
      "},",
    );
    const crossing = tools.crossingOf(names, code, side, "host", undefined);
    code.block("take(v, p)", () => tools.store(crossing, element, "v", "p"), "},");
  }

  /** The declarations of all that was named: after everything else has been written. */
  declare(names: Names): readonly string[] {
    const paths = names.emitter.passed.size === 0 ? undefined : this.#paths(names);
    const lines: string[] = [];
    // What elements hold is named while they are described.
    for (const [name, type] of names.emitter.passed) {
      if (type.kind === "stream" || type.kind === "future") {
        lines.push(`const ${name} = tk.${type.kind}(${this.#traits(names, type.type, paths!.get(name))});`);
      } else lines.push(`const ${name} = tk.errorContexts;`);
    }
    return [...lines, ...this.#written.map((code) => String(code).trim())];
  }

  #traits({ emitter }: Names, element: ValueType | undefined, path: readonly number[] = []): string {
    const tools = this.#tools;
    const layout = element && tools.layoutOf(element);
    const check = element === undefined ? "v === undefined" : tools.checkExpression(emitter, element, "v");
    const owns = element !== undefined && tools.holdsHandle(element);
    const guarded = element !== undefined && (owns || tools.mayChange(element));
    // What throws when it is looked at does not fit.
    const body = `{ ${owns ? "const check = rt.beginCheck(); " : ""}try { return ${check}; } catch { return false; }${owns ? " finally { rt.endCheck(check); }" : ""} }`;
    const traits = [
      `element: ${element === undefined ? "undefined" : quote(element.kind)}`,
      `size: ${layout?.size ?? 0}, alignment: ${layout?.alignment ?? 1}`,
      `cost: ${element === undefined ? 0 : tools.elementCost(element)}`,
      `ofArrays: ${mayBeArray(element)}`,
      `path: ${JSON.stringify(path)}`,
      `fitsElement: (v) => ${guarded ? body : check}`,
    ];
    return `{ ${traits.join(", ")} }`;
  }

  /** Ways to the types in the functions of the plan: lifted functions first, then those of the host; a parameter or the result; parts. */
  #paths({ plan, emitter, budget }: Names): ReadonlyMap<string, readonly number[]> {
    const found = new Map<string, readonly number[]>();
    const seen = new Set<ValueType>();
    const visit = (type: ValueType | undefined, path: readonly number[]): void => {
      if (type === undefined || seen.has(type)) return;
      seen.add(type);
      budget.spend(1 + path.length, "generate bindings for");
      if (type.kind === "stream" || type.kind === "future") {
        const name = `e${emitter.types.of(type)}`;
        if (!found.has(name)) found.set(name, path);
      }
      partsOf(type).forEach((part, i) => visit(part, [...path, i]));
    };
    const functions: readonly { readonly type: FuncType }[] = [...plan.lifts, ...plan.hostFuncs];
    functions.forEach(({ type: { params, result } }, index) => {
      [...params.map(({ type }) => type), result].forEach((type, i) => visit(type, [index, i]));
    });
    return found;
  }
}
