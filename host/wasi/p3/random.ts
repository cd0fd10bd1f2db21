/** `wasi:random` 0.3: as 0.2, but who asks for too many bytes gets fewer. */
import { MOST_BYTES, randomFaces as before } from "../random/face.ts";
import type { Face, Faces } from "../state.ts";

function atMost(from: string, bytes: string): Face {
  return (state, wanted) => {
    const face = (before[from] as Face)(state, wanted) as Record<string, (length: bigint) => Uint8Array>;
    const all = face[bytes]!;
    return { ...face, [bytes]: (most: bigint) => all(most > MOST_BYTES ? MOST_BYTES : most) };
  };
}

export const randomFaces: Faces = {
  ...before,
  "wasi:random/random": atMost("wasi:random/random", "getRandomBytes"),
  "wasi:random/insecure": atMost("wasi:random/insecure", "getInsecureRandomBytes"),
};
