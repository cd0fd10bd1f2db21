/** Text building: indented lines, fresh local names, and the only ways a component's strings may enter text. */
import type { Budget } from "../../budget.ts";

/** Spaces by depth, made once: lines are many and depths few. */
const indents: string[] = [""];

/** A block of statements under construction. Its lines are written where they will stand, so that joining them is all that is left. */
export class Code {
  private readonly lines: string[] = [];
  private readonly budget: Budget;
  private depth: number;
  private nextName = 0;

  /** @param depth of the first line; functions stand in the one that makes an instance */
  constructor(budget: Budget, depth = 1) {
    this.budget = budget;
    this.depth = depth;
  }

  line(text: string): void {
    this.budget.spend(1 + (text.length >> 2), "generate bindings for");
    this.lines.push((indents[this.depth] ??= "  ".repeat(this.depth)) + text);
  }

  /** Writes what was written elsewhere, at the depth it has. */
  append({ lines }: Code): void {
    for (const line of lines) this.lines.push(line);
  }

  /** Writes `head {`, the body, and `}` or `tail`. */
  block(head: string, body: () => void, tail = "}"): void {
    this.line(`${head} {`);
    this.depth++;
    body();
    this.depth--;
    this.line(tail);
  }

  /** Writes `if (condition) { … } else { … }`. */
  branch(condition: string, yes: () => void, no: () => void): void {
    this.block(`if (${condition})`, yes, "} else {");
    this.depth++;
    no();
    this.depth--;
    this.line("}");
  }

  /** A local name that nothing else in this function has. */
  fresh(): string {
    return `v${this.nextName++}`;
  }

  /** Gives an expression a name, unless it is one already. */
  name(expression: string): string {
    if (/^[\w$]+$/.test(expression)) return expression;
    const name = this.fresh();
    this.line(`const ${name} = ${expression};`);
    return name;
  }

  toString(): string {
    return this.lines.join("\n");
  }
}

/** A string literal. */
export function quote(text: string): string {
  // The two separators are line ends to tools that read the text as older JavaScript.
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`);
}

/** A comment of one line. */
export function comment(text: string): string {
  return `// ${quote(text).slice(1, -1)}`;
}

const identifier = /^[A-Za-z_$][\w$]*$/;

/** A name that is written as it is: of a class, say. Names of components spell nothing else, and this makes sure of it. */
export function bare(name: string): string {
  if (!identifier.test(name)) throw new Error(`tenon bug: ${quote(name)} is not an identifier`);
  return name;
}

/** Access to a property: `.name`, or `["name"]` where the name is no identifier. */
export function member(name: string): string {
  return identifier.test(name) ? `.${name}` : `[${quote(name)}]`;
}

/** What every object inherits, as far as a WIT name can spell it. */
const inherited: ReadonlySet<string> = new Set([
  "constructor",
  "hasOwnProperty",
  "isPrototypeOf",
  "propertyIsEnumerable",
  "toLocaleString",
  "toString",
  "valueOf",
]);

/** Reads a field of a value that the user gave. A field left out is `undefined`, also one that every object inherits. */
export function field(value: string, name: string): string {
  return inherited.has(name) ? `rt.field(${value}, ${quote(name)})` : value + member(name);
}

/** A key in an object literal. `__proto__` would set the prototype, so it is computed. */
export function key(name: string): string {
  if (name === "__proto__") return `["__proto__"]`;
  return identifier.test(name) ? name : quote(name);
}
