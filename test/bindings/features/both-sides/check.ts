import { expect } from "vitest";
import type { Check } from "../../check.ts";

interface Entry {
  key: string;
  value: Uint8Array;
  order: string;
}

export const check: Check = {
  async run({ instantiate }) {
    const entries = new Map<string, Entry>();
    const seen: unknown[] = [];
    let living = 0;
    class Cursor {
      readonly #keys: string[];
      constructor(prefix: string, order: string) {
        this.#keys = [...entries.keys()].filter((key) => key.startsWith(prefix)).sort();
        if (order === "down") this.#keys.reverse();
        living++;
      }
      next() {
        const key = this.#keys.shift();
        return key === undefined ? undefined : entries.get(key);
      }
      static others(cursors: Cursor[]) {
        return cursors.length;
      }
      [Symbol.dispose]() {
        living--;
      }
    }
    const imports = {
      "test:both/store": {
        Cursor,
        get: (key: string) => (entries.has(key) ? { tag: "entry", val: entries.get(key) } : { tag: "none" }),
        put: (entry: Entry, mode: unknown) => {
          seen.push(mode);
          entries.set(entry.key, entry);
        },
        move: ({ cursor }: { cursor: Cursor }) => ({ cursor, mode: { fast: true, safe: false } }),
      },
    };
    const { store } = await instantiate(imports);
    const entry = (key: string): Entry => ({ key, value: new Uint8Array([key.length]), order: "down" });
    store.put(entry("a"), { fast: true, safe: false });
    store.put(entry("bb"), { fast: false, safe: false });
    expect([...entries.keys()]).toEqual(["p/a", "p/bb"]);
    expect(seen).toEqual([
      { fast: true, safe: true },
      { fast: false, safe: true },
    ]);
    expect(store.get("bb")).toEqual({ tag: "entry", val: entry("bb") });
    expect(store.get("c")).toEqual({ tag: "none" });
    const cursor = new store.Cursor("", "down");
    expect(living).toBe(1);
    expect(cursor.next().key).toBe("bb");
    expect(store.Cursor.others([cursor, cursor])).toBe(2);
    const moved = store.move({ cursor, mode: { fast: false, safe: true } });
    expect(moved.mode).toEqual({ fast: true, safe: false });
    expect(moved.cursor.next().key).toBe("a");
    expect(moved.cursor.next()).toBe(undefined);
    moved.cursor[Symbol.dispose]();
    expect(living).toBe(0);
  },
};
