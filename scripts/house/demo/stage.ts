/**
 * The tour's stage: numbered steps in the terminal, each with its measured time, and statements that must hold.
 *
 * Knows nothing of components. Statements that do not hold are counted, so that the tour can end with a failure.
 */

/** A figure or a plain text, after the label it is shown with. */
type Line = readonly [label: string, value: string];

/** Columns of a line. */
const WIDTH = 110;
/** Columns before the value of a line: time and label. */
const INDENT = 38;

export class Stage {
  readonly #write: (line: string) => void;
  readonly #colour: boolean;
  readonly #started: number = performance.now();
  #step = 0;
  #failures = 0;

  constructor(write: (line: string) => void, colour: boolean) {
    this.#write = write;
    this.#colour = colour;
  }

  /** Statements that did not hold, so far. */
  get failures(): number {
    return this.#failures;
  }

  title(text: string, ...sentences: readonly string[]): void {
    this.#write("");
    this.#write(this.#paint(1, text));
    for (const sentence of sentences) this.#write(sentence);
  }

  /** A new step: its headline, and a sentence for a reader who has never heard of any of it. */
  step(headline: string, ...sentences: readonly string[]): void {
    this.#step++;
    this.#write("");
    this.#write(this.#paint(1, `${this.#step}. ${headline}`));
    for (const sentence of sentences) this.#write(`   ${this.#paint(2, sentence)}`);
  }

  /** Runs something and says how long it took. An error ends the tour: nothing here is expected to fail by itself. */
  async timed<T>(label: string, work: () => T | PromiseLike<T>, show: (value: T) => string): Promise<T> {
    const began = performance.now();
    const value = await work();
    const took = performance.now() - began;
    this.#line([label, show(value)], took);
    return value;
  }

  /** Runs something that must fail with this kind of error, and hands the error back. */
  async fails<E extends Error>(
    label: string,
    kind: abstract new (...parameters: never[]) => E,
    work: () => unknown,
  ): Promise<E | undefined> {
    const began = performance.now();
    try {
      await work();
    } catch (error) {
      const took = performance.now() - began;
      if (error instanceof kind) {
        this.#line([label, `${error.name}: ${firstLines(error.message)}`], took);
        return error;
      }
      this.holds(`${label} fails with a ${kind.name}, not with ${String(error)}`, false);
      return undefined;
    }
    this.holds(`${label} fails with a ${kind.name}`, false);
    return undefined;
  }

  /** Something worth knowing that took no time. */
  note(label: string, value: string): void {
    this.#line([label, value]);
  }

  /** A statement that must be true; a false one fails the tour. */
  holds(statement: string, truth: boolean): void {
    if (!truth) this.#failures++;
    this.#write(`   ${truth ? this.#paint(32, "✓") : this.#paint(31, "✗ NOT TRUE:")} ${statement}`);
  }

  end(): void {
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1);
    this.#write("");
    this.#write(
      this.#failures === 0
        ? this.#paint(32, `Everything held. The tour took ${seconds} s.`)
        : this.#paint(31, `${this.#failures} statements did not hold. The tour took ${seconds} s.`),
    );
  }

  #line([label, value]: Line, took?: number): void {
    const time = took === undefined ? "" : duration(took);
    const [first = "", ...rest] = value.split("\n").flatMap(wrapped);
    this.#write(`   ${this.#paint(36, time.padStart(8))}  ${label.padEnd(24)} ${first}`);
    for (const line of rest) this.#write(`${" ".repeat(INDENT)}${line}`);
  }

  #paint(code: number, text: string): string {
    return this.#colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

/** A long line as several, broken between words. */
function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > WIDTH - INDENT) {
    const space = rest.lastIndexOf(" ", WIDTH - INDENT);
    if (space <= 0) break;
    lines.push(rest.slice(0, space));
    rest = rest.slice(space + 1);
  }
  return [...lines, rest];
}

function duration(ms: number): string {
  if (ms < 0.1) return `${(ms * 1000).toFixed(0)} µs`;
  return ms < 10 ? `${ms.toFixed(2)} ms` : ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function firstLines(text: string): string {
  return text.split("\n").slice(0, 3).join("\n");
}
