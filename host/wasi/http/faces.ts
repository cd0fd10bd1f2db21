/** The faces of `wasi:http`, which are loaded when a component imports them. */
import type { Faces } from "../state.ts";

export const httpFaces: Faces = {
  "wasi:http/types": { load: async () => (await import("./face.ts")).httpTypes },
  "wasi:http/outgoing-handler": {
    load: async () => {
      const { outgoingHandler } = await import("./outgoing.ts");
      return (state) => outgoingHandler(state);
    },
  },
};
