/**
 * The meaning of a trap in a script: the message it expects -> the trap codes that mean the same.
 *
 * The scripts quote wasmtime's messages. A message that is not in this table has no meaning for a synchronous host (it
 * is about tasks, streams or waitable sets), and its directive fails rather than passing on any error at all.
 */
import type { TrapCode } from "../../../host/errors.ts";

const meanings: readonly (readonly [pattern: RegExp, ...codes: readonly TrapCode[]])[] = [
  [/unreachable/, "unreachable"],
  [/out of bounds memory access/, "memory-out-of-bounds"],
  [/integer divide by zero/, "integer-divide-by-zero"],
  [/integer overflow/, "integer-overflow"],
  [/invalid conversion to integer/, "invalid-conversion-to-integer"],
  [/uninitialized element|null function/, "indirect-call-to-null"],
  [/indirect call type mismatch/, "bad-signature"],
  [/undefined element|out of bounds table access/, "table-out-of-bounds"],
  [/call stack exhausted/, "stack-overflow"],
  [/uncaught exception|thrown Wasm exception/, "uncaught-exception"],
  [/cannot enter component instance/, "cannot-enter-component"],
  [/cannot leave component instance/, "cannot-leave-component"],
  [/^(invalid|incomplete) utf-8/, "invalid-utf8"],
  [/^(invalid utf-16|unpaired surrogate)/, "invalid-utf16"],
  [/invalid `char` bit pattern|integer not a valid char/, "invalid-char"],
  [/invalid variant discriminant|unexpected discriminant/, "invalid-discriminant"],
  [/^unknown handle index \d+/, "invalid-handle"],
  [/^handle index \d+ (used with the wrong type|is not an owned resource)/, "invalid-handle"],
  [/cannot remove owned resource while borrowed/, "invalid-handle"],
  [/borrow handles still remain at the end of the call/, "invalid-handle"],
  // Between two components wasmtime says the same of a list that the callee's own realloc put out of bounds.
  [/^list content out.of.bounds/, "list-out-of-bounds", "realloc-out-of-bounds"],
  [/^string (pointer\/length|content) out.of.bounds/, "string-out-of-bounds"],
  [/^list pointer\/length out.of.bounds/, "list-out-of-bounds"],
  [/^realloc return: beyond end of memory/, "realloc-out-of-bounds"],
  [/^realloc return: result not aligned/, "unaligned-pointer"],
  [/unaligned pointer/, "unaligned-pointer"],
  // A pointer to spilled values, which is neither a list nor a string.
  [/^pointer out of bounds/, "memory-out-of-bounds", "list-out-of-bounds"],
];

/** The codes that mean what `message` says; empty when a synchronous host can raise none. */
export function codesFor(message: string): readonly TrapCode[] {
  const words = message.replace(/^wasm trap: /, "");
  for (const [pattern, ...codes] of meanings) if (pattern.test(words)) return codes;
  return [];
}
