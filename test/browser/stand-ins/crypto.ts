/** The one thing of `node:crypto` that tests use, for a test in the page. */
import { sha256 } from "../../../host/binary/sha256.ts";

interface Hash {
  update(bytes: Uint8Array<ArrayBuffer>): Hash;
  digest(encoding: "hex"): string;
}

export function createHash(_algorithm: "sha256"): Hash {
  let hex = "";
  const hash: Hash = {
    update: (bytes) => {
      hex = sha256(bytes);
      return hash;
    },
    digest: () => hex,
  };
  return hash;
}
