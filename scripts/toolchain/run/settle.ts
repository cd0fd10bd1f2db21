/**
 * What a value of the host becomes once nothing of it is to come: futures are their values, streams all their elements.
 */
import { someType } from "../../../host/model/cases.ts";
import { toCamelCase } from "../../../host/model/spelling.ts";
import type { ValueType } from "../../../host/model/types.ts";

/**
 * Waits for what is in a value. Its parts are waited for together, since one may end only when another is read.
 * @returns the value, with arrays for streams, or the number of units of one without a type; rejects as what it waits for does
 */
export async function settled(value: unknown, type: ValueType): Promise<unknown> {
  if (!someType(type, ({ kind }) => kind === "future" || kind === "stream")) return value;
  switch (type.kind) {
    case "future": {
      const found = await value;
      return type.type === undefined ? undefined : settled(found, type.type);
    }
    case "stream":
      return elementsOf(value as AsyncIterable<unknown>, type.type);
    case "list":
      return Promise.all(Array.from(value as Iterable<unknown>, (item) => settled(item, type.element)));
    case "map":
      return new Map(
        await Promise.all(
          Array.from(
            value as Map<unknown, unknown>,
            async ([key, item]) => [key, await settled(item, type.value)] as const,
          ),
        ),
      );
    case "tuple":
      return Promise.all(type.types.map((part, index) => settled((value as unknown[])[index], part)));
    case "record": {
      const members = type.fields.map(async ({ name, type: field }) => {
        const key = toCamelCase(name);
        return [key, await settled((value as Record<string, unknown>)[key], field)] as const;
      });
      return Object.fromEntries(await Promise.all(members));
    }
    case "option":
      if (type.type.kind !== "option") return value == null ? value : settled(value, type.type);
      return tagged(value, (tag) => (tag === "some" ? type.type : undefined));
    case "variant":
      return tagged(value, (tag) => type.cases.find(({ name }) => name === tag)?.type);
    case "result":
      return tagged(value, (tag) => (tag === "ok" ? type.ok : type.err));
    default:
      return value;
  }
}

async function tagged(value: unknown, payloadOf: (tag: string) => ValueType | undefined): Promise<unknown> {
  const { tag, val } = value as { tag: string; val?: unknown };
  const payload = payloadOf(tag);
  return payload === undefined ? value : { tag, val: await settled(val, payload) };
}

async function elementsOf(stream: AsyncIterable<unknown>, element: ValueType | undefined): Promise<unknown> {
  const found: unknown[] = [];
  let units = 0;
  for await (const chunk of stream) {
    if (element === undefined) units += chunk as number;
    else for (const item of chunk as Iterable<unknown>) found.push(item);
  }
  return element === undefined ? units : Promise.all(found.map((item) => settled(item, element)));
}
