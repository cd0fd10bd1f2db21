/** Random bytes: the platform's secure ones, or those that follow from a seed. */
import type { WasiOptions } from "../options.ts";

export interface Generator {
  fill(bytes: Uint8Array<ArrayBuffer>): void;
}

/** What the platform fills at once. */
const AT_ONCE = 65_536;

const secure: Generator = {
  fill(bytes) {
    for (let at = 0; at < bytes.length; at += AT_ONCE) crypto.getRandomValues(bytes.subarray(at, at + AT_ONCE));
  },
};

export function generatorOf(options: WasiOptions["random"]): Generator {
  return options === undefined || options === "real" ? secure : seeded(String(options.seed));
}

/** The generator sfc32, begun with four hashes of the seed (FNV-1a with different bases). Good to test with, and no secret. */
function seeded(seed: string): Generator {
  const hash = (base: number): number => {
    let h = base;
    for (let i = 0; i < seed.length; i++) h = Math.imul(h ^ seed.charCodeAt(i), 0x01000193);
    return h | 0;
  };
  let [a, b, c, counter] = [hash(0x811c9dc5), hash(0x9e3779b9), hash(0x7f4a7c15), 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum;
  };
  for (let i = 0; i < 15; i++) next();
  return {
    fill(bytes) {
      let word = 0;
      for (let i = 0; i < bytes.length; i++) {
        word = (i & 3) === 0 ? next() : word >>> 8;
        bytes[i] = word;
      }
    },
  };
}
