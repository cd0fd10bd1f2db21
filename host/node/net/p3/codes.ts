/** The error codes of `wasi:sockets` 0.3, which are variants. */
import { fail } from "../../../wasi/io/error.ts";
import { codeOf as before } from "../network.ts";

/** A case of a variant `error-code`. */
export interface Code {
  readonly tag: string;
  readonly val?: string | undefined;
}

/** Codes of 0.2 that 0.3 has no case for, or has more precisely. */
const CODES: Readonly<Record<string, string>> = {
  "concurrency-conflict": "invalid-state",
  "not-in-progress": "invalid-state",
};

/** What the system says and 0.3 tells apart. */
const SYSTEM: Readonly<Record<string, string>> = {
  EPIPE: "connection-broken",
  ENOMEM: "out-of-memory",
  ENOBUFS: "out-of-memory",
};

const CASES = new Set([
  ...["access-denied", "not-supported", "invalid-argument", "timeout", "invalid-state", "address-not-bindable"],
  ...["address-in-use", "remote-unreachable", "connection-refused", "connection-reset", "connection-aborted"],
  ...["datagram-too-large", "name-unresolvable", "temporary-resolver-failure", "permanent-resolver-failure"],
]);

/** The case for a code of 0.2. */
export function caseOf(code: string): Code {
  const tag = CODES[code] ?? code;
  return CASES.has(tag) ? { tag } : { tag: "other", val: code };
}

/** The case for what Node threw. */
export function codeOf(error: unknown): Code {
  const { code } = (error ?? {}) as { code?: string };
  const known = SYSTEM[code ?? ""];
  if (known !== undefined) return { tag: known };
  const found = before(error);
  return found === "unknown" ? { tag: "other", val: code } : caseOf(found);
}

/** Ends a function with an error. */
export function refuse(tag: string): never {
  return fail({ tag });
}
