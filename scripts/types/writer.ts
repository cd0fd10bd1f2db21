/** Indented text with doc comments. */

/** Gathers lines; nothing is written anywhere. */
export class Writer {
  protected readonly lines: string[] = [];
  protected depth = 0;

  line(text: string): void {
    for (const part of text.split("\n")) this.lines.push(part === "" ? "" : "  ".repeat(this.depth) + part);
  }

  indented(body: () => void): void {
    this.depth += 1;
    body();
    this.depth -= 1;
  }

  block(head: string, body: () => void, end = ""): void {
    const before = this.lines.length;
    this.line(`${head} {`);
    this.indented(body);
    if (this.lines.length === before + 1) this.lines[before] += `}${end}`;
    else this.line(`}${end}`);
  }

  /** A doc comment, when there is something to say. */
  doc(text: string | undefined, notes: readonly string[] = []): void {
    const all = [...(text === undefined ? [] : [text]), ...notes].join("\n").replaceAll("*/", "*\\/");
    if (all === "") return;
    const lines = all.split("\n");
    if (lines.length === 1) return this.line(`/** ${all} */`);
    this.line("/**");
    for (const line of lines) this.line(` * ${line}`.trimEnd());
    this.line(" */");
  }

  text(): string {
    return `${this.lines.join("\n")}\n`;
  }
}
