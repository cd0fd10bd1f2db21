/**
 * The packages that building needs and an application need not have: what to say when they are not there.
 */
import { UsageError } from "../../../host/errors.ts";

/** The error of a command whose packages are not installed. It names no file: none of the author's is wrong. */
export function missingPackages(names: readonly string[], cause?: unknown): UsageError {
  const [these, them] = names.length === 1 ? ["the package", "it"] : ["the packages", "them"];
  const message = `This needs ${these} ${names.join(" and ")}: add ${them} with npm install --save-dev ${names.join(" ")}`;
  return new UsageError(message, { cause });
}
