/**
 * The directives of a test script (`.wast`) for components: forms -> data.
 *
 * Owns the script's grammar. Does not read the components in it (their text goes to wasm-tools unread) and does not
 * run anything (`run.ts`). Follows the reference interpreter's script format with wasmtime's additions for components:
 * `component definition`, `component instance` and component value literals.
 */
import { headOf, lineAt, readForms, stringText, SyntaxFault, type ListNode, type Node } from "./sexpr.ts";
import { readValue, type WastValue } from "./values.ts";

/** Where a component or core module comes from: text for wasm-tools, or bytes spelled out. */
export interface ModuleSource {
  readonly sort: "component" | "module";
  readonly name: string | undefined;
  readonly form:
    | { readonly kind: "text"; readonly text: string }
    | { readonly kind: "bytes"; readonly bytes: Uint8Array };
}

export interface Invoke {
  /** The instance's name; `undefined` for the most recent one. */
  readonly instance: string | undefined;
  readonly export: string;
  readonly args: readonly WastValue[];
}

export type Directive = { readonly line: number } & (
  | { readonly kind: "component" | "component definition"; readonly source: ModuleSource }
  | { readonly kind: "component instance"; readonly name: string | undefined; readonly definition: string | undefined }
  | { readonly kind: "register"; readonly as: string; readonly instance: string | undefined }
  | { readonly kind: "invoke"; readonly invoke: Invoke }
  | { readonly kind: "assert_return"; readonly invoke: Invoke; readonly results: readonly WastValue[] }
  | { readonly kind: "assert_trap"; readonly action: Invoke | ModuleSource; readonly message: string }
  | { readonly kind: "assert_invalid" | "assert_malformed"; readonly source: ModuleSource; readonly message: string }
  | { readonly kind: "assert_unlinkable"; readonly source: ModuleSource; readonly message: string }
  | { readonly kind: "unknown"; readonly keyword: string; readonly reason: string }
);

/**
 * Splits a script into directives. A directive of an unknown keyword or a bad shape becomes `unknown`, which counts
 * as a failure when it is run: a script that cannot be read must not look like one that passes.
 * @throws {SyntaxFault} when the script is not made of s-expressions
 */
export function readDirectives(text: string): readonly Directive[] {
  return readForms(text).map((form) => {
    const line = lineAt(text, form.start);
    try {
      return readDirective(form, text, line);
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error;
      return { kind: "unknown", line, keyword: headOf(form) ?? "", reason: error.message };
    }
  });
}

function readDirective(form: Node, text: string, line: number): Directive {
  const keyword = headOf(form);
  if (form.kind !== "list" || keyword === undefined) throw new SyntaxFault("Expected a directive", form.start);
  const items = form.items;
  switch (keyword) {
    case "component": {
      const second = atomText(items[1]);
      if (second === "instance") {
        const [name, definition] = [identifier(items[2]), identifier(items[3])];
        // With one identifier only, it is the definition's.
        return definition === undefined
          ? { kind: "component instance", line, name: undefined, definition: name }
          : { kind: "component instance", line, name, definition };
      }
      const kind = second === "definition" ? "component definition" : "component";
      return { kind, line, source: readSource(form, text) };
    }
    case "module":
      throw new SyntaxFault("Core modules stand only inside assertions of component scripts", form.start);
    case "register":
      return { kind: "register", line, as: stringText(items[1], "a name", form), instance: identifier(items[2]) };
    case "invoke":
      return { kind: "invoke", line, invoke: readInvoke(form) };
    case "assert_return":
      return {
        kind: "assert_return",
        line,
        invoke: readInvoke(items[1] ?? form),
        results: items.slice(2).map((item) => readValue(item)),
      };
    case "assert_trap": {
      const action = items[1] ?? form;
      return {
        kind: "assert_trap",
        line,
        action: headOf(action) === "invoke" ? readInvoke(action) : readSource(action, text),
        message: stringText(items[2], "a message", form),
      };
    }
    case "assert_invalid":
    case "assert_malformed":
    case "assert_unlinkable":
      return {
        kind: keyword,
        line,
        source: readSource(items[1] ?? form, text),
        message: stringText(items[2], "a message", form),
      };
    default:
      throw new SyntaxFault("Unknown directive", form.start);
  }
}

function readSource(node: Node, text: string): ModuleSource {
  const sort = headOf(node);
  if (node.kind !== "list" || (sort !== "component" && sort !== "module")) {
    throw new SyntaxFault("Expected a component or module", node.start);
  }
  let next = 1;
  if (atomText(node.items[next]) === "definition") next++;
  const name = identifier(node.items[next]);
  if (name !== undefined) next++;
  const word = atomText(node.items[next]);
  if (word === "binary") {
    return { sort, name, form: { kind: "bytes", bytes: joinStrings(node, next + 1) } };
  }
  if (word === "quote") {
    const quoted = new TextDecoder("utf-8", { ignoreBOM: true }).decode(joinStrings(node, next + 1));
    // A quoted text may be a whole component or only the fields of one.
    const whole = new RegExp(`^\\s*\\(\\s*${sort}\\b`).test(quoted);
    return { sort, name, form: { kind: "text", text: whole ? quoted : `(${sort} ${quoted}\n)` } };
  }
  // Rewritten without `definition` and the script's name, which wasm-tools would not take or would write to a section.
  const rest = node.items[next];
  const body = rest === undefined ? "" : text.slice(rest.start, node.end - 1);
  return { sort, name, form: { kind: "text", text: `(${sort}${name === undefined ? "" : ` ${name}`} ${body}\n)` } };
}

function joinStrings(node: ListNode, from: number): Uint8Array {
  const chunks = node.items.slice(from).map((item) => {
    if (item.kind !== "string") throw new SyntaxFault("Expected a string", item.start);
    return [...item.bytes];
  });
  return Uint8Array.from(chunks.flat());
}

function readInvoke(node: Node): Invoke {
  if (node.kind !== "list" || headOf(node) !== "invoke") throw new SyntaxFault("Expected an invoke", node.start);
  const instance = identifier(node.items[1]);
  const at = instance === undefined ? 1 : 2;
  return {
    instance,
    export: stringText(node.items[at], "an export name", node),
    args: node.items.slice(at + 1).map((item) => readValue(item)),
  };
}

function atomText(node: Node | undefined): string | undefined {
  return node?.kind === "atom" ? node.text : undefined;
}

function identifier(node: Node | undefined): string | undefined {
  const text = atomText(node);
  return text?.startsWith("$") === true ? text : undefined;
}
