/**
 * The names of a declaration file: the words that TypeScript reserves, and the names that are taken.
 */
import { parseInterfaceId } from "../../../host/model/extern-names.ts";
import { toCamelCase, toPascalCase } from "../../../host/model/spelling.ts";

/** Words that cannot name a parameter; members of interfaces may have any name. */
const reserved = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends false " +
    "finally for function if implements import in instanceof interface let new null package private protected public " +
    "return static super switch this throw true try typeof var void while with yield"
  ).split(" "),
);

/** Global types the declarations refer to. */
export const globals: ReadonlySet<string> = new Set([
  ..."Map ReadonlyMap Array Disposable Function WebAssembly Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array".split(
    " ",
  ),
  ..."BigUint64Array BigInt64Array Float32Array Float64Array".split(" "),
]);

/** Names that TypeScript lets no type have. */
const typeWords = new Set("any bigint boolean never number object string symbol undefined unknown void".split(" "));

/**
 * What may stand in the text where an identifier is expected. Names come from components that anybody may have made, and
 * validation lets none but these through; the generated text is checked again all the same.
 */
export function identifier(name: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) throw new Error(`tenon bug: ${JSON.stringify(name)} is no identifier`);
  return name;
}

/** The key of a member: an interface id keeps its name, also when it is a function that has one. */
export function memberKey(js: string): string {
  // Without quotes it would be what `new` calls.
  if (js === "new") return '"new"';
  return parseInterfaceId(js) === undefined ? identifier(js) : JSON.stringify(js);
}

/** A parameter's name. */
export function paramName(kebab: string): string {
  const name = identifier(toCamelCase(kebab));
  return reserved.has(name) ? `${name}_` : name;
}

/** The name of the type of an interface, or of what else stands under such a name: `DemoCalcApi` for `demo:calc/api@1.0.0`, `Log` for an inline `log`. */
export function interfaceName(name: string): string {
  const id = parseInterfaceId(name);
  if (id === undefined) return toPascalCase(name.replaceAll(/[^A-Za-z0-9]+/g, "-"));
  return [id.namespace, id.package, id.interface].map(toPascalCase).join("");
}

/** Hands out each name once. */
export class NameTable {
  private readonly taken: Set<string>;

  constructor(taken: Iterable<string> = []) {
    this.taken = new Set(taken);
  }

  /** The first of the candidates that is free, else the first with a number. */
  claim(...candidates: readonly string[]): string {
    let name = candidates.find((candidate) => !this.taken.has(candidate) && !typeWords.has(candidate));
    for (let i = 2; name === undefined; i++) {
      const numbered = `${candidates[0]}${i}`;
      if (!this.taken.has(numbered)) name = numbered;
    }
    this.taken.add(identifier(name));
    return name;
  }
}
