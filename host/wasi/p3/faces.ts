/** The interfaces of WASI 0.3: a second face on the same state. Loaded when a component imports one of them. */
import { environmentFaces } from "../cli/environment.ts";
import { exitFaces } from "../cli/exit.ts";
import { terminalFaces } from "../cli/stdio.ts";
import { randomFaces } from "./random.ts";
import type { Faces } from "../state.ts";
import { clockFaces } from "./clocks.ts";
import { stdioFaces } from "./stdio.ts";

/** Those of every platform. */
export const faces: Faces = {
  ...clockFaces,
  ...randomFaces,
  ...environmentFaces,
  ...exitFaces,
  ...stdioFaces,
  ...terminalFaces,
  "wasi:filesystem/preopens": { load: async () => (await import("./files.ts")).preopens },
  "wasi:filesystem/types": { load: async () => (await import("./files.ts")).types },
  "wasi:http/types": { load: async () => (await import("./http/face.ts")).httpTypes },
  "wasi:http/client": {
    load: async () => {
      const { client } = await import("./http/client.ts");
      return (state) => client(state);
    },
  },
};
