/** Indented text with doc comments. */
import { printableLines } from "../../../host/model/printable.ts";

/** Text as it may stand in a comment of a generated file, line by line. */
export function commentText(text: string): string {
  return printableLines(text).replaceAll("*/", "*\\/");
}

/** Gathers lines; nothing is written anywhere. */
export class Writer {
  protected readonly lines: string[] = [];
  protected depth = 0;
  private readonly spend: (letters: number) => void;

  /** @param spend counts the letters of each line */
  constructor(spend: (letters: number) => void = () => {}) {
    this.spend = spend;
  }

  line(text: string): void {
    this.spend(text.length);
    for (const part of text.split("\n")) this.lines.push(part === "" ? "" : "  ".repeat(this.depth) + part);
  }

  /** Where the next line will stand, for {@link insert}. */
  place(): number {
    return this.lines.length;
  }

  /** Puts a line at the outer margin between those written before `place` and those after. */
  insert(place: number, line: string): void {
    this.lines.splice(place, 0, line);
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
    const all = commentText([...(text === undefined ? [] : [text]), ...notes].join("\n"));
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
