/** Values of any kind in a few words, for messages. Whatever is passed, nothing here throws. */

const SHOWN = 40;
const WORDS = 1_000;

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** A value in a few words, for messages: never the value itself when it is long. Whatever it is, this does not throw. */
export function describe(value: unknown): string {
  try {
    switch (typeof value) {
      case "string":
        return JSON.stringify(value.slice(0, SHOWN)) + (value.length > SHOWN ? "…" : "");
      case "bigint":
        // The digits of a long number take longer than the number itself.
        return BigInt.asIntN(128, value) === value ? `${value}n` : "a bigint beyond 128 bits";
      case "function":
        return "a function";
      case "object": {
        if (value === null) return "null";
        if (Array.isArray(value)) return `an array of ${value.length}`;
        const name: unknown = (Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null)?.constructor
          ?.name;
        return typeof name !== "string" || name === "Object" || name === ""
          ? "an object"
          : withArticle(cut(name, SHOWN));
      }
      default:
        return cut(String(value), SHOWN);
    }
  } catch {
    return "an object that cannot be looked at";
  }
}

/** The words of whatever was thrown: an error's message, else the value as text. Whatever it is, this does not throw. */
export function wordsOf(thrown: unknown): string {
  try {
    const text: unknown = thrown instanceof Error ? thrown.message : String(thrown);
    if (typeof text === "string") return cut(text, WORDS);
  } catch {
    // Its getters, its conversion or its proxy threw.
  }
  return describe(thrown);
}

/** `an account`, `a thing`. */
export function withArticle(noun: string): string {
  return `${/^[aeiou]/i.test(noun) ? "an" : "a"} ${noun}`;
}
