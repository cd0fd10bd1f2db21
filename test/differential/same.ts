/**
 * Equality of JavaScript values under the mapping: exact for numbers (NaN equals NaN, -0 is not 0), by class for typed
 * arrays, by own fields for objects: a field that is absent
 * is not one that is `undefined`.
 */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Map || b instanceof Map) {
    return a instanceof Map && b instanceof Map && same([...a], [...b]);
  }
  if (Array.isArray(a) || Array.isArray(b) || ArrayBuffer.isView(a) || ArrayBuffer.isView(b)) {
    if (Object.prototype.toString.call(a) !== Object.prototype.toString.call(b)) return false;
    const [left, right] = [a as ArrayLike<unknown>, b as ArrayLike<unknown>];
    if (left.length !== right.length) return false;
    for (let index = 0; index < left.length; index++) if (!same(left[index], right[index])) return false;
    return true;
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]))
  );
}

/** A value for a message. */
export function show(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : `${value}`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Map) return `Map${show([...value])}`;
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (ArrayBuffer.isView(value)) {
    return `${value.constructor.name}[${Array.from(value as unknown as ArrayLike<unknown>, show).join(", ")}]`;
  }
  return `{ ${Object.entries(value)
    .map(([key, item]) => `${key}: ${show(item)}`)
    .join(", ")} }`;
}

/** The first place where two values differ, for a message. */
export function difference(a: unknown, b: unknown, path = "value"): string {
  const isParent = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  if (isParent(a) && isParent(b) && !(a instanceof Map) && Array.isArray(a) === Array.isArray(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (!same(a[key], b[key])) return difference(a[key], b[key], `${path}.${key}`);
    }
  }
  return `${path}: ${show(a)} against ${show(b)}`;
}
