/**
 * Resource objects that calls have given to the page, kept to call methods on and to pass on, until disposed.
 *
 * The page holds objects of the host's own making, never an instance: an object of an unloaded version stays here as a
 * dead name and keeps no memory.
 */
import { toCamelCase } from "../../../../host/model/spelling.ts";
import type { ValueType } from "../../../../host/model/types.ts";
import type { Description } from "./describe.ts";

export interface Kept {
  readonly object: object;
  /** `counter #1`. */
  readonly name: string;
  /** The shelf it stands on: `demo:counter/api#counter`. */
  readonly shelf: string;
  /** Hash of the version that made it. */
  readonly version: string;
}

export class Shelf {
  #kept: Kept[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #counts = new Map<string, number>();

  /** All objects, or those of one shelf. */
  list(shelf?: string): readonly Kept[] {
    return shelf === undefined ? this.#kept : this.#kept.filter((kept) => kept.shelf === shelf);
  }

  nameOf = (object: object): string | undefined => this.#kept.find((kept) => kept.object === object)?.name;

  /** Hears of every change. @returns a function that stops it */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Keeps every resource in a value that a call has given. */
  collect(type: ValueType | undefined, value: unknown, description: Description, version: string): void {
    const before = this.#kept.length;
    walk(type, value, (resource, object) => {
      const shelf = description.resources.get(resource.resource);
      if (shelf === undefined || this.nameOf(object) !== undefined) return;
      const count = (this.#counts.get(shelf) ?? 0) + 1;
      this.#counts.set(shelf, count);
      this.#kept.push({ object, name: `${shelf.slice(shelf.indexOf("#") + 1)} #${count}`, shelf, version });
    });
    if (this.#kept.length > before) this.#changed();
  }

  /** Takes an object off: it was disposed or given away. */
  remove(object: object): void {
    this.#kept = this.#kept.filter((kept) => kept.object !== object);
    this.#changed();
  }

  clear(): void {
    if (this.#kept.length === 0) return;
    this.#kept = [];
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Visits the handles in a value, as its type tells where they are. */
function walk(
  type: ValueType | undefined,
  value: unknown,
  visit: (type: Extract<ValueType, { kind: "own" | "borrow" }>, object: object) => void,
): void {
  if (type === undefined || value === undefined || value === null) return;
  const each = (inner: ValueType, items: Iterable<unknown>): void => {
    for (const item of items) walk(inner, item, visit);
  };
  switch (type.kind) {
    case "own":
    case "borrow":
      visit(type, value);
      break;
    case "stream":
    case "future":
      // What a call gave has come by now; what it was given may be of any form.
      if (type.kind === "future") walk(type.type, value, visit);
      else if (type.type !== undefined && Array.isArray(value)) each(type.type, value);
      break;
    case "list":
      if (Array.isArray(value)) each(type.element, value);
      break;
    case "map":
      each(type.value, (value as Map<unknown, unknown>).values());
      break;
    case "tuple":
      type.types.forEach((inner, index) => walk(inner, (value as unknown[])[index], visit));
      break;
    case "record": {
      const fields = value as Record<string, unknown>;
      for (const field of type.fields) walk(field.type, fields[toCamelCase(field.name)], visit);
      break;
    }
    case "option":
      walk(type.type, type.type.kind === "option" ? (value as { val?: unknown }).val : value, visit);
      break;
    case "variant": {
      const { tag, val } = value as { tag: string; val?: unknown };
      walk(type.cases.find(({ name }) => name === tag)?.type, val, visit);
      break;
    }
    case "result": {
      const { tag, val } = value as { tag: string; val?: unknown };
      walk(tag === "ok" ? type.ok : type.err, val, visit);
      break;
    }
    default:
  }
}

/** The handles given away by passing a value: the `own` ones. */
export function givenAway(type: ValueType, value: unknown): object[] {
  const found: object[] = [];
  walk(type, value, (handle, object) => handle.kind === "own" && found.push(object));
  return found;
}
