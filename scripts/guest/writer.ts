/** Gathers lines of text with their indentation. */
export class Writer {
  private readonly lines: string[] = [];
  private depth = 0;

  /** The number of the last line written, counted from 1. */
  get line(): number {
    return this.lines.length;
  }

  /** One or more lines. One that ends with an opening brace or parenthesis indents what follows, a closing one ends it. */
  write(text: string): this {
    for (const line of text.split("\n")) {
      const trimmed = line.trim();
      if (/^[})]/.test(trimmed)) this.depth -= 1;
      this.lines.push(trimmed === "" ? "" : "  ".repeat(this.depth) + trimmed);
      if (/[{(]$/.test(trimmed)) this.depth += 1;
    }
    return this;
  }

  /** Text that keeps its own indentation. */
  raw(text: string): this {
    this.lines.push(...text.replace(/\n$/, "").split("\n"));
    return this;
  }

  blank(): this {
    if (this.lines.length > 0 && this.lines.at(-1) !== "") this.lines.push("");
    return this;
  }

  /** A doc comment, when there is something to say. */
  doc(text: string | undefined): this {
    if (text === undefined || text.trim() === "") return this;
    const lines = text.replaceAll("*/", "*\\/").split("\n");
    const indent = "  ".repeat(this.depth);
    if (lines.length === 1) this.lines.push(`${indent}/** ${lines[0]!.trim()} */`);
    else this.lines.push(`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */`);
    return this;
  }

  toString(): string {
    return `${this.lines.join("\n").replace(/\n+$/, "")}\n`;
  }
}

/** At most one empty line in a row, none at the start of a block, one line end at the end. */
export function tidy(text: string): string {
  return `${text
    .replaceAll(/\n{3,}/g, "\n\n")
    .replaceAll(/\{\n\n/g, "{\n")
    .trimEnd()}\n`;
}
