/**
 * S-expressions of the WebAssembly text format: tokens, lists and their positions.
 *
 * Owns the lexical grammar (line and nested block comments, strings with their escapes, parentheses). Does not know
 * what any keyword means: `directives.ts` reads the script, and wasm-tools reads the components inside it.
 * Follows the core specification's text format, "Lexical Format".
 */

/** A string keeps its bytes: escapes may spell any byte, UTF-8 or not. */
export type Node =
  | { readonly kind: "atom"; readonly text: string; readonly start: number; readonly end: number }
  | { readonly kind: "string"; readonly bytes: Uint8Array; readonly start: number; readonly end: number }
  | ListNode;
export interface ListNode {
  readonly kind: "list";
  readonly items: readonly Node[];
  readonly start: number;
  readonly end: number;
}

/** The script is not made of s-expressions; `offset` counts UTF-16 code units. */
export class SyntaxFault extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = "SyntaxFault";
    this.offset = offset;
  }
}

/** Reads every top-level form of a script. @throws {SyntaxFault} when parentheses, strings or comments do not close */
export function readForms(text: string): readonly Node[] {
  // An explicit stack: a script may nest deeper than the JavaScript stack allows.
  const open: { start: number; items: Node[] }[] = [];
  const top: Node[] = [];
  let items = top;
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (/\s/.test(char)) {
      at++;
    } else if (text.startsWith(";;", at)) {
      const newline = text.indexOf("\n", at);
      at = newline < 0 ? text.length : newline + 1;
    } else if (text.startsWith("(;", at)) {
      at = skipBlockComment(text, at);
    } else if (char === "(") {
      open.push({ start: at, items });
      items = [];
      at++;
    } else if (char === ")") {
      const list = open.pop();
      if (list === undefined) throw new SyntaxFault("Unexpected closing parenthesis", at);
      at++;
      list.items.push({ kind: "list", items, start: list.start, end: at });
      items = list.items;
    } else if (char === '"') {
      const end = stringEnd(text, at);
      items.push({ kind: "string", bytes: unescape(text, at + 1, end - 1), start: at, end });
      at = end;
    } else {
      const start = at;
      while (at < text.length && !/[\s()";]/.test(text[at]!)) at++;
      if (at === start) throw new SyntaxFault(`Unexpected character ${JSON.stringify(char)}`, at);
      items.push({ kind: "atom", text: text.slice(start, at), start, end: at });
    }
  }
  const unclosed = open.at(-1);
  if (unclosed !== undefined) throw new SyntaxFault("Parenthesis is never closed", unclosed.start);
  return top;
}

function skipBlockComment(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    if (text.startsWith("(;", at)) {
      depth++;
      at += 2;
    } else if (text.startsWith(";)", at)) {
      depth--;
      at += 2;
      if (depth === 0) return at;
    } else {
      at++;
    }
  }
  throw new SyntaxFault("Block comment is never closed", start);
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  throw new SyntaxFault("String is never closed", start);
}

const simpleEscapes: Readonly<Record<string, number>> = { t: 9, n: 10, r: 13, '"': 34, "'": 39, "\\": 92 };
const encoder = new TextEncoder();

function unescape(text: string, start: number, end: number): Uint8Array {
  const bytes: number[] = [];
  let at = start;
  while (at < end) {
    if (text[at] !== "\\") {
      const point = String.fromCodePoint(text.codePointAt(at)!);
      bytes.push(...encoder.encode(point));
      at += point.length;
      continue;
    }
    const escape = text[at + 1]!;
    const hexByte = /^[0-9a-fA-F]{2}/.exec(text.slice(at + 1, at + 3));
    const unicode = /^u\{([0-9a-fA-F_]+)\}/.exec(text.slice(at + 1, Math.min(end, at + 20)));
    if (simpleEscapes[escape] !== undefined) {
      bytes.push(simpleEscapes[escape]);
      at += 2;
    } else if (hexByte !== null) {
      bytes.push(Number.parseInt(hexByte[0], 16));
      at += 3;
    } else if (unicode !== null) {
      bytes.push(...encoder.encode(String.fromCodePoint(Number.parseInt(unicode[1]!.replaceAll("_", ""), 16))));
      at += 1 + unicode[0].length;
    } else {
      throw new SyntaxFault(`Unknown escape \\${escape}`, at);
    }
  }
  return Uint8Array.from(bytes);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of a string node. @throws {SyntaxFault} when its bytes are not UTF-8 */
export function stringText(node: Node | undefined, what: string, parent: Node): string {
  if (node?.kind !== "string") throw new SyntaxFault(`Expected ${what} as a string`, node?.start ?? parent.end);
  try {
    return decoder.decode(node.bytes);
  } catch {
    throw new SyntaxFault(`Expected ${what} in UTF-8`, node.start);
  }
}

/** The first atom of a list, its keyword; `undefined` for anything else. */
export function headOf(node: Node | undefined): string | undefined {
  if (node?.kind !== "list") return undefined;
  const first = node.items[0];
  return first?.kind === "atom" ? first.text : undefined;
}

/** The line of an offset, counted from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
