/** Grants at load: a component that needs more is refused, with all that it needs. */
import type { ExternDecl } from "../model/types.ts";
import { RightsError } from "./errors.ts";
import { checkGrants, grantsFor, missingNeeds } from "./grants.ts";
import { missingWords } from "./sentences.ts";
import type { Grants } from "./types.ts";

/**
 * @param what is to be granted something, for messages
 * @throws {RightsError} when imports need more than is granted
 * @throws {UsageError} for grants that are none
 */
export function demandGranted(what: string, imports: readonly ExternDecl[], grants: Grants): void {
  const needs = missingNeeds(imports, checkGrants(grants));
  if (needs.length === 0) return;
  const missing = grantsFor(needs);
  throw new RightsError(`${what} needs more than it is granted: ${missingWords(missing)}`, missing);
}
