/**
 * A command's arguments: the table of its options, reading them, and the help that the table gives.
 *
 * What is not known is refused by name.
 */
import { parseArgs } from "node:util";
import { TenonError } from "../errors.ts";
import { nearestName } from "../model/nearest.ts";

/** The command line itself is wrong; the command ends with status 2. */
export class CommandLineError extends TenonError {
  constructor(message: string) {
    super("command-line", message);
  }
}

export interface Option {
  /** What it means, for the help. */
  readonly explains: string;
  /** The name of its value, such as `FILE`; a switch has none. */
  readonly value?: string;
  /** Whether it must be given. */
  readonly required?: boolean;
  /** Whether it may be given several times, each with a value. */
  readonly many?: boolean;
}

export interface CommandShape {
  /** Names of the arguments in order, such as `FILE`; `DIR...` may be given several times, `[DIR]` may be left out. */
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, Option>>;
  /** What the arguments after `--` are called, where they are no positional ones: they are passed on as they are. */
  readonly rest?: string;
}

export interface Arguments {
  readonly positionals: readonly string[];
  /** What stands after `--`; `undefined` without it. */
  readonly rest: readonly string[] | undefined;
  /** The value of an option. */
  value(name: string): string | undefined;
  /** The values of an option that may be given several times. */
  values(name: string): readonly string[];
  /** Whether a switch is on. */
  has(name: string): boolean;
}

/** @throws {CommandLineError} naming what is unknown, missing or too much */
export function readArguments(all: readonly string[], shape: CommandShape): Arguments {
  const end = shape.rest === undefined ? -1 : all.indexOf("--");
  const args = end < 0 ? all : all.slice(0, end);
  const { values, positionals } = parse(args, shape);
  const many = shape.positionals.at(-1)?.includes("...") === true;
  const missing = shape.positionals[positionals.length];
  if (missing?.startsWith("[") === false)
    throw new CommandLineError(`Expected ${missing.replace("...", "")}, got nothing`);
  if (!many && positionals.length > shape.positionals.length) {
    throw new CommandLineError(`Unexpected argument "${positionals[shape.positionals.length]}"`);
  }
  for (const [name, option] of Object.entries(shape.options)) {
    if (option.required && values[name] === undefined) {
      throw new CommandLineError(`Expected the option ${spelled(name, option)}`);
    }
  }
  return {
    positionals,
    rest: end < 0 ? undefined : all.slice(end + 1),
    value: (name) => (typeof values[name] === "string" ? values[name] : undefined),
    values: (name) => (Array.isArray(values[name]) ? values[name] : []),
    has: (name) => values[name] === true,
  };
}

/** The command line in one line, such as `check FILE --wit PATH [--json]`. */
export function usageOf(name: string, { positionals, options, rest }: CommandShape): string {
  const listed = Object.entries(options).map(([key, option]) => {
    const text = `${spelled(key, option)}${option.many ? "..." : ""}`;
    return option.required ? text : `[${text}]`;
  });
  return [name, ...positionals, ...listed, ...(rest === undefined ? [] : [`[-- ${rest}]`])].join(" ");
}

/** A line for each option: how it is spelled, and what it means. */
export function explanationsOf({ options }: CommandShape): string[] {
  return Object.entries(options).map(([name, option]) => `  ${spelled(name, option).padEnd(16)} ${option.explains}`);
}

function spelled(name: string, { value }: Option): string {
  return `--${name}${value === undefined ? "" : ` ${value}`}`;
}

function parse(
  args: readonly string[],
  { options }: CommandShape,
): { values: Record<string, string | boolean | string[] | undefined>; positionals: string[] } {
  const known = Object.entries(options).map(([name, { value, many = false }]) => {
    return [name, { type: value === undefined ? "boolean" : "string", multiple: many }] as const;
  });
  const { tokens } = parseArgs({ args: [...args], strict: false, tokens: true, options: Object.fromEntries(known) });
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    if (!Object.hasOwn(options, token.name)) throw unknownOption(token.rawName, Object.keys(options));
    if (seen.has(token.name) && options[token.name]!.many !== true)
      throw new CommandLineError(`The option --${token.name} is given twice`);
    seen.add(token.name);
  }
  try {
    const parsed = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: true,
      options: Object.fromEntries(known),
    });
    return { values: parsed.values as ReturnType<typeof parse>["values"], positionals: parsed.positionals };
  } catch (error) {
    throw new CommandLineError((error as Error).message.split(/\. |\n/)[0]!);
  }
}

function unknownOption(given: string, known: readonly string[]): CommandLineError {
  const list = known.length === 0 ? "it takes none" : `it takes ${known.map((name) => `--${name}`).join(", ")}`;
  const near = nearestName(given.replace(/^-+/, ""), known);
  return new CommandLineError(`Unknown option ${given}: ${near === undefined ? list : `did you mean --${near}?`}`);
}
