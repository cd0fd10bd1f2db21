/**
 * JavaScript values as a caller gets them, written as text with a few colours.
 */
import { h } from "./dom.ts";

/** The name of a resource object, when it is one the page knows. */
export type NameObject = (value: object) => string | undefined;

/** Wider than this, and a value is written on several lines. */
const WIDTH = 64;
/** More items than this are counted and not written. */
const MOST_ITEMS = 200;

type Piece = readonly [text: string, kind: "plain" | "key" | "string" | "number" | "word" | "muted"];

export function printValue(value: unknown, nameObject: NameObject): HTMLElement {
  const pieces = print(value, 0, nameObject);
  const spans = pieces.map(([text, kind]) => (kind === "plain" ? text : h("span", { class: `v-${kind}` }, text)));
  return h("pre", { class: "value", tabindex: 0, "aria-label": "Value" }, h("code", {}, spans));
}

function print(value: unknown, depth: number, nameObject: NameObject): Piece[] {
  switch (typeof value) {
    case "string":
      return [[JSON.stringify(value), "string"]];
    case "number":
      return [[Object.is(value, -0) ? "-0" : String(value), "number"]];
    case "bigint":
      return [[`${value}n`, "number"]];
    case "boolean":
    case "undefined":
      return [[String(value), "word"]];
    case "object":
      return value === null ? [["null", "word"]] : printObject(value, depth, nameObject);
    default:
      return [[typeof value, "muted"]];
  }
}

function printObject(value: object, depth: number, nameObject: NameObject): Piece[] {
  const name = nameObject(value);
  if (name !== undefined) return [[name, "word"]];
  const inner = (item: unknown): Piece[] => print(item, depth + 1, nameObject);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const items = Array.from((value as Uint8Array).subarray(0, MOST_ITEMS), (item: number | bigint) => inner(item));
    return bracketed([`${value.constructor.name} [`, "]"], items, {
      total: (value as Uint8Array).length,
      depth,
      wrap: true,
    });
  }
  if (Array.isArray(value))
    return bracketed(["[", "]"], value.slice(0, MOST_ITEMS).map(inner), { total: value.length, depth });
  if (value instanceof Map) {
    const entries = [...value]
      .slice(0, MOST_ITEMS)
      .map(([k, v]): Piece[] => [...inner(k), [" → ", "muted"], ...inner(v)]);
    return bracketed(["Map {", "}"], entries, { total: value.size, depth });
  }
  const fields = Object.entries(value).map(([key, item]): Piece[] => {
    const written = /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? key : JSON.stringify(key);
    return [[written, "key"], [": ", "plain"], ...inner(item)];
  });
  return bracketed(["{", "}"], fields, { total: fields.length, depth });
}

/** Items between brackets: on one line when they fit, numbers wrapped, anything else a line each. */
function bracketed(
  [open, close]: readonly [string, string],
  items: Piece[][],
  { total, depth, wrap = false }: { readonly total: number; readonly depth: number; readonly wrap?: boolean },
): Piece[] {
  if (total === 0) return [[open + close, "plain"]];
  const parts = total > items.length ? [...items, [[`… ${total - items.length} more`, "muted"] as const]] : items;
  const room = open === "{" || open === "Map {" ? " " : "";
  const length = parts.reduce((sum, part) => sum + part.reduce((n, [text]) => n + text.length, 2), depth * 2);
  const broken = parts.some((part) => part.some(([text]) => text.includes("\n")));
  const pieces: Piece[] = [[open, "plain"]];
  if (!broken && (length <= WIDTH || wrap)) {
    pieces.push([room, "plain"]);
    parts.forEach((part, index) => pieces.push(...(index === 0 ? [] : [[", ", "plain"] as const]), ...part));
    pieces.push([room, "plain"]);
  } else {
    const indent = "  ".repeat(depth + 1);
    for (const part of parts) pieces.push([`\n${indent}`, "plain"], ...part, [",", "plain"]);
    pieces.push([`\n${"  ".repeat(depth)}`, "plain"]);
  }
  pieces.push([close, "plain"]);
  return pieces;
}
