/** `wasi:io/error`, and the ways in which a function of WASI ends otherwise than with a value. */

/** The resource `error`: what went wrong with a stream. */
export class IoError {
  /** What the source or sink threw, for interfaces that can tell more of it. */
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }

  toDebugString(): string {
    return this.cause instanceof Error ? `${this.cause.name}: ${this.cause.message}` : String(this.cause);
  }
}

/** Ends a function whose type has an error with that. An object and no `Error`: nobody reads its stack. */
export function fail(payload: unknown): never {
  // oxlint-disable-next-line no-throw-literal
  throw { payload };
}

/** What WASI says that a call traps for: it is thrown through the guest. */
export class WasiTrap extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WasiTrap";
  }
}
