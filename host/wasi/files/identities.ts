/** Which files are the same, and the hash by which a guest can tell. */
import type { FileStat } from "./file-system.ts";

/** `metadata-hash-value` */
export interface MetadataHash {
  readonly lower: bigint;
  readonly upper: bigint;
}

const MASK = 2n ** 64n - 1n;

/**
 * Identity of a file: its device and inode. Devices are numbered as they are met, so that a module whose files are in memory gets
 * the same hashes in every run.
 */
export class Identities {
  readonly #devices = new Map<unknown, bigint>();

  isSame(a: FileStat, b: FileStat): boolean {
    return a.inode === b.inode && a.device === b.device;
  }

  /** The hash holds nothing of the content: C programs take it for the inode, which does not change when a file is written. */
  hash({ device, inode }: FileStat): MetadataHash {
    let number = this.#devices.get(device);
    if (number === undefined) this.#devices.set(device, (number = BigInt(this.#devices.size + 1)));
    const lower = mixed(inode ^ mixed(number));
    return { lower, upper: mixed(lower ^ number) };
  }
}

/** The last step of SplitMix64: each bit of the input changes about half of the output, and no two inputs give the same. */
function mixed(value: bigint): bigint {
  let z = (value + 0x9e3779b97f4a7c15n) & MASK;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}
