/**
 * The words of a WIT text, with where they are.
 *
 * WIT is read by wasm-tools, never here: this is only for what those tools do not tell, which is where an error is and
 * what the doc comments say. Follows design/mvp/WIT.md, "Lexical structure"; accepts anything.
 */

export interface Token {
  /** `name` also covers keywords, numbers and versions. */
  readonly kind: "name" | "mark" | "doc";
  /** A name without its `%`; a doc comment's text without its comment marks. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const pattern =
  /(?<space>\s+)|(?<line>\/\/[^\n]*)|(?<block>\/\*)|(?<name>%?[A-Za-z_][\w-]*|\d[\w+-]*(?:\.[\w+-]+)*)|(?<mark>->|[^])/gy;

/** Every name, mark and doc comment, in order. Ordinary comments are left out. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const { space, line, block, name, mark } = match.groups!;
    const start = match.index;
    if (space !== undefined) continue;
    if (line !== undefined) {
      if (line.startsWith("///")) tokens.push({ kind: "doc", text: line.slice(3), start, end: pattern.lastIndex });
    } else if (block !== undefined) {
      const end = blockEnd(text, start);
      if (text.startsWith("/**", start) && end - start > 4) {
        tokens.push({ kind: "doc", text: blockText(text.slice(start + 3, end - 2)), start, end });
      }
      pattern.lastIndex = end;
    } else {
      const word = name ?? mark!;
      const kind = name === undefined ? "mark" : "name";
      tokens.push({ kind, text: word.replace(/^%/, ""), start, end: pattern.lastIndex });
    }
  }
  return tokens;
}

/** Block comments nest. */
function blockEnd(text: string, start: number): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start;
  let depth = 0;
  for (let match = edge.exec(text); match !== null; match = edge.exec(text)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return text.length;
}

function blockText(inner: string): string {
  return inner
    .split("\n")
    .map((line) => line.replace(/^\s*\*? ?/, ""))
    .join("\n")
    .trim();
}

/** The worlds that a file declares, outside of packages that it nests. */
export function worldNames(text: string): string[] {
  const tokens = tokenize(text).filter(({ kind }) => kind !== "doc");
  let depth = 0;
  return tokens.flatMap((token, at) => {
    if (token.text === "{") depth += 1;
    if (token.text === "}") depth -= 1;
    return depth === 0 && token.text === "world" && tokens[at + 2]?.text === "{" ? [tokens[at + 1]!.text] : [];
  });
}
