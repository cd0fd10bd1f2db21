/**
 * Where in the WIT an item is that AssemblyScript cannot express.
 */
import type { UnsupportedError } from "../../../host/errors.ts";
import { tokenize } from "../wit/tokens.ts";
import type { WitWorld } from "../wit/world.ts";
import { type BuildIssue, position } from "./errors.ts";

/** The refusal with the place of the item that its message names last. */
export function locateUnsupported({ sources }: WitWorld, error: UnsupportedError): BuildIssue {
  const names = [...error.message.matchAll(/`([^`]+)`/g)]
    .flatMap((match) => match[1]!.replace(/@[^#/]*/, "").split(/[#/.:[\]]/))
    .reverse();
  const files = [sources.main, ...sources.dependencies].flatMap((one) => one.files);
  const hint = "Leave the item out of the world, or write this module in a language that has it";
  for (const name of names) {
    if (name === "") continue;
    for (const file of files) {
      const token = tokenize(file.text).find(({ kind, text }) => kind === "name" && text === name);
      if (token !== undefined) {
        return { file: file.path, ...position(file.text, token.start), message: error.message, hint };
      }
    }
  }
  return { file: files[0]!.path, line: 1, column: 1, message: error.message, hint };
}
