/**
 * The keys of an object that a user gave, by the names of what a component imports: exactly, as JavaScript writes it, or an
 * interface of a compatible version. An object is read once, however many imports are looked for in it.
 */
import { IdIndex, isInterfaceId, versionOf, withoutVersion } from "../model/ids.ts";
import { externName } from "../model/spelling.ts";

/** Reads a property, where it counts as given. */
export type Get = (holder: object, key: string) => unknown;

export interface Given {
  readonly key: string;
  readonly value: unknown;
}

interface GivenIds {
  readonly index: IdIndex<Given>;
  readonly byPath: ReadonlyMap<string, Given>;
}

export class GivenNames {
  readonly holder: object;
  readonly #get: Get;
  #ids: GivenIds | undefined;

  constructor(holder: object, get: Get) {
    this.holder = holder;
    this.#get = get;
  }

  /** What meets the name: of several versions one without version, else the highest that is compatible. */
  find(name: string): Given | undefined {
    for (const key of [name, externName(name)]) {
      const value = this.#get(this.holder, key);
      if (value !== undefined) return { key, value };
    }
    if (!isInterfaceId(name)) return undefined;
    const { index, byPath } = (this.#ids ??= this.#readIds());
    const path = withoutVersion(name);
    if (versionOf(name) === undefined) return byPath.get(path);
    return index.get(path) ?? index.fitting(name).next().value;
  }

  #readIds(): GivenIds {
    const byPath = new Map<string, Given>();
    const all: [string, Given][] = [];
    for (const key of Object.keys(this.holder).filter(isInterfaceId)) {
      const value = this.#get(this.holder, key);
      if (value === undefined) continue;
      const given = { key, value };
      all.push([key, given]);
      const path = withoutVersion(key);
      if (!byPath.has(path)) byPath.set(path, given);
    }
    return { index: new IdIndex(all), byPath };
  }
}
