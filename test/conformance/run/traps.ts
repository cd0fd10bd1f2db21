/**
 * The meaning of a trap in a script: the message it expects -> the trap codes that mean the same, and the words that the
 * host's own message must hold.
 *
 * The scripts quote wasmtime's messages. A code names a rule and the words name the thing it was broken with, so that one
 * rule of streams does not pass for the same rule of futures. A message that is not in this table has no meaning here, and
 * its directive fails rather than passing on any error at all.
 */
import type { TrapCode } from "../../../host/errors.ts";

interface Meaning {
  readonly codes: readonly TrapCode[];
  /** What the trap's own message must say. */
  readonly said: readonly RegExp[];
}

type Entry = readonly [
  expected: RegExp,
  codes: Meaning["codes"][number] | Meaning["codes"],
  ...said: readonly RegExp[],
];

const meanings: readonly Entry[] = [
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
  [/^list content out.of.bounds/, ["list-out-of-bounds", "realloc-out-of-bounds"]],
  [/^string (pointer\/length|content) out.of.bounds/, "string-out-of-bounds"],
  [/^list pointer\/length out.of.bounds/, "list-out-of-bounds"],
  [/^realloc return: beyond end of memory/, "realloc-out-of-bounds"],
  [/^realloc return: result not aligned/, "unaligned-pointer"],
  [/unaligned pointer/, "unaligned-pointer"],
  // A pointer to spilled values, which is neither a list nor a string.
  [/^pointer out of bounds/, ["memory-out-of-bounds", "list-out-of-bounds"]],
  // Tasks.
  [/^cannot block a synchronous task before returning$/, "cannot-block"],
  // Of a call of a synchronous type that nothing can end, the scripts say the one or the other.
  [/^deadlock detected: event loop cannot make further progress$/, ["deadlock", "cannot-block"]],
  [/^unsupported callback code$/, "invalid-callback-code"],
  [/^cannot drop a subtask which has not yet resolved$/, "subtask-not-resolved", /drop/],
  [/^cannot drop waitable set with waiters$/, "waitable-set-in-use", /wait/],
  [/^waitable cannot be used synchronously while added to a waitable set$/, "waitable-in-set"],
  // Streams and futures.
  [/^cannot (drop|remove) busy stream$/, "stream-busy", /stream/, /drop/],
  [/^cannot have concurrent operations active on a future\/stream$/, "stream-busy"],
  [/^cannot drop future write end without first writing a value$/, "future-not-written"],
  [/^cannot lift future while it's in a waitable set$/, "waitable-in-set", /future/],
  [/^cannot lift stream while it's in a waitable set$/, "waitable-in-set", /stream/],
  [/^cannot lift future after previous read succeeded$/, "stream-done", /future/, /^(?!.*read from)/],
  [/^cannot lift stream after .* writable end dropped$/, "stream-done", /stream/, /^(?!.*read from)/],
  [/^cannot read from future after previous read succeeded$/, "stream-done", /future/, /read from/],
  [/^cannot read from stream after .* writable end dropped$/, "stream-done", /stream/, /read from/],
  [/^cannot write to future after previous write succeeded/, "stream-done", /future/, /write to/],
  [/^cannot write to stream after .* readable end dropped$/, "stream-done", /stream/, /write to/],
  [/^cannot read from and write to intra-component future$/, "same-instance-stream", /future/],
];

/** What a trap must be to mean `message`; `undefined` when nothing is known of it. */
export function trapFor(message: string): Meaning | undefined {
  const words = message.replace(/^wasm trap: /, "");
  for (const [expected, codes, ...said] of meanings) {
    if (expected.test(words)) return { codes: typeof codes === "string" ? [codes] : codes, said };
  }
  return undefined;
}
