/** `wasi:random`: random, insecure, insecure-seed. */
import type { Face, Faces, WasiState } from "../state.ts";
import { WasiTrap } from "../io/error.ts";
import { type Generator, generatorOf } from "./generator.ts";

/** Bytes that one call may ask for: 64 MiB, as other hosts have it. */
export const MOST_BYTES: bigint = 64n * 2n ** 20n;
/** Numbers that are made at once, since asking the platform for 8 bytes takes as long as for a page of them. */
const POOL = 512;

class Random {
  readonly #generator: Generator;
  readonly #numbers = new BigUint64Array(POOL);
  #used = POOL;

  constructor(generator: Generator) {
    this.#generator = generator;
  }

  readonly bytes = (length: bigint): Uint8Array => {
    if (length > MOST_BYTES) throw new WasiTrap(`Expected at most ${MOST_BYTES} random bytes at once, got ${length}`);
    const bytes = new Uint8Array(Number(length));
    this.#generator.fill(bytes);
    return bytes;
  };

  readonly u64 = (): bigint => {
    if (this.#used === POOL) {
      this.#generator.fill(new Uint8Array(this.#numbers.buffer));
      this.#used = 0;
    }
    const number = this.#numbers[this.#used]!;
    // A number that was given is not kept.
    this.#numbers[this.#used++] = 0n;
    return number;
  };
}

function face(from: string, bytes: string, u64: string): Face {
  return (state: WasiState) => {
    const random = state.shared(Random, () => new Random(generatorOf(state.options.random)));
    const name = from.slice(from.indexOf("/") + 1);
    return {
      [bytes]: (length: bigint) => {
        if (state.watched) state.access(from, `get-${name === "random" ? "" : "insecure-"}random-bytes`, true);
        return random.bytes(length);
      },
      [u64]: () => {
        if (state.watched) state.access(from, `get-${name === "random" ? "" : "insecure-"}random-u64`, true);
        return random.u64();
      },
    };
  };
}

export const randomFaces: Faces = {
  "wasi:random/random": face("wasi:random/random", "getRandomBytes", "getRandomU64"),
  "wasi:random/insecure": face("wasi:random/insecure", "getInsecureRandomBytes", "getInsecureRandomU64"),
  "wasi:random/insecure-seed": (state) => {
    const random = state.shared(Random, () => new Random(generatorOf(state.options.random)));
    // The same however often it is asked for, as if it were a value that is imported.
    const value = [random.u64(), random.u64()];
    const seed = (action: string) => (): bigint[] => {
      if (state.watched) state.access("wasi:random/insecure-seed", action, true);
      return value;
    };
    // As it is called in 0.2 and in 0.3.
    return { insecureSeed: seed("insecure-seed"), getInsecureSeed: seed("get-insecure-seed") };
  },
};
