/**
 * Source maps of core modules (ECMA-426): one line of mappings, whose columns are byte offsets.
 *
 * One pass over the text, which keeps nothing but what was asked for. Whatever a guest wrote there, nothing here throws: a
 * map that is none has no lines.
 */
import type { Range, SourceLine } from "./range.ts";

interface SourceMap {
  readonly sources: readonly unknown[];
  readonly sourceRoot?: unknown;
  readonly mappings: string;
}

/**
 * The source lines of byte offsets, in their order; `undefined` for those that the map does not know.
 * @param text the map as JSON
 * @param wanted where a mapping must stand to count: one of the same function, at the offset or before it, else the next
 */
export function mappedLines(text: string, wanted: readonly Range[]): (SourceLine | undefined)[] {
  const map = parse(text);
  return map === undefined ? wanted.map(() => undefined) : new Mappings(map).find(wanted);
}

function parse(text: string): SourceMap | undefined {
  try {
    const map = JSON.parse(text) as Partial<SourceMap> | null;
    return typeof map?.mappings === "string" && Array.isArray(map.sources) ? (map as SourceMap) : undefined;
  } catch {
    return undefined;
  }
}

/** What a mapping says: numbers of a source, a line and a column, from 0; the source is -1 for code that nobody wrote. */
interface Original {
  readonly source: number;
  readonly line: number;
  readonly column: number;
}

class Mappings {
  readonly #map: SourceMap;

  constructor(map: SourceMap) {
    this.#map = map;
  }

  find(wanted: readonly Range[]): (SourceLine | undefined)[] {
    const best = wanted.map((): Original | undefined => undefined);
    const passed = wanted.map(() => false);
    this.#visit((offset, source, line, column) => {
      let open = false;
      for (const [i, range] of wanted.entries()) {
        if (passed[i]!) continue;
        open = true;
        if (offset < range.start) continue;
        // What stands behind the offset counts only where nothing stands before it.
        if (offset <= range.offset) best[i] = { source, line, column };
        else {
          if (offset < range.end) best[i] ??= { source, line, column };
          passed[i] = true;
        }
      }
      return open;
    });
    return best.map((original) => (original === undefined ? undefined : this.#named(original)));
  }

  /** Reads mappings in ascending order of their offsets, as long as `visit` agrees and they are what they should be. */
  #visit(visit: (offset: number, source: number, line: number, column: number) => boolean): void {
    const { mappings } = this.#map;
    let [offset, source, line, column] = [0, 0, 0, 0];
    const fields: number[] = [];
    let value = 0;
    let shift = 0;
    // One step more than there are letters ends the last mapping.
    for (let at = 0; at <= mappings.length; at++) {
      const letter = at < mappings.length ? mappings.charCodeAt(at) : COMMA;
      if (letter === COMMA || letter === SEMICOLON) {
        if (fields.length > 0) {
          const before = offset;
          offset += fields[0]!;
          if (offset < before || shift !== 0) return;
          if (fields.length >= 4) {
            source += fields[1]!;
            line += fields[2]!;
            column += fields[3]!;
          }
          if (!visit(offset, fields.length >= 4 ? source : -1, line, column)) return;
          fields.length = 0;
        }
        // There are no lines in a binary but the first.
        if (letter === SEMICOLON) return;
        continue;
      }
      const digit = letter < 128 ? DIGITS[letter]! : -1;
      if (digit < 0 || shift > 30) return;
      value += (digit & 31) * 2 ** shift;
      shift += 5;
      if (digit >= 32) continue;
      fields.push(value % 2 === 1 ? -Math.floor(value / 2) : value / 2);
      value = shift = 0;
    }
  }

  #named({ source, line, column }: Original): SourceLine | undefined {
    const { sources, sourceRoot } = this.#map;
    const file = sources[source];
    if (typeof file !== "string" || file === "" || line < 0 || column < 0) return undefined;
    const root = typeof sourceRoot === "string" && !/^(?:[a-z]+:)?\//i.test(file) ? sourceRoot : "";
    const place = root === "" || root.endsWith("/") ? root : `${root}/`;
    return { file: `${place}${file}`, line: line + 1, column: column + 1 };
  }
}

const COMMA = 0x2c;
const SEMICOLON = 0x3b;

/** The value of each letter of base64 by its code; -1 for every other. */
const DIGITS: Int8Array = new Int8Array(128).fill(-1);
[..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].forEach((letter, value) => {
  DIGITS[letter.charCodeAt(0)] = value;
});
