/**
 * The internal form of a trap raised by the canonical ABI itself ("trap_if" in the specification).
 *
 * Not an `Error`: it is thrown through wasm frames and turned into a `TrapError` at the host's edge, and an error object
 * would capture a stack that pins the instance.
 */
import type { TrapCode } from "../errors.ts";

export class AbiTrap {
  readonly code: TrapCode;
  readonly message: string;
  constructor(code: TrapCode, message: string) {
    this.code = code;
    this.message = message;
  }
}
