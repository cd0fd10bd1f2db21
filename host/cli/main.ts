/**
 * `tenon COMMAND …`: chooses the command, writes its errors, gives its status.
 *
 * Status 0: done. 1: it failed, or what was asked does not hold. 2: the command line is wrong. 3: packages that it
 * needs are not installed.
 */
import { readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { TenonError } from "../errors.ts";
import { nearestName } from "../model/nearest.ts";
import { printableLines } from "../model/printable.ts";
import { commands, type Needs, type Streams } from "./commands.ts";
import { CommandLineError, explanationsOf, readArguments, usageOf } from "./options.ts";

/** Runs one command line, without the program's name. @returns the exit status */
export async function main(args: readonly string[], { out, err }: Streams): Promise<number> {
  // Names of files, of core modules and of tools are written by others: none of them may steer the terminal.
  const streams = {
    out: (text: string) => out(printableLines(text)),
    err: (text: string) => err(printableLines(text)),
  };
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    return help(rest[0], name === undefined, streams);
  }
  if (name === "--version" || name === "-v") {
    streams.out(`${version()}\n`);
    return 0;
  }
  const command = commands.get(name);
  if (command === undefined) return unknown(name, streams);
  if (rest.includes("--help") || rest.includes("-h")) return help(name, false, streams);
  try {
    const parameters = readArguments(rest, command);
    await requireNeeds(command.needs?.(parameters));
    return await command.run(parameters, streams);
  } catch (error) {
    if (error instanceof CommandLineError)
      return usage(`${error.message}\nUsage: tenon ${usageOf(name, command)}`, streams);
    streams.err(`${textOf(error)}\n`);
    return error instanceof TenonError && error.code === "missing-packages" ? 3 : 1;
  }
}

/** All packages that a command needs are asked for before it starts. */
async function requireNeeds(needs: Needs): Promise<void> {
  if (needs === undefined) return;
  const { compilerPackage, requirePackages, witPackage } = await import("../../scripts/toolchain/build/packages.ts");
  requirePackages(needs === "compiler" ? [compilerPackage, witPackage] : [witPackage]);
}

/** The message of an error of tenon's own. Any other error is a bug in tenon, and is shown with its stack. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error instanceof TenonError ? error.message : (error.stack ?? error.message);
  // Paths are shown relative to the working directory.
  return text.replaceAll(`${process.cwd()}${sep}`, "");
}

function unknown(name: string, streams: Streams): number {
  const near = nearestName(name, commands.keys());
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  return usage(`Unknown ${name.startsWith("-") ? "option" : "command"} ${name}${hint}`, streams);
}

function usage(message: string, { err }: Streams): number {
  err(`${message}\nRun "tenon help" to see what there is\n`);
  return 2;
}

function help(name: string | undefined, asked: boolean, streams: Streams): number {
  const command = name === undefined ? undefined : commands.get(name);
  if (name !== undefined && command === undefined) return unknown(name, streams);
  const lines =
    command === undefined
      ? ["Usage: tenon COMMAND ...", "", ...[...commands].map(([key, { summary }]) => `  ${key.padEnd(8)} ${summary}`)]
      : [command.summary, "", `Usage: tenon ${usageOf(name!, command)}`, "", ...explanationsOf(command)];
  if (command === undefined) lines.push("", `"tenon help COMMAND" tells more`);
  const text = `${lines.join("\n").trimEnd()}\n`;
  if (!asked) {
    streams.out(text);
    return 0;
  }
  streams.err(text);
  return 2;
}

/** As TypeScript the package is two folders up, as JavaScript in `dist` three. */
function version(): string {
  const up = import.meta.url.endsWith(".ts") ? ["..", ".."] : ["..", "..", ".."];
  const text = readFileSync(join(import.meta.dirname, ...up, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
