/** Errors on their way between threads: as data, and made again with their class, code and fields. */
import * as all from "../errors.ts";
import { scrub } from "../runtime/trap.ts";
import { wordsOf } from "../words.ts";

type ErrorClass = new (...args: never[]) => Error;

/** By names that a bundler leaves alone: each side may have been bundled by itself. */
const classes: Readonly<Record<string, ErrorClass>> = {
  AbortError: all.AbortError,
  ComponentError: all.ComponentError,
  DecodeError: all.DecodeError,
  EngineLimitError: all.EngineLimitError,
  LimitError: all.LimitError,
  LinkError: all.LinkError,
  LowerError: all.LowerError,
  TenonError: all.TenonError,
  TrapError: all.TrapError,
  TrappedError: all.TrappedError,
  UnloadedError: all.UnloadedError,
  UnsupportedError: all.UnsupportedError,
  UsageError: all.UsageError,
};

export interface ErrorData {
  /** A name in the table of classes; absent for an error that is not the host's own. */
  readonly class?: string | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
  /** What an import threw has a number at the host, which knows it. */
  readonly cause?: ErrorData | { readonly thrown: number } | undefined;
}

/** What an import threw at the host, in the worker. */
export class HostError extends Error {
  readonly thrown: number;
  /** Of a guest that has ended itself. */
  readonly exitCode: number | undefined;
  readonly code: string | undefined;
  constructor(thrown: number, message: string, exitCode: number | undefined) {
    super(message);
    this.thrown = thrown;
    this.exitCode = exitCode;
    this.code = exitCode === undefined ? undefined : "exit";
  }
}

const CAUSES = 8;

/** @param payload converts that of a {@link all.ComponentError}, whose type the caller knows */
export function toData(error: unknown, payload: (value: unknown) => unknown = (it) => it, depth = 0): ErrorData {
  const stack = scrub(error);
  if (!(error instanceof Error)) return { message: wordsOf(error), stack, fields: {} };
  const name = Object.keys(classes).find((key) => error.constructor === classes[key]);
  const fields: Record<string, unknown> = { name: error.name };
  if (name !== undefined) {
    Object.assign(fields, error);
    if (error instanceof all.ComponentError) fields["payload"] = payload(error.payload);
  }
  const { cause } = error;
  return {
    class: name,
    message: wordsOf(error),
    stack,
    fields,
    cause:
      cause === undefined || depth > CAUSES
        ? undefined
        : cause instanceof HostError
          ? { thrown: cause.thrown }
          : toData(cause, undefined, depth + 1),
  };
}

/**
 * @param thrown what an import threw, by its number
 * @param payload converts that of a {@link all.ComponentError}
 */
export function fromData(
  data: ErrorData,
  thrown: (number: number) => unknown,
  payload: (value: unknown) => unknown = (it) => it,
): Error {
  const { class: name, message, stack, fields, cause } = data;
  const made = name === "LowerError" ? new TypeError(message) : new Error(message);
  Object.setPrototypeOf(made, (classes[name ?? ""] ?? Error).prototype as object);
  Object.assign(made, fields);
  if (made instanceof all.ComponentError) Object.assign(made, { payload: payload(made.payload) });
  const define = (key: string, value: unknown): void =>
    void Object.defineProperty(made, key, { value, writable: true, configurable: true });
  if (stack !== undefined) define("stack", stack);
  if (cause !== undefined) define("cause", "thrown" in cause ? thrown(cause.thrown) : fromData(cause, thrown));
  return made;
}
