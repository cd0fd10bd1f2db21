/**
 * Checks that a JavaScript value fits a type, before anything of it is lowered.
 *
 * Checking first means that a value that does not fit leaves nothing behind in the guest: no allocation, no handle moved.
 * The emitted checks only say yes or no; `explain` finds the place and the words when they say no.
 */
import type { ValueType } from "../../model/types.ts";
import { toCamelCase } from "../../model/spelling.ts";
import { casesOf } from "../../model/cases.ts";
import { field, quote, type Code } from "./code.ts";
import type { Emitter } from "./context.ts";
import { typedArrayOf } from "./numbers.ts";

/** A boolean expression: does `value` (a name or a member access) fit? */
export function checkExpression(emitter: Emitter, type: ValueType, value: string): string {
  const v = value;
  switch (type.kind) {
    case "bool":
      return `typeof ${v} === "boolean"`;
    case "u8":
      return `typeof ${v} === "number" && (${v} & 255) === ${v}`;
    case "s8":
      return `typeof ${v} === "number" && ${v} << 24 >> 24 === ${v}`;
    case "u16":
      return `typeof ${v} === "number" && (${v} & 65535) === ${v}`;
    case "s16":
      return `typeof ${v} === "number" && ${v} << 16 >> 16 === ${v}`;
    case "u32":
      return `typeof ${v} === "number" && ${v} >>> 0 === ${v}`;
    case "s32":
      return `typeof ${v} === "number" && (${v} | 0) === ${v}`;
    case "u64":
      return `typeof ${v} === "bigint" && BigInt.asUintN(64, ${v}) === ${v}`;
    case "s64":
      return `typeof ${v} === "bigint" && BigInt.asIntN(64, ${v}) === ${v}`;
    case "f32":
    case "f64":
      return `typeof ${v} === "number"`;
    case "char":
      return `rt.isChar(${v})`;
    case "string":
      return `typeof ${v} === "string"`;
    case "own":
    case "borrow": {
      const index = emitter.types.resource(type.resource);
      if (emitter.resources[index]!.origin.kind === "host") return `rt.isHost(${index}, ${v})`;
      return `rt.isGuest(${index}, ${v}, ${type.kind === "own"})`;
    }
    case "list": {
      const array = typedArrayOf(type.element);
      const helper = checkHelper(emitter, type);
      if (array === undefined) return `${helper}(${v})`;
      const length = type.length === undefined ? "" : ` && ${v}.length === ${type.length}`;
      return `(${v} instanceof ${array}${length} || ${helper}(${v}))`;
    }
    case "stream":
    case "future":
    case "error-context":
      return `${emitter.passing(type)}.fits(${v})`;
    default:
      return `${checkHelper(emitter, type)}(${v})`;
  }
}

function checkHelper(emitter: Emitter, type: ValueType): string {
  return emitter.helper("K", type, undefined, "v", (code) => checkBody(emitter, type, code));
}

function checkBody(emitter: Emitter, type: ValueType, code: Code): void {
  const check = (inner: ValueType, value: string): string => checkExpression(emitter, inner, value);
  switch (type.kind) {
    case "record": {
      code.line(`if (typeof v !== "object" || v === null) return false;`);
      const names = type.fields.map((of) => ({ local: code.fresh(), of }));
      code.line(`const ${names.map(({ local, of }) => `${local} = ${field("v", toCamelCase(of.name))}`).join(", ")};`);
      code.line(`return ${names.map(({ local, of }) => check(of.type, local)).join(" && ")};`);
      break;
    }
    case "tuple":
      code.line(`if (!Array.isArray(v) || v.length !== ${type.types.length}) return false;`);
      // By index: destructuring would go through the array's iterator.
      code.line(`const ${type.types.map((_, i) => `y${i} = v[${i}]`).join(", ")};`);
      code.line(`return ${type.types.map((inner, i) => check(inner, `y${i}`)).join(" && ")};`);
      break;
    case "list": {
      code.line("const n = rt.lengthOf(v);");
      code.line(`if (${type.length === undefined ? "n < 0" : `n !== ${type.length}`}) return false;`);
      code.block("for (let i = 0; i < n; i++)", () => {
        code.line("const x = v[i];");
        code.line(`if (!(${check(type.element, "x")})) return false;`);
      });
      code.line("return true;");
      break;
    }
    case "map":
      code.line("if (!(v instanceof Map)) return false;");
      code.line(
        `for (const [x, y] of rt.entries(v)) if (!(${check(type.key, "x")} && ${check(type.value, "y")})) return false;`,
      );
      code.line("return true;");
      break;
    case "option":
      // An option directly inside an option is written out, or `some(none)` could not be told from `none`.
      if (type.type.kind === "option") tagged(emitter, type, code);
      else code.line(`return v === undefined || v === null || ${check(type.type, "v")};`);
      break;
    case "variant":
    case "result":
      tagged(emitter, type, code);
      break;
    case "enum":
      code.block("switch (v)", () => {
        code.line(`${type.names.map((name) => `case ${quote(name)}:`).join(" ")} return true;`);
      });
      code.line("return false;");
      break;
    case "flags":
      // Nothing is no flag set, as in jco's mapping.
      code.line("if (v === undefined || v === null) return true;");
      code.line(`if (typeof v !== "object") return false;`);
      for (const name of type.names) {
        const access = field("v", toCamelCase(name));
        code.line(`if (typeof ${access} !== "boolean" && ${access} !== undefined) return false;`);
      }
      code.line("return true;");
      break;
    default:
      throw new Error(`tenon bug: ${type.kind} has no check helper`);
  }
}

function tagged(
  emitter: Emitter,
  type: Extract<ValueType, { kind: "variant" | "option" | "result" }>,
  code: Code,
): void {
  code.line(`if (typeof v !== "object" || v === null) return false;`);
  code.line("const x = v.val;");
  code.block("switch (v.tag)", () => {
    for (const { name, type: payload } of casesOf(type)) {
      const fits = payload === undefined ? "true" : checkExpression(emitter, payload, "x");
      code.line(`case ${quote(name)}: return ${fits};`);
    }
  });
  code.line("return false;");
}
