/** What is valid but needs more than a synchronous host: refused by name before anything is generated. */
import type { CanonOptions } from "../binary/definition.ts";
import { UnsupportedError } from "../errors.ts";
import type { FuncType, ValueType } from "../model/types.ts";

/** @throws {UnsupportedError} when a function is async by its type, its options or the values it passes */
export function refuseAsync(type: FuncType, options: CanonOptions): void {
  if (type.async || options.async || options.callback !== undefined) {
    throw new UnsupportedError("async", "This component has async functions, which this host does not support");
  }
  refuseAsyncValues(type);
}

/** @throws {UnsupportedError} when a parameter or result holds a stream, a future or an error context */
export function refuseAsyncValues(type: FuncType): void {
  if (type.async) {
    throw new UnsupportedError("async", "This component has async functions, which this host does not support");
  }
  const seen = new Set<ValueType>();
  for (const param of type.params) visit(param.type, seen);
  visit(type.result, seen);
}

function visit(type: ValueType | undefined, seen: Set<ValueType>): void {
  if (type === undefined || seen.has(type)) return;
  seen.add(type);
  switch (type.kind) {
    case "stream":
    case "future":
    case "error-context":
      throw new UnsupportedError(type.kind, `This component passes a value of type ${type.kind}, which this host does not support`);
    case "list":
      visit(type.element, seen);
      break;
    case "map":
      visit(type.key, seen);
      visit(type.value, seen);
      break;
    case "record":
      for (const field of type.fields) visit(field.type, seen);
      break;
    case "tuple":
      for (const member of type.types) visit(member, seen);
      break;
    case "variant":
      for (const c of type.cases) visit(c.type, seen);
      break;
    case "option":
      visit(type.type, seen);
      break;
    case "result":
      visit(type.ok, seen);
      visit(type.err, seen);
      break;
    default:
  }
}
