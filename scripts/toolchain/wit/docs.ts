/**
 * The doc comments of WIT texts, by the item they stand before.
 *
 * They do not survive in the `component-type` section, and generated code should carry them. Reading is best effort:
 * a comment that cannot be placed is left out.
 */
import { type Token, tokenize } from "./tokens.ts";

/**
 * Doc text by path. An interface or world: `demo:calc/api@1.0.0`; an item in it: `demo:calc/api@1.0.0#area`; a field,
 * case, flag or method: `demo:calc/api@1.0.0#shape.circle`; a resource's constructor: `….constructor`. Versions are
 * those of the package header.
 */
export type WitDocs = ReadonlyMap<string, string>;

interface Block {
  readonly kind: "package" | "interface" | "world" | "type" | "other";
  /** Path prefix of what is declared inside. */
  readonly path: string;
  readonly version: string;
}

const typeKeywords = new Set(["record", "variant", "enum", "flags", "resource"]);

/** Collects the docs of one package, given as the texts of its files. */
export function collectDocs(texts: readonly string[]): Map<string, string> {
  const docs = new Map<string, string>();
  const header = texts.map(packageName).find((name) => name !== undefined) ?? "";
  for (const text of texts) new DocReader(tokenize(text), docs).read(header);
  return docs;
}

/** The package a file declares for itself, such as `demo:calc@1.0.0`. */
export function packageName(text: string): string | undefined {
  const tokens = tokenize(text).filter(({ kind }) => kind !== "doc");
  if (tokens[0]?.text !== "package") return undefined;
  const end = tokens.findIndex(({ text }) => text === ";" || text === "{");
  return end < 0 || tokens[end]!.text === "{" ? undefined : join(tokens.slice(1, end));
}

function join(tokens: readonly Token[]): string {
  return tokens.map(({ text }) => text).join("");
}

class DocReader {
  private readonly tokens: readonly Token[];
  private readonly docs: Map<string, string>;
  private at = 0;

  constructor(tokens: readonly Token[], docs: Map<string, string>) {
    this.tokens = tokens;
    this.docs = docs;
  }

  read(packageId: string): void {
    this.readBlock(packageBlock(packageId));
  }

  private peek(ahead = 0): string {
    return this.tokens[this.at + ahead]?.text ?? "";
  }

  /** Reads declarations up to the closing brace of the block, or the end. */
  private readBlock(block: Block): void {
    let comment: string[] = [];
    while (this.at < this.tokens.length) {
      const token = this.tokens[this.at]!;
      if (token.kind === "doc") {
        comment.push(token.text);
        this.at += 1;
      } else if (token.text === "}") {
        this.at += 1;
        return;
      } else if (token.text === "@") {
        this.gate();
      } else {
        this.declaration(block, comment);
        comment = [];
      }
    }
  }

  /** `@since(version = 1.0.0)` and its like. */
  private gate(): void {
    this.at += 2;
    if (this.peek() !== "(") return;
    while (this.at < this.tokens.length && this.peek() !== ")") this.at += 1;
    this.at += 1;
  }

  private declaration(block: Block, comment: readonly string[]): void {
    const path = this.pathOf(block);
    if (path !== undefined && comment.length > 0) this.docs.set(path, dedent(comment));
    const inner = this.innerBlock(block, path);
    // To the end of the declaration: past its block, or to the `;` or `,` outside all parentheses.
    for (let depth = 0; this.at < this.tokens.length;) {
      const { text, kind } = this.tokens[this.at]!;
      if (text === "}" && kind === "mark") return;
      this.at += 1;
      if (kind !== "mark") continue;
      if (text === "{") return this.readBlock(inner);
      if (text === "(" || text === "<") depth += 1;
      else if (text === ")" || text === ">") depth -= 1;
      else if (depth === 0 && (text === ";" || text === ",")) return;
    }
  }

  private pathOf(block: Block): string | undefined {
    const first = this.peek();
    const second = this.peek(1);
    switch (block.kind) {
      case "package":
        return first === "interface" || first === "world" ? `${block.path}${second}${block.version}` : undefined;
      case "interface":
      case "world": {
        if (first === "include" || first === "use") return undefined;
        if (first === "import" || first === "export") return `${block.path}${second}`;
        return `${block.path}${typeKeywords.has(first) || first === "type" ? second : first}`;
      }
      case "type":
        return `${block.path}${first}`;
      case "other":
        return undefined;
    }
  }

  /** What the braces after this declaration would hold. */
  private innerBlock(block: Block, path: string | undefined): Block {
    const first = this.peek();
    const other: Block = { kind: "other", path: "", version: "" };
    if (block.kind === "package") {
      if (first === "interface" || first === "world") return { kind: first, path: `${path}#`, version: "" };
      if (first !== "package") return other;
      const end = this.tokens.findIndex(({ text }, index) => index > this.at && (text === "{" || text === ";"));
      return packageBlock(join(this.tokens.slice(this.at + 1, end)));
    }
    if (typeKeywords.has(first) && path !== undefined) return { kind: "type", path: `${path}.`, version: "" };
    if ((first === "import" || first === "export") && this.peek(3) === "interface" && path !== undefined) {
      return { kind: "interface", path: `${this.peek(1)}#`, version: "" };
    }
    return other;
  }
}

function packageBlock(id: string): Block {
  const [name = "", version] = id.split("@");
  return { kind: "package", path: `${name}/`, version: version === undefined ? "" : `@${version}` };
}

/** Comment lines without the indentation they share. */
function dedent(lines: readonly string[]): string {
  const all = lines.flatMap((line) => line.split("\n"));
  const indents = all.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length);
  const shared = indents.length === 0 ? 0 : Math.min(...indents);
  return all
    .map((line) => line.slice(shared).trimEnd())
    .join("\n")
    .trim();
}
