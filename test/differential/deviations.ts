/**
 * Where jco's bindings are known to differ from the specification: the one list, each with its reason.
 *
 * The specification wins, so the comparison with jco is left out exactly where an entry applies; the comparison with
 * the reference never is. `deviations.test.ts` shows for each entry that jco still differs.
 */
import type { ValueType } from "../../host/model/types.ts";
import type { StringEncoding } from "../reference/context.ts";
import { contains, countOf } from "./arbitraries.ts";

export interface Deviation {
  readonly name: string;
  readonly reason: string;
  readonly inType?: (part: ValueType) => boolean;
  /** Asked once, of the type of a function's whole result. */
  readonly inWhole?: (type: ValueType) => boolean;
  readonly inText?: (text: string) => boolean;
  readonly encoding?: StringEncoding;
}

const isMap = (part: ValueType): boolean => part.kind === "map";

export const deviations: readonly Deviation[] = [
  {
    name: "three options in a row",
    reason: "the innermost value is read as if the middle option were not there, and comes back as 0 or NaN",
    inType: (part) => part.kind === "option" && part.type.kind === "option" && part.type.type.kind === "option",
  },
  {
    name: "leading U+FEFF",
    reason: "a TextDecoder without ignoreBOM drops it; it is an ordinary character of the string",
    inText: (text) => text.startsWith("\ufeff"),
  },
  {
    name: "a field called to-string in an error",
    reason: "its ComponentError makes a message with String(payload), which calls the field and throws a TypeError",
    inType: (part) =>
      (part.kind === "record" && part.fields.some((field) => field.name === "to-string")) ||
      (part.kind === "flags" && part.names.includes("to-string")),
  },
  {
    name: "a fixed-length list of numbers",
    reason: "it gives an array where lists of numbers are typed arrays",
    inType: (part) => part.kind === "list" && part.length !== undefined && /^[sfu]\d+$/.test(part.element.kind),
  },
  {
    name: "two maps, or a map in a list",
    reason: "the text it writes has two loop variables of one name, and cannot be evaluated or fails when called",
    inWhole: (type) =>
      countOf(type, isMap) > 1 || contains(type, (part) => part.kind === "list" && contains(part.element, isMap)),
  },
  {
    name: "latin1+utf16",
    reason: "the bindings generator knows utf8 and utf16 only, and panics",
    encoding: "latin1+utf16",
  },
];

/** Whether jco can be compared on a type at all. */
export function jcoHandlesType(type: ValueType, encoding: StringEncoding): boolean {
  return !deviations.some(
    ({ inType, inWhole, encoding: lacks }) =>
      lacks === encoding || (inType !== undefined && contains(type, inType)) || inWhole?.(type) === true,
  );
}

/** Whether jco can be compared on a value of a type that it handles. */
export function jcoHandlesValue(value: unknown): boolean {
  if (typeof value === "string") return !deviations.some(({ inText }) => inText?.(value) === true);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return true;
  return Object.values(value).every(jcoHandlesValue);
}
