/** `wasi:filesystem`, which takes room and is loaded when a component imports it. */
import type { Faces } from "../state.ts";

export const fileFaces: Faces = {
  "wasi:filesystem/preopens": { load: async () => (await import("./face.ts")).preopens },
  "wasi:filesystem/types": { load: async () => (await import("./face.ts")).types },
};
