/**
 * What a value of the host becomes once nothing of it is to come: futures are their values, streams all their elements.
 */
import { someType } from "../../../host/model/cases.ts";
import { toCamelCase } from "../../../host/model/spelling.ts";
import type { ValueType } from "../../../host/model/types.ts";

/** Whether something of a value of this type may be to come. */
export function isLater(type: ValueType): boolean {
  return someType(type, ({ kind }) => kind === "future" || kind === "stream");
}

/**
 * Waits for what is in a value. Its parts are waited for together, since one may end only when another is read.
 * @param most elements that are read of a stream, or chunks of one without a type; it is cancelled then
 * @returns the value, with arrays for streams, or the number of units of one without a type; rejects as what it waits for does
 */
export async function settled(value: unknown, type: ValueType, most: number = Infinity): Promise<unknown> {
  if (!isLater(type)) return value;
  switch (type.kind) {
    case "future": {
      const found = await value;
      return type.type === undefined ? undefined : settled(found, type.type, most);
    }
    case "stream":
      return elementsOf(value as AsyncIterable<unknown>, type.type, most);
    case "list":
      return Promise.all(Array.from(value as Iterable<unknown>, (item) => settled(item, type.element, most)));
    case "map":
      return new Map(
        await Promise.all(
          Array.from(
            value as Map<unknown, unknown>,
            async ([key, item]) => [key, await settled(item, type.value, most)] as const,
          ),
        ),
      );
    case "tuple":
      return Promise.all(type.types.map((part, index) => settled((value as unknown[])[index], part, most)));
    case "record": {
      const members = type.fields.map(async ({ name, type: field }) => {
        const key = toCamelCase(name);
        return [key, await settled((value as Record<string, unknown>)[key], field, most)] as const;
      });
      return Object.fromEntries(await Promise.all(members));
    }
    case "option":
      if (type.type.kind !== "option") return value == null ? value : settled(value, type.type, most);
      return tagged(value, most, (tag) => (tag === "some" ? type.type : undefined));
    case "variant":
      return tagged(value, most, (tag) => type.cases.find(({ name }) => name === tag)?.type);
    case "result":
      return tagged(value, most, (tag) => (tag === "ok" ? type.ok : type.err));
    default:
      return value;
  }
}

async function tagged(
  value: unknown,
  most: number,
  payloadOf: (tag: string) => ValueType | undefined,
): Promise<unknown> {
  const { tag, val } = value as { tag: string; val?: unknown };
  const payload = payloadOf(tag);
  return payload === undefined ? value : { tag, val: await settled(val, payload, most) };
}

async function elementsOf(
  stream: AsyncIterable<unknown>,
  element: ValueType | undefined,
  most: number,
): Promise<unknown> {
  const found: unknown[] = [];
  for await (const chunk of stream) {
    if (element === undefined) found.push(chunk);
    else for (const item of chunk as Iterable<unknown>) found.push(item);
    if (found.length >= most) break;
  }
  if (element === undefined) return found.reduce<number>((sum, units) => sum + (units as number), 0);
  return Promise.all(found.slice(0, most).map((item) => settled(item, element, most)));
}
