/**
 * The errors of rights and signatures. They are not among those of `errors.ts`, so that a page which asks for neither starts
 * without them; `tenon/rights` exports them.
 */
import { TenonError } from "../errors.ts";
import type { Grants } from "./types.ts";

/** A component needs more than it is granted: all of it at once, before anything of it runs. */
export class RightsError extends TenonError {
  /** What would have to be granted too. */
  readonly missing: Grants;
  constructor(message: string, missing: Grants) {
    super("rights", message);
    this.missing = missing;
  }
}

/** A component is not signed by any of the keys demanded, or what should be its signature is none. */
export class SignatureError extends TenonError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("signature", message, options);
  }
}
