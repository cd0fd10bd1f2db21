/**
 * Guests that hand over whatever their memory holds: results and arguments are read from fixed slots and passed on
 * unchecked, so that a test can write any bytes there first.
 */
import type { StringEncoding } from "../reference/context.ts";
import { flatten, maxFlatParams, type Core } from "../reference/types.ts";
import { hostInterface, plainParams, resultType, TypeNames, type Signature } from "../differential/echo.ts";

/** Where the core values that the guest passes on are, eight bytes each. */
export const slotsAt = 64;

/** The core values of a function's result: one flat value, or a pointer. */
export function resultSlots(signature: Signature): readonly Core[] {
  const flat = plainParams(signature).flatMap(flatten);
  return flat.length > 1 ? ["i32"] : flat;
}

/** The core values of a function's parameters. */
export function paramSlots(signature: Signature): readonly Core[] {
  const flat = plainParams(signature).flatMap(flatten);
  return flat.length > maxFlatParams ? ["i32"] : flat;
}

/** The text of a component with, for each signature, `give-n` (returns the slots) and `pass-n` (calls the import `take-n`). */
export function hostileText(signatures: readonly Signature[], encoding: StringEncoding): string {
  const names = new TypeNames(signatures.flat());
  const options = `(memory (core memory $memory)) string-encoding=${encoding}`;
  const params = (signature: Signature): string =>
    signature.map((type, index) => `(param "p${index}" ${names.use(type)})`).join(" ");
  const slots = (cores: readonly Core[]): string =>
    cores.map((core, index) => `(${core}.load (i32.const ${slotsAt + 8 * index}))`).join(" ");
  return [
    "(component",
    `(import "${hostInterface}" (instance $host`,
    ...names.order.flatMap((type) => [
      `(type $d-${names.nameOf(type)} ${names.define(type)})`,
      `(export "${names.nameOf(type)}" (type $${names.nameOf(type)} (eq $d-${names.nameOf(type)})))`,
    ]),
    ...signatures.map((signature, index) => `(export "take-n${index}" (func ${params(signature)}))`),
    "))",
    ...names.order.map((type) => `(alias export $host "${names.nameOf(type)}" (type $${names.nameOf(type)}))`),
    '(core module $libc (memory (export "memory") 1))',
    "(core instance $libc (instantiate $libc))",
    '(alias core export $libc "memory" (core memory $memory))',
    ...signatures.map((_, index) => `(core func $take${index} (canon lower (func $host "take-n${index}") ${options}))`),
    '(core module $main (import "libc" "memory" (memory 1))',
    ...signatures.map(
      (signature, index) =>
        `(import "host" "take${index}" (func $take${index} (param ${paramSlots(signature).join(" ")})))`,
    ),
    ...signatures.flatMap((signature, index) => [
      `(func (export "give${index}") (result ${resultSlots(signature)[0]}) ${slots(resultSlots(signature))})`,
      `(func (export "pass${index}") (call $take${index} ${slots(paramSlots(signature))}))`,
    ]),
    ")",
    '(core instance $main (instantiate $main (with "libc" (instance $libc)) (with "host" (instance',
    ...signatures.map((_, index) => `(export "take${index}" (func $take${index}))`),
    "))))",
    ...signatures.flatMap((signature, index) => [
      `(func (export "give-n${index}") (result ${names.use(resultType(signature))}) ` +
        `(canon lift (core func $main "give${index}") ${options}))`,
      `(func (export "pass-n${index}") (canon lift (core func $main "pass${index}")))`,
    ]),
    ")",
  ].join("\n");
}
