/**
 * Where each operation of the canonical ABI is: its name in the specification (design/mvp/CanonicalABI.md, definitions.py),
 * the file under host/ and the function or method there.
 *
 * The test holds the table against the host. To hold it against the specification as well, give a copy of definitions.py:
 * `TENON_DEFINITIONS=…/definitions.py npx vitest run --config test/vitest.config.ts --project node test/reference`.
 */
import { readFileSync } from "node:fs";
import { parseSync, Visitor } from "oxc-parser";
import { describe, expect, test } from "vitest";

type Place = readonly [operation: string, file: string, name: string];

export const places: readonly Place[] = [
  // Types in memory.
  ["despecialize", "model/cases.ts", "casesOf"],
  ["alignment", "model/layout.ts", "sizeOf"],
  ["elem_size", "model/layout.ts", "sizeOf"],
  ["elem_size_record", "model/layout.ts", "sequence"],
  ["elem_size_variant", "model/layout.ts", "computeSize"],
  ["flatten_type", "model/layout.ts", "flatten"],
  ["flatten_types", "model/layout.ts", "flatOf"],
  ["join", "model/layout.ts", "join"],
  // Lifting.
  ["load", "abi/emit/lift.ts", "load"],
  ["load_record", "abi/emit/lift.ts", "loadMembers"],
  ["load_variant", "abi/emit/lift.ts", "loadVariant"],
  ["load_flags", "abi/emit/lift.ts", "flagsObject"],
  ["load_string_from_range", "abi/memory.ts", "loadUtf8"],
  ["load_list_from_range", "abi/emit/lift.ts", "loadRange"],
  ["load_list_from_valid_range", "abi/emit/lift.ts", "loadElements"],
  ["convert_i32_to_char", "abi/runtime.ts", "char"],
  ["lift_flat", "abi/emit/lift.ts", "liftFlat"],
  ["lift_flat_variant", "abi/emit/lift.ts", "liftCases"],
  ["lift_flat_values", "abi/emit/lift.ts", "liftMembers"],
  ["lift_own", "abi/emit/handles.ts", "liftOwn"],
  ["lift_borrow", "abi/emit/handles.ts", "liftBorrow"],
  // Lowering.
  ["store", "abi/emit/lower.ts", "store"],
  ["store_variant", "abi/emit/lower.ts", "storeVariant"],
  ["match_case", "abi/emit/lower.ts", "matchCases"],
  ["store_flags", "abi/emit/lower.ts", "flagBits"],
  ["store_string_into_range", "abi/emit/lower.ts", "storeRange"],
  ["store_string_to_utf8", "abi/transcode.ts", "storeToUtf8"],
  ["store_utf8_to_utf16", "abi/transcode.ts", "storeUtf8ToUtf16"],
  ["store_string_to_latin1_or_utf16", "abi/transcode.ts", "storeToLatin1OrUtf16"],
  ["store_list_into_range", "abi/emit/lower.ts", "listHelper"],
  ["store_list_into_valid_range", "abi/emit/lower.ts", "storeElements"],
  ["lower_flat", "abi/emit/lower.ts", "lowerFlat"],
  ["lower_flat_variant", "abi/emit/lower.ts", "lowerVariant"],
  ["lower_flat_values", "bindings/crossing.ts", "lowerParams"],
  ["lower_own", "abi/emit/handles.ts", "lowerOwn"],
  ["lower_borrow", "abi/emit/handles.ts", "lowerBorrow"],
  // State.
  ["ComponentInstance", "abi/component-state.ts", "ComponentState"],
  ["ResourceHandle", "abi/handle-table.ts", "Handle"],
  // Canonical definitions.
  ["canon_lift", "bindings/canon-lift.ts", "emitLift"],
  ["canon_lower", "bindings/canon-lower.ts", "emitLower"],
  ["canon_resource_new", "bindings/trampolines.ts", "emitTrampoline"],
  ["canon_resource_rep", "abi/handle-table.ts", "rep"],
  ["canon_resource_drop", "bindings/trampolines.ts", "emitDrop"],
  ["canon_context_get", "bindings/trampolines.ts", "emitTrampoline"],
  ["canon_context_set", "bindings/trampolines.ts", "emitTrampoline"],
];

/** Functions, methods, classes and interfaces that a file of the host declares. */
function declared(file: string): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (node: { readonly name?: string } | null): void => void names.add(node?.name ?? "");
  new Visitor({
    FunctionDeclaration: ({ id }) => add(id),
    ClassDeclaration: ({ id }) => add(id),
    TSInterfaceDeclaration: ({ id }) => add(id),
    MethodDefinition: ({ key }) => add(key as { readonly name?: string }),
  }).visit(parseSync(file, readFileSync(new URL(`../../host/${file}`, import.meta.url), "utf8")).program);
  return names;
}

describe("an operation of the specification", () => {
  test.each(places)("%s is in %s as %s", (_, file, name) => {
    expect(declared(file)).toContain(name);
  });

  const path = process.env["TENON_DEFINITIONS"];
  // The specification is not in the repository; who has it gives its path.
  test.skipIf(path === undefined)("has its name in definitions.py", () => {
    const text = readFileSync(path!, "utf8");
    const known = new Set(Array.from(text.matchAll(/^(?:def|class) (\w+)/gm), (found) => found[1]));
    expect(places.map(([operation]) => operation).filter((operation) => !known.has(operation))).toEqual([]);
  });
});
